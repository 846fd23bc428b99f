"""A role's argument specification is its interface: it must say what the defaults and the tasks say."""

from __future__ import annotations

import pytest
import yaml

from tools import PROJECT
from tools.role_specs import Role, is_template, mappings, roles

ROLES = roles()
BY_NAME = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def called() -> set[tuple[str, str]]:
    """Find the entry points that playbooks and scenarios call, one by one or in a loop."""
    files = [*(PROJECT / "playbooks").rglob("*.yml"), *(PROJECT / "molecule").rglob("*.yml")]
    return {
        (role["name"], role.get("tasks_from", "main"))
        for path in files
        for task in mappings(yaml.safe_load(path.read_text(encoding="utf-8")))
        for action in ("ansible.builtin.import_role", "ansible.builtin.include_role")
        if isinstance(task.get(action), dict)
        for role in (task["loop"] if is_template(task[action]["name"]) else [task[action]])
    }


def test_every_entry_point_that_is_called_is_specified() -> None:
    specified = {(role.name, entry) for role in ROLES for entry in role.entries}
    assert called() == specified
    assert {name for name, _ in called()} == {role.name for role in ROLES}


@BY_NAME
def test_every_file_of_tasks_is_an_entry_point_or_a_part_of_one(role: Role) -> None:
    assert set(role.entries) <= role.task_files
    assert set().union(*(role.parts(entry) for entry in role.entries)) == role.task_files


@BY_NAME
def test_the_tasks_use_what_is_specified_and_nothing_else(role: Role) -> None:
    for entry, spec in role.entries.items():
        assert role.used(entry) == set(spec.get("options", {})), entry


@BY_NAME
def test_specification_and_defaults_agree(role: Role) -> None:
    specified = {name: option for spec in role.entries.values() for name, option in spec.get("options", {}).items()}
    assert set(role.defaults) <= set(specified)
    for spec in role.entries.values():
        for name, option in spec.get("options", {}).items():
            default = role.defaults.get(name)
            if name not in role.defaults or is_template(default):
                assert option.get("required") is True, f"{name}: nothing but the caller or the class can know it"
                assert "default" not in option, name
            else:
                assert "required" not in option, name
                assert option["default"] == default, name
                assert type(option["default"]) is type(default), name


@BY_NAME
def test_every_option_says_what_it_is(role: Role) -> None:
    for entry, spec in role.entries.items():
        assert spec["short_description"].strip(), entry
        assert not spec["short_description"].endswith("."), entry
        for name, option in spec.get("options", {}).items():
            assert name.startswith(f"{role.name}_")
            assert option["description"].endswith("."), name
            assert "type" in option, name
            assert option["type"] != "list" or "elements" in option, name


@BY_NAME
def test_secrets_are_marked(role: Role) -> None:
    for spec in role.entries.values():
        for name, option in spec.get("options", {}).items():
            secret = any(word in f"{name} {option['description']}".lower() for word in ("password", "token", "secret"))
            assert option.get("no_log", False) is secret, name
