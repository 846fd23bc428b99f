"""A week of a class on the lab's AWS: what its commands make of it, beside what the lab's own meter counted.

The instances are the lab's, without hosts; the clock is a simulated one.
"""

from __future__ import annotations

import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import moto.ec2.models.elastic_block_store as moto_disks
import moto.ec2.models.instances as moto_instances
import pytest
from ansible.module_utils.common.dict_transformations import camel_dict_to_snake_dict
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.ledger import Usage, observe
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends

from lab import instances, meter
from lab.image import RELEASES
from lab.instances import LabInstance
from tests.support import account_owner, desk
from tests.support.desk import Aws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MONDAY = datetime(2026, 10, 12, 7, 0, tzinfo=UTC)
MAX_HOURS = 12
DISK_GB = 30
STUDENTS = ["ada", "carl", "emmy", "grace", "joan", "lise"]
# How long the lab's EC2 needs for what its hosts do, in seconds.
TAKES_S = {"pending": 25, "stopping": 40, "shutting-down": 35}
BECOMES = {"pending": "running", "stopping": "stopped", "shutting-down": "terminated"}


@dataclass
class Week:
    """A class on an AWS whose time goes by as it is told to."""

    aws: Aws
    folder: Path
    now: datetime = MONDAY
    _due: dict[str, tuple[datetime, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Know the account's owner."""
        self.ec2 = account_owner.ec2(self.aws.url)

    def settle_later(self, instance_id: str) -> None:
        """Let an instance come out of its state in time, as the fleet's hosts do."""
        state = next((each.state for each in self.instances() if each.id == instance_id), "pending")
        if state in TAKES_S:
            self._due[instance_id] = (self.now + timedelta(seconds=TAKES_S[state]), state)

    def reboot_later(self, instance_id: str) -> None:
        """A reboot is no change of the state."""

    def instances(self) -> list[LabInstance]:
        """Return the instances of the region."""
        return list(ec2_backends[DEFAULT_ACCOUNT_ID][account_owner.REGION].all_instances())

    def go_on(self, until: datetime) -> None:
        """Let time go by; machines stop themselves `MAX_HOURS` after they booted."""
        while self.now < until:
            self.now += timedelta(seconds=10)
            for instance in self.instances():
                at, state = self._due.get(instance.id, (until, ""))
                if state == instance.state and at <= self.now:
                    instance.move(BECOMES[state])
                if instance.state == "running" and self.now >= instance.launch_time + timedelta(
                    hours=MAX_HOURS, seconds=TAKES_S["pending"]
                ):
                    reason = "Instance initiated shutdown"
                    instance.ended("stopped", "Client.InstanceInitiatedShutdown", reason)

    def launch(self, students: str) -> str:
        """Launch a machine."""
        tags: Any = [{"Key": "Class", "Value": "ml101"}, {"Key": "Students", "Value": students}]
        made = self.ec2.run_instances(
            ImageId=RELEASES[0].ami,
            MinCount=1,
            MaxCount=1,
            InstanceType="m6a.large",
            TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
        )
        return made["Instances"][0]["InstanceId"]

    def look(self) -> Usage:
        """Let a command list the class's machines."""
        states = ["pending", "running", "stopping", "stopped"]
        found = self.ec2.describe_instances(Filters=[{"Name": "instance-state-name", "Values": states}])
        listed = [as_ansible(each) for one in found["Reservations"] for each in one["Instances"]]
        return observe(str(self.folder), listed, disk_gb=DISK_GB, max_hours=MAX_HOURS, keep=True, at=self.now)

    def ids(self, state: str) -> list[str]:
        """Return the instances in a state."""
        return [each.id for each in self.instances() if each.state == state]

    def metered_hours(self, students: str = "") -> float:
        """Return what the lab's meter counted, of all or of one's machines."""
        wanted = [
            each
            for each in self.instances()
            if not students or any(tag["key"] == "Students" and tag["value"] == students for tag in each.get_tags())
        ]
        return sum(map(meter.ran_s, wanted)) / 3600


def as_ansible(instance: Any) -> dict[str, Any]:
    """Return an instance of boto3's as amazon.aws.ec2_instance_info does."""
    plain = json.loads(json.dumps(instance, default=datetime.isoformat))
    listed: dict[str, Any] = camel_dict_to_snake_dict(plain)
    return listed | {"tags": {tag["Key"]: tag["Value"] for tag in instance["Tags"]}}


@pytest.fixture
def week(tmp_path: Path) -> Iterator[Week]:
    """Return a week that begins; afterwards time is what it is, and nothing is left."""
    with ExitStack() as ending:
        aws = Aws()
        ending.callback(aws.close)
        aws.empty()
        ending.callback(aws.empty)
        made = Week(aws, tmp_path)
        ending.enter_context(patch.object(moto_instances, "Instance", LabInstance))
        ending.enter_context(patch.object(LabInstance, "fleet", made, create=True))
        for module in (moto_instances, moto_disks, instances, desk):
            ending.enter_context(patch.object(module, "utcnow", lambda: made.now))
        yield made


@pytest.mark.timeout(600)
def test_the_estimate_of_a_week_is_what_the_labs_meter_counted(week: Week) -> None:
    seats = {name: week.launch(name) for name in STUDENTS}
    spare = week.launch("")
    week.go_on(MONDAY + timedelta(minutes=3))
    week.look()  # provision.yml, configure.yml
    for day in range(5):
        morning, evening = MONDAY + timedelta(days=day), MONDAY + timedelta(days=day, hours=9, minutes=30)
        if day:  # start.yml
            week.go_on(morning)
            week.look()
            week.ec2.start_instances(InstanceIds=week.ids("stopped"))
            week.go_on(morning + timedelta(minutes=2))
            week.look()
        if day == 1:  # replace.yml: her new machine is launched, the old one ends
            new = week.launch("")
            week.go_on(morning + timedelta(hours=3))
            week.look()
            week.ec2.terminate_instances(InstanceIds=[seats["ada"]])
            week.ec2.create_tags(Resources=[new], Tags=[{"Key": "Students", "Value": "ada"}])
            week.go_on(morning + timedelta(hours=3, minutes=2))
            week.look()
        if day == 2:  # a student shuts hers down at noon, and the instructor starts it in the console
            week.go_on(morning + timedelta(hours=5))
            week.look()
            ended = next(each for each in week.instances() if each.id == seats["emmy"])
            ended.ended("stopped", "Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
            week.go_on(morning + timedelta(hours=5, minutes=10))
            week.ec2.start_instances(InstanceIds=[seats["emmy"]])
        if day == 3:  # nobody stops them: they stop themselves
            continue
        week.go_on(evening)
        week.look()  # stop.yml
        week.ec2.stop_instances(InstanceIds=week.ids("running"))
        week.go_on(evening + timedelta(minutes=2))
        week.look()
    week.go_on(MONDAY + timedelta(days=6))
    usage, metered = week.look(), week.metered_hours()
    assert spare in week.ids("stopped")
    assert week.ids("terminated") == [seats["ada"]]
    assert metered > 300
    assert usage.machine_hours == pytest.approx(metered, rel=0.05)
    assert usage.machine_hours == pytest.approx(metered, rel=0.005)  # so much better than promised
    of_carl = usage.machines["m6a.large", "carl"] / 3600
    assert of_carl == pytest.approx(week.metered_hours("carl"), rel=0.05)
