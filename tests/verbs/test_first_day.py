"""Every command of docs/first-day.md that the lab can show, as it stands there, on a class of two, in its order."""

from __future__ import annotations

import contextlib
import json
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pexpect
import pytest

from lab.layout import VARIABLES
from tests.support.account_owner import REGION, ec2
from tests.support.class_machines import machines, refuse_a_lab_that_is_up, running
from tests.support.commands import PROJECT_ON_MACHINE, bring_lab_up, command, mails, on_machine
from tests.support.first_day_guide import file_of, rows, under
from tests.support.lab_course import at_terminal
from tests.support.laptop import Laptop
from tests.support.letter import read_letter

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEATS = {"ml101-001": "ada", "ml101-002": "grace"}
ROSTER = "name,email\nAda Beispiel,ada@example.com\nGrace Sample,grace@example.org\n"
# Of row 19: one's own address, three times more.
THREE_MORE = "".join(f"Address {number},you+{number}@example.edu\n" for number in (3, 4, 5))
# The numbers that the lab cannot show, and why.
NOT_RUN = {
    2: "the lab's account has no plan",
    7: "the lab's price list is none of AWS's",
    14: "the lab's hosts are no Ubuntu, and their mirror has no libc6",
    15: "the lab's mail provider has no filter against spam",
    16: "it takes a Mac",
    17: "it takes Windows",
    18: "it takes a campus",
    19: "the lab's mail provider has no limits; what is typed there is typed below all the same",
    23: "it takes class_max_hours, and upgrades that the lab has not",
    25: "the lab sends no bill; what is typed there is typed below all the same",
}
# What the guide wants in every terminal: the tools, the region and the command `aws`. The tools are there, so make is
# not to install them once more, as it would where `make setup-dev` did.
TERMINAL = f"""source lab/activate || exit
export AWS_DEFAULT_REGION={REGION}
aws() {{ python -m tests.support.aws_command "$@"; }}
make() {{ command make --old-file=.venv/.tools "$@"; }}
"""
NOTEBOOK = '{"cells": [], "metadata": {"author": "of the first day"}, "nbformat": 4, "nbformat_minor": 5}'
AGAIN_SECONDS = 120  # within which a machine serves its student again after a reboot
ENDING_SECONDS = 30  # for which machines shut down, since a host of the lab would end before anybody closes a terminal
TYPING_SECONDS = 2  # until somebody types: Ansible passes over what comes before it listens
AS_PINNED = {"machine 1": "as pinned", "machine 2": "as pinned"}


@dataclass(frozen=True)
class FirstDay:
    """A class whose instructor goes by the guide; `home` is class_work_home."""

    home: Path
    roster: Path

    def type(self, number: int, position: int = 0, *, check: bool = True, **placeholders: str) -> str:
        """Type a command of the guide, with words in the place of placeholders; return what it printed."""
        return command(self.line(number, position, **placeholders), check=check).stdout

    def line(self, number: int, position: int = 0, **placeholders: str) -> str:
        """Return a command of the guide, and before it what every terminal needs."""
        line = rows()[number].commands[position]
        for word, value in placeholders.items():
            assert word in line
            line = line.replace(word, value)
        return TERMINAL + line

    def notebook(self, username: str) -> Path:
        """Return where a student's notebook is at home."""
        return self.home / username / "first-day.ipynb"


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FirstDay]:
    """Two students, and nothing launched so far."""
    refuse_a_lab_that_is_up()
    folder = tmp_path_factory.mktemp("first_day")
    roster = folder / "students.csv"
    roster.write_text(ROSTER)
    try:
        bring_lab_up(f"--roster {roster}")
        # A setting of the class: no command of the guide names it.
        with VARIABLES.open("a") as settings:
            settings.write(f"class_work_home: {folder / 'work'}\n")
        yield FirstDay(folder / "work", roster)
    finally:
        command("make lab-down DISCARD=1")


