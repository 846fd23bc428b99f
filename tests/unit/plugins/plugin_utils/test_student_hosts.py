"""Who has which host: names as far as there are certificates, and a name once given is kept."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import Machine
from ansible_collections.machine_learning.classroom.plugins.module_utils.names.certificates import Order
from ansible_collections.machine_learning.classroom.plugins.module_utils.names.records import NamesError
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_hosts import (
    ORDERS,
    OrdersError,
    foreseen,
    know_orders,
    note_orders,
    student_hosts,
)

NOW = datetime(2026, 11, 30, 9, 0, tzinfo=UTC)
DOMAIN = "class.example.org"


def machines(number: int, *, students: int = 1) -> list[Machine]:
    """Return so many machines with so many students on each."""
    return [
        Machine(
            f"i-{seat:03}",
            "running",
            f"ml101-{seat:03}",
            tuple(f"s{seat:03}{'abcdef'[slot]}" for slot in range(students)),
            f"192.0.2.{seat}",
        )
        for seat in range(1, number + 1)
    ]


def has(machine: Machine, *names: str, ago: timedelta = timedelta()) -> Order:
    """Return the order of the certificate that a machine has."""
    return Order(
        f"{machine.seat}.{DOMAIN}", NOW - ago, machine.instance_id, tuple(f"{name}.{DOMAIN}" for name in names)
    )


def test_without_a_domain_it_is_the_address_which_no_two_can_share() -> None:
    assert student_hosts(machines(2), "", [], NOW, several=False).by_student == {
        "s001a": "192.0.2.1",
        "s002a": "192.0.2.2",
    }
    shared = student_hosts(machines(1, students=2), "", [], NOW, several=True)
    assert (shared.by_student, shared.said) == ({"s001a": "", "s001b": ""}, "")
    # Also where new machines are for one by now.
    assert student_hosts(machines(1, students=2), "", [], NOW, several=False) == shared


def test_with_a_domain_it_is_the_name_of_the_seat_and_a_spare_has_none() -> None:
    found = student_hosts(
        [*machines(1, students=2), Machine("i-9", "running", "ml101-009", ())], DOMAIN, [], NOW, several=True
    )
    assert found.by_student == {"s001a": f"ml101-001.{DOMAIN}", "s001b": f"ml101-001-2.{DOMAIN}"}
    assert found.said.startswith(f"For {DOMAIN} 1 certificate is ordered now, after 0 in the last seven days.")


@pytest.mark.parametrize(("several", "host"), [(False, "192.0.2.46"), (True, "")])
def test_those_above_forty_five_have_no_name_for_now_and_are_named(several: bool, host: str) -> None:
    found = student_hosts(machines(47), DOMAIN, [], NOW, several=several)
    assert found.nameless == ("s046a", "s047a")
    assert found.by_student["s045a"] == f"ml101-045.{DOMAIN}"
    assert found.by_student["s046a"] == host
    assert "s046a, s047a" in found.said


def test_a_machine_has_one_certificate_whatever_its_students() -> None:
    found = student_hosts(machines(45, students=4), DOMAIN, [], NOW, several=True)
    assert found.nameless == ()
    assert all(found.by_student.values())


def test_who_has_a_name_keeps_it_and_nothing_is_said_where_nothing_is_ordered() -> None:
    class_ = machines(45)
    orders = [has(machine, machine.seat) for machine in class_]
    assert student_hosts(class_, DOMAIN, orders, NOW, several=False).said == ""
    # Another machine of the same seat has no certificate.
    other = Machine("i-new", "running", "ml101-001", ("s001a",), "192.0.2.99")
    replaced = student_hosts([other, *class_[1:]], DOMAIN, orders, NOW, several=False)
    assert (replaced.nameless, replaced.by_student["s001a"]) == (("s001a",), "192.0.2.99")
    # One who comes to a machine where there is one does not take it away.
    (pair,) = machines(1, students=2)
    joined = student_hosts([pair], DOMAIN, [has(pair, "ml101-001"), *orders], NOW, several=True)
    assert joined.by_student == {"s001a": f"ml101-001.{DOMAIN}", "s001b": ""}


def test_what_dns_could_not_have_is_refused() -> None:
    with pytest.raises(NamesError, match="is no name that DNS could have"):
        student_hosts([Machine("i-1", "running", "ml_101-001", ("ada",))], DOMAIN, [], NOW, several=False)


def test_it_is_foreseen_who_sits_where_once_machines_are_launched() -> None:
    there: list[dict[str, Any]] = [
        {"instance_id": "i-1", "state": {"name": "running"}, "tags": {"Name": "ml101-002", "Students": "ada"}},
        {"instance_id": "i-2", "state": {"name": "pending"}, "tags": {"Students": ""}},
    ]
    names = ["ada", "b", "c", "d"]
    seen = foreseen(names, there, class_name="ml101", students_per_machine=1)
    assert {machine.seat: machine.slots for machine in seen} == {
        "ml101-002": ("ada",),
        "ml101-001": ("b",),
        "ml101-003": ("c",),
        "ml101-004": ("d",),
    }


def test_an_order_is_remembered_once_for_as_long_as_the_machine_has_it(tmp_path: Path) -> None:
    entry = {"instance_id": "i-1", "name": f"ml101-001.{DOMAIN}", "names": [f"ml101-001.{DOMAIN}"]}
    state = str(tmp_path)
    assert note_orders(state, [entry], NOW, keep=False) == [entry["name"]]
    assert not (tmp_path / ORDERS).exists()
    assert note_orders(state, [entry], NOW, keep=True) == [entry["name"]]
    assert (tmp_path / ORDERS).stat().st_mode & 0o777 == 0o600
    assert note_orders(state, [entry], NOW, keep=True) == []
    later = NOW + timedelta(days=60)
    other = {"instance_id": "i-2", "name": f"ml101-002.{DOMAIN}", "names": [f"ml101-002.{DOMAIN}"]}
    assert note_orders(state, [entry, other], later, keep=True) == [other["name"]]
    assert [order.machine for order in know_orders(state)] == ["i-1", "i-2"]
    # Another set of names is another certificate.
    more = entry | {"names": [*entry["names"], f"ml101-001-2.{DOMAIN}"]}
    assert note_orders(state, [more], later, keep=True) == [entry["name"]]


@pytest.mark.parametrize("text", ["{", '[{"name": "x"}]', "[1]", "{}x"])
def test_a_file_that_cannot_be_read_is_named_with_what_to_do(tmp_path: Path, text: str) -> None:
    (tmp_path / ORDERS).write_text(text)
    with pytest.raises(OrdersError, match=rf"{ORDERS}: it is not known which certificates were ordered.*\nBring"):
        know_orders(str(tmp_path))
