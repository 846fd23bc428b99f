"""From ssh alone to https beside it, to https alone, and back, ended at many moments: nobody is ever locked out."""

from __future__ import annotations

import contextlib
import random
import re
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lab.layout import ACME_ROOT
from tests.support.account_owner import ec2
from tests.support.class_machines import running
from tests.support.commands import mails, recap, requests
from tests.support.lab_course import Course, Moment, tasks_of
from tests.support.laptop import Laptop
from tests.support.letter import Letter, https_link, read_letter
from tests.support.term import Ending, Term
from tests.support.ways_in import Session, Student, lets_in, opens, used, watched

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SEED = 20267
SSH, BOTH, HTTPS = ("ssh",), ("https", "ssh"), ("https",)
COMMAND = "provision.yml configure.yml"
OPENS = "machines : Open the ports by which people come in, and no other"
READS = ("Describe", "Get", "List")
PORTS = (22, 443)  # those of the letter
LONGEST_GAP = 2.0  # s, without any of them
# haproxy has ten seconds to take a port, or sshd has it again; to that come a login and the pause before it, s.
LONGEST_WAIT = 20.0
ANEW_SECONDS = 20.0  # for which the module is at work where all of the front comes anew
# As if there never had been a front.
FORGET = """
DEBIAN_FRONTEND=noninteractive apt-get -q -y purge haproxy
rm -rf /usr/local/lib/machine_learning_aws/certbot /etc/systemd/system/haproxy.service.d
systemctl daemon-reload
"""
# Who holds the ports, and which start of Jupyter it is.
HELD = """
sshd -T | sed -n 's/^port //p' | sort -n
systemctl is-active haproxy.service || true
systemctl show --property=InvocationID --value jupyter@ada.service
"""
# All that a change-over touches on the machine.
LOOK = """
find /etc /usr/local -printf '%p %u %g %m %T@ %s\\n' | sort
systemctl show --property=Id,ActiveState,UnitFileState,InvocationID \
    ssh.service haproxy.service class-front-address.service class-front-certificate.timer jupyter@ada.service
"""


@dataclass(frozen=True)
class Hop:
    """A change from one access to another."""

    before: tuple[str, ...]
    access: tuple[str, ...]
    role: str
    """The one that changes the machine, by its `module`, which is at work for `seconds`: later it is done."""
    module: str
    seconds: float

    @property
    def is_of_links(self) -> bool:
        """Whether links open all the time: ssh is what comes or goes."""
        return SSH not in (self.before, self.access)


# Each is the way to the next.
HOPS = (
    Hop(SSH, BOTH, "front", "front", 6.0),
    Hop(BOTH, HTTPS, "front", "front", 0.8),
    Hop(HTTPS, BOTH, "student", "student_accounts", 1.0),
    Hop(BOTH, SSH, "front", "front", 3.0),
)


