"""What leaked is renewed on real hosts: what was before opens nothing any more, and no neighbour notices.

The first class shares a machine; in the second each student has one, with a link over https.
"""

from __future__ import annotations

import http.client
import json
import random
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import websocket

from lab.layout import ACME_ROOT
from tests.support.class_machines import refuse_a_lab_that_is_up, running
from tests.support.commands import bring_lab_up, command, mails
from tests.support.lab_course import Course, Moment
from tests.support.laptop import Laptop, fetch
from tests.support.letter import Letter, https_link, read_letter
from tests.support.visitor import GATE, Visitor
from tests.support.ways_in import lets_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEAT, OWN = "ml101-001", "ml101-002"
SHARING = {"class_access": ["ssh"], "class_students_per_machine": 2}
WITH_LINKS = {"class_access": ["https", "ssh"], "class_students_per_machine": 1}
OPEN, LET_IN, REFUSED = 303, "200", "403"
STATUS = "curl --silent --output /dev/null --write-out '%{{http_code}}' {options} http://localhost:{port}/api/contents"
SOME_MOMENTS = 4

shared = pytest.mark.parametrize("course", [SHARING], indirect=True, ids=["shared"], scope="module")
linked = pytest.mark.parametrize("course", [WITH_LINKS], indirect=True, ids=["https"], scope="module")


