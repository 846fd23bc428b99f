"""Students who share a machine and have a name each, on a real host, whose certificates live for 90 s.

The tests go through a term in their order.
"""

from __future__ import annotations

import json
import time
from contextlib import suppress
from dataclasses import replace
from itertools import permutations
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from lab.layout import ACME_ROOT
from tests.support.account_owner import ec2
from tests.support.class_machines import machines, refuse_a_lab_that_is_up, running
from tests.support.commands import PROJECT_ON_MACHINE, bring_lab_up, command, mails
from tests.support.lab_course import Course
from tests.support.letter import https_link, read_letter
from tests.support.seat_names import DOMAIN, Zone, addresses, orders
from tests.support.visitor import GATE, Visitor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SEAT = "ml101-001"
NAMES = {"ada": f"{SEAT}.{DOMAIN}", "grace": f"{SEAT}-2.{DOMAIN}"}
SHARING = {"class_access": ["https", "ssh"], "class_domain": DOMAIN, "class_students_per_machine": 2}
LIFE = 90  # s, of a certificate
VALID_WITHIN = 120  # s after a boot
PATIENCE = 60  # s
# Let each student's folder say whose it is.
SIGN = f"""
for who in {" ".join(NAMES)}; do
    runuser -u $who -- sh -c "printf %s $who > {PROJECT_ON_MACHINE}/$who/whose.txt"
done
"""
RENEW = "systemctl start class-front-certificate.service"
pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """A class of two, before there is a zone."""
    refuse_a_lab_that_is_up()
    made = Course(tmp_path_factory.mktemp("course"), SHARING)
    made.write_roster(list(NAMES))
    try:
        bring_lab_up()
        command(f".venv/bin/python -m lab acme start --valid-for {LIFE}")
        yield made
    finally:
        command("make lab-down DISCARD=1")


@pytest.fixture(scope="module")
def zone(course: Course) -> Zone:
    """Have the class begin in a zone of its own."""
    made = Zone()
    course.play("provision.yml configure.yml")
    return made


@pytest.fixture(scope="module")
def links(zone: Zone) -> dict[str, str]:
    """Return the links of the letters, by username."""
    assert zone.names
    return {read_letter(mail).username: https_link(mail) for mail in mails()}


def browser(username: str) -> Visitor:
    """Return a browser that was never at the student's name, whose DNS is not the lab's."""
    return Visitor(NAMES[username], ACME_ROOT, address=running()[SEAT])


def whose(student: Visitor) -> str:
    """Return whose folder Jupyter shows."""
    answer = student.ask("/api/contents/whose.txt")
    assert answer.status == 200, answer
    return str(json.loads(answer.body)["content"])


def within(seconds: float, holds: Callable[[], bool]) -> None:
    """Wait until something holds, which nobody may answer yet."""
    latest = time.monotonic() + seconds
    while True:
        with suppress(OSError):
            if holds():
                return
        assert time.monotonic() < latest
        time.sleep(1)


def machine() -> dict[str, Any]:
    """Describe the one machine."""
    (found,) = machines()
    return found


def test_who_shares_a_machine_has_a_name_alone_and_a_certificate_together(
    course: Course, zone: Zone, links: dict[str, str]
) -> None:
    assert orders() == 1
    assert list(running()) == [SEAT]
    assert {username: urlsplit(link).netloc for username, link in links.items()} == NAMES
    assert zone.names == {(name, kind) for name in NAMES.values() for kind in ("A", "CAA")}
    assert [addresses(name) for name in NAMES.values()] == [[running()[SEAT]]] * len(NAMES)
    course.on(SEAT, f"{SIGN}\n{RENEW}")
    for username, link in links.items():
        student = browser(username)
        student.open(link)
        assert whose(student) == username


def test_a_neighbours_key_opens_nothing(course: Course, links: dict[str, str]) -> None:
    course.on(SEAT, RENEW)
    for door, key in permutations(NAMES):
        secret = links[key].rpartition("/")[2]
        owner, thief = browser(key), browser(door)
        owner.open(links[key])
        assert thief.ask(f"/open/{secret}").status == 403
        assert thief.cookies == {}
        # Nor does the cookie that the key became, under the neighbour's name, and on a connection to one's own.
        assert replace(thief, cookies={GATE: secret}).ask("/login?next=%2Flab").status == 403
        assert replace(thief, cookies=dict(owner.cookies)).ask("/api/contents").status == 403
        as_if = {"Host": NAMES[door], "Origin": f"https://{NAMES[door]}"}
        assert owner.ask("/api/contents", as_if).status == 403
        assert whose(owner) == key


def test_who_was_off_for_longer_than_a_certificate_lives_has_a_valid_one_within_two_minutes_of_a_start(
    course: Course, zone: Zone, links: dict[str, str]
) -> None:
    """By itself: no command runs. The owner of the account starts it, and leads its names to where it is now."""
    course.on(SEAT, RENEW)
    students = {username: browser(username) for username in NAMES}
    for username, student in students.items():
        student.open(links[username])
    ids, before = [machine()["InstanceId"]], running()[SEAT]
    ec2().stop_instances(InstanceIds=ids)
    stopping = time.monotonic()
    within(PATIENCE, lambda: machine()["State"] == "stopped")
    time.sleep(max(0.0, stopping + LIFE + 1 - time.monotonic()))
    ec2().start_instances(InstanceIds=ids)
    starting = time.monotonic()
    within(PATIENCE, lambda: "PublicIpAddress" in machine())
    address = machine()["PublicIpAddress"]
    assert address != before
    zone.lead(NAMES.values(), address)
    for student in students.values():
        student.address = address
        within(starting + VALID_WITHIN - time.monotonic(), student.has_a_valid_certificate)
    print(f"valid {time.monotonic() - starting:.0f} s after the start was asked for")
    for username, student in students.items():
        within(PATIENCE, student.works)  # Jupyter may still start; the browser of before is still in
        again = browser(username)
        again.open(links[username])
        assert whose(again) == whose(student) == username