@dataclass
class ChangeOver:
    """Ada's machine, on its way from one access to the other."""

    course: Course
    laptop: Laptop
    stack: contextlib.ExitStack
    """Ends the sessions."""
    chance: random.Random = field(default_factory=lambda: random.Random(SEED))  # noqa: S311 - repeatable, and no secret
    tasks: dict[Hop, int] = field(default_factory=dict)
    """Of a run that was left alone."""
    longest: dict[str, float] = field(default_factory=dict)
    """For how long each way that the student has all the time let nobody in, s."""
    link: str = ""
    """That of the newest letter which has one."""
    letter: Letter = field(init=False)
    """The one that was sent before there was https: what it says holds whenever there is ssh."""
    ada: Student = field(init=False)
    jupyter: str = field(init=False)
    sessions: dict[str, Session] = field(init=False)
    """Those that are open, by how they came in."""

    def __post_init__(self) -> None:
        """Have the machine as it was before there was https, and log in to stay."""
        self.course.write_roster(["ada"])
        self.course.play(COMMAND)
        self.letter = read_letter(mails()[-1])
        self.log_in(22)  # the laptop knows the machine's key from now on
        self.ada = Student(self.letter.login, self.letter.seat, self.letter.password, self.laptop.known_hosts)
        self.sessions = {f"by {port}, before": self.stack.enter_context(self.ada.logged_in(port)) for port in PORTS}
        *held, self.jupyter = self.held()
        assert held == ["22", "443", "inactive"]

    @property
    def seat(self) -> str:
        """The name of the machine."""
        return self.letter.seat

    def log_in(self, port: int) -> None:
        """Do as the letter says."""
        assert "ada" in self.laptop.log_in(self.letter, "id --user --name", port=port).split()

    def held(self) -> list[str]:
        """Return sshd's ports, whether haproxy runs, and which start of Jupyter it is."""
        return self.course.on(self.seat, HELD).split()

    def change(self, hop: Hop, begin: Callable[[], bool]) -> bool:
        """Change over with `begin`, which says whether it was ended, and then to the end; returns what `begin` said.

        No way that the student has all the time is ever shut, and no session ends.
        """
        if hop.access == HTTPS:
            self.sessions["by 443, through haproxy"] = self.stack.enter_context(self.ada.logged_in(443))
        through = self.sessions.pop("by 443, through haproxy") if hop.access == SSH else None
        ways = self.ways(hop)
        with used(ways) as gaps:
            ended = begin()
            print("then, within", {way: f"{self.come_in(way, get_in):.1f} s" for way, get_in in ways.items()})
            self.assert_no_session_ended()
            tasks = tasks_of(self.complete(hop))
            self.assert_no_session_ended()
        self.tasks.setdefault(hop, tasks)  # of the first, which was left alone
        for way, gap in gaps.items():
            self.longest[way] = max(self.longest.get(way, 0), gap.longest)
        assert {way: gap.longest for way, gap in gaps.items() if gap.longest > LONGEST_WAIT} == {}
        # It ends with haproxy, as docs/access.md has it. So whoever asks sessions notices one that has ended.
        assert not (through and through.lives())
        return ended

    def ways(self, hop: Hop) -> dict[str, Callable[[], bool]]:
        """Return how the student comes in before, after and all through `hop`, and so must be able to at any moment."""
        if hop.is_of_links:
            return {"link": partial(opens, self.link, ACME_ROOT)}
        return {f"ssh by {port}": partial(self.ada.gets_in, port) for port in PORTS}

    def come_in(self, way: str, get_in: Callable[[], bool]) -> float:
        """Come in; returns how long that took, s, for what was ended may be at work on the machine still."""
        began = time.monotonic()
        while not get_in():
            assert time.monotonic() - began < LONGEST_WAIT, f"{way} leads nowhere"
            time.sleep(0.2)
        return time.monotonic() - began

    def assert_no_session_ended(self) -> None:
        """Have each session that is open answer."""
        assert [how for how, session in self.sessions.items() if not session.lives()] == []

    def end(self, hop: Hop, *, anew: bool) -> bool:
        """Begin to change over and be ended: the run, by a task, or its module on the machine; says whether it was."""
        if self.chance.random() < 0.5:
            delay = self.chance.choice([0, self.chance.uniform(0, 3)])
            moment = Moment(self.chance.randint(1, self.tasks[hop]), delay, self.chance.random() < 0.5)
            return self.course.end(COMMAND, moment)
        # Where certbot is missing the module runs twice: it says so, and then it has pip.
        number = self.chance.choice([1, 1, 2]) if anew else 1
        delay = self.chance.uniform(0, ANEW_SECONDS if anew and number == 2 else hop.seconds)
        ending = Ending("machine", delay, hop.module, "", "ada", number)
        return ending.end(Term(self.course), COMMAND, lambda: None)

    def complete(self, hop: Hop) -> str:
        """Run the command to its end, after which all is as `hop` says; returns what it said.

        Ways that are shut now are tried as well: so whoever watches them would notice that nobody comes in.
        """
        said = self.course.play(COMMAND)
        links = hop.access != SSH
        assert set(open_ports()) == ({22, 80, 443} if links else {22, 443})
        assert self.held() == [*(["22", "active"] if links else ["22", "443", "inactive"]), self.jupyter]
        if links:
            self.link = https_link(mails()[-1])
        assert opens(self.link, ACME_ROOT) == links
        if hop.access == HTTPS:
            assert not lets_in(self.ada.login, self.seat, self.ada.known_hosts, password=self.ada.password)
            assert not [port for port in PORTS if self.ada.gets_in(port)]
        else:
            for port in PORTS:
                self.log_in(port)
        return said

    def announce(self, hop: Hop) -> None:
        """See that `--check` names what would change, and that nothing does."""
        before, asked = self.as_it_is(), len(requests())
        told = announced(self.course.play(f"{COMMAND} --check"))
        assert {what.partition(" : ")[0] for what, where in told if where == self.seat} == {hop.role}
        assert ((OPENS, "localhost") in told) == (not hop.is_of_links)
        assert self.as_it_is() == before
        assert [each["action"] for each in requests()[asked:] if not each["action"].startswith(READS)] == []

    def as_it_is(self) -> tuple[list[int], list[str], int]:
        """Return what is open, what is on the machine, and how many letters were sent."""
        return open_ports(), self.course.on(self.seat, LOOK).splitlines(), len(mails())


def open_ports() -> list[int]:
    """Return the ports that the security group lets in, each as often as there is a rule for it."""
    (group,) = ec2().describe_security_groups(GroupNames=["ml101"])["SecurityGroups"]
    return sorted(rule["FromPort"] for rule in group["IpPermissions"])


def announced(said: str) -> set[tuple[str, str]]:
    """Return which tasks changed something, or would, and where."""
    tasks = re.findall(r"^TASK \[(.*)\] \**\n((?:(?!TASK \[|PLAY ).*\n)*)", said, re.MULTILINE)
    changed = re.compile(r"^changed: \[([\w-]+)\]", re.MULTILINE)
    return {(task, where) for task, told in tasks for where in changed.findall(told)}


@pytest.mark.timeout(7200)
@pytest.mark.usefixtures("_empty_lab")
def test_whenever_the_change_over_is_ended_there_is_a_way_in_and_the_next_run_completes(
    tmp_path: Path, kills: int
) -> None:
    course = Course(tmp_path, {"class_confirm_teardown": "ml101", "class_access": list(SSH)})
    ended, began = 0, time.monotonic()
    with contextlib.ExitStack() as stack:
        change = ChangeOver(course, Laptop(tmp_path), stack)
        gap = stack.enter_context(watched(running()[change.seat], PORTS))
        for hop in HOPS:
            course.settings["class_access"] = list(hop.access)
            change.announce(hop)
            change.change(hop, lambda: False)
        for turn in range(3 * kills):  # some are done before they are ended
            if ended >= kills:
                break
            hop, anew = HOPS[turn % len(HOPS)], turn % (2 * len(HOPS)) == 0
            if anew:  # the first of a round, every second time
                course.on(change.seat, FORGET)
            course.settings["class_access"] = list(hop.access)
            ended += change.change(hop, partial(change.end, hop, anew=anew))
    print(f"{ended} runs ended in {time.monotonic() - began:.0f} s; no port answered for {gap.longest:.1f} s at most,")
    print("and nobody came in for at most", {way: f"{seconds:.1f} s" for way, seconds in change.longest.items()})
    assert ended >= kills
    assert gap.longest <= LONGEST_GAP
    assert all(host["changed"] == 0 for host in recap(course.play("configure.yml")).values())
    course.play("teardown.yml")
