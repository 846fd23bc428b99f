"""The parts of the lab that need no hosts: addresses, faults, console, request log, images."""

from __future__ import annotations

import json
import socket
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
import yaml

from lab import control, image, layout, network, shell
from lab.addresses import FIRST, LAST, AddressPool
from lab.faults import Fault, Faults
from lab.hosts import parse_console
from lab.request_log import RequestLog, action_of, error_code, reads_only

if TYPE_CHECKING:
    from pathlib import Path


def test_addresses_come_in_turn_and_a_freed_one_not_at_once() -> None:
    pool = AddressPool()
    first, second = pool.take(set()), pool.take(set())
    assert (first, second) == ("10.77.0.10", "10.77.0.11")
    assert pool.take(set()) == "10.77.0.12"


def test_addresses_in_use_are_left_out_and_the_pool_begins_anew_at_its_end() -> None:
    pool = AddressPool(last=LAST)
    assert pool.take({"10.77.0.10", "10.77.0.11"}) == "10.77.0.12"


def test_a_full_pool_gives_none() -> None:
    everything = {f"10.77.0.{last}" for last in range(FIRST, LAST + 1)}
    assert AddressPool().take(everything) is None
    assert AddressPool.free(everything) == 0
    assert AddressPool.free(set()) == len(everything)


def test_a_fault_answers_so_many_calls_of_its_action_and_no_others() -> None:
    faults = Faults()
    faults.add(Fault(action="RunInstances", code="InsufficientInstanceCapacity", times=2))
    assert faults.take("DescribeInstances") is None
    assert [bool(faults.take("RunInstances")) for _ in range(3)] == [True, True, False]
    assert faults.waiting() == []


def test_a_fault_lets_calls_through_first() -> None:
    faults = Faults()
    faults.add(Fault(action="CreateTags", code="InternalError", after=2))
    assert [bool(faults.take("CreateTags")) for _ in range(4)] == [False, False, True, False]


def test_faults_wait_in_turn_and_can_be_forgotten() -> None:
    faults = Faults()
    faults.add(Fault(action="RunInstances", code="RequestLimitExceeded"))
    faults.add(Fault(action="RunInstances", code="UnauthorizedOperation"))
    first, second = faults.take("RunInstances"), faults.take("RunInstances")
    assert first is not None
    assert second is not None
    assert (first.status, second.status) == (503, 400)
    faults.add(Fault(action="RunInstances", code="RequestLimitExceeded"))
    faults.clear()
    assert faults.take("RunInstances") is None


def test_a_host_that_shall_not_boot_says_why() -> None:
    faults = Faults()
    faults.raise_for("boot")
    faults.add(Fault(action="boot", code="Server.InternalError"))
    with pytest.raises(shell.LabError, match=r"Server\.InternalError"):
        faults.raise_for("boot")


def test_the_console_is_what_the_host_wrote() -> None:
    log = (
        "cut off in the middle of a li\n"
        "2026-11-22T23:19:56.99+00:00 stdout F Welcome\r\n"
        "2026-11-22T23:19:56.99+00:00 stdout P a line in \n"
        "2026-11-22T23:19:57.00+00:00 stdout F two parts\n"
        "2026-11-22T23:19:57.00+00:00 stdout F \n"
        "2026-11-22T23:19:57.01+00:00 stdout F ssh-ed25519 AAAA root@ip-172-31-0-4\n"
    )
    assert parse_console(log) == "Welcome\na line in two parts\n\nssh-ed25519 AAAA root@ip-172-31-0-4\n"


@pytest.mark.parametrize(
    ("target", "path", "body", "action"),
    [
        ("", "/", b"Action=RunInstances&Version=2016-11-15&MinCount=1", "RunInstances"),
        ("", "/", b"Version=2011-06-15&Action=GetCallerIdentity", "GetCallerIdentity"),
        ("AmazonSSM.GetParameter", "/", b'{"Name": "Action=Evil"}', "GetParameter"),
        ("", "/some/bucket", b"", "/some/bucket"),
    ],
)
def test_the_action_of_a_request(target: str, path: str, body: bytes, action: str) -> None:
    assert action_of(target, path, body) == action


