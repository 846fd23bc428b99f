"""The next term: two students to a machine and in another order, and everybody finds the own work."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tests.support.commands import PROJECT_ON_MACHINE, ROSTER, on_all_machines, play

if TYPE_CHECKING:
    from pathlib import Path


def test_provisioned_again_two_to_a_machine_everybody_finds_the_own_work(home: Path, tmp_path: Path) -> None:
    header, *students = ROSTER.read_text().splitlines()
    (tmp_path / "students.csv").write_text("\n".join([header, *reversed(students), ""]))
    shared = """-e '{"class_students_per_machine": 2}'"""
    settings = f"-e class_work_home={home} -e class_roster={tmp_path}/students.csv {shared}"
    play(f"provision.yml configure.yml {settings}")
    shown = on_all_machines(f"cd {PROJECT_ON_MACHINE} && head -n 1 */own.txt *'/my work é.txt' /dev/null")
    typed = on_all_machines(f"cd {PROJECT_ON_MACHINE} && grep -oH 'Typed in the browser by [a-z]*' */*.ipynb")
    folders = [folder for folder in home.iterdir() if not folder.name.startswith(".")]
    assert len(folders) == 4
    for folder in folders:
        assert re.search(rf"^{folder.name}/\S+\.ipynb:Typed in the browser by {folder.name}$", typed, re.MULTILINE)
        assert f"==> {folder.name}/own.txt <==\nsecond {folder.name}\n" in shown
        assert f"==> {folder.name}/my work é.txt <==\nmy own work\n" in shown
