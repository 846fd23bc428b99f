"""Every plugin of the collection answers ansible-doc: what it does, what it takes and returns, and an example."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import MagicMock

import pytest
from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.release import ReleasePlan
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.replacement import Replacement
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.student_report import Report
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.student_selection import Selection

from tools import COLLECTION, PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ANSIBLE_DOC = Path(sys.executable).with_name("ansible-doc")
NAME = "machine_learning.classroom"
FOLDERS = {
    "module": "modules",
    "filter": "filter",
    "inventory": "inventory",
    "callback": "callback",
    "lookup": "lookup",
}
RETURNING = ("module", "filter", "lookup")


def load(folder: str, file: str) -> Any:
    return importlib.import_module(f"ansible_collections.{NAME}.plugins.{folder}.{file}")


def files(folder: str) -> list[str]:
    return sorted(path.stem for path in (COLLECTION / "plugins" / folder).glob("*.py"))


FILTERS: dict[str, Any] = {
    name: function
    for file in files("filter")
    for name, function in load("filter", file).FilterModule().filters().items()
}


def plugins(kind: str) -> list[str]:
    return list(FILTERS) if kind == "filter" else files(FOLDERS[kind])


PLUGINS = [(kind, name) for kind in FOLDERS for name in plugins(kind)]
# The others run a module of their name with what they take, which ansible-test compares with its documentation.
ACTIONS = sorted(set(files("action")) - {name for name in files("modules") if hasattr(load("modules", name), "main")})


@cache
def answers(kind: str) -> tuple[dict[str, Any], str]:
    """Ask ansible-doc for all plugins of a kind at once, for it takes a second to start; return answers and errors."""
    done = subprocess.run(
        [ANSIBLE_DOC, "--json", "--type", kind, *(f"{NAME}.{name}" for name in plugins(kind))],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return json.loads(done.stdout or "{}"), done.stderr


def answer(kind: str, name: str) -> dict[str, Any]:
    told, errors = answers(kind)
    if f"{NAME}.{name}" not in told:
        pytest.fail(errors)
    plugin: dict[str, Any] = told[f"{NAME}.{name}"]
    return plugin


def bare(values: Mapping[str, Any], inner: str, path: str = "") -> Iterator[str]:
    """Find options or return values, also in others, that do not say what they are or of which type."""
    for name, value in values.items():
        if not (value.get("description") and value.get("type")):
            yield f"{path}{name}"
        yield from bare(value.get(inner) or {}, inner, f"{path}{name}.")


@pytest.mark.parametrize(("kind", "name"), PLUGINS)
def test_says_what_it_does_takes_and_returns(kind: str, name: str) -> None:
    told = answer(kind, name)
    assert told["doc"]["short_description"]
    assert told["doc"]["description"]
    assert list(bare(told["doc"].get("options") or {}, "suboptions")) == []
    assert list(bare(told["return"] or {}, "contains")) == []
    if kind in RETURNING:
        assert told["return"]


@pytest.mark.parametrize(("kind", "name"), PLUGINS)
def test_shows_an_example(kind: str, name: str) -> None:
    assert f"{NAME}.{name}" in answer(kind, name)["examples"]


@pytest.mark.parametrize("kind", FOLDERS)
def test_ansible_doc_has_nothing_to_complain_about(kind: str) -> None:
    assert answers(kind)[1] == ""


def test_every_action_is_documented_by_a_module_of_its_name() -> None:
    assert set(files("action")) - set(files("modules")) == set()


def taken(action: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return the argument spec of an action, which goes no further."""
    validate = MagicMock(side_effect=NotImplementedError)
    monkeypatch.setattr(ActionBase, "run", lambda *_, **__: {})
    monkeypatch.setattr(ActionBase, "validate_argument_spec", validate)
    with pytest.raises(NotImplementedError):
        load("action", action).ActionModule(*[MagicMock()] * 6).run(None, {})
    return validate.call_args.args[0]


def compared(options: Mapping[str, Any], inner: str) -> dict[str, Any]:
    """Return what documentation and argument specs say alike, in the same way."""
    return {
        name: {
            "type": option.get("type", "str"),
            "required": option.get("required", False),
            "default": option.get("default"),
            "elements": option.get("elements"),
            "choices": option.get("choices"),
            "options": compared(option.get(inner) or {}, inner),
        }
        for name, option in options.items()
    }


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_takes_what_its_documentation_says(action: str, monkeypatch: pytest.MonkeyPatch) -> None:
    documented = answer("module", action)["doc"]["options"]
    assert compared(documented, "suboptions") == compared(taken(action, monkeypatch), "options")


@pytest.mark.parametrize(
    ("action", "of", "returned", "more"),
    [
        ("student_selection", "", Selection(), []),
        ("replacement_plan", "", Replacement(), ["to_start", "record"]),
        ("release_plan", "", ReleasePlan(), ["collected", "launch_times"]),
        ("work_collect", "work", Report("ada"), []),
    ],
)
def test_an_action_returns_what_its_documentation_says(action: str, of: str, returned: Any, more: list[str]) -> None:
    values = answer("module", action)["return"]
    documented = values[of]["contains"] if of else values
    assert documented.keys() == {*asdict(returned), *more}
    assert {name: documented[name]["type"] for name in asdict(returned)} == {
        name: type(value).__name__ for name, value in asdict(returned).items()
    }


@pytest.mark.parametrize("name", FILTERS)
def test_a_filter_takes_what_its_documentation_says(name: str) -> None:
    documented = answer("filter", name)["doc"]
    _, *others = inspect.signature(FILTERS[name]).parameters.values()
    options = {option: given for option, given in documented["options"].items() if option != "_input"}
    required = inspect.Parameter.empty
    assert {option: required if given.get("required") else given["default"] for option, given in options.items()} == {
        parameter.name: parameter.default for parameter in others
    }
    by_position = [parameter.name for parameter in others if parameter.kind == parameter.POSITIONAL_OR_KEYWORD]
    assert documented.get("positional", "_input") == ", ".join(["_input", *by_position])
