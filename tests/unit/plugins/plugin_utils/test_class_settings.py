"""The settings of a class: class.yml as it comes has all of them, and what is misspelt or of another type is named."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.class_settings import (
    LATER,
    SETTINGS,
    faults,
    strangers,
)

from tools import PROJECT

# Who adds one looks for another that can go.
MOST = 42
AS_IT_COMES: dict[str, Any] = yaml.safe_load((PROJECT / "group_vars/all/class.yml").read_text())


def test_class_yml_as_it_comes_has_all_settings_and_no_other() -> None:
    assert [*AS_IT_COMES] == [*SETTINGS]
    assert faults(AS_IT_COMES, AS_IT_COMES) == []


def test_there_are_no_more_than_an_instructor_can_read() -> None:
    assert len(AS_IT_COMES) <= MOST


def test_those_of_later_versions_may_be_missing_and_no_other() -> None:
    before = {name: value for name, value in AS_IT_COMES.items() if name not in LATER}
    assert faults(before, before) == []
    for name in before:
        (said,) = faults({key: value for key, value in before.items() if key != name}, before)
        assert said.startswith(f"{name} is missing. It has to be ")


TEXT = 'a text, such as "ml101"'
TEXTS = 'a list of texts, such as ["a", "b"]'
PORTS = "a list of ports, such as [22, 443]"
WHOLE = "a whole number, such as 2"
AS_JSON = "is read as a text. Write it without quotes, in a template with `| {}`, with -e as JSON: -e"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("class_name", 101, 'is read as a number. Write it in quotes: class_name: "…"'),
        ("class_language", False, 'is read as true or false. Write it in quotes: class_language: "…"'),
        ("class_roster", ["a.csv"], f"is read as a list. It has to be {TEXT}."),
        ("class_smtp_host", None, f'has no value. It has to be {TEXT}; "" is none.'),
        ("class_access", None, f"has no value. It has to be {TEXTS}; [] is none."),
        ("class_access", "https", f"is read as a text. It has to be {TEXTS}."),
        ("class_ssh_ports", 22, f"is read as a number. It has to be {PORTS}."),
        ("class_ssh_ports", ["22"], f"is read as a list. It has to be {PORTS}."),
        (
            "class_spare_machines",
            "2",
            f"""{AS_JSON.format("int")} '{{"class_spare_machines": 2}}'""",
        ),
        ("class_budget", "99.50", f"""{AS_JSON.format("float")} '{{"class_budget": 99.5}}'"""),
        ("class_budget", "nan", "is read as a text. It has to be a number, such as 2.5."),
        ("class_max_hours", "4.0", f"is read as a text. It has to be {WHOLE}."),
        ("class_budget", "100 $", "is read as a text. It has to be a number, such as 2.5."),
        ("class_disk_gb", 30.5, f"is read as a number. It has to be {WHOLE}."),
        ("class_spare_machines", True, f"is read as true or false. It has to be {WHOLE}."),
        ("class_max_hours", None, f"has no value. It has to be {WHOLE}."),
        ("class_stable_links", "perhaps", "is read as a text. It has to be true or false."),
        ("class_timetable", [], "is read as a list. It has to be a mapping, such as {a: b}, or {}."),
        ("class_instance_type", {"a": 1}, 'is read as a mapping. It has to be instance types, such as ["m6a.large"].'),
    ],
)
def test_another_type_is_named_with_what_it_has_to_be(name: str, value: Any, said: str) -> None:
    assert faults(AS_IT_COMES | {name: value}, [name]) == [f"{name} {said}"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("class_instance_type", "t3.large"),
        ("class_snapshot_work", "mary"),
        ("class_price_per_hour", 0.1),
        ("class_price_per_hour", "0.1"),
        ("class_budget", 12.5),
        ("class_smtp_port", "587"),
        ("configure_force", "true"),
        ("class_stable_links", "no"),
        ("configure_force", "Y"),
        ("configure_force", 1),
        ("class_access", ["ssh"]),
        ("class_changed_addresses", {"a@example.com": "b@example.com"}),
    ],
)
def test_what_can_be_meant_is_taken(name: str, value: Any) -> None:
    assert faults(AS_IT_COMES | {name: value}, [name]) == []


def test_misspelt_settings_are_named_with_those_that_were_meant_and_ones_of_ones_own_are_not() -> None:
    names = ["class_rooster", "class_spare_machine", "class_room", "class_confirm_teardown", "student", "mail_again"]
    assert faults(AS_IT_COMES, names) == [
        "class_rooster is no setting. Was class_roster meant?",
        "class_spare_machine is no setting. Was class_spare_machines meant?",
    ]
    assert strangers(names) == ["class_room"]


def test_what_cannot_be_looked_at_is_not_missing() -> None:
    known = {name: value for name, value in AS_IT_COMES.items() if name != "class_mirror_url"}
    assert faults(known, [], {"class_mirror_url"}) == []


def test_no_value_is_shown() -> None:
    wrong = {name: {"secret": "never-to-be-printed"} for name in SETTINGS} | {"class_timetable": "never-to-be-printed"}
    said = faults(wrong, [])
    assert len(said) == len(SETTINGS) - 1  # class_changed_addresses is a mapping
    assert "never-to-be-printed" not in "".join(said)
