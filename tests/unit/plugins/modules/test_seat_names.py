"""Names in Route 53: one request for all, nothing where nothing is needed, and words for what does not work."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.modules import seat_names

from lab.faults import Fault
from lab.lateness import LATENESS
from lab.route53 import CHANGE
from tests.support.zone import DOMAIN, Zone

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.aws_modules import AwsModules
    from tests.support.desk import Aws

SEATS = [
    {
        "name": f"ml101-{number:03}",
        "address": f"192.0.2.{number}",
        "account": f"https://authority.example/acct/{number}",
    }
    for number in (1, 2)
]
NAMES = [f"{seat['name']}.{DOMAIN}" for seat in SEATS]


class Names:
    """An account with a zone above the class's domain, and what runs the module."""

    def __init__(self, aws: Aws, modules: AwsModules) -> None:
        """Make the zone."""
        self.aws, self._modules, self._zone = aws, modules, Zone(aws)

    def run(self, domain: str = DOMAIN, *, quiet: bool = True, **given: Any) -> dict[str, Any]:
        """Run the module; `quiet` as if nobody had asked and nothing had been refused before."""
        if quiet:
            self.aws.start_over()
        return self._modules.run(seat_names, **({"class_name": "ml101", "domain": domain} | given))

    def add(self, name: str, kind: str, value: str) -> None:
        """Add somebody else's record."""
        self.aws.start_over()
        self._zone.add(name, kind, value)

    def delete(self) -> None:
        """Delete the zone."""
        self._zone.delete()

    @property
    def there(self) -> set[tuple[str, str]]:
        """Which names have records of which types."""
        return set(self._zone.records)

    @property
    def changes(self) -> int:
        """How many requests changed something."""
        return [request.action for request in self.aws.requests].count(CHANGE)


@pytest.fixture
def names(aws: Aws, modules: AwsModules) -> Iterator[Names]:
    """Return it; afterwards the account has no zones."""
    made = Names(aws, modules)
    yield made
    made.delete()


def test_all_seats_are_named_in_one_request_and_a_second_run_asks_for_nothing(names: Names) -> None:
    told = names.run(seats=SEATS)
    assert (told["changed"], told["named"], told["removed"]) == (True, NAMES, [])
    assert names.there == {(name, kind) for name in NAMES for kind in ("A", "CAA")}
    assert names.changes == 1
    told = names.run(seats=SEATS)
    assert (told["changed"], told["named"], names.changes) == (False, [], 0)


def test_a_check_says_what_would_be_named(names: Names) -> None:
    told = names.run(seats=SEATS, _ansible_check_mode=True)
    assert (told["changed"], told["named"], names.there) == (True, NAMES, set())


def test_who_stops_loses_the_name_and_teardown_takes_those_of_the_class_alone(names: Names) -> None:
    names.run(seats=SEATS)
    names.add(f"ml102-001.{DOMAIN}", "A", "192.0.2.7")
    names.add(f"www.{DOMAIN}", "A", "192.0.2.8")
    runs_on = [SEATS[1]["name"]]
    told = names.run(purge=True, kept=runs_on)
    assert (told["removed"], told["named"]) == (NAMES[:1], [])
    assert {(NAMES[1], "A"), (NAMES[1], "CAA")} < names.there
    assert names.run(purge=True, kept=runs_on)["changed"] is False
    told = names.run(purge=True)
    assert told["removed"] == NAMES[1:]
    assert names.there == {(f"ml102-001.{DOMAIN}", "A"), (f"www.{DOMAIN}", "A")}


