"""The role `work` as users run it: ansible-playbook, a module in a process of its own, files fetched."""

from __future__ import annotations

import hashlib
import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.machine_learning.classroom.plugins.action.work_collect import ActionModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import autosave
from ansible_collections.machine_learning.classroom.plugins.modules import work_pack

from tests.support.machine_and_home import QUICK, tree
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

# Five minutes; `make test` has the same work brought home from hosts.
pytestmark = pytest.mark.long

PLAY = """
- hosts: all
  gather_facts: false
  connection: local
  tasks:
    - block:
        - ansible.builtin.include_role: {name: work, tasks_from: "{{ tasks | default('collect') }}"}
      always:
        - ansible.builtin.copy:
            content: "{{ {'collected': work_collected | default(work_restored | default({}))} | to_json }}"
            dest: "{{ result_file }}"
            mode: "0600"
          check_mode: false
"""


class Class:
    """A class whose one machine is this one."""

    def __init__(self, base: Path) -> None:
        """Make what a run needs below `base`."""
        self.base, self.source, self.home = base, base / "machine", base / "home"
        self.source.mkdir(parents=True)
        (base / "play.yml").write_text(PLAY)
        (base / "hosts.yml").write_text("all: {hosts: {machine-1: {}}}\n")
        self.store, self.homes = base / "store", base / "homes"

    def new_machine(self, *students: str) -> None:
        """Exchange the machine for a new one with empty folders."""
        shutil.rmtree(self.source)
        shutil.rmtree(self.store, ignore_errors=True)
        for student in students:
            (self.source / student).mkdir(parents=True)

    def run(self, *students: str, arguments: tuple[str, ...] = (), **variables: Any) -> tuple[dict[str, Any], str, int]:
        """Run the role; return what it registered, what a person saw, and the exit code."""
        credentials = {f"{name}@example.com": {"username": name} for name in students}
        (self.base / "credentials.json").write_text(json.dumps(credentials))
        values = {
            "work_students": students,
            "work_source": str(self.source),
            "work_home": str(self.home),
            "work_store": str(self.store),
            "work_homes": str(self.homes),
            "class_name": "ml101",
            "class_state_dir": str(self.base),
            "class_changed_addresses": {},
            "class_collect_max_file_mb": 1024,
            "result_file": str(self.base / "result"),
            "ansible_become": False,
            "ansible_python_interpreter": sys.executable,
        }
        run = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                f"--inventory={self.base / 'hosts.yml'}",
                f"--extra-vars=@{PROJECT / 'group_vars/all/project.yml'}",
                f"--extra-vars={json.dumps(values | variables)}",
                *arguments,
                str(self.base / "play.yml"),
            ],
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert (self.base / "result").exists(), run.stdout + run.stderr
        return json.loads((self.base / "result").read_text())["collected"], run.stdout + run.stderr, run.returncode


@pytest.fixture
def klass(tmp_path: Path) -> Iterator[Class]:
    """Return a class; afterwards no pack may be left on the machine."""
    before = {name for name in os.listdir(work_pack.PLACE) if name.startswith(work_pack.PREFIX)}
    yield Class(tmp_path)
    assert {name for name in os.listdir(work_pack.PLACE) if name.startswith(work_pack.PREFIX)} <= before


@pytest.mark.timeout(120)
def test_two_students_come_home_once_and_check_mode_says_so_before(klass: Class) -> None:
    for name in ("ada", "grace"):
        (klass.source / name / "s\udcffb").mkdir(parents=True)
        (klass.source / name / "s\udcffb" / "{{ 1 + 1 }}\n.ipynb").write_text("{}")
        (klass.source / name / "broken.ipynb").write_text(f"{{ {name}")
        os.mkfifo(klass.source / name / "pipe")
    time.sleep(2.1)
    result, said, code = klass.run("ada", "grace", "nobody1", arguments=("--check",))
    assert (code, result["changed"], klass.home.exists()) == (0, True, False)
    assert "ada: 2 files on the machine; would bring home: 2 new" in said
    assert [student["verified"] for student in result["work"]] == [False, False, True]
    assert [student["would_verify"] for student in result["work"]] == [True, True, False]

    result, said, code = klass.run("ada", "grace", "nobody1")
    assert (code, result["changed"]) == (0, True)
    for name in ("ada", "grace"):
        assert tree(klass.home / name) == tree(klass.source / name)
        assert f"{name}: all 2 files" in said
    ada, _, nobody = result["work"]
    assert ada == {
        "username": "ada", "verified": True, "would_verify": False, "missing": False,
        "files": 2, "bytes": 7, "new": 2, "changed": 0,
        "removed": 0, "adjusted": 1, "version": ada["version"], "autosaved": 0,
        "autosave_reason": "", "note": "", "broken": ["broken.ipynb"],
        "unstable": [], "left": [], "outside": [], "skipped_special": ["pipe (a named pipe)"], "reason": "",
    }  # fmt: skip
    assert len(ada["version"]) == 40
    assert (nobody["verified"], nobody["missing"], nobody["files"]) == (True, True, 0)
    assert "nobody1: there is no folder of this name on the machine" in said

    result, _, code = klass.run("ada", "grace", "nobody1")
    assert (code, result["changed"]) == (0, False)
    assert [student["verified"] for student in result["work"]] == [True, True, True]
    assert result["work"][0]["broken"] == ["broken.ipynb"]