@pytest.fixture(scope="module")
def course(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """Ada, grace and mary have all been told how to get in."""
    refuse_a_lab_that_is_up()
    made = Course(tmp_path_factory.mktemp("course"), request.param)
    made.write_roster(["ada", "grace", "mary"])
    try:
        bring_lab_up()
        made.play("provision.yml configure.yml")
        yield made
    finally:
        command("make lab-down DISCARD=1")


@pytest.fixture
def laptop(tmp_path: Path) -> Laptop:
    """Return a computer on which ada reads her letters."""
    return Laptop(tmp_path)


def letters(since: int = 0) -> dict[str, Letter]:
    """Return the newest letter of each student, of those that came after the first `since`."""
    return {letter.username: letter for letter in map(read_letter, mails()[since:])}


def kept(course: Course) -> dict[str, dict[str, Any]]:
    """Return what is kept of each student, by username."""
    known = json.loads((course.state / "credentials.json").read_text())
    return {each["username"]: each for each in known.values()}


def servers(course: Course, seat: str = SEAT) -> dict[str, str]:
    """Return the process of each Jupyter on the machine of ada and grace, by username."""
    asked = "for who in ada grace; do echo $who $(systemctl show -P MainPID jupyter@$who.service); done"
    return dict(line.split() for line in course.on(seat, asked).splitlines())


def asked(course: Course, letter: Letter, options: str) -> str:
    """Return the status with which the student's Jupyter answers on the machine."""
    return course.on(letter.seat, STATUS.format(options=options, port=letter.port)).strip()


@shared
@pytest.mark.timeout(900)
def test_a_token_goes_with_the_cookies_that_it_gave_and_the_neighbours_jupyter_stays(course: Course) -> None:
    old, told, before = letters()["ada"], len(mails()), servers(course)
    page = f"'http://localhost:{old.port}/tree?token={old.token}'"
    course.on(SEAT, f"curl --silent --output /dev/null --cookie-jar /run/jar {page}")
    assert asked(course, old, "--cookie /run/jar") == LET_IN
    course.play("link.yml -e student=ada -e renew=token")
    assert asked(course, old, "--cookie /run/jar") == REFUSED
    assert asked(course, old, f"--header 'Authorization: token {old.token}'") == REFUSED
    after, new = servers(course), letters(told)
    assert (after["grace"], after["ada"] != before["ada"]) == (before["grace"], True)
    assert list(new) == ["ada"]
    assert (new["ada"].password, new["ada"].token != old.token) == (old.password, True)
    assert asked(course, old, f"--header 'Authorization: token {new['ada'].token}'") == LET_IN
    assert "changed=0" in course.play("configure.yml -e configure_force=true")


@shared
@pytest.mark.timeout(900)
def test_a_password_goes_with_the_tunnels_that_it_opened(course: Course, laptop: Laptop) -> None:
    old, told, before = letters()["ada"], len(mails()), servers(course)
    with laptop.tunnel(old, old.tunnel):
        assert fetch("/api/contents", old.token)[0] == http.HTTPStatus.OK
        course.play("link.yml -e student=ada -e renew=password")
        with pytest.raises(OSError, match=r"refused|reset|closed"):
            fetch("/api/contents", old.token)
    assert not lets_in(old.login, seat=SEAT, known_hosts=course.state / "known_hosts", password=old.password)
    new = letters(told)
    assert list(new) == ["ada"]
    with laptop.tunnel(new["ada"], new["ada"].tunnel):
        assert fetch("/api/contents", new["ada"].token)[0] == http.HTTPStatus.OK
    assert servers(course) == before


@shared
@pytest.mark.timeout(1800)
def test_a_run_that_is_killed_is_finished_by_the_same_command_and_renews_nothing_twice(course: Course) -> None:
    chance = random.Random(1)  # noqa: S311 - moments to draw, no secrets
    line = "link.yml -e student=ada -e renew=token"
    for _ in range(SOME_MOMENTS):
        before, told = kept(course)["ada"]["token"], len(mails())
        if not course.end(line, Moment.draw(chance, 25, 20.0)):
            continue
        half = kept(course)["ada"]
        course.play(line)
        whole = kept(course)["ada"]
        assert "renewed" not in whole
        if "renewed" in half:
            assert whole["token"] == half["token"] != before
        assert [read_letter(mail).username for mail in mails()[told:]] in (["ada"], ["ada", "ada"])
        newest = letters(told)["ada"]
        assert newest.token == whole["token"]
        assert asked(course, newest, f"--header 'Authorization: token {newest.token}'") == LET_IN
        assert asked(course, newest, f"--header 'Authorization: token {before}'") == REFUSED


@shared
@pytest.mark.timeout(900)
def test_a_machine_that_is_off_gets_it_with_its_start(course: Course, laptop: Laptop) -> None:
    old, told = letters()["mary"], len(mails())
    course.play("stop.yml -e student=mary")
    assert f"{OWN} (mary): does not run." in course.play("link.yml -e student=mary -e renew=password,token")
    assert len(mails()) == told
    course.play("start.yml -e student=mary")
    new = letters(told)["mary"]
    assert (new.password != old.password, new.token != old.token) == (True, True)
    assert "in" in laptop.log_in(new, "echo in")
    assert asked(course, new, f"--header 'Authorization: token {old.token}'") == REFUSED


@linked
@pytest.mark.timeout(900)
def test_a_link_goes_with_its_cookie_and_kernels_stay(course: Course) -> None:
    newest = {read_letter(mail).username: mail for mail in mails()}
    old, told, address = https_link(newest["ada"]), len(mails()), running()[SEAT]
    jupyter = course.on(SEAT, "systemctl show -P MainPID jupyter@ada.service")
    thief = Visitor(address, ACME_ROOT)
    thief.open(old)
    with thief.kernel() as kernel:
        assert kernel.run("print(1)") == "1\n"
        course.play("link.yml -e student=ada")
        with pytest.raises((OSError, websocket.WebSocketException)):
            kernel.run("print(2)")
        assert not thief.works()
        assert Visitor(address, ACME_ROOT).ask(urlsplit(old).path).status == http.HTTPStatus.FORBIDDEN
        (mail,) = mails()[told:]
        ada = Visitor(address, ACME_ROOT)
        ada.open(https_link(mail))
        assert ada.works()
        thief.cookies |= {GATE: ada.cookies[GATE]}  # so that the kernel can be ended
    assert https_link(mail) != old
    assert course.on(SEAT, "systemctl show -P MainPID jupyter@ada.service") == jupyter
    assert Visitor(running()[OWN], ACME_ROOT).ask(urlsplit(https_link(newest["grace"])).path).status == OPEN
    assert "changed=0" in course.play("configure.yml -e configure_force=true")


@linked
@pytest.mark.timeout(300)
def test_status_shows_until_when_the_certificate_is_and_who_came_by_the_link(course: Course) -> None:
    heading, *rows = (line for line in course.play("status.yml").splitlines() if "ml101-" in line or "OPENED" in line)
    assert "CERTIFICATE" in heading
    (ada,) = (row for row in rows if " ada " in row)
    assert " min ago " in ada
    assert " UTC " in ada[heading.index("CERTIFICATE") :]
    (mary,) = (row for row in rows if " mary " in row)
    assert mary[heading.index("OPENED")] == "-"
