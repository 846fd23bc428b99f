"""From ssh alone to https beside it and back, ended at many moments: there is always a way in for ssh."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from lab.layout import ACME_ROOT
from tests.support.class_machines import running
from tests.support.commands import mails, recap
from tests.support.lab_course import Course, Moment, tasks_of
from tests.support.laptop import Laptop
from tests.support.letter import Letter, https_link, read_letter
from tests.support.term import Ending, Term
from tests.support.visitor import Visitor
from tests.support.ways_in import answers, watched

if TYPE_CHECKING:
    from pathlib import Path

SEED = 20267
SSH, BOTH = ("ssh",), ("https", "ssh")
COMMAND = "provision.yml configure.yml"
PORTS = (22, 443)  # those of the letter
LONGEST_GAP = 2.0  # s, without any of them
# What changes the machine both ways, and for how long it may be at work, s. Ended later, it was done before.
MODULE, SECONDS = "front", {BOTH: 6.0, SSH: 3.0}
# As if there never had been a front: every second time all of it comes anew.
FORGET = """
DEBIAN_FRONTEND=noninteractive apt-get -q -y purge haproxy
rm -rf /usr/local/lib/machine_learning_aws/certbot /etc/systemd/system/haproxy.service.d
systemctl daemon-reload
"""
HELD = "sshd -T | sed -n 's/^port //p' | sort -n; systemctl is-active haproxy.service || true"


@dataclass
class ChangeOver:
    """Ada's machine, on its way from one access to the other."""

    course: Course
    chance: random.Random
    laptop: Laptop
    tasks: dict[tuple[str, ...], int] = field(default_factory=dict)
    """Of a run that was left alone, by where it led."""
    letter: Letter = field(init=False)
    """The one that was sent before there was https: what it says holds all the time."""

    def __post_init__(self) -> None:
        """Have the machine as it was before there was https, and go there and back once."""
        self.course.write_roster(["ada"])
        self.course.play(COMMAND)
        self.letter = read_letter(mails()[-1])
        for access in (BOTH, SSH):
            self.course.settings["class_access"] = list(access)
            self.tasks[access] = tasks_of(self.complete(access))

    @property
    def seat(self) -> str:
        """The name of the machine."""
        return self.letter.seat

    def end(self, access: tuple[str, ...]) -> bool:
        """Begin to change to `access` and be ended: the run, by a task, or its module on the machine."""
        self.course.settings["class_access"] = list(access)
        if self.chance.random() < 0.5:
            delay = self.chance.choice([0, self.chance.uniform(0, 3)])
            moment = Moment(self.chance.randint(1, self.tasks[access]), delay, self.chance.random() < 0.5)
            return self.course.end(COMMAND, moment)
        delay, number = self.chance.uniform(0, SECONDS[access]), self.chance.choice([1, 1, 2])
        ending = Ending("machine", delay, MODULE, "", "ada", number)
        return ending.end(Term(self.course), COMMAND, lambda: None)

    def get_in(self, *ports: int) -> None:
        """Log in as the letter says, by the first of `ports` that answers."""
        port = next((port for port in ports if answers(self.letter.address, port)), None)
        assert port, f"nothing answers on {ports}"
        assert "ada" in self.laptop.log_in(self.letter, "id --user --name", port=port).split()

    def complete(self, access: tuple[str, ...]) -> str:
        """Run the command to its end, after which all is as `access` says; returns what it said."""
        said = self.course.play(COMMAND)
        held = self.course.on(self.seat, HELD).split()
        if access == BOTH:
            assert held == ["22", "active"]
            visitor = Visitor(self.letter.address, ACME_ROOT)
            visitor.open(https_link(mails()[-1]))
            assert visitor.works()
        else:
            assert held == ["22", "443", "inactive"]
        for port in PORTS:
            self.get_in(port)
        return said


@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("_empty_lab")
def test_whenever_the_change_over_is_ended_there_is_a_way_in_and_the_next_run_completes(
    tmp_path: Path, kills: int
) -> None:
    course = Course(tmp_path, {"class_confirm_teardown": "ml101", "class_access": list(SSH)})
    change = ChangeOver(course, random.Random(SEED), Laptop(tmp_path))  # noqa: S311 - repeatable, and no secret
    ended, began = 0, time.monotonic()
    with watched(running()[change.seat], PORTS) as gap:
        for turn in range(3 * kills):  # some are done before they are ended
            if ended >= kills:
                break
            if turn % 4 == 0:
                course.on(change.seat, FORGET)
            access = SSH if turn % 2 else BOTH
            ended += change.end(access)
            change.get_in(*PORTS)
            change.complete(access)
    print(f"{ended} runs ended in {time.monotonic() - began:.0f} s; the longest gap was {gap.longest:.1f} s")
    assert ended >= kills
    assert gap.longest <= LONGEST_GAP
    assert all(host["changed"] == 0 for host in recap(course.play("configure.yml")).values())
    course.play("teardown.yml")