@pytest.mark.timeout(120)
def test_work_that_is_not_safe_fails_the_machine_in_words_unless_the_caller_weighs_it(klass: Class) -> None:
    (klass.source / "ada").mkdir()
    (klass.source / "ada" / "large.bin").write_bytes(bytes(2 << 20))
    time.sleep(2.1)
    result, said, code = klass.run("ada", work_max_file_mb=1)
    assert code == 2
    assert (result["work"][0]["verified"], result["failed"]) == (False, True)
    assert "ada: NOT all at home. not collected: large.bin (2 MB are more than the 1 MB" in said
    assert "Traceback" not in said
    result, _, code = klass.run("ada", work_max_file_mb=1, work_fail_unverified=False)
    assert (code, result["work"][0]["verified"]) == (0, False)


@pytest.mark.timeout(120)
def test_a_disk_too_small_at_home_is_named_with_the_student(klass: Class) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs to mount")
    klass.home.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40m", "tmpfs", str(klass.home)], check=False)
    if mounted.returncode != 0:
        pytest.skip("may not mount here")
    try:
        for name, size in (("ada", 60 << 20), ("grace", 1000)):
            (klass.source / name).mkdir()
            (klass.source / name / "model").write_bytes(os.urandom(size))
        time.sleep(2.1)
        result, said, code = klass.run("ada", "grace")
        assert code == 2
        assert [student["verified"] for student in result["work"]] == [False, True]
        assert "ada: NOT all at home. the disk of" in said.replace("\n", " ")
        assert tree(klass.home / "grace") == tree(klass.source / "grace")
        assert not (klass.home / "ada").exists()
    finally:
        subprocess.run(["umount", str(klass.home)], check=True)


