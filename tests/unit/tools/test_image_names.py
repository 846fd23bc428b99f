"""The list of what the images have: read from `getent`, image by image."""

from __future__ import annotations

import grp
import json
import pwd
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.usernames import IMAGE_NAMES

from tools.image_names import names_in, write

LISTING = [
    "root:x:0:0:root:/root:/bin/bash",
    "nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin",
    "nogroup:x:65534:",
    "dip:x:30:ubuntu",
    "root:x:0:",
    "Connection to 192.0.2.1 closed.",
]


def test_accounts_and_groups_are_listed_once() -> None:
    assert names_in(LISTING) == ["dip", "nobody", "nogroup", "root"]


def test_what_is_no_listing_is_refused() -> None:
    with pytest.raises(ValueError, match="getent"):
        names_in(LISTING[3:])


def test_one_image_is_written_anew_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "names.json"
    path.write_text('{"a": {"source": "x", "names": ["root"]}, "b": {"source": "y", "names": []}}')
    write(path, "b", "z", ["dip"])
    assert json.loads(path.read_text()) == {
        "a": {"source": "x", "names": ["root"]},
        "b": {"source": "z", "names": ["dip"]},
    }


def test_each_image_has_its_source_and_what_every_one_has() -> None:
    images = json.loads(IMAGE_NAMES.read_text())
    assert {"debian-12", "debian-13", "ubuntu-22.04", "ubuntu-24.04", "ubuntu-26.04", "project"} == set(images)
    for name, image in images.items():
        assert image["source"]
        assert image["names"] == sorted(set(image["names"]))
        assert name == "project" or {"root", "nobody", "dip", "video", "sshd"} <= set(image["names"])


@pytest.mark.skipif("debian" not in Path("/etc/os-release").read_text(), reason="the list is of Debian's images")
def test_the_list_has_what_debian_itself_always_has() -> None:
    names = {name for image in json.loads(IMAGE_NAMES.read_text()).values() for name in image["names"]}
    static = 100  # base-passwd(8): below it, and at the end, are the names that each Debian has
    mine = {entry.pw_name for entry in pwd.getpwall() if entry.pw_uid < static}
    mine |= {entry.gr_name for entry in grp.getgrall() if entry.gr_gid < static}
    assert mine <= names
