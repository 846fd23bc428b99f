"""Names of seats on real hosts: the lab's DNS knows them, its authority certifies them once, and teardown ends them.

The tests go through a term in their order.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lab.layout import ACME_ROOT
from tests.support.class_machines import machines, refuse_a_lab_that_is_up, running
from tests.support.commands import TEARDOWN, bring_lab_up, command, mails, recap
from tests.support.lab_course import Course
from tests.support.letter import https_link
from tests.support.seat_names import DOMAIN, Zone, addresses, orders

if TYPE_CHECKING:
    from collections.abc import Iterator

SEATS = {"ada": "ml101-001", "grace": "ml101-002"}
NAMES = {username: f"{seat}.{DOMAIN}" for username, seat in SEATS.items()}
pytestmark = pytest.mark.timeout(1800)


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """A class of two, before there is a zone."""
    refuse_a_lab_that_is_up()
    made = Course(tmp_path_factory.mktemp("course"), {"class_access": ["https", "ssh"], "class_domain": DOMAIN})
    made.write_roster(["ada", "grace"])
    try:
        bring_lab_up()
        yield made
    finally:
        command("make lab-down DISCARD=1")


@pytest.fixture(scope="module")
def zone(course: Course) -> Zone:
    """Have the class begin in a zone of its own."""
    refused = course.play("provision.yml", check=False)
    assert f"The account has no public zone for {DOMAIN} in Route 53." in refused
    assert machines() == []
    made = Zone()
    course.play("provision.yml configure.yml")
    return made


@pytest.fixture(scope="module")
def first_links(zone: Zone) -> dict[str, str]:
    """Return the links of the first letters, by username."""
    assert zone.names
    links = {NAMES[username]: username for username in NAMES}
    found = [https_link(mail) for mail in mails()]
    return {links[link.split("/")[2]]: link for link in found}


def opened(link: str, seat: str) -> str:
    """Open a link in a browser that trusts the lab's authority alone; return the status and where it leads."""
    name, address = link.split("/")[2], running()[seat]
    curl = f"curl -s -o /dev/null -w '%{{http_code}} %{{redirect_url}}' --cacert {ACME_ROOT}"
    return command(f"{curl} --resolve {name}:443:{address} '{link}'").stdout


def test_each_name_leads_to_its_machine_and_is_certified(first_links: dict[str, str], zone: Zone) -> None:
    assert set(first_links) == set(NAMES)
    assert zone.names == {(name, kind) for name in NAMES.values() for kind in ("A", "CAA")}
    for username, link in first_links.items():
        seat = SEATS[username]
        assert addresses(NAMES[username]) == [running()[seat]]
        assert opened(link, seat) == f"303 https://{NAMES[username]}/lab"
    # The certificate is for the name of one seat alone: curl has compared it.
    strange = first_links["ada"].replace(NAMES["ada"], NAMES["grace"])
    assert opened(strange, SEATS["grace"]).split()[0] != "303"
    assert orders() == 2


def test_a_second_run_does_nothing(course: Course, zone: Zone) -> None:
    before = zone.names
    for options in ("", " -e configure_force=true"):
        said = recap(course.play(f"configure.yml{options}"))
        assert all(host["changed"] == 0 for host in said.values())
    assert (zone.names, orders()) == (before, 2)
    noted = json.loads((course.state / "certificates.json").read_text())
    assert sorted(entry["name"] for entry in noted) == sorted(NAMES.values())


def test_stopped_the_names_are_gone_and_started_the_old_link_works_and_nothing_is_ordered(
    course: Course, zone: Zone, first_links: dict[str, str]
) -> None:
    before = running()
    course.play("stop.yml")
    assert zone.names == set()
    assert addresses(NAMES["ada"]) == []
    course.play("start.yml")
    assert set(before.values()) & set(running().values()) == set()
    for username, link in first_links.items():
        assert addresses(NAMES[username]) == [running()[SEATS[username]]]
        assert opened(link, SEATS[username]) == f"303 https://{NAMES[username]}/lab"
    assert orders() == 2


def test_a_machine_that_stopped_itself_loses_its_name_with_the_next_command(course: Course, zone: Zone) -> None:
    course.on(SEATS["grace"], "systemctl poweroff", check=False)
    command("for i in $(seq 60); do .venv/bin/python -m lab status | grep -q stopped && break; sleep 1; done")
    assert (NAMES["grace"], "A") in zone.names
    course.play("configure.yml", check=False)
    assert zone.names == {(NAMES["ada"], "A"), (NAMES["ada"], "CAA")}


def test_a_new_machine_takes_the_name_over_and_its_order_is_counted(
    course: Course, zone: Zone, first_links: dict[str, str]
) -> None:
    said = " ".join(course.play("replace.yml -e student=ada").split())
    assert "1 certificate is ordered now, after 2 in the last seven days." in said
    assert orders() == 3
    assert {name for name, _ in zone.names} == {NAMES["ada"]}
    assert opened(first_links["ada"], SEATS["ada"]) == f"303 https://{NAMES['ada']}/lab"


def test_teardown_leaves_no_record(course: Course, zone: Zone) -> None:
    course.play("start.yml")
    assert (NAMES["grace"], "A") in zone.names
    course.play(TEARDOWN)
    assert zone.names == set()
