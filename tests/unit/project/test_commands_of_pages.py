"""Whoever begins types what README says under "On AWS" and docs/first-day.md: tests on hosts have typed all of it."""

from __future__ import annotations

import ast
import functools
import itertools
import re
import shlex
from typing import TYPE_CHECKING

import pytest

from tests.support.first_day_guide import rows
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TESTS = PROJECT / "tests"
ON_HOSTS = ("e2e", "verbs", "drift", "faults", "upgrade", "oracle")
GUIDED = TESTS / "verbs/test_first_day.py"
# Who types it in another way, or why nobody can.
NOT_TYPED = {
    "make setup": "tests/unit/project/test_setup.py runs it; a test on hosts finds its outcome",
    "source .venv/bin/activate": "lab/activate does it, with what the lab needs beside",
    "aws configure": "it asks for keys of AWS; lab/activate exports the lab's",
    "aws sso login": "it opens a browser at AWS",
    "aws freetier get-account-plan-state --query accountPlanType": "the lab's account has no plan",
    "ansible machines -m raw -a 'DEBIAN_FRONTEND=noninteractive apt-get -q -y install --reinstall libc6'": (
        "the lab's mirror has no libc6; molecule/system replaces another library"
    ),
    "ansible machines -m raw -a 'systemctl show --property=ActiveEnterTimestamp jupyter@*'": "nothing was upgraded",
}
COMMAND = re.compile(r"`((?:ansible|ansible-playbook|aws|make|source) [^`]+)`")
# What only says where a test's class keeps its things, and that it is sure.
ASIDE = {"-e class_work_home", "-e class_confirm_teardown"}
Shape = tuple[tuple[str, ...], frozenset[str]]


def shape(line: str) -> Shape | None:
    """Return the playbooks of a line and the names of its options, whatever their values; None where it has none."""
    try:
        words = shlex.split(line, comments=True)
    except ValueError:  # a half of a line, which a test completes
        return None
    if words[:1] == ["ansible-playbook"]:
        words = words[1:]
    playbooks = tuple(word for word in words if re.fullmatch(r"[a-z]+\.yml", word))
    if not playbooks or words[0] != playbooks[0]:
        return None
    given = {f"-e {after.partition('=')[0]}" for word, after in itertools.pairwise(words) if word == "-e"}
    given |= {word for word in words if word.startswith("--")}
    return playbooks, frozenset(given - ASIDE)


def words_of(node: ast.expr) -> str:
    """Return a text of a test, with `-` in the place of what it fills in."""
    if isinstance(node, ast.JoinedStr):
        return "".join(words_of(part) for part in node.values)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else "-"


def calls(path: Path) -> Iterator[tuple[str, list[ast.expr]]]:
    """Yield what a test calls, and with which arguments."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node.args


@functools.cache
def typed_by_the_guide() -> set[str]:
    """Return the commands of docs/first-day.md that its test types by their numbers."""
    numbers = {
        tuple(ast.literal_eval(each) for each in (*arguments, ast.Constant(0))[:2])
        for name, arguments in calls(GUIDED)
        if name in ("type", "line") and arguments and isinstance(arguments[0], ast.Constant)
    }
    return {rows()[number].commands[position].removeprefix("time ") for number, position in numbers}


@functools.cache
def shapes_on_hosts() -> set[Shape]:
    """Return what tests on hosts play; several playbooks in a line are each of them as well."""
    lines = [
        words_of(arguments[0])
        for folder in ON_HOSTS
        for path in sorted((TESTS / folder).glob("*.py"))
        for name, arguments in calls(path)
        if name in ("play", "command", "terminal") and arguments
    ]
    typed = [line.rpartition("&& ")[2] for line in lines] + sorted(typed_by_the_guide())
    found = {each for line in typed if (each := shape(line))}
    return found | {((playbook,), options) for playbooks, options in found for playbook in playbooks}


def pages() -> list[str]:
    """Return every command of README under "On AWS", and of docs/first-day.md, as it is to be typed."""
    section = (PROJECT / "README.md").read_text(encoding="utf-8").partition("\n## On AWS\n")[2].partition("\n## ")[0]
    fenced = re.findall(r"^(ansible-playbook [^#\n]+?) *(?:#.*)?$", section, re.MULTILINE)
    of_rows = [command.removeprefix("time ") for row in rows().values() for command in row.commands]
    return sorted({*fenced, *COMMAND.findall(section), *of_rows})


@pytest.mark.parametrize("command", pages())
def test_a_command_of_a_page_is_typed_on_hosts(command: str) -> None:
    assert command in NOT_TYPED or command in typed_by_the_guide() or shape(command) in shapes_on_hosts(), (
        f"no test on hosts types {command}, nor does NOT_TYPED say why"
    )


def test_what_is_excused_is_on_a_page_and_typed_by_nobody() -> None:
    assert [command for command in NOT_TYPED if command not in pages()] == []
    assert [command for command in NOT_TYPED if command in typed_by_the_guide()] == []


def test_another_option_is_another_command() -> None:
    typed = shapes_on_hosts()
    assert shape("ansible-playbook stop.yml -e student=ada") in typed
    assert shape("ansible-playbook stop.yml -e students=ada") not in typed
    assert shape("ansible-playbook nowhere.yml") not in typed
