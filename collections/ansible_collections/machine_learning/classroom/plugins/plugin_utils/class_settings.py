"""The settings of a class: which there are, and what each may be.

What a setting means, and whether its value can be right, is for who uses it. Here it is only seen to it that each is
known by its name and of its type, so that nobody meets a text where a list was meant, or a setting that nobody reads.
"""

from __future__ import annotations

import difflib
import json
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible.module_utils.parsing.convert_bool import BOOLEANS

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping

HEADLINE = "The class cannot have these settings (group_vars/all/class.yml, or -e):"
PREFIX = "class_"
NEAR = 0.8
"""How alike two names are (of 1), where one was meant to be the other."""


@dataclass(frozen=True)
class Kind:
    """What a setting may be."""

    words: str
    accepts: Callable[[Any], bool]


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_list_of(accepts: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, list) and all(map(accepts, value))


def _is_switch(value: Any) -> bool:
    """Say whether Ansible takes it for true or false, which `-e` gives as a text."""
    return (value.lower() if isinstance(value, str) else value) in BOOLEANS if isinstance(value, str | int) else False


TEXT = Kind('a text, such as "ml101"', _is_text)
WHOLE = Kind("a whole number, such as 2", _is_whole)
NUMBER = Kind("a number, such as 2.5", _is_number)
PRICE = Kind('a number, such as 0.0914, or "" to ask AWS', lambda value: _is_number(value) or _is_text(value))
PORT = Kind("a port, such as 587", lambda value: _is_whole(value) or _is_text(value))  # mail's own words are better
SWITCH = Kind("true or false", _is_switch)
TEXTS = Kind('a list of texts, such as ["a", "b"]', _is_list_of(_is_text))
NAMES = Kind('a list of usernames, such as ["ada"]', lambda value: _is_text(value) or TEXTS.accepts(value))
TYPES = Kind('instance types, such as ["m6a.large"]', NAMES.accepts)
PORTS = Kind("a list of ports, such as [22, 443]", _is_list_of(_is_whole))
MAPPING = Kind("a mapping, such as {a: b}, or {}", lambda value: isinstance(value, dict))

SETTINGS = {
    "class_name": TEXT,
    "class_region": TEXT,
    "class_time_zone": TEXT,
    "class_language": TEXT,
    "class_roster": TEXT,
    "class_changed_addresses": MAPPING,
    "class_timetable": MAPPING,
    "class_instance_type": TYPES,
    "class_students_per_machine": WHOLE,
    "class_spare_machines": WHOLE,
    "class_max_hours": WHOLE,
    "class_disk_gb": WHOLE,
    "class_image_parameter": TEXT,
    "class_image_id": TEXT,
    "class_subnet_id": TEXT,
    "class_budget": NUMBER,
    "class_price_per_hour": PRICE,
    "class_access": TEXTS,
    "class_ssh_ports": PORTS,
    "class_ssh_cidrs": TEXTS,
    "class_domain": TEXT,
    "class_stable_links": SWITCH,
    "class_environment_file": TEXT,
    "class_environment_lock": TEXT,
    "class_datasets_file": TEXT,
    "class_notebooks_directory": TEXT,
    "class_notebooks_again": TEXTS,
    "class_mirror_url": TEXT,
    "class_smtp_host": TEXT,
    "class_smtp_port": PORT,
    "class_smtp_username": TEXT,
    "class_smtp_password": TEXT,
    "class_smtp_token_command": TEXT,
    "class_smtp_ca_file": TEXT,
    "class_mail_from": TEXT,
    "class_mail_subject": TEXT,
    "class_state_dir": TEXT,
    "class_work_home": TEXT,
    "class_collect_max_file_mb": NUMBER,
    "class_work_remote": TEXT,
    "class_abandon_work": NAMES,
    "class_snapshot_work": NAMES,
}
# Those that a class.yml of an earlier version has not: without them all is as it was then.
LATER = frozenset(
    {
        "class_access",
        "class_budget",
        "class_domain",
        "class_language",
        "class_price_per_hour",
        "class_smtp_ca_file",
        "class_smtp_token_command",
        "class_stable_links",
        "class_time_zone",
        "class_timetable",
    }
)
# With -e alone, for one run.
FOR_ONE_RUN = {"configure_force": SWITCH}
READ = SETTINGS | FOR_ONE_RUN
# What is not in class.yml: an answer that teardown.yml else asks for, and a setting that an earlier version had.
OTHERS = frozenset({"class_confirm_teardown", "class_smtp_secure"})


def faults(given: Mapping[str, Any], named: Collection[str], unread: Collection[str] = ()) -> list[str]:
    """Return what is wrong, a line each, with what is `given`, by setting, and with the names that somebody wrote.

    Those that are `unread` are there, and could not be looked at. No line holds a value, but for a number that was
    meant to be one: a setting may be a password.
    """
    lines = (line for name, kind in READ.items() if name not in unread for line in _fault(name, kind, given))
    return [*_misspelt(named), *lines]


def strangers(named: Collection[str]) -> list[str]:
    """Return the names that look like settings, and like none that there is: somebody's own, for a text of theirs."""
    return [name for name in _unknown(named) if not _near(name)]


def _unknown(named: Collection[str]) -> list[str]:
    return sorted({name for name in named if name.startswith(PREFIX)} - {*SETTINGS, *OTHERS})


def _near(name: str) -> list[str]:
    return difflib.get_close_matches(name, SETTINGS, n=1, cutoff=NEAR)


def _misspelt(named: Collection[str]) -> Iterator[str]:
    for name in _unknown(named):
        if near := _near(name):
            yield f"{name} is no setting. Was {near[0]} meant?"


def _fault(name: str, kind: Kind, given: Mapping[str, Any]) -> Iterator[str]:
    if name not in given:
        if name not in LATER | FOR_ONE_RUN.keys():
            yield f"{name} is missing. It has to be {kind.words}."
        return
    value = given[name]
    if kind.accepts(value):
        return
    if value is None:
        empty = {TEXT: '""', MAPPING: "{}", NAMES: "[]", TEXTS: "[]"}.get(kind, "")
        yield f"{name} has no value. It has to be {kind.words}" + (f"; {empty} is none." if empty else ".")
    elif kind is TEXT and not isinstance(value, list | dict):
        yield f'{name} is read as {_called(value)}. Write it in quotes: {name}: "…"'
    elif (number := _number_in(value, kind)) is not None:
        given_once, convert = json.dumps({name: number}), "int" if kind is WHOLE else "float"
        yield (
            f"{name} is read as a text. Write it without quotes, in a template with `| {convert}`, with -e as JSON: "
            f"-e '{given_once}'"
        )
    else:
        yield f"{name} is read as {_called(value)}. It has to be {kind.words}."


def _number_in(value: Any, kind: Kind) -> float | None:
    """Return the number that a text was meant to be, if it is one of the `kind`."""
    try:
        number = {WHOLE: int, NUMBER: float}[kind](value)
    except (KeyError, TypeError, ValueError):
        return None
    return number if _is_text(value) and math.isfinite(number) else None


def _called(value: Any) -> str:
    """Say what a value is, without the value."""
    words = {bool: "true or false", int | float: "a number", str: "a text", dict: "a mapping", list: "a list"}
    return next((said for kind, said in words.items() if isinstance(value, kind)), "something else")
