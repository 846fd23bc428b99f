"""Images that are baked: who launches from them, what is left of bakes that fail or are killed, and who removes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.baked_images import carried

from lab.capacity import CAPACITY, Pool
from lab.image import RELEASES
from tests.support.locks import write_lock
from tests.support.rooms import HERE, Rooms
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.desk import Desk

# Minutes together; a class on hosts is baked as a whole.
pytestmark = pytest.mark.long

UTILS = PROJECT / "collections/ansible_collections/machine_learning/classroom/plugins/module_utils"
ROLES = [
    *(PROJECT / "roles" / name for name in ("system", "conda", "data", "image")),
    *(UTILS / name for name in ("conda", "data", "host")),
    *(
        UTILS / "jobs" / f"{name}.py"
        for name in ("system_services", "conda_environment", "datasets", "image_preparation")
    ),
]
MINE: Any = [{"Name": "tag:BakedBy", "Values": ["ml101"]}]
ALIVE: Any = [*MINE, {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]


class Oven:
    """What was baked for the class, and the class's machines."""

    def __init__(self, desk: Desk) -> None:
        """Begin with a lock that holds, and nothing baked."""
        self.desk, self.rooms = desk, Rooms(desk)
        self.ec2 = self.rooms.ec2
        self.lock = desk.home / "environment.lock"
        write_lock(self.lock)

    def launch(self, disk_gb: int = 30) -> str:
        """Launch a machine as one that is baked."""
        return self.ec2.run_instances(
            ImageId=RELEASES[0].ami,
            MinCount=1,
            MaxCount=1,
            InstanceType="t3a.large",
            BlockDeviceMappings=[{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": disk_gb}}],
            TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "BakedBy", "Value": "ml101"}]}],
        )["Instances"][0]["InstanceId"]

    def image(self, name: str, *, on: str = "2100-01-01", disk_gb: int = 30, failed: bool = False) -> str:
        """Make an image that has what a machine carries now, as if it had been baked `on` that day; return its id."""
        content = {"environment": [self.lock], "data": [PROJECT / "data/datasets.yml"], "roles": ROLES}
        paths = {part: [str(path) for path in files] for part, files in content.items()}
        tags = {"BakedBy": "ml101", "BakedOn": on, "Carries": carried(RELEASES[0].ami, paths)}
        both: Any = [
            {"ResourceType": kind, "Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}
            for kind in ("image", "snapshot")
        ]
        image = self.ec2.create_image(InstanceId=self.launch(disk_gb), Name=name, TagSpecifications=both)["ImageId"]
        if failed:
            self.desk.aws.fail_image(image)
        return image

    def images(self) -> set[str]:
        """Return the ids of all images that were baked."""
        return {image["ImageId"] for image in self.ec2.describe_images(Owners=["self"], Filters=MINE)["Images"]}

    def snapshots(self) -> int:
        """Count the snapshots of what was baked."""
        return len(self.ec2.describe_snapshots(Filters=MINE)["Snapshots"])

    def baking(self) -> list[str]:
        """Return the ids of machines that are baked and have not ended."""
        found = self.ec2.describe_instances(Filters=ALIVE)["Reservations"]
        return [machine["InstanceId"] for reservation in found for machine in reservation["Instances"]]

    def launched_from(self) -> set[str]:
        """Return the images of the class's machines."""
        return {machine["ImageId"] for machine in self.rooms.found()}

    def play(self, line: str, *, code: int = 0) -> str:
        """Run playbooks; return what they said, in one line."""
        shown = self.desk.play(f"{HERE} {line}", timeout=600)
        assert shown.code == code, shown.text
        return " ".join(shown.text.split())

    def clear(self) -> None:
        """Leave nothing."""
        if ids := [*self.baking(), *(machine["InstanceId"] for machine in self.rooms.found())]:
            self.ec2.terminate_instances(InstanceIds=ids)
        for image in self.images():
            self.ec2.deregister_image(ImageId=image)
        for snapshot in self.ec2.describe_snapshots(Filters=MINE)["Snapshots"]:
            self.ec2.delete_snapshot(SnapshotId=snapshot["SnapshotId"])


@pytest.fixture
def oven(desk: Desk) -> Iterator[Oven]:
    """Return what is baked for the class: nothing so far, and nothing afterwards."""
    made = Oven(desk)
    yield made
    made.clear()


def test_machines_start_from_the_baked_image_as_long_as_it_fits(oven: Oven) -> None:
    baked = oven.image("ml101-1")
    said = oven.play("provision.yml")
    assert f"The baked image of 2100-01-01 fits ({baked}): machines start from it." in said
    assert oven.launched_from() == {baked}
    oven.lock.write_text(oven.lock.read_text().replace("some-1-0", "some-1-1"))
    said = oven.play('provision.yml -e {"class_spare_machines":1}')
    assert "The baked image of 2100-01-01 does not fit any more (other environment): machines start from" in said
    assert oven.launched_from() == {baked, RELEASES[0].ami}


def test_an_image_that_is_old_is_used_with_a_warning(oven: Oven) -> None:
    baked = oven.image("ml101-1", on="2026-01-01")
    said = oven.play("provision.yml --check")
    assert f"The baked image of 2026-01-01 fits ({baked})" in said
    assert "days old. bake.yml makes a new one." in said


def test_an_image_of_a_larger_disk_is_not_used(oven: Oven) -> None:
    oven.image("ml101-1", disk_gb=31)
    assert "does not fit any more (other disk): machines start from the plain one" in oven.play("provision.yml --check")


def test_where_an_image_fits_nothing_is_done_but_to_remove_what_is_left(oven: Oven) -> None:
    older, failed = oven.image("ml101-1", on="2099-12-31"), oven.image("ml101-2", failed=True)
    baked = oven.image("ml101-3")
    oven.desk.aws.forget()
    said = oven.play("bake.yml --check")
    assert f"Nothing to do: {baked} has all that a new image would have." in said
    assert not oven.desk.aws.made
    assert oven.images() == {older, failed, baked}
    assert f"Nothing to do: {baked}" in oven.play("bake.yml")
    assert (oven.images(), oven.snapshots(), oven.baking()) == ({baked}, 1, [])
    assert "RunInstances" not in oven.desk.aws.made
    assert "changed=0" in oven.play("bake.yml")


def test_check_mode_says_that_an_image_would_be_baked_and_makes_nothing(oven: Oven) -> None:
    assert "An image would be baked." in oven.play("bake.yml --check")
    assert not oven.desk.aws.made


def test_what_cannot_be_launched_is_refused_before_anything_is_made(oven: Oven) -> None:
    words = oven.desk.play(f"{HERE} bake.yml", class_time_zone="Berlin").failure
    assert words.startswith("There is no time zone 'Berlin'. Do you mean Europe/Berlin?\n")
    assert not oven.desk.aws.made


def test_a_machine_that_cannot_be_made_ready_becomes_no_image_and_ends(oven: Oven) -> None:
    words = oven.desk.play(f"{HERE} bake.yml", timeout=600).failures[-1]
    assert "No image was made, for the machine was not made ready: Wait for the machine: no answer over ssh" in words
    assert "then run bake.yml again." in words
    assert (oven.images(), oven.snapshots(), oven.baking()) == (set(), 0, [])
    assert not (oven.desk.home / "class/known_hosts.baking").exists()


def test_a_bake_that_was_killed_leaves_nobody_s_seat_and_the_next_command_ends_its_machine(oven: Oven) -> None:
    oven.desk.play_until(lambda request: request.action == "GetConsoleOutput", 1, f"{HERE} bake.yml")
    (left,) = oven.baking()
    oven.play("provision.yml")
    assert [students for students, _ in oven.rooms.seated()] == ["ada", "grace"]
    assert left not in {machine["InstanceId"] for machine in oven.rooms.found()}
    assert "ml101-bake" not in oven.play("status.yml")
    given = 'teardown.yml -e class_confirm_teardown=ml101 -e {"class_abandon_work":["ada","grace"]}'
    assert "Nothing is left that costs money." in oven.play(given)
    assert oven.baking() == []


def test_teardown_keeps_what_was_baked_and_names_its_cost_and_bake_removes_it(oven: Oven) -> None:
    baked, failed = oven.image("ml101-1"), oven.image("ml101-2", failed=True)
    oven.rooms.add("")
    said = oven.play("teardown.yml -e class_confirm_teardown=ml101")
    assert oven.images() == {baked}
    assert failed not in oven.images()
    assert oven.snapshots() == 1
    assert "Kept for the next term: ml101-1. That costs money: leftovers.yml says how much." in said
    assert "ansible-playbook bake.yml -e bake_remove=true" in said
    assert "Nothing is left but the baked images named above." in said
    assert "would be left" in oven.play("bake.yml -e bake_remove=true --check")
    assert oven.images() == {baked}
    assert "Nothing that was baked for ml101 is left." in oven.play("bake.yml -e bake_remove=true")
    assert (oven.images(), oven.snapshots(), oven.baking()) == (set(), 0, [])


def test_a_snapshot_whose_image_a_run_that_was_killed_removed_goes_too(oven: Oven) -> None:
    oven.ec2.deregister_image(ImageId=oven.image("ml101-1"))
    assert oven.snapshots() == 1
    oven.play("bake.yml -e bake_remove=true")
    assert oven.snapshots() == 0


def test_why_there_is_no_machine_to_bake_is_said(oven: Oven) -> None:
    CAPACITY.limit(Pool(0))
    words = oven.desk.play(f"{HERE} bake.yml").failures[-1]
    CAPACITY.clear()
    assert words.startswith("There is no machine to make an image of: AWS has no more m6a.large")
    assert words.endswith("\nRun bake.yml again later.")


def test_some_machines_of_a_class_are_no_reason_to_bake(oven: Oven) -> None:
    words = oven.desk.play(f"{HERE} bake.yml --limit localhost").failure
    assert words == "bake.yml makes an image for the class as a whole: run it without --limit."
    assert not oven.desk.aws.made
