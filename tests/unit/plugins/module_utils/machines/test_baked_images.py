"""A baked image is launched from as long as it has just what a machine is to carry; why not is said in a line."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.baked_images import (
    FRESH_DAYS,
    BakedImage,
    carried,
    choose,
    digest,
)

TODAY = date(2026, 3, 30)
CARRIES = "data=1 environment=2 image=ami-base roles=3"


def image(name: str = "ami-1", on: str = "2026-03-02", carries: str = CARRIES, disk_gb: int = 30) -> BakedImage:
    return BakedImage(name, on, carries, disk_gb, f"{on}T09:15:00.000Z")


def test_the_newest_that_fits_is_chosen() -> None:
    older, newer = image("ami-1", "2026-03-02"), image("ami-2", "2026-03-20")
    other = image("ami-3", "2026-03-29", CARRIES.replace("2", "4"))
    choice = choose([newer, other, older], CARRIES, 30, TODAY)
    assert choice.image == newer
    assert choice.said == "The baked image of 2026-03-20 fits (ami-2): machines start from it."
    assert (choice.fresh, choice.warning) == (True, "")


@pytest.mark.parametrize(("on", "fresh"), [("2026-02-28", True), ("2026-02-27", False)])
def test_an_old_one_is_used_with_a_warning(on: str, fresh: bool) -> None:
    choice = choose([image(on=on)], CARRIES, 30, TODAY)
    assert choice.image is not None
    assert choice.fresh is fresh
    assert choice.warning == (
        "" if fresh else f"The baked image is {FRESH_DAYS + 1} days old. bake.yml makes a new one."
    )


@pytest.mark.parametrize(
    ("carries", "disk_gb", "other"),
    [
        (CARRIES.replace("ami-base", "ami-newer"), 30, "image"),
        (CARRIES.replace("2", "4").replace("1", "5"), 30, "data, environment"),
        (CARRIES, 29, "disk"),
        (CARRIES + " more=1", 30, "more"),
    ],
)
def test_one_that_does_not_fit_is_named_with_the_reason(carries: str, disk_gb: int, other: str) -> None:
    choice = choose([image()], carries, disk_gb, TODAY)
    assert choice.image is None
    assert choice.said == (
        f"The baked image of 2026-03-02 does not fit any more (other {other}): machines start from the plain one until "
        "bake.yml has made a new one."
    )


def test_without_any_nothing_is_said() -> None:
    choice = choose([], CARRIES, 30, TODAY)
    assert (choice.image, choice.said, choice.fresh, choice.warning) == (None, "", False, "")


def test_what_ec2_says_is_read() -> None:
    said: Any = {
        "ImageId": "ami-1",
        "CreationDate": "2026-03-02T09:15:00.000Z",
        "RootDeviceName": "/dev/sda1",
        "BlockDeviceMappings": [{"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 30}}],
        "Tags": [{"Key": "BakedBy", "Value": "ml101"}, {"Key": "Carries", "Value": CARRIES}],
    }
    assert BakedImage.of(said) == image()
    said["Tags"].append({"Key": "BakedOn", "Value": "2026-03-01"})
    assert BakedImage.of(said).baked_on == "2026-03-01"


def test_a_digest_is_of_names_and_contents_wherever_the_project_lies(tmp_path: Path) -> None:
    folders = [tmp_path / "here/conda", tmp_path / "there/conda"]
    for folder in folders:
        (folder / "tasks").mkdir(parents=True)
        (folder / "tasks/main.yml").write_text("---")
        (folder / "__pycache__").mkdir()
        (folder / "__pycache__/conda.pyc").write_text(str(folder))
        (folder / "README.md").write_text(str(folder))
    here, there = ([str(folder)] for folder in folders)
    assert digest(here) == digest(there)
    (folders[1] / "tasks/main.yml").write_text("--- ")
    assert digest(here) != digest(there)
    (folders[1] / "tasks/main.yml").write_text("---")
    (folders[1] / "tasks/main.yml").rename(folders[1] / "tasks/more.yml")
    assert digest(here) != digest(there)


def test_what_a_machine_carries_fits_into_a_tag(tmp_path: Path) -> None:
    lock = tmp_path / "environment.lock"
    without = carried("ami-0123456789abcdef0", {"environment": [str(lock)], "data": [], "roles": []})
    lock.write_text("lock")
    there = carried("ami-0123456789abcdef0", {"environment": [str(lock)], "data": [], "roles": []})
    assert without != there
    assert without.startswith("data=")
    assert " image=ami-0123456789abcdef0 " in there
    assert len(there) <= 256