def test_below_former_domains_all_names_of_the_class_go(names: Names) -> None:
    former = "old.example.org"
    names.run(former, seats=SEATS)
    names.add(f"ml102-001.{former}", "A", "192.0.2.7")
    told = names.run(seats=SEATS, former_domains=[former, "class.example.net"], _ansible_check_mode=True)
    assert (told["named"], told["removed"]) == (NAMES, [f"{seat['name']}.{former}" for seat in SEATS])
    assert names.changes == 0
    assert names.run(seats=SEATS, former_domains=[former, "class.example.net"]) == told
    everything = {(name, kind) for name in NAMES for kind in ("A", "CAA")} | {(f"ml102-001.{former}", "A")}
    assert names.there == everything
    # The domain before may have been the last one.
    told = names.run("", former_domains=[former, DOMAIN], kept=[SEATS[0]["name"]], purge=True)
    assert (told["changed"], told["named"], told["removed"]) == (True, [], NAMES)
    assert names.there == {(f"ml102-001.{former}", "A")}
    assert names.run("", former_domains=[former, DOMAIN])["changed"] is False


def test_without_a_domain_route_53_is_asked_for_nothing(names: Names) -> None:
    told = names.run("", purge=True, kept=["ml101-001"])
    assert (told["changed"], told["named"], told["removed"]) == (False, [], [])
    assert names.aws.requests == []


def test_a_new_address_goes_with_the_names_that_are_gone_in_one_request(names: Names) -> None:
    names.run(seats=SEATS)
    told = names.run(seats=[{**SEATS[0], "address": "192.0.2.9"}], purge=True)
    assert (told["named"], told["removed"], names.changes) == (NAMES[:1], NAMES[1:], 1)


def test_it_waits_until_name_servers_know(names: Names, monkeypatch: pytest.MonkeyPatch) -> None:
    def polls() -> int:
        return [request.action for request in names.aws.requests].count("GetChange")

    monkeypatch.setattr(seat_names, "SECONDS_BETWEEN_POLLS", 0.3)  # as often as Route 53 may be asked
    monkeypatch.setattr(LATENESS, "in_sync", lambda _change: polls() >= 3)
    assert names.run(seats=SEATS)["changed"]
    assert polls() == 3
    assert names.run(seats=SEATS)["changed"] is False
    assert polls() == 0


def test_a_zone_that_is_busy_is_asked_again(names: Names) -> None:
    names.aws.start_over()
    names.aws.faults.add(Fault(CHANGE, "PriorRequestNotComplete"))
    assert names.run(seats=SEATS, quiet=False)["changed"]
    assert {refusal.code for refusal in names.aws.refusals} == {"PriorRequestNotComplete"}


def test_a_domain_without_a_zone_is_named_with_what_to_do(names: Names) -> None:
    told = names.run("class.example.net", seats=SEATS)
    assert told["msg"].startswith(
        "The account has no public zone for class.example.net in Route 53.\nCreate the hosted "
    )
    told = names.run("class.example.net", purge=True)
    assert told["changed"] is False
    told = names.run("class.example.net", zone_required=True)
    assert told["msg"].startswith("The account has no public zone for class.example.net in Route 53.\n")


def test_before_anything_is_there_it_is_asked_whether_names_can_be_given(names: Names) -> None:
    told = names.run(zone_required=True)
    assert (told["changed"], names.changes) == (False, 0)
    told = names.run(zone_required=True, class_name="ml_101")
    assert told["msg"].startswith(f"ml_101-001.{DOMAIN} is no name that DNS could have.\nSet class_name")
    assert names.aws.requests == []


def test_what_is_refused_is_said_in_words(names: Names) -> None:
    names.aws.start_over()
    names.aws.refuse(CHANGE, "AccessDenied", "User: x is not authorized to perform: route53:ChangeResourceRecordSets")
    told = names.run(seats=SEATS, quiet=False)
    assert told["msg"].startswith("AWS does not permit route53:ChangeResourceRecordSets to these credentials")
    names.add(NAMES[0], "CNAME", "other.example.org")
    told = names.run(seats=SEATS)
    assert told["msg"].startswith(
        f"{NAMES[0]} has a record of type CNAME in Route 53 that no run of this project made."
    )
    assert names.changes == 0
