"""What is broken by hand on one machine is mended by one run, which asks the others and leaves them alone."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import recap
from tests.support.damage import DAMAGES, Damage

if TYPE_CHECKING:
    from tests.support.lab_course import Course

BROKEN, OTHER = "ml101-001", "ml101-002"
ASKED = {damage.role for damage in DAMAGES}


def roles_begun(said: str) -> set[str]:
    """Return the roles, of those that a machine may need, that somebody's machine needed."""
    return set(re.findall(r"^TASK \[(\w+) : ", said, re.MULTILINE)) & ASKED


def test_who_lacks_nothing_is_only_asked(course: Course) -> None:
    said = course.play("configure.yml")
    assert roles_begun(said) == set()
    assert {host["changed"] for host in recap(said).values()} == {0}


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: f"{damage.role}: {damage.what}")
def test_a_thing_that_was_broken_is_mended(course: Course, damage: Damage) -> None:
    course.on(BROKEN, damage.mended)
    course.on(BROKEN, damage.done)
    said = course.play("configure.yml")
    assert roles_begun(said) == {damage.role}
    course.on(BROKEN, damage.mended)
    hosts = recap(said)
    assert hosts[OTHER]["changed"] == 0
    assert hosts[OTHER]["ok"] < hosts[BROKEN]["ok"]


def test_who_was_told_to_lack_nothing_does_not(course: Course) -> None:
    said = course.play("configure.yml -e configure_force=true")
    assert roles_begun(said) == ASKED
    assert {host["changed"] for host in recap(said).values()} == {0}
