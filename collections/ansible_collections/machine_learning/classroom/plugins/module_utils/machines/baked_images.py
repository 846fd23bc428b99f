"""Images that were baked for a class: what machines carry before they have students, and whether that is still so.

The tag `BakedBy` names the class, `BakedOn` the day, and `Carries` what is on the disk: the image below, and a digest
of each part that was put on top of it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from datetime import date

    from mypy_boto3_ec2.type_defs import ImageTypeDef

BAKED_BY, BAKED_ON, CARRIES = "BakedBy", "BakedOn", "Carries"
# After so long much is older than what a new image would have, and Ubuntu's updates take time on every machine.
FRESH_DAYS = 30
# Of a SHA-256, so that all parts fit into the 256 characters of a tag.
DIGITS = 32
# The part that is the image below, beside those of which the files are known.
BASE = "image"


@dataclass(frozen=True)
class BakedImage:
    """An image that was baked, as its tags tell."""

    image_id: str
    baked_on: str
    carries: str
    disk_gb: int
    created: str

    @classmethod
    def of(cls, image: ImageTypeDef) -> BakedImage:
        """Read what EC2 says of an image."""
        tags = {tag["Key"]: tag["Value"] for tag in image.get("Tags", [])}
        created = image["CreationDate"]  # such as 2026-03-02T09:15:00.000Z
        on = tags.get(BAKED_ON, created[:10])
        return cls(image["ImageId"], on, tags.get(CARRIES, ""), root_disk_gb(image), created)

    def age(self, today: date) -> int:
        """Return for how many days it has been there."""
        return (today - type(today).fromisoformat(self.baked_on)).days

    def misfits(self, carries: str, disk_gb: int) -> list[str]:
        """Return which parts of it are not those of `carries`; "disk" if it is too large for a disk of `disk_gb`."""
        there, wanted = parts(self.carries), parts(carries)
        other = sorted(name for name in there.keys() | wanted.keys() if there.get(name) != wanted.get(name))
        return other + (["disk"] if self.disk_gb > disk_gb else [])


@dataclass(frozen=True)
class Choice:
    """The baked image to launch from, if one fits, and what is to be said of it."""

    image: BakedImage | None
    said: str = ""
    fresh: bool = False
    warning: str = ""


def choose(images: Iterable[BakedImage], carries: str, disk_gb: int, today: date) -> Choice:
    """Choose the newest of `images` that has just what a machine is to carry, for disks of `disk_gb` GiB."""
    newest_first = sorted(images, key=lambda image: (image.baked_on, image.created), reverse=True)
    for image in newest_first:
        if not image.misfits(carries, disk_gb):
            said = f"The baked image of {image.baked_on} fits ({image.image_id}): machines start from it."
            fresh = image.age(today) <= FRESH_DAYS
            old = f"The baked image is {image.age(today)} days old. bake.yml makes a new one."
            return Choice(image, said, fresh, "" if fresh else old)
    if not newest_first:
        return Choice(None)
    other = ", ".join(newest_first[0].misfits(carries, disk_gb))
    return Choice(
        None,
        f"The baked image of {newest_first[0].baked_on} does not fit any more (other {other}): machines start from the "
        "plain one until bake.yml has made a new one.",
    )


def carried(base_image_id: str, content: Mapping[str, Sequence[str]]) -> str:
    """Return the tag for what a machine carries: the image below, and of each part of `content` a digest of its files.

    A part is named with the files and folders that decide about it.
    """
    named = {BASE: base_image_id} | {name: digest(paths) for name, paths in content.items()}
    return " ".join(f"{name}={value}" for name, value in sorted(named.items()))


def parts(carries: str) -> dict[str, str]:
    """Read the tag for what a machine carries."""
    return dict(part.partition("=")[::2] for part in carries.split())


def digest(paths: Iterable[str]) -> str:
    """Return a digest of files, and of folders with all that is in them; the same in every checkout of the project."""
    found = hashlib.sha256()
    for path in map(Path, paths):
        for file in _files(path):
            content = hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else "not there"
            found.update(f"{file.relative_to(path.parent)} {content}\n".encode())
    return found.hexdigest()[:DIGITS]


def root_disk_gb(image: Mapping[str, Any]) -> int:
    """Return the least size of the root disk of a machine with this image, 0 where AWS does not say."""
    root = image.get("RootDeviceName")
    disks = [disk.get("Ebs", {}) for disk in image.get("BlockDeviceMappings", []) if disk.get("DeviceName") == root]
    return max((disk.get("VolumeSize") or 0 for disk in disks), default=0)


def _files(path: Path) -> Iterator[Path]:
    """Yield the files below a folder, but for byte code and the pages that are made from them; or the file itself."""
    if not path.is_dir():
        yield path
        return
    for file in sorted(path.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts and file.name != "README.md":
            yield file
