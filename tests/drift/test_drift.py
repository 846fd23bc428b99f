"""What is broken by hand on one machine is mended by one run, which asks the others and leaves them alone."""

from __future__ import annotations

import re
from itertools import zip_longest
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import recap
from tests.support.damage import DAMAGES, Damage

if TYPE_CHECKING:
    from tests.support.lab_course import Course

BROKEN, OTHER = "ml101-001", "ml101-002"
ROLES = list(dict.fromkeys(damage.role for damage in DAMAGES))
# One thing of each role at a time: so each is seen by itself, without a run for each.
ROUNDS = [
    [damage for damage in together if damage]
    for together in zip_longest(*([damage for damage in DAMAGES if damage.role == role] for role in ROLES))
]


def roles_begun(said: str) -> set[str]:
    """Return the roles that somebody's machine needed."""
    made_ready = said.partition("PLAY [Make every machine ready")[2].partition("PLAY [Say who is ready")[0]
    return set(re.findall(r"^TASK \[(\w+) : ", made_ready, re.MULTILINE)) & set(ROLES)


def test_who_lacks_nothing_is_only_asked(course: Course) -> None:
    said = course.play("configure.yml")
    assert roles_begun(said) == set()
    assert {host["changed"] for host in recap(said).values()} == {0}


@pytest.mark.parametrize("damages", ROUNDS)
def test_what_was_broken_is_mended(course: Course, damages: list[Damage]) -> None:
    for damage in damages:
        course.on(BROKEN, damage.done)
    said = course.play("configure.yml")
    assert roles_begun(said) == {role for damage in damages for role in (damage.role, *damage.also)}
    for damage in damages:
        course.on(BROKEN, damage.mended)
    hosts = recap(said)
    assert hosts[OTHER]["changed"] == 0
    assert hosts[OTHER]["ok"] < hosts[BROKEN]["ok"]


def test_who_was_told_to_lack_nothing_does_not(course: Course) -> None:
    said = course.play("configure.yml -e configure_force=true")
    assert roles_begun(said) == set(ROLES)
    assert {host["changed"] for host in recap(said).values()} == {0}
