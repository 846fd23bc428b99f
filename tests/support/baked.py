"""What was baked for a class in the lab: images, their snapshots, and machines that are to become one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.account_owner import ec2
from tests.support.class_machines import machines

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import ImageTypeDef

OF_THE_CLASS: Any = [{"Name": "tag:BakedBy", "Values": ["ml101"]}]


def images() -> list[ImageTypeDef]:
    """Return the images."""
    return ec2().describe_images(Owners=["self"], Filters=OF_THE_CLASS)["Images"]


def snapshots() -> list[str]:
    """Return the ids of their snapshots."""
    return [each["SnapshotId"] for each in ec2().describe_snapshots(Filters=OF_THE_CLASS)["Snapshots"]]


def baking() -> list[dict[str, Any]]:
    """Return the machines that are to become an image and have not ended."""
    gone = ("shutting-down", "terminated")
    return [each for each in machines() if each["Tags"].get("BakedBy") == "ml101" and each["State"] not in gone]


def remove_images() -> None:
    """Remove the images and their snapshots, as somebody does in the AWS console."""
    for image in images():
        ec2().deregister_image(ImageId=image["ImageId"])
    for snapshot in snapshots():
        ec2().delete_snapshot(SnapshotId=snapshot)
