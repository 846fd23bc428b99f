"""A class goes on in which everything was given and told already, and gets nothing else: see fixtures/class-584f89a."""

from __future__ import annotations

import getpass
import json
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.desk import Aws, Desk, Screen
from tests.support.notebooks import edited, markdown, texts, valid

if TYPE_CHECKING:
    from collections.abc import Iterator

KEPT = Path(__file__).with_name("fixtures") / "class-584f89a"
STUDENTS = ["ada", "emileexemple", "clock", "jane"]
# Nobody answers there: packages cannot be chosen anew, and a letter that was due would fail.
MIRROR = "http://127.0.0.1:39343"
NO_MAIL_SERVER = {"class_smtp_host": "127.0.0.1", "class_smtp_port": 1}
MERGED, CLASH = "01-merged.ipynb", "03-clash.ipynb"
ME = getpass.getuser()  # who is ada here: her account would have to be made
pytestmark = pytest.mark.timeout(600)


def files_of(folder: Path) -> dict[str, bytes]:
    """Return what is in a folder, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def changed(shown: Screen) -> set[str]:
    """Return how many changes the run counts, on each host."""
    assert shown.code == 0, shown.text
    return set(re.findall(r"changed=(\d+)", shown.text))


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    """Return an AWS without hosts."""
    answering = Aws()
    yield answering
    answering.close()


class Class:
    """The class in the folder `base`, with one machine, which is this computer."""

    def __init__(self, base: Path, aws: Aws) -> None:
        """Lay out the files as they were."""
        self.base = base
        shutil.copytree(KEPT, base)
        (base / "machine/ada").rename(base / "machine" / ME)
        for record in list((base / "delivered").rglob("ada.json")):
            record.rename(record.with_name(f"{ME}.json"))
        self.state, self.folder = base / "state", base / "machine" / ME
        (base / "machine").chmod(0o711)  # git keeps no modes
        self.folder.chmod(0o700)
        for private in (self.state, base / "delivered"):
            for path in (private, *private.rglob("*")):
                path.chmod(0o700 if path.is_dir() else 0o600)
        settings = {
            **NO_MAIL_SERVER,
            "class_state_dir": str(self.state),
            "class_roster": str(base / "students.csv"),
            "class_work_home": str(base / "home"),
            "class_mail_from": "Machine learning class <class@example.com>",
            "class_environment_file": str(base / "environment.yml"),
            "class_environment_lock": str(base / "environment.lock"),
            "class_mirror_url": MIRROR,
            "class_notebooks_directory": str(base / "templates"),
            "notebooks_students": [ME],
            "notebooks_directory": str(base / "machine"),
            "notebooks_python": sys.executable,
            "ansible_become": False,
            "ansible_python_interpreter": sys.executable,
        }
        self.desk = Desk(base, aws, settings=settings)
        machine = {
            "ansible_host": "10.77.0.11",
            "ansible_connection": "local",
            "aws_instance_id": "i-0123456789abcdef0",
            "aws_ec2_tags": {"Students": " ".join(STUDENTS)},
        }
        hosts = {"all": {"children": {"machines": {"hosts": {"ml101-001": machine}}}}}
        (base / "hosts.yml").write_text(json.dumps(hosts))

    def play(self, playbook: str, **settings: Any) -> Screen:
        """Run a playbook, with the machine as AWS would list it."""
        return self.desk.play(f"-i inventory/10-control.yml -i {self.base}/hosts.yml {playbook}", **settings)

    def give_notebooks(self) -> Screen:
        """Let the machine's student have the notebooks that are in the templates."""
        store = {"machine_learning.classroom.notebooks": {"store": str(self.base / "delivered")}}
        task = {"ansible.builtin.include_role": {"name": "notebooks"}}
        play = {"hosts": "machines", "gather_facts": False, "module_defaults": store, "tasks": [task]}
        (self.base / "notebooks.yml").write_text(json.dumps([play]))
        return self.play(f"{self.base}/notebooks.yml")

    def put(self, name: str, notebook: dict[str, Any]) -> None:
        """Let a template have another edition."""
        (self.base / "templates" / name).write_text(json.dumps(notebook, indent=1) + "\n")


@pytest.fixture
def klass(tmp_path: Path, aws: Aws) -> Class:
    aws.start_over()
    return Class(tmp_path / "class", aws)


@pytest.mark.parametrize("roster", ["students.csv", "canvas.csv", "moodle.csv"])
def test_the_roster_means_the_same_students_and_nobody_gets_another_letter(klass: Class, roster: str) -> None:
    before = files_of(klass.state)
    assert changed(klass.play("mail.yml", class_roster=str(klass.base / roster))) == {"0"}
    after = files_of(klass.state)
    assert {name: after.get(name) for name in before} == before
    assert not any(name.startswith(("letters/", "receipts/")) for name in after.keys() - before.keys())


def test_no_package_is_chosen_anew(klass: Class) -> None:
    lock = (klass.base / "environment.lock").read_bytes()
    part = {"role": "conda", "tasks_from": "lock"}
    assert changed(klass.desk.play_tasks(part)) == {"0"}
    assert (klass.base / "environment.lock").read_bytes() == lock
    (klass.base / "environment.yml").open("a").write("  - plots\n")
    assert "cannot be read" in klass.desk.play_tasks({"role": "conda", "tasks_from": "lock"}).failure


def test_notebooks_that_were_merged_stay_as_they_are(klass: Class) -> None:
    before = files_of(klass.folder), files_of(klass.base / "delivered")
    shown = klass.give_notebooks()
    assert changed(shown) == {"0"}
    assert not re.findall(r"^.*\b\w+\.(?:ipynb|csv)\b.*$", shown.text, re.MULTILINE)
    assert (files_of(klass.folder), files_of(klass.base / "delivered")) == before


def test_a_new_edition_is_merged_with_what_was_kept_of_the_old_one(klass: Class) -> None:
    before = files_of(klass.folder)
    for name in (MERGED, CLASH):
        edition = json.loads((klass.base / "templates" / name).read_text())
        klass.put(name, edited(lambda cells: cells.append(markdown("A third edition", "third")), of=edition))
    assert changed(klass.give_notebooks()) == {"1"}
    mine = texts(valid(before[MERGED].decode()))
    assert "rows = len(table)\nprint(rows)" in ["".join(cell) for cell in mine]
    now = texts(valid((klass.folder / MERGED).read_text()))
    assert [*mine, "A third edition"] == ["".join(cell) for cell in now]
    kept = valid((klass.folder / CLASH).read_text())
    assert "rows = len(table)\nprint(rows)" in ["".join(cell) for cell in texts(kept)]
    others = {name for name in before if "clash" not in name and "merged" not in name}
    assert {name: content for name, content in files_of(klass.folder).items() if name in others} == {
        name: before[name] for name in others
    }
    assert "04-deleted.ipynb" not in files_of(klass.folder)
