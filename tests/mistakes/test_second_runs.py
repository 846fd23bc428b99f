"""Second runs: where a command has done all, it promises nothing in check mode, and does nothing; no host is asked."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.locks import write_lock
from tests.support.rooms import HERE, Rooms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.desk import Desk

pytestmark = pytest.mark.long

# From roster to teardown, each with how it ends: no machine answers here, so no work is at home.
# replace.yml, restore.yml and link.yml are missing: they do the same again as often as they are asked.
COMMANDS = {
    "provision.yml": 0,
    "plan.yml": 0,
    "configure.yml": 0,
    "mail.yml": 0,
    "status.yml": 0,
    "leftovers.yml": 0,
    "collect.yml": 2,
    "handback.yml": 0,
    'stop.yml -e {"class_abandon_work":["ada","grace"]}': 0,
    "start.yml": 0,
    'retire.yml -e student=grace -e {"class_abandon_work":["grace"]}': 0,
    "bake.yml -e bake_remove=true": 0,
    'teardown.yml -e class_confirm_teardown=ml101 -e {"class_abandon_work":["ada"]}': 0,
}


@pytest.fixture
def rooms(desk: Desk) -> Iterator[Rooms]:
    """Return the class's machines, which are gone afterwards."""
    made = Rooms(desk)
    yield made
    if found := made.found():
        made.ec2.terminate_instances(InstanceIds=[machine["InstanceId"] for machine in found])


def changes(desk: Desk, line: str, code: int) -> tuple[int, str]:
    """Run a command that ends with `code`; return how much it changed, or would change, and its screen."""
    shown = desk.play(f"{HERE} {line}", timeout=600)
    assert shown.code == code, shown.text
    (count,) = re.findall(r"^localhost .* changed=(\d+)", shown.text, re.MULTILINE)
    return int(count), shown.text


@pytest.mark.usefixtures("rooms")
@pytest.mark.timeout(3600)
def test_after_a_command_check_mode_promises_nothing_and_a_second_run_does_nothing(desk: Desk) -> None:
    write_lock(desk.home / "environment.lock")
    broken = []
    for line, code in COMMANDS.items():
        if line.startswith("retire.yml"):
            (desk.home / "students.csv").write_text("name,email\nAda Beispiel,ada@example.com\n")
        changes(desk, line, code)
        for again in (f"{line} --check", line):
            count, text = changes(desk, again, code)
            broken += [f"{again}\n{text}"] if count else []
    assert not broken, "\n".join(broken)
