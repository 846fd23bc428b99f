"""What a machine does for a student whose work went on elsewhere, before any of it is sent."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs import work_restore

from tests.support.machine_and_home import Way


@pytest.mark.parametrize("check_mode", [True, False])
def test_a_folder_that_was_left_counts_as_one_that_never_got_the_work(tmp_path: Path, *, check_mode: bool) -> None:
    way = Way(tmp_path)
    (way.machine / "essay.txt").write_text("of before")
    student = {"username": way.username, "name": "restored", "manifest": "", "pack": ""}
    given = {"source": str(way.machine.parent), "store": str(way.store), "beside": False}
    for elsewhere, wants, settled in ((False, False, True), (True, True, check_mode)):
        host = Host(SimpleNamespace(check_mode=check_mode))
        told = work_restore.work(host, {**given, "students": [{**student, "elsewhere": elsewhere}]})
        assert (told["students"][0]["wants"], way.folder().settled()) == (wants, settled)
    assert (way.machine / "essay.txt").read_text() == "of before"
