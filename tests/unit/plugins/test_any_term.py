"""A term in any order: edits, new editions, collects, stops, exchanged machines. Whatever was collected is found again.

The modules' own code at work on folders: one student's on a machine, and home. tests/faults has a term on machines.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records as records_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import delivery as delivery_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import (
    merge,
    student_files,
    templates,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import collector
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.stopped_machines import (
    stop_records,
    stopped_machines,
)
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tests.support.machine_and_home import QUICK, Tree, Way, fsck, kept_tree, tree
from tests.support.notebook_course import ME, STUDENT
from tests.support.notebooks import BASE, dumped, edited, insert, markdown, set_in

LESSON = "lesson.ipynb"
NAMES = [LESSON, "a.ipynb", "sub/b.py", "sub/.git/config", "-x\n", "c"]
SEAT = "ml101-001"


def merge_here(base: bytes, student: bytes, template: bytes) -> dict[str, Any]:
    """Merge without a process of its own."""
    try:
        texts = {"base": base.decode(), "student": student.decode(), "template": template.decode()}
    except UnicodeDecodeError:
        return {"doubt": "it is not a notebook that can be read"}
    return merge.answer(texts)


def running(term: AnyTerm) -> bool:
    """Say whether the machine runs: a student can write on no other."""
    return not term.stopped


@settings(max_examples=40, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck))
class AnyTerm(RuleBasedStateMachine):
    """One student, one teacher and an instructor who runs every command we have."""

    def __init__(self) -> None:
        """Begin a term."""
        super().__init__()
        self.patched = contextlib.ExitStack()
        patch = self.patched.enter_context(pytest.MonkeyPatch.context())
        for module in (collector, student_files):
            patch.setattr(module, "QUIET_S", 0.0)
        patch.setattr(delivery_module, "program_merger", lambda *_: merge_here)
        self.way = Way(Path(self.patched.enter_context(tempfile.TemporaryDirectory(dir=QUICK))), STUDENT)
        self.collected: list[Tree] = []
        self.edition = BASE
        self.started, self.stopped = 0, False

    def teardown(self) -> None:
        """End it."""
        with self.patched:
            assert fsck(self.way.history()) == ""

    @precondition(running)
    @rule(name=st.sampled_from(NAMES), content=st.binary(max_size=40))
    def edit(self, name: str, content: bytes) -> None:
        """The student writes."""
        path = self.way.machine / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    @precondition(running)
    @rule(place=st.integers(0, 4), number=st.integers(0, 9))
    def work_in_the_lesson(self, place: int, number: int) -> None:
        """The student adds a cell, or answers in one."""
        lesson = self.lesson()
        if lesson is None:
            return
        change = insert(place, markdown(f"Mine {number}", f"mine-{number}-{len(lesson['cells'])}"))
        if place < len(lesson["cells"]) and number % 2:
            change = set_in(place, source=f"Mine {number}")
        (self.way.machine / LESSON).write_text(dumped(edited(change, of=lesson)))

    def lesson(self) -> Any:
        """Return the student's notebook; None if it is none."""
        try:
            return nbformat.reader.reads((self.way.machine / LESSON).read_text())
        except (OSError, ValueError, nbformat.reader.NotJSONError):
            return None

    @precondition(running)
    @rule(name=st.sampled_from(NAMES))
    def delete(self, name: str) -> None:
        """The student deletes."""
        (self.way.machine / name).unlink(missing_ok=True)

    @rule(place=st.integers(0, 3), number=st.integers(0, 9))
    def new_edition(self, place: int, number: int) -> None:
        """The teacher changes a cell of the lesson, or adds one."""
        change = insert(place, markdown(f"Edition {number}", f"edition-{number}-{len(self.edition['cells'])}"))
        if number % 2:
            change = set_in(place, source=f"Edition {number}")
        self.edition = edited(change, of=self.edition)

    @rule(name=st.sampled_from(NAMES), content=st.binary(min_size=1, max_size=10))
    def edit_at_home(self, name: str, content: bytes) -> None:
        """The instructor writes into the work at home."""
        if (self.way.mine / name).is_file():
            (self.way.mine / name).write_bytes(content)

    @precondition(running)
    @rule()
    def collect(self) -> None:
        """The work comes home."""
        self.way.collect()
        if self.way.folder().settled():
            assert tree(self.way.mine) == tree(self.way.machine)
        self.collected.append(tree(self.way.mine))

    @precondition(running)
    @rule()
    def configure(self) -> None:
        """A machine that is new gets the work, and each gets the newest edition, over nothing of the student's own."""
        self.way.restore()
        assert self.way.folder().settled()
        before, own = tree(self.way.machine), self.words_of_the_student()
        content = dumped(self.edition).encode()
        delivery = delivery_module.Delivery(
            Host(SimpleNamespace(check_mode=False)),
            str(self.way.machine.parent),
            store=str(self.way.store / "delivered"),
            owner=ME,
            python="",
        )
        delivery.keep(content)
        delivery.deliver(STUDENT, templates.digests({LESSON: content}), [])
        after = tree(self.way.machine)
        name = os.fsencode(LESSON)
        assert {path: what for path, what in before.items() if path != name}.items() <= after.items()
        if own and after.get(name) != before.get(name):
            assert own <= self.words_of_the_student()
            assert before[name] in [what for path, what in after.items() if b".before-" in path]

    def words_of_the_student(self) -> set[str]:
        """Return what the student wrote into the lesson."""
        lesson = self.lesson()
        return {cell["source"] for cell in lesson["cells"] if "Mine" in cell["source"]} if lesson else set()

    @precondition(running)
    @rule(number=st.integers(0, 20))
    def restore_earlier(self, number: int) -> None:
        """An earlier version is laid beside."""
        if versions := self.way.history().versions():
            version = versions[number % len(versions)]
            before = tree(self.way.machine)
            where = Path(self.way.restore(version.commit))
            assert tree(where) == kept_tree(self.way.history(), version.commit)
            after = tree(self.way.machine)
            assert {path: after.get(path) for path in before} == before

    def instance(self) -> dict[str, Any]:
        """Return the machine as AWS describes it."""
        tags = {"Name": SEAT, "Students": STUDENT}
        state = "stopped" if self.stopped else "running"
        return {"instance_id": "i-1", "state": {"name": state}, "launch_time": str(self.started), "tags": tags}

    @precondition(running)
    @rule()
    def stop(self) -> None:
        """The machine stops when its work is at home, and that is remembered."""
        self.collect()
        self.stopped = True
        self.started += not self.way.folder().settled()  # a folder that is not the student's yet counts as any other
        addresses = {STUDENT: self.way.email}
        work = {"i-1": [{"username": STUDENT, "verified": True}]}
        found = stop_records([self.instance()], work, str(self.way.home), self.way.class_name, addresses, {})
        for path, record in found.items():
            Path(path).parent.mkdir(exist_ok=True)
            records_module.write_json(path, record)

    @rule()
    def start(self) -> None:
        """It starts again."""
        self.started += self.stopped
        self.stopped = False

    @rule()
    def replace(self) -> None:
        """The machine is exchanged in order: its work is at home since it stopped, or collected now."""
        addresses = {STUDENT: self.way.email}
        stopped = stopped_machines([self.instance()], str(self.way.home), self.way.class_name, addresses, {})
        assert bool(stopped) == self.stopped
        if not stopped:
            self.collect()
        was, had = tree(self.way.machine), self.delivered()
        settled = self.way.folder().settled()
        edited_at_home = tree(self.way.mine) != self.collected[-1]
        self.start()
        self.way.new_machine()
        self.way.restore()
        if settled and not edited_at_home:
            assert tree(self.way.machine) == was
        if had and settled:
            has = self.delivered()
            assert has.items() <= had.items()
            assert had.keys() - has.keys() == {name for name in had if not self.still_named(name)}

    def delivered(self) -> Tree:
        """Return the files that tell what the student was given."""
        return {path: what for path, what in tree(self.way.store / "delivered").items() if what[0] == "file"}

    def still_named(self, name: bytes) -> bool:
        """Say whether a record names this template; bytes that nobody was given last are not brought along."""
        if b"objects/" not in name:
            return True
        kept = [self.way.store / "delivered" / place for place in (f"{STUDENT}.json", f"offered/{STUDENT}.json")]
        return any(os.path.basename(name) in record.read_bytes() for record in kept if record.exists())

    @rule()
    def lose(self) -> None:
        """A machine is lost before its newest work came home."""
        self.start()
        self.way.new_machine()

    @invariant()
    def every_version_is_found(self) -> None:
        """Whatever was collected is in the history, as it was."""
        kept = list(self.way.kept().values())
        for version in self.collected:
            assert version in kept or version == {}


TestAnyTerm = pytest.mark.timeout(300)(AnyTerm.TestCase)