@pytest.mark.timeout(120)
def test_two_collects_at_once_do_not_mix(klass: Class) -> None:
    (klass.source / "ada").mkdir()
    for number in range(200):
        (klass.source / "ada" / f"{number}.py").write_text(f"{number}")
    second = Class(klass.base / "second")
    second.source, second.home = klass.source, klass.home
    results = []
    threads = [threading.Thread(target=lambda c=c: results.append(c.run("ada"))) for c in (klass, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [code for _, _, code in results] == [0, 0]
    assert sorted(result["work"][0]["new"] for result, _, _ in results) == [0, 200]
    assert tree(klass.home / "ada") == tree(klass.source / "ada")


@pytest.mark.timeout(240)
def test_who_comes_back_to_a_machine_gets_the_newest_work_beside_what_was_left_there(klass: Class) -> None:
    """Ada leaves a shared machine, works on a second one, and then sits on the first again."""
    first, second = (klass.base / place / "daily_user/ada" for place in ("first", "second"))

    def at(folder: Path, tasks: str, *arguments: str, known: bool = True) -> dict[str, Any]:
        place = folder.parent.parent
        result, said, code = klass.run(
            "ada",
            arguments=arguments,
            tasks=tasks,
            work_source=str(folder.parent),
            work_store=str(place / "store"),
            work_machine=f"i-{place.name}" if known else "",
        )
        assert code == 0, said
        return result

    for folder in (first, second):
        folder.mkdir(parents=True)
    at(first, "restore", known=False)  # as before it was remembered on which machine work goes on
    (first / "essay.ipynb").write_text('{"by": "Monday"}')
    at(first, "collect", known=False)
    at(second, "restore")
    (second / "essay.ipynb").write_text('{"by": "Friday"}')
    (second / "results.ipynb").write_text("{}")
    at(second, "collect")
    newest, left = tree(second), tree(first)

    assert at(first, "collect", "--check")["work"][0]["removed"] == 0
    assert at(first, "restore", "--check")["changed"]
    assert tree(first) == left
    (where,) = (Path(student["where"]) for student in at(first, "restore")["restored"])
    assert where.parent == first
    assert tree(where) == newest
    assert {path: what for path, what in tree(first).items() if path.split(b"/")[0] in left} == left
    at(first, "collect")
    assert tree(klass.home / "ada") == tree(first)
    assert not at(first, "restore")["changed"]
    (first / "essay.ipynb").unlink()
    at(first, "collect")
    assert tree(klass.home / "ada") == tree(first)


@pytest.mark.timeout(180)
def test_a_new_machine_gets_its_students_work_once_and_an_earlier_day_lies_beside(klass: Class) -> None:
    for name in ("ada", "grace"):
        (klass.source / name).mkdir()
        (klass.source / name / "{{ 1 + 1 }}\n.ipynb").write_text('{"old": 1}')
    klass.run("ada", "grace")
    klass.new_machine("ada", "grace", "emmy")
    result, said, code = klass.run("ada", "grace", "emmy", tasks="restore", arguments=("--check",))
    assert (code, result["changed"], list((klass.source / "ada").iterdir())) == (0, True, [])
    assert "ada: the work of " in said
    assert "would be restored" in said
    namesake: dict[str, Any] = {
        "work_addresses": {"ada": "ada@example.com", "grace": "grace@example.net", "emmy": "emmy@example.com"}
    }
    result, said, code = klass.run("ada", "grace", "emmy", tasks="restore", **namesake)
    assert (code, [student["username"] for student in result["restored"]]) == (0, ["ada"])
    assert tree(klass.source / "ada") == tree(klass.home / "ada")
    assert list((klass.source / "grace").iterdir()) == []
    # A run that was killed here went on there, so nothing is to be sent again.
    left = klass.home / ".incoming-ada"
    left.mkdir()
    (left / "pack").write_bytes(b"work")
    result, said, code = klass.run("ada", "emmy", tasks="restore")
    assert (code, result["changed"], left.exists()) == (0, False, False)

    (klass.source / "ada" / "{{ 1 + 1 }}\n.ipynb").write_text('{"new": 1}')
    for again in (True, False):
        result, said, code = klass.run("ada", tasks="restore", work_restore_at="now")
        assert (code, result["changed"]) == (0, again)
        (where,) = (klass.source / "ada").glob("restored-*")
        assert tree(where) == tree(klass.home / "ada")
    assert "is there already" in said
    assert (klass.source / "ada" / "{{ 1 + 1 }}\n.ipynb").read_text() == '{"new": 1}'
    result, said, code = klass.run("ada", tasks="restore", work_restore_at="2020-01-01")
    assert code == 2
    assert "ada: NOT restored. the first collect was at" in said
    assert "Traceback" not in said


@pytest.mark.timeout(120)
def test_files_outside_the_folder_are_not_safe_and_the_templates_come_along(klass: Class) -> None:
    (klass.source / "ada").mkdir()
    (klass.homes / "ada").mkdir(parents=True)
    (klass.homes / "ada" / "thesis.ipynb").write_text("{}")
    (klass.store / "delivered" / "objects").mkdir(parents=True)
    digest = hashlib.sha256(b"lesson").hexdigest()
    (klass.store / "delivered" / "objects" / digest).write_bytes(b"lesson")
    (klass.store / "delivered" / "ada.json").write_text(json.dumps({"lesson.ipynb": digest}))
    result, said, code = klass.run("ada")
    assert code == 2
    assert result["work"][0]["reason"] == "in the student's home, outside daily_user: thesis.ipynb"
    assert "NOT all at home" in said
    (klass.homes / "ada" / "thesis.ipynb").rename(klass.source / "ada" / "thesis.ipynb")
    result, said, code = klass.run("ada")
    assert (code, result["work"][0]["verified"]) == (0, True)
    klass.new_machine("ada")
    klass.run("ada", tasks="restore")
    assert (klass.source / "ada" / "thesis.ipynb").read_text() == "{}"
    assert json.loads((klass.store / "delivered" / "ada.json").read_text()) == {"lesson.ipynb": digest}
    assert (klass.store / "delivered" / "objects" / digest).read_bytes() == b"lesson"


@pytest.fixture
def saves() -> Iterator[Path]:
    """Return a folder for what a machine saves, which every student can reach."""
    with tempfile.TemporaryDirectory(dir=QUICK) as folder:
        os.chmod(folder, 0o755)  # noqa: S103 - as on machines
        yield Path(folder)


@pytest.mark.timeout(180)
def test_what_the_machine_saved_comes_along_and_is_found_by_its_time(klass: Class, saves: Path) -> None:
    me = pwd.getpwuid(os.getuid()).pw_name if os.geteuid() else "nobody"
    (saves / me).mkdir()
    klass.new_machine(me, "emmy")
    settings = autosave.Settings(str(klass.source), str(saves), largest_mb=1, most_mb=10, days=7, minutes=10)
    saving = autosave.Autosaver(settings, me, "/nonexistent")
    for text in ("one", "two"):
        (klass.source / me / "essay.txt").write_text(text)
        time.sleep(2.1)
        saving.save()
    versions = saving.history.versions()
    if os.geteuid() == 0:
        subprocess.run(["chown", "-R", me, str(saves / me)], check=True)
    there: dict[str, Any] = {"__work_autosave_store": str(saves)}
    result, said, code = klass.run(me, "emmy", arguments=("--check",), **there)
    assert (code, result["changed"]) == (0, True)
    assert f"{me}: 1 files on the machine; would bring home: 1 new; 2 versions saved on the machine would come" in said
    for come in (2, 0):
        result, said, code = klass.run(me, "emmy", **there)
        assert (code, result["changed"]) == (0, come > 0)
        assert [(student["autosaved"], student["verified"]) for student in result["work"]] == [(come, True), (0, True)]
        assert ("2 versions saved on the machine came along" in said) == (come > 0)
    (klass.source / me / "essay.txt").write_text("three")
    result, said, code = klass.run(me, tasks="restore", work_restore_at=f"{versions[1].time:%Y-%m-%dT%H:%M:%S+00:00}")
    assert code == 0
    assert "as the machine had saved it," in said
    assert (Path(result["restored"][0]["where"]) / "essay.txt").read_text() == "one"

    shutil.rmtree(saves / me / "history.git" / "objects")
    (klass.source / me / "essay.txt").write_text("four")
    time.sleep(2.1)
    result, said, code = klass.run(me, "emmy", **there)
    assert (code, [student["verified"] for student in result["work"]]) == (0, [True, True])
    assert f"{me}: all 2 files" in said
    assert "what was saved on the machine before did not come along: git cannot read it" in said
    assert (klass.home / me / "essay.txt").read_text() == "four"
    assert "Traceback" not in said


class Unreachable(ActionModule):
    """The action for a machine that does not answer the first `times`."""

    def __init__(self, klass: Class, times: int) -> None:
        """Begin."""
        self.times, self.resets = times, 0
        names = {"source": klass.source, "store": klass.store, "homes": klass.homes, "home": klass.home}
        given: dict[str, Any] = {name: str(path) for name, path in names.items()}
        given |= {
            "students": ["ada"],
            "reach_wait_s": 1,
            "class_name": "ml101",
            "addresses": {},
            "fail_unverified": False,
        }
        self._task = SimpleNamespace(args=given, async_val=0, check_mode=False)
        self._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir="unused"), reset=self._reset)

    def _reset(self) -> None:
        self.resets += 1

    def _execute_module(self, module_args: dict[str, Any], **_: Any) -> dict[str, Any]:
        self.times -= 1
        if self.times >= 0:
            raise AnsibleConnectionFailure("no route to host")
        packer = work_pack.Packer(
            *(module_args[name] for name in ("source", "store", "homes", "largest")), check_mode=True
        )
        students = [{name: s[name] for name in ("username", "known", "templates")} for s in module_args["students"]]
        none = {"autosaved": packer.autosaved("ada", {}, "", 0)}
        return {"folder": "", "students": [packer.student(**student) | none for student in students]}


def test_a_machine_that_is_starting_is_waited_for_and_one_that_is_cut_is_named(klass: Class) -> None:
    (klass.source / "ada").mkdir()
    starting = Unreachable(klass, 1)
    result = starting.run()
    assert (result["work"][0]["verified"], starting.resets) == (True, 1)
    result = Unreachable(klass, 99).run()
    assert result["failed"]
    assert result["msg"] == "it could not be reached: no route to host"
    assert (result["work"][0]["verified"], result["work"][0]["reason"]) == (False, "could not be reached")
