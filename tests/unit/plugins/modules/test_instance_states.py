"""Machines that are brought into a state: what does not get there is named with the reason, and not waited for."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.modules import instance_states

from lab.faults import BOOT, Fault
from lab.lateness import LATENESS

if TYPE_CHECKING:
    from tests.support.aws_modules import AwsModules
    from tests.support.desk import Aws


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("Client.InternalError", "as a rule because the KMS key that encrypts its disk may not be used"),
        ("Client.VolumeLimitExceeded", "the account may not have so much disk; set a smaller class_disk_gb"),
        ("Server.InsufficientInstanceCapacity", "AWS had no free machine of its type in its zone after all"),
        ("Server.InternalError", "(Server.InternalError: An internal error caused the instance to terminate"),
    ],
)
def test_a_machine_that_aws_ended_at_once_is_named_with_the_reason(
    aws: Aws, modules: AwsModules, code: str, words: str
) -> None:
    aws.faults.add(Fault(BOOT, code))
    ended, runs = modules.launch(2)
    began = time.monotonic()
    told = modules.run(instance_states, instance_ids=[ended, runs], state="started")
    assert [*told["refused"]] == [ended]
    assert told["refused"][ended].startswith("it is terminated")
    assert words in told["refused"][ended]
    assert code in told["refused"][ended]
    assert time.monotonic() - began < 60
    assert not told["changed"]


def test_a_machine_that_ec2_does_not_show_yet_is_waited_for(modules: AwsModules) -> None:
    LATENESS.set(launch_s=4)
    told = modules.run(instance_states, instance_ids=modules.launch(2), state="started")
    assert told["refused"] == {}
    assert [each["state"]["name"] for each in told["instances"]] == ["running", "running"]


def test_machines_that_end_are_waited_for_and_not_asked_twice(aws: Aws, modules: AwsModules) -> None:
    LATENESS.set(ending_s=6)
    ids = modules.launch(2)
    modules.ec2.terminate_instances(InstanceIds=ids)
    aws.forget()
    told = modules.run(instance_states, instance_ids=ids, state="terminated")
    assert [each["state"]["name"] for each in told["instances"]] == ["terminated", "terminated"]
    assert (told["changed"], aws.made) == (False, set())


@pytest.mark.parametrize(("state", "asked"), [("stopped", set()), ("started", {"StartInstances"})])
def test_a_machine_that_is_stopping_is_waited_for(aws: Aws, modules: AwsModules, state: str, asked: set[str]) -> None:
    (machine,) = modules.launch()
    aws.move(machine, "stopping")
    aws.forget()
    stopping = threading.Timer(3, aws.move, [machine, "stopped"])
    stopping.start()
    told = modules.run(instance_states, instance_ids=[machine], state=state)
    stopping.join()
    assert (told["refused"], aws.made) == ({}, asked)
    assert told["instances"][0]["state"]["name"] == {"stopped": "stopped", "started": "running"}[state]


@pytest.mark.parametrize(("state", "asked"), [("terminated", "TerminateInstances"), ("stopped", "StopInstances")])
def test_a_machine_that_was_started_since_is_left_alone(aws: Aws, modules: AwsModules, state: str, asked: str) -> None:
    started, still = ids = modules.launch(2)
    known = modules.run(instance_states, instance_ids=ids, state="started")["instances"]
    launch_times = {each["instance_id"]: each["launch_time"] for each in known}
    modules.ec2.stop_instances(InstanceIds=ids[:1])
    time.sleep(1.1)  # the time has whole seconds
    modules.ec2.start_instances(InstanceIds=ids[:1])
    aws.forget()
    told = modules.run(instance_states, instance_ids=ids, state=state, launch_times=launch_times)
    assert told["refused"] == {
        started: "it was started while this ran, so nobody knows what is on it now; run this again"
    }
    assert {each["instance_id"]: each["state"]["name"] for each in told["instances"]} == {
        started: "running",
        still: state,
    }
    (request,) = [request for request in aws.requests if not request.reads_only]
    assert (request.action, request.listed("InstanceId")) == (asked, [still])
    # One that has ended meanwhile, or that nobody has seen before, is like any other.
    aws.forget()
    for machine, then in ((still, {still: "then"}), (started, {})):
        told = modules.run(instance_states, instance_ids=[machine], state=state, launch_times=then)
        assert told["refused"] == {}
