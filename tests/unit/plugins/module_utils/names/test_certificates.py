"""Certificates are counted as Let's Encrypt counts them, and said before anything is launched."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.names.certificates import (
    WEEK,
    Order,
    certified,
    plan,
    read_orders,
    write_orders,
)

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
DOMAIN = "class.example.org"


def names(number: int) -> list[str]:
    """Return the whole names of so many seats."""
    return [f"ml101-{seat:03}.{DOMAIN}" for seat in range(1, number + 1)]


def ordered(number: int, ago: timedelta = timedelta()) -> list[Order]:
    """Return one order for each of so many seats."""
    return [Order(name, NOW - ago) for name in names(number)]


def test_forty_five_names_get_a_certificate_and_the_others_none_for_now() -> None:
    assert plan(DOMAIN, names(45), [], [], NOW).without == ()
    found = plan(DOMAIN, names(48), [], [], NOW)
    assert found.ordered == tuple(names(48)[:45])
    assert found.without == tuple(names(48)[45:])
    # One comes back every 202 minutes.
    assert found.again_at
    assert timedelta(minutes=201) < found.again_at - NOW < timedelta(minutes=202)


def test_what_is_valid_is_not_ordered_again() -> None:
    found = plan(DOMAIN, names(60), names(45), ordered(45), NOW)
    assert found.kept == tuple(names(45))
    assert found.ordered == ()
    assert len(found.without) == 15


def test_they_come_back_one_by_one() -> None:
    for ago, left in ((timedelta(), 0), (WEEK / 50 * 3, 3), (WEEK / 2, 25), (WEEK, 45), (3 * WEEK, 45)):
        found = plan(DOMAIN, [f"new-{number}.{DOMAIN}" for number in range(60)], [], ordered(45, ago), NOW)
        assert len(found.ordered) == left, ago


def test_orders_of_another_domain_do_not_count() -> None:
    other = [Order(f"x-{number}.example.net", NOW) for number in range(50)]
    assert len(plan(DOMAIN, names(45), [], other, NOW).ordered) == 45


def test_one_name_gets_five_in_a_week() -> None:
    (name,) = names(1)
    found = plan(DOMAIN, [name], [], [Order(name, NOW)] * 5, NOW)
    assert found.without == (name,)
    assert found.again_at == NOW + WEEK / 5


def test_a_replacement_counts() -> None:
    (name, *_) = names(1)
    assert plan(DOMAIN, [name], [], ordered(45), NOW).ordered == ()
    assert plan(DOMAIN, [name], [], ordered(44), NOW).ordered == (name,)


def test_it_is_said_in_words_who_gets_what_and_when_there_is_more() -> None:
    students = {names(47)[45]: ["ada"], names(47)[46]: ["grace", "linus"]}
    found = plan(DOMAIN, names(47), names(1), ordered(1, timedelta(days=1)), NOW)
    few = plan(DOMAIN, names(1), [], [], NOW).words({}, several=False)
    assert few == (
        "For class.example.org 1 certificate is ordered now, after 0 in the last seven days. Let's Encrypt issues 50 a "
        "week for a domain; 5 are kept for machines that are replaced."
    )
    assert found.without == (names(47)[46],)
    one = found.words(students, several=True)
    assert "45 certificates are ordered now, after 1 in the last seven days" in one
    assert "These students have ssh alone for now: grace, linus.\n" in one
    assert one.endswith("UTC on more of them can have names: run again then.")
    assert "get links to their machines' addresses, new at every start: grace, linus." in found.words(
        students, several=False
    )
    assert len(one.splitlines()) <= 5


@pytest.mark.parametrize("text", ["", "[]"])
def test_a_class_of_before_has_ordered_nothing(text: str) -> None:
    assert read_orders(text) == []


def test_orders_are_remembered_as_long_as_they_count() -> None:
    orders = [*ordered(3), *ordered(2, 2 * WEEK)]
    assert read_orders(write_orders(orders, NOW)) == orders[:3]


def test_what_a_machine_has_is_remembered_as_long_as_it_has_nothing_newer() -> None:
    (name, *_) = names(1)
    old = Order(name, NOW - 3 * WEEK, "i-1", (name,))
    assert certified(read_orders(write_orders([old], NOW))) == {"i-1": {name}}
    newer = Order(name, NOW, "i-1", (name, f"ml101-001-2.{DOMAIN}"))
    assert read_orders(write_orders([newer, old], NOW)) == [newer]
