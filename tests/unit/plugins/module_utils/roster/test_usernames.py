"""Usernames that are made: fit for every machine, and the same whoever else is in the class."""

from __future__ import annotations

import random
import re

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.roster import parse_roster
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.usernames import (
    RESERVED,
    fault_of,
    proposed,
    username_for,
    username_of,
)
from hypothesis import given
from hypothesis import strategies as st

ODD = ["20261234", "7up", "dip", "root", "clock", "x" * 40, "1" * 40, "_._", "a" * 33, "a" * 34]


@pytest.mark.parametrize(
    ("email", "username"),
    [
        ("Ada.Beispiel@example.com", "adabeispiel"),
        ("o'neil_7@example.com", "oneil7"),
        ("émile@example.com", "emile"),
        ("...@example.com", ""),
    ],
)
def test_a_username_is_what_stands_before_the_at(email: str, username: str) -> None:
    assert username_of(email) == username


@pytest.mark.parametrize(
    ("wish", "username"),
    [
        ("#Ada.B", "adab"),
        ("ada.b@example.org", "adab"),
        ("20261234", "ada"),  # no username can be made of that
        ("video", "ada"),
        ("", "ada"),
    ],
)
def test_a_wish_that_makes_no_username_leaves_it_to_the_address(wish: str, username: str) -> None:
    assert username_for("ada@example.com", wish) == username


@given(st.emails() | st.sampled_from(ODD).map("{}@example.com".format))
def test_every_address_has_a_username(email: str) -> None:
    assert fault_of(username_for(email, "")) == ""
    assert fault_of(proposed(email)) == ""


def test_what_the_machine_has_already_is_never_proposed() -> None:
    names = [name for name in RESERVED if re.fullmatch(r"[a-z0-9]+", name)]
    assert {"dip", "video", "tss", "dhcpcd", "clock", "root", "ubuntu", "admin", "lxd"} <= set(names)
    assert not RESERVED & {proposed(f"{name}@example.com") for name in names}


def test_long_names_that_begin_alike_are_told_apart() -> None:
    made = {proposed(f"{'x' * 40}{number}@example.com") for number in range(100)}
    assert len(made) == 100
    assert {len(username) for username in made} == {32}


def test_a_proposal_does_not_depend_on_the_others() -> None:
    def usernames(locals_: list[str]) -> dict[str, str]:
        text = "name,email\n" + "".join(f"Ada,{local}@example.com\n" for local in locals_)
        return {student.email: student.username for student in parse_roster("x", text.encode()).students}

    whole = usernames(ODD)
    shuffled = random.Random(1).sample(ODD, len(ODD))  # noqa: S311 - an order, no secret
    assert usernames(shuffled) == whole
    assert usernames(ODD[:3]).items() <= whole.items()