def test_reading_actions_change_nothing() -> None:
    assert all(reads_only(action) for action in ("DescribeInstances", "GetConsoleOutput", "ListServiceQuotas"))
    assert not any(reads_only(action) for action in ("RunInstances", "CreateTags", "ImportKeyPair"))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (
            b"<Response><Errors><Error><Code>DependencyViolation</Code></Error></Errors></Response>",
            "DependencyViolation",
        ),
        (b'{"__type": "ParameterNotFound", "message": "no"}', "ParameterNotFound"),
        (b'{"__type":"com.amazonaws.ssm#ParameterNotFound"}', "ParameterNotFound"),
        (b"<html>", ""),
    ],
)
def test_the_error_code_of_an_answer(body: bytes, code: str) -> None:
    assert error_code(body) == code


def test_the_request_log_has_one_object_a_line_and_grows_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    RequestLog(path).add("DescribeInstances", 200, 0.0123, "")
    RequestLog(path).add("RunInstances", 500, 0.5, "InsufficientInstanceCapacity")
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first.keys() == {"time", "action", "status", "ms"}
    assert (first["action"], first["status"], first["ms"]) == ("DescribeInstances", 200, 12.3)
    assert second["code"] == "InsufficientInstanceCapacity"
    assert path.stat().st_mode & 0o077 == 0


def test_a_program_that_is_missing_or_fails_is_named() -> None:
    with pytest.raises(shell.LabError, match="no-such-program-here is not installed"):
        shell.run("no-such-program-here")
    with pytest.raises(shell.LabError, match="bad luck"):
        shell.run("sh", "-c", "echo bad luck >&2; exit 3")


def test_an_endpoint_that_is_busy_is_not_called_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        monkeypatch.setattr(layout, "ENDPOINT_PORT", busy.getsockname()[1])
        monkeypatch.setattr(control, "ANSWER_SECONDS", 0.1)
        with pytest.raises(shell.LabError, match="did not answer within"):
            control.ask("GET", "status")
    with pytest.raises(shell.LabError, match="Start it:  python -m lab endpoint start"):
        control.ask("GET", "status")


@pytest.mark.parametrize(("seconds", "comes"), [(30, True), (0, False)])
def test_a_healed_link_is_waited_for(monkeypatch: pytest.MonkeyPatch, seconds: int, *, comes: bool) -> None:
    states = iter(["DOWN", "LOWERLAYERDOWN", "UP"] if comes else ["DOWN"] * 9)

    def run(*command: str) -> str:
        if "set" in command:
            return ""
        if command[0] == "nsenter":
            return json.dumps([{"link_index": 7, "operstate": next(states)}])
        return json.dumps([{"ifindex": 7, "ifname": "veth7", "operstate": "UP"}])

    monkeypatch.setattr(network, "run", run)
    monkeypatch.setattr(network, "LINK_SECONDS", seconds)
    if comes:
        network.set_link(1, up=True)
        assert next(states, None) is None
    else:
        with pytest.raises(shell.LabError, match="veth7 did not come up"):
            network.set_link(1, up=True)


def test_the_first_image_is_the_one_that_the_project_launches_and_no_two_are_the_same() -> None:
    ours = yaml.safe_load((layout.PROJECT / "group_vars/all/class.yml").read_text())
    assert image.RELEASES[0].parameter == ours["class_image_parameter"]
    for what in ("name", "suite", "ami", "ami_name", "parameter"):
        assert len({getattr(release, what) for release in image.RELEASES}) == len(image.RELEASES), what


def test_an_ami_is_another_with_whatever_goes_into_it() -> None:
    release = image.RELEASES[0]
    assert release.ami == replace(release).ami
    assert release.ami != replace(release, packages=(*release.packages, "acl")).ami


def test_an_image_is_built_for_the_first_host_that_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    monkeypatch.setattr(image, "CACHE", tmp_path)
    monkeypatch.setattr(image, "exists", lambda ami: ami in built)
    monkeypatch.setattr(image, "_build", lambda release, _archive: built.append(release.ami))
    monkeypatch.setattr(image, "podman", lambda *_: "")
    other = image.RELEASES[1]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(image.provide, [other.ami] * 4))
    image.provide("ami-of-a-host")
    assert built == [other.ami]


def test_scenarios_can_choose_every_image_by_its_name() -> None:
    chosen = {
        path.stem: yaml.safe_load(path.read_text()) for path in layout.PROJECT.glob("molecule/shared/images/*.yml")
    }
    assert chosen == {release.name: {"class_image_parameter": release.parameter} for release in image.RELEASES}
