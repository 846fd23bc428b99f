"""Host keys that are read from consoles: late ones are waited for, and what AWS refuses is said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import jinja2
import pytest
import yaml
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.host_keys import read_known_hosts
from ansible_collections.machine_learning.classroom.plugins.modules import host_keys

from lab.lateness import LATENESS
from tests.support.host_keys import ed25519
from tools import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.aws_modules import AwsModules
    from tests.support.desk import Aws


class Pins:
    """The pins of a class whose machines are launched one after the other."""

    def __init__(self, modules: AwsModules, folder: Path) -> None:
        """Have no machine yet."""
        self._modules = modules
        self._path = str(folder / "known_hosts")
        self._seats: dict[str, str] = {}

    def launch(self) -> str:
        """Launch one more machine; return its seat."""
        seat = f"ml101-{len(self._seats) + 1:03}"
        (self._seats[seat],) = self._modules.launch(Name=seat)
        return seat

    def learn(self, **arguments: Any) -> dict[str, Any]:
        """Run the module for all of them; return its result."""
        running = [
            {"instance_id": machine, "state": {"name": "running"}, "tags": {"Name": seat}}
            for seat, machine in self._seats.items()
        ]
        return self._modules.run(host_keys, instances=running, path=self._path, **arguments)

    @property
    def right(self) -> list[str]:
        """The seats that are pinned; each to the key on the console of its machine."""
        pinned = read_known_hosts(self._path)
        assert [each.key for each in pinned] == [ed25519(self._seats[each.seat]) for each in pinned]
        return [each.seat for each in pinned]


@pytest.fixture
def pins(modules: AwsModules, tmp_path: Path) -> Pins:
    """Return the pins of a class without machines."""
    return Pins(modules, tmp_path)


def words(told: dict[str, Any]) -> str:
    """Return what the role machines says of this result; nothing where all is well."""
    tasks = yaml.safe_load((PROJECT / "roles/machines/tasks/assign_seats.yml").read_text())
    (task,) = (each for each in tasks if each["name"] == "Name the machines whose host key is not known")
    jinja, known = jinja2.Environment(), {"__machines_host_keys": told}  # noqa: S701 - no page for a browser
    if not jinja.compile_expression(task["when"])(known):
        return ""
    return jinja.from_string(task["ansible.builtin.debug"]["msg"]).render(known)


def test_late_consoles_are_waited_for(aws: Aws, pins: Pins) -> None:
    LATENESS.set(console_s=4)
    seats = [pins.launch(), pins.launch()]
    told = pins.learn(timeout=120)
    assert (told["pinned"], told["silent"], pins.right) == (seats, [], seats)
    assert [request.action for request in aws.requests].count("GetConsoleOutput") > len(seats)
    assert words(told) == ""


def test_a_console_that_is_later_than_the_timeout_is_named_with_the_next_command(pins: Pins) -> None:
    early = pins.launch()
    assert pins.learn()["pinned"] == [early]
    LATENESS.set(console_s=1000)
    late = pins.launch()
    told = pins.learn(timeout=1)
    assert (told["changed"], told["pinned"], told["silent"], pins.right) == (False, [], [late], [early])
    assert words(told).startswith(f"No host key on the console of {late} yet: run provision.yml again in a minute.")
    LATENESS.set()
    told = pins.learn()
    assert (told["pinned"], told["silent"], pins.right) == ([late], [], [early, late])


def test_what_aws_refuses_is_said_without_the_message_that_it_encodes(aws: Aws, pins: Pins) -> None:
    pins.launch()
    aws.refuse("GetConsoleOutput", "UnauthorizedOperation", f"Encoded authorization failure message: {'x' * 900}")
    told = pins.learn()
    assert told["msg"].startswith(
        "AWS does not permit GetConsoleOutput to these credentials (UnauthorizedOperation).\n"
    )
    assert "xxx" not in str(told)