def by_machine(said: str) -> dict[str, str]:
    """Return what `ansible machines` printed, by machine."""
    parts = re.split(r"^(\S+) \| \w+ \| rc=\d+ >>\n", said, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def keys_on_consoles(day: FirstDay) -> dict[str, str]:
    """Return what `make first-day` says at 10, by machine."""
    said = day.type(10)
    file_of(said).unlink()
    fits = r"(machine \d+): [1-9]\d* keys on its console, [1-9]\d* pinned, ([^;\n]+)"
    return dict(re.findall(fits, under(10, said)))


def notebook_there(username: str) -> str:
    """Return the path of a student's notebook on the machine."""
    return f"{PROJECT_ON_MACHINE}/{username}/first-day.ipynb"


def booted(seat: str) -> str:
    """Return when the machine's first process began; nothing while nobody answers there."""
    with contextlib.suppress(KeyError):  # it is not running
        return on_machine(seat, "cut -d' ' -f22 /proc/1/stat", check=False)
    return ""


def confirm(terminal: pexpect.spawn[str]) -> None:
    """Type the name of the class when it is asked for."""
    terminal.expect("Type the name of the class")
    time.sleep(TYPING_SECONDS)
    terminal.sendline("ml101")


def test_what_is_known_from_the_lab_is_run_here() -> None:
    tested = {int(found[1]) for name in globals() if (found := re.match(r"test_(\d+)_", name))}
    known = {number: row.known for number, row in rows().items()}
    assert sorted(known) == list(range(1, len(known) + 1))
    assert tested == {number for number, where in known.items() if where == "lab"}
    assert set(NOT_RUN) == {number for number, where in known.items() if where == "read"}
    assert [number for number in tested if not rows()[number].commands] == []


def test_01_who_acts(day: FirstDay) -> None:
    who = json.loads(day.type(1))
    assert re.fullmatch(r"\d{12}", who["Account"])
    assert not who["Arn"].endswith(":root")


def test_03_the_quota(day: FirstDay) -> None:
    assert float(day.type(3)) >= 4


def test_04_the_subnets(day: FirstDay) -> None:
    assert len(set(json.loads(day.type(4)))) >= 2


def test_05_the_image(day: FirstDay) -> None:
    assert re.fullmatch(r"ami-[0-9a-f]+", json.loads(day.type(5)))


def test_06_a_user_with_our_policy_alone(day: FirstDay) -> None:
    said = day.type(6)  # with the lab's keys, which are such a user's
    assert "2 machines of ml101 would be launched" in said
    assert "AWS does not permit" not in said
    assert "Not checked before the launch" not in said
    assert machines() == []


def test_08_what_it_will_cost(day: FirstDay) -> None:
    said = day.type(8)
    assert "new seat   2: ada, grace" in said
    assert "an hour    m6a.large with its address: 0.0914 $" in said
    assert re.search(r"quota      L-7A658B76: .* left", said)
    assert "is silent" not in said
    assert machines() == []


def test_09_the_launch(day: FirstDay) -> None:
    assert "No host key" not in day.type(9)
    assert set(running()) == set(SEATS)


def test_10_consoles_and_known_hosts(day: FirstDay) -> None:
    assert keys_on_consoles(day) == AS_PINNED


def test_11_the_machines_are_made_ready(day: FirstDay) -> None:
    said = day.type(11)
    assert dict(re.findall(r"^\s*(ml101-\d+) +(\w+) +ready$", said, re.MULTILINE)) == SEATS
    assert said.count(" answers ") == 2
    assert sorted(read_letter(mail).username for mail in mails()) == sorted(SEATS.values())


def test_12_ports_and_main_pid(day: FirstDay) -> None:
    said = by_machine(day.type(12))
    assert set(said) == set(SEATS)
    # The machine believes in a terminal of 80 columns, so what belongs to a port may be on its next line.
    for shown in said.values():
        (main,) = re.findall(r"MainPID=(\d+)", shown)
        held: dict[str, set[tuple[str, str]]] = {"22": set(), "443": set()}
        for port, users in re.findall(r"[*\]\d]:(22|443)\s.*?users:\(\((.*?)\)\)", shown, re.DOTALL):
            held[port] |= set(re.findall(r'"([^"]+)",pid=(\d+)', users))
        assert held["22"] == {("sshd", main)}
        assert {name for name, _ in held["443"]} == {"haproxy"}
        assert shown.count("LISTEN") == shown.count("users:((")


def test_13_what_sshd_goes_by(day: FirstDay) -> None:
    for letter in map(read_letter, mails()):
        said = by_machine(day.type(13, SEAT=letter.seat, USERNAME=letter.username))
        assert set(said) == {letter.seat}
        sshd = said[letter.seat].splitlines()
        assert "passwordauthentication yes" in sshd
        assert f"permitopen localhost:{letter.port} 127.0.0.1:{letter.port}" in sshd
        assert "maxstartups 100:30:200" in sshd
    for seat in SEATS:
        said = by_machine(day.type(13, SEAT=seat, USERNAME="ubuntu"))
        assert "passwordauthentication no" in said[seat].splitlines()


@pytest.mark.timeout(900)
def test_20_a_reboot(day: FirstDay) -> None:
    for seat, who in SEATS.items():
        on_machine(seat, f"runuser -u {who} -- tee {notebook_there(who)} <<'END'\n{NOTEBOOK}\nEND")
    before = {seat: booted(seat) for seat in SEATS}
    day.type(20, check=False)  # the connection breaks, so how it ends says nothing
    deadline = time.monotonic() + AGAIN_SECONDS
    while any(booted(seat) in ("", before[seat]) for seat in SEATS):
        assert time.monotonic() < deadline, "not both machines have booted again"
        time.sleep(1)
    while day.type(20, 1).count(" answers ") < 2:
        assert time.monotonic() < deadline, "not every Jupyter answers again"
    assert all(on_machine(seat, f"cat {notebook_there(who)}") == f"{NOTEBOOK}\n" for seat, who in SEATS.items())
    assert keys_on_consoles(day) == AS_PINNED


def test_21_work_comes_home(day: FirstDay) -> None:
    assert "NOT SAFE" not in day.type(21)
    assert all(day.notebook(who).read_text() == f"{NOTEBOOK}\n" for who in SEATS.values())


def test_22_stop_and_start(day: FirstDay, tmp_path: Path) -> None:
    before, count = running(), len(mails())
    assert "2 machines of ml101 have stopped" in day.type(22)
    assert running() == {}
    assert day.type(22, 1).count(" answers ") == 2
    assert set(running()) == set(SEATS)
    assert set(running().values()) & set(before.values()) == set()
    letters = [read_letter(mail) for mail in mails()[count:]]
    assert {letter.username: letter.address for letter in letters} == {
        who: running()[seat] for seat, who in SEATS.items()
    }
    laptop = Laptop(tmp_path)
    for letter in letters:
        assert "of the first day" in laptop.log_in(letter, f"cat {notebook_there(letter.username)}")


@pytest.mark.timeout(900)
def test_what_19_types_sends_three_letters_and_then_five(day: FirstDay) -> None:
    """Before the teardown only, so that the other rows have two machines."""
    with day.roster.open("a") as roster:
        roster.write(THREE_MORE)
    count = len(mails())
    day.type(19)
    assert len(running()) == 5
    assert sorted(read_letter(mail).username for mail in mails()[count:]) == ["you3", "you4", "you5"]
    count = len(mails())
    day.type(19, 1)
    assert sorted(read_letter(mail).username for mail in mails()[count:]) == ["ada", "grace", "you3", "you4", "you5"]


@pytest.mark.timeout(900)
def test_24_a_killed_teardown(day: FirstDay) -> None:
    command(f".venv/bin/python -m lab late --ending {ENDING_SECONDS}")
    with at_terminal(day.line(24)) as terminal:
        confirm(terminal)
        terminal.expect(r"TASK \[machines : Terminate the machines that may go\]")
        while running():
            assert terminal.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=0.2) == 1, terminal.before
    assert {each["State"] for each in machines()} == {"shutting-down"}  # so it was killed in the middle
    with at_terminal(day.line(24)) as terminal:
        confirm(terminal)
        terminal.expect("Nothing is left that costs money.")
        terminal.expect(pexpect.EOF)
    assert {each["State"] for each in machines()} == {"terminated"}
    assert ec2().describe_volumes()["Volumes"] == []
    assert all(day.notebook(who).read_text() == f"{NOTEBOOK}\n" for who in SEATS.values())


def test_what_25_types_finds_nothing_of_the_class(day: FirstDay) -> None:
    left = " ".join(day.type(25).split())
    assert re.search(r"In \d+ regions nothing with a tag Class or BakedBy costs money\.", left)
    said = day.type(25, 1)
    file_of(said).unlink()
    assert "0 disks" in under(25, said)
