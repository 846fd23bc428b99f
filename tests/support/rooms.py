"""A class's machines on an AWS where nothing runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lab.image import RELEASES
from tests.support import account_owner

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

    from tests.support.desk import Desk

# Without the source that lists machines: nobody waits for machines that do not exist.
HERE = "-i inventory/10-control.yml"


class Rooms:
    """The class's machines, on an AWS where nothing runs."""

    def __init__(self, desk: Desk) -> None:
        """Begin with none."""
        self.ec2: EC2Client = account_owner.ec2(desk.aws.url)
        self.ids: list[str] = []

    def add(self, students: str, group: str = "default", seat: str = "") -> str:
        """Launch a machine for these students, in a security group, with the next seat unless one is given."""
        name = seat or f"ml101-{len(self.ids) + 1:03d}"
        tags = {"Class": "ml101", "Name": name, "Students": students}
        machine = self.ec2.run_instances(
            ImageId=RELEASES[0].ami,
            MinCount=1,
            MaxCount=1,
            InstanceType="t3a.large",
            SecurityGroups=[group],
            TagSpecifications=[
                {"ResourceType": "instance", "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            ],
        )["Instances"][0]["InstanceId"]
        self.ids.append(machine)
        return machine

    def state(self, machine: str) -> str:
        """Return its state."""
        (found,) = self.ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
        return found["State"]["Name"]

    def students(self, machine: str) -> str:
        """Return its tag."""
        (found,) = self.ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"]
        return next(tag["Value"] for tag in found["Tags"] if tag["Key"] == "Students")

    def found(self) -> list[InstanceTypeDef]:
        """Return all machines of the class that have not ended."""
        wanted: Any = [
            {"Name": "tag:Class", "Values": ["ml101"]},
            {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]},
        ]
        pages = self.ec2.get_paginator("describe_instances").paginate(Filters=wanted)
        return [
            machine for page in pages for reservation in page["Reservations"] for machine in reservation["Instances"]
        ]

    def seated(self) -> list[tuple[str, str]]:
        """Return the students of each machine, and its state."""
        return sorted((self.students(each["InstanceId"]), each["State"]["Name"]) for each in self.found())
