"""A class made by an older version of the project goes on: nobody gets anything new, and no work is lost.

The old version is taken from git and acts on this lab for two days. From then on this version does.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.class_machines import machines, refuse_a_lab_that_is_up, running
from tests.support.commands import STATE, TEARDOWN, bring_lab_up, command, mails, recap, requests
from tests.support.lab_course import Course
from tests.support.letter import read_letter
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

# The commits whose classes have to go on, and why these: each was the last to write things as it did.
REVISIONS = {
    "d66e40be05d9875b9e764602f3d2e0e065880933": "the last before module_utils/ got a wing for each role",
    "177e964b196c32a0e025a83d191b2cd3612b0acb": "the last before machines had the role system",
    "584f89af712451608cdf54c924e182f8e75e18af": "the last before rosters, environments and notebooks were read widely",
    "8118f8e3ff18c6079d07d6c498fd2380ec496ab5": "the last before students came in by links",
}
FOLDER = "/home/ubuntu/machine_learning_aws/daily_user"
# Two on a machine. That of mary and hugo stops on the second evening; ruth's is exchanged, but the run is killed.
STUDENTS = ["ada", "grace", "mary", "hugo", "ruth"]
SHARED, STOPPED, BROKEN = "ml101-001", "ml101-002", "ml101-003"
NOTEBOOK = "01-first-steps-numpy-pandas.ipynb"
EDIT = """
cd {folder}/grace && exec runuser -u grace -- python3 - <<'END'
import json
notebook = json.load(open("{notebook}"))
notebook["cells"][0]["source"] = ["{words}"]
json.dump(notebook, open("{notebook}", "w"))
END
"""
FIRST_DAY, NEXT_DAY = "words of the first day", "words of the next day"
# What an edition of the notebook adds at its end: the first of them while the old version acts.
SECOND, THIRD = "second edition", "third edition"
READS = ("Describe", "Get", "List")
UNITS = "systemctl list-unit-files --no-legend 'class-hours*' || true"
JUPYTER = "systemctl show -P MainPID jupyter@ada.service"


@dataclass(frozen=True)
class Term(Course):
    """The class, and what can be seen of it."""

    def seat_of(self, username: str) -> str:
        """Return the name of the student's machine."""
        standing = (each["Tags"] for each in machines() if each["State"] != "terminated")
        (seat,) = (str(tags["Name"]) for tags in standing if username in tags["Students"].split())
        return seat

    def write(self, username: str, words: str) -> None:
        """Let a student write a line, and the machine save it."""
        script = f"cd {FOLDER}/{username} && runuser -u {username} -- sh -c 'echo {words} >> own.txt'"
        self.on(self.seat_of(username), f"{script}\nsystemctl start my-work@{username}.service")

    def edit(self, words: str) -> None:
        """Let grace edit a notebook."""
        self.on(SHARED, EDIT.format(folder=FOLDER, notebook=NOTEBOOK, words=words))

    @property
    def template(self) -> Path:
        """The notebook, as it is taught."""
        return Path(self.settings["class_notebooks_directory"]) / NOTEBOOK

    def add_cell(self, words: str) -> None:
        """Let the notebook that is taught have one more cell at its end."""
        notebook = json.loads(self.template.read_text())
        cell = {"cell_type": "markdown", "id": words.replace(" ", "-"), "metadata": {}, "source": [words]}
        notebook["cells"].append(cell)
        self.template.write_text(json.dumps(notebook))

    def cells(self, username: str) -> list[str]:
        """Return the cells of the notebook of ada or grace."""
        return cells_of(json.loads(self.on(SHARED, f"cat {FOLDER}/{username}/{NOTEBOOK}")))

    def git(self, username: str, *words: str) -> str:
        """Ask git about a student's history at home."""
        asked = ["git", f"--git-dir={self.folder}/work/.history/{username}.git", *words]
        return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.strip()

    def home(self) -> dict[str, str]:
        """Return the SHA-256 of all files at home, by USERNAME/PATH."""
        work = self.folder / "work"
        paths = [path for username in STUDENTS for path in (work / username).rglob("*") if path.is_file()]
        return {str(path.relative_to(work)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}

    def there(self) -> dict[str, str]:
        """Return the same of all machines that run."""
        listing = f"cd {FOLDER} && find -type f -printf '%P\\n' | xargs -d '\\n' sha256sum"
        rows = [row.split("  ", 1) for seat in running() for row in self.on(seat, listing).splitlines()]
        return {path: digest for digest, path in rows}


@dataclass(frozen=True)
class OldTerm(Term):
    """The class in the hands of an old version, whose files are in the folder `tree`."""

    tree: Path

    def line(self, playbooks: str) -> str:
        """Return what a user of that version types, who has sourced this lab's activate."""
        inventory = f"ANSIBLE_INVENTORY={self.tree}/inventory,{STATE}/inventory"
        return super().line(playbooks).replace("exec ", f"{inventory} && cd {self.tree} && exec ", 1)


@dataclass(frozen=True)
class Facts:
    """What does not change with the version of the project."""

    credentials: str
    host_keys: str
    seats: dict[str, str]
    heads: dict[str, str]
    """The newest version of each student's work at home."""

    @classmethod
    def of(cls, term: Term) -> Facts:
        """Look at them."""
        standing = [each for each in machines() if each["State"] != "terminated"]
        return cls(
            credentials=(term.state / "credentials.json").read_text(),
            host_keys=(term.state / "known_hosts").read_text(),
            seats={each["InstanceId"]: f"{each['Tags']['Name']}: {each['Tags']['Students']}" for each in standing},
            heads={username: term.git(username, "rev-parse", "main") for username in STUDENTS},
        )


def cells_of(notebook: Any) -> list[str]:
    """Return the text of each cell."""
    return ["".join(cell["source"]) for cell in notebook["cells"]]


def lay_out(revision: str, tree: Path) -> None:
    """Make the new folder `tree` the project as it was at `revision`."""
    archive = subprocess.run(["git", "archive", revision], cwd=PROJECT, capture_output=True, check=False)
    if archive.returncode != 0:
        pytest.fail(
            f"The history of this checkout lacks {revision}, whose classes have to go on. Fetch it, then test again:\n"
            f"git fetch --unshallow; in a checkout that is not shallow: git fetch origin {revision}"
        )
    tree.mkdir()
    subprocess.run(["tar", "--extract", "--directory", str(tree)], input=archive.stdout, check=True)


def two_days(old: OldTerm) -> None:
    """Let everybody work, merge a notebook, stop one machine, and kill the exchange of another when it is half done."""
    old.write_roster(STUDENTS)
    old.play("provision.yml configure.yml")
    for username in STUDENTS:
        old.write(username, f"of {username}")
    old.edit(FIRST_DAY)
    old.play("collect.yml")
    old.add_cell(SECOND)
    old.play("configure.yml")
    merged = old.cells("grace")
    assert (merged[0], merged[-1]) == (FIRST_DAY, SECOND)
    old.write("ada", "more")
    old.play("collect.yml")
    old.play("stop.yml -e student=mary")
    (broken,) = (each["InstanceId"] for each in machines() if each["Tags"]["Name"] == BROKEN)
    with old.terminal("replace.yml -e student=ruth") as run:
        # She has her new seat; nothing is on the machine. Versions say it in different words.
        run.expect_exact([f"{word} every student's password and token" for word in ("Know", "Read")])
        os.kill(run.pid, signal.SIGKILL)
    assert {each["InstanceId"]: each["State"] for each in machines()}[broken] == "terminated"
    assert old.seat_of("ruth") == BROKEN


def said(letters: list[Path]) -> dict[str, tuple[str, str, str]]:
    """Return address, password and token of the newest of these letters to each student, by username."""
    return {each.username: (each.address, each.password, each.token) for each in map(read_letter, letters)}


@pytest.fixture(scope="module", params=REVISIONS, ids=lambda revision: str(revision)[:7])
def term(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Term]:
    """Have a class that the old version leaves behind."""
    refuse_a_lab_that_is_up()
    folder = tmp_path_factory.mktemp("term")
    tree = folder / "project"
    lay_out(request.param, tree)
    # What is taught stays the same, whatever has become of the project's example.
    settings = {"class_students_per_machine": 2, "class_notebooks_directory": str(tree / "templates/notebooks")}
    try:
        bring_lab_up()
        two_days(OldTerm(folder, settings, tree))
        yield Term(folder, settings)
    finally:
        command("make lab-down DISCARD=1")


@pytest.fixture(scope="module", autouse=True)
def before(term: Term) -> Facts:
    """What was so when the version changed."""
    return Facts.of(term)


def test_the_class_is_found_as_it_was_left(term: Term) -> None:
    table = term.play("status.yml").partition("PLAY RECAP")[0]
    rows = {row.split()[1]: row for row in re.findall(r"^ml101-.*$", table, re.MULTILINE)}
    assert set(rows) == set(STUDENTS)
    assert all(" answers " in rows[username] and " accepted " in rows[username] for username in ("ada", "grace"))
    assert all(" stopped " in rows[username] for username in ("mary", "hugo"))


def test_what_it_costs_is_said_and_nothing_changes(term: Term, before: Facts) -> None:
    """Also of a class that has no ledger yet."""
    asked, sent = len(requests()), len(mails())
    plan = " ".join(term.play("plan.yml").split())
    assert "new seat nobody kept 5: ada, grace, mary, hugo, ruth start 1 machines that stopped" in plan
    assert "class day 3 machines for 12 hours at most: " in plan
    refused = term.play("""plan.yml -e '{"class_budget": 0.01}'""", check=False)
    assert "class_budget is 0.01 $, and this comes to " in refused
    left = term.play("leftovers.yml --check")
    assert "Class ml101:" in left
    assert re.search(r"^  us-east-1: 2 machines, running, with .* \$ a month", left, re.MULTILINE)
    assert re.search(r"^  us-east-1: 1 machine, stopped, with .* \$ a month", left, re.MULTILINE)
    assert [each["action"] for each in requests()[asked:] if not each["action"].startswith(READS)] == []
    assert Facts.of(term) == before
    assert STOPPED not in running()
    assert len(mails()) == sent


def test_nothing_is_collected_twice_and_no_machine_starts_to_look(term: Term, before: Facts) -> None:
    shown = term.play("collect.yml")
    assert "NOT SAFE" not in shown
    assert len(re.findall(r"^ml101-002 +(?:mary|hugo) +\d+ files at home$", shown, re.MULTILINE)) == 2
    assert "3 machines of ml101 would be terminated" in term.play("teardown.yml --check")
    assert STOPPED not in running()
    assert Facts.of(term) == before


def test_configure_gives_nobody_anything_but_a_new_address(term: Term, before: Facts) -> None:
    sent, address = len(mails()), running()[SHARED]
    term.play("provision.yml configure.yml")
    assert Facts.of(term) == before
    assert running()[SHARED] == address
    assert term.there() == term.home()
    # A machine that starts has another address, and ruth another machine.
    kept, told = said(mails()[:sent]), said(mails()[sent:])
    assert told == {name: (running()[term.seat_of(name)], *kept[name][1:]) for name in ("mary", "hugo", "ruth")}
    sent = len(mails())
    again = recap(term.play("provision.yml configure.yml"))
    assert len(again) == 4
    assert {host["changed"] for host in again.values()} == {0}
    assert len(mails()) == sent


def test_an_exchange_that_was_killed_is_over_and_no_second_one(term: Term, before: Facts) -> None:
    record = term.state / "replacing.json"
    assert record.exists()
    term.play("replace.yml -e student=ruth")
    assert Facts.of(term) == before
    assert not record.exists()


def test_hours_come_and_go(term: Term, before: Facts) -> None:
    sent, jupyter = len(mails()), term.on(SHARED, JUPYTER)
    assert [term.on(seat, UNITS) for seat in running()] == ["", "", ""]
    day = datetime.now(UTC) + timedelta(days=3)
    hours = {"zone": "UTC", "hours": [f"{day:%a} 08:00-18:00"], "last_day": f"{day:%Y-%m-%d}"}
    term.settings["class_timetable"] = hours
    try:
        assert "started class-hours.timer" in term.play("configure.yml -v")
        active = [term.on(seat, "systemctl is-active class-hours.timer", check=False).strip() for seat in running()]
        assert active == ["active"] * 3
    finally:
        del term.settings["class_timetable"]
    assert "stopped class-hours.timer" in term.play("configure.yml -v")
    assert [term.on(seat, UNITS) for seat in running()] == ["", "", ""]
    assert term.on(SHARED, JUPYTER) == jupyter
    assert len(mails()) == sent
    assert Facts.of(term) == before


def test_what_a_machine_saved_is_still_the_student_s(term: Term) -> None:
    go = f"cd {FOLDER}/ada && runuser -u ada --"
    assert re.findall(r"^ +(\d)  ", term.on(SHARED, f"{go} my-work own.txt"), re.MULTILINE) == ["1", "2"]
    term.on(SHARED, f"{go} bring-back own.txt 2")
    assert term.on(SHARED, f"cd {FOLDER}/ada && cat own.from-*.txt && rm own.from-*.txt") == "of ada\n"


def test_only_what_is_new_comes_home(term: Term, before: Facts) -> None:
    term.edit(NEXT_DAY)
    term.play("collect.yml")
    assert term.home() == term.there()
    heads = Facts.of(term).heads
    assert {username for username in STUDENTS if heads[username] != before.heads[username]} == {"grace"}
    assert term.git("grace", "rev-parse", "main^") == before.heads["grace"]


def test_a_version_of_before_comes_back(term: Term) -> None:
    first = term.git("ada", "rev-list", "main").split()[-1]
    term.play(f"restore.yml -e student=ada -e at={first}")
    assert term.on(SHARED, f"cat {FOLDER}/ada/restored-*/own.txt") == "of ada\n"


def test_a_notebook_that_the_old_version_merged_is_merged_once_more(term: Term) -> None:
    assert term.cells("grace")[-1] == SECOND
    term.add_cell(THIRD)
    term.play("configure.yml")
    taught = cells_of(json.loads(term.template.read_text()))
    assert taught[-2:] == [SECOND, THIRD]
    assert term.cells("ada") == taught
    assert term.cells("grace") == [NEXT_DAY, *taught[1:]]


def test_machines_stop_and_start_with_the_same_way_in(term: Term, before: Facts) -> None:
    assert "3 machines of ml101 have stopped" in term.play("stop.yml")
    assert "3 machines of ml101 would be terminated" in term.play("teardown.yml --check")
    assert running() == {}
    kept, sent = said(mails()), len(mails())
    assert term.play("start.yml").count(" answers ") == len(STUDENTS)
    now = Facts.of(term)
    assert (now.credentials, now.host_keys, now.seats) == (before.credentials, before.host_keys, before.seats)
    told = said(mails()[sent:])
    assert told == {name: (running()[term.seat_of(name)], *kept[name][1:]) for name in STUDENTS}


def test_at_the_end_all_work_is_home_with_every_version(term: Term, before: Facts) -> None:
    there = term.there()
    term.play(TEARDOWN)
    assert {each["State"] for each in machines()} == {"terminated"}
    assert term.home() == there
    for username in STUDENTS:
        term.git(username, "merge-base", "--is-ancestor", before.heads[username], "main")
        assert term.git(username, "fsck", "--full", "--strict", "--no-dangling", "--no-progress") == ""
