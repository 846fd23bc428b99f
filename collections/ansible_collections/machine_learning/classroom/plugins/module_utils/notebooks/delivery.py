"""Templates given to students, and their new editions brought in, without ever losing what a student wrote.

Whatever the student wrote wins. A file that the student never touched becomes the new edition; in a notebook that was
touched the two are merged by cells (`merge`); where a person must decide, the new edition is laid beside. All that is
done in the student's folder by `student_files`; here is who gets what, and the memory.
"""

from __future__ import annotations

import contextlib
import hashlib
import inspect
import os
import pwd
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.accounts import primary_group
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import composed, printable
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks import merge
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.merge_process import program_merger
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.student_files import (
    Edition,
    Verdict,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.student_process import (
    as_student,
    explain_os_error,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.templates import NotebooksError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

USERNAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*")

# By verdict: what Ansible is told has changed, what stays as the student has it, and what the instructor reads.
CHANGES = {
    "given": "gave {student} {path}",
    "updated": "updated {path} of {student}",
    "merged": "merged {path} of {student}",
    "carried": "gave {student} {path} with the student's edits",
    "aside": "laid {aside} of {student} beside the student's file",
}
KEPT = ("aside", "blocked", "busy")
REPORTS = {
    "aside": "{path} stays as the student has it, because {why}. The new edition lies beside it: {aside}.",
    "blocked": "{path} was not brought: something of the student's own is in the way.",
    "busy": "{path} is being written just now. Run again.",
    "carried": "{path} is {was} under a new name, with the student's edits. {was} stays, too.",
    "renamed": "{path} is {aside} by now, as the student renamed it, and gets no more updates.",
    "orphan": "{path} is no longer among the templates. The student's edited file stays, and gets no more updates.",
}
# What is said about a renamed template tells of the old path as well.
TOLD_OF = ("given", "carried")
SUMMARY = {"updated": "brought up to date", "merged": "merged with the student's own work"}


@dataclass
class Outcome:
    """What became of the templates in one student's folder."""

    kept: list[str] = field(default_factory=list)
    """The paths where the student's file stays as it is, because something of the student's own is there."""
    report: list[str] = field(default_factory=list)
    """Sentences for the instructor: what was brought up to date, and what needs a person."""
    diffs: list[dict[str, str]] = field(default_factory=list)
    """What changes in the student's files, as Ansible shows it."""


class Delivery:
    """The templates of a class, given to the students of one machine.

    `store` (root's alone) keeps for each student which bytes were given under which path, USERNAME.json, and these
    bytes themselves, objects/SHA256: from them an update can tell what the student changed. What was only laid beside
    the student's file is in offered/USERNAME.json: it is not offered twice, and is no base for a merge.
    """

    def __init__(
        self, host: Host, directory: str, *, store: str, owner: str, python: str, withheld: Sequence[str] = ()
    ) -> None:
        """Deliver below `directory`, one folder per student; `owner` owns that directory and the store.

        `python` is the interpreter that has nbformat. What is `withheld`, files and folders, is a template still: it is
        only not given for now.
        """
        self._host = host
        self._directory = directory
        self._store = store
        self._objects = os.path.join(store, "objects")
        self._offered = os.path.join(store, "offered")
        self._owner = owner
        self._merger = program_merger(python, inspect.getsource(merge))
        self._withheld = frozenset(map(composed, withheld))
        self._brought: dict[str, bytes] = {}

    def keep(self, content: bytes) -> None:
        """Keep the bytes of a template on this machine, so that they can be given; in check mode, for this run."""
        sha256 = hashlib.sha256(content).hexdigest()
        if self._host.check_mode:
            self._brought[sha256] = content
        elif not os.path.exists(self._object(sha256)):
            with self._remembering("the templates"):
                records.make_private(self._objects)
                records.write_bytes(self._object(sha256), content)

    def missing(self, students: Sequence[str], templates: Mapping[str, str], again: Sequence[str]) -> list[str]:
        """Return the paths of `templates` (path → sha256) that some student is to get and whose bytes are not here.

        In check mode a student who has had nothing yet needs no bytes.
        """
        wanted = set()
        for student in students:
            given = self._given(student)
            if given or not self._host.check_mode:
                known = _as_given(given, templates)
                wanted |= {known[path] for path in self._wanted(student, given, known, again) & set(known)}
        return sorted(path for path, sha256 in templates.items() if sha256 in wanted and self._content(sha256) is None)

    def deliver(self, student: str, templates: Mapping[str, str], again: Sequence[str]) -> Outcome:
        """Bring the templates that `student` has not got, or has in an older edition; those in `again` even if deleted.

        The bytes must have been kept, except where `missing` asked for none.
        """
        folder = self._folder(student)
        given, offered = self._given(student), self._offers(student)
        templates = _as_given(given, templates)
        again = [*_as_given(given, dict.fromkeys(again, ""))]
        editions = self._editions(given, self._wanted(student, given, templates, again), templates, again)
        if not editions:
            return Outcome()
        verdicts: dict[str, Verdict] = {}
        outcome = Outcome()
        try:
            if folder is None:  # check mode: it would just have been made, empty
                verdicts |= {path: Verdict("given") for path, edition in editions.items() if not edition.given}
            else:
                for path, verdict in as_student(
                    student,
                    folder,
                    list(editions.values()),
                    self._merger,
                    dry=self._host.check_mode,
                    course={
                        path: [each[path] for each in (given, templates) if path in each]
                        for path in {*given, *templates}
                    },
                ):
                    verdicts[path] = verdict
        finally:  # what was done before it went wrong counts, too
            for path, verdict in verdicts.items():
                if verdict.what in ("given", "same", "updated", "merged", "carried"):
                    given[path] = templates[path]
                    offered.pop(path, None)
                elif verdict.what in ("aside", "orphan", "gone"):
                    offered[path] = templates.get(path, "")
            self._tell(student, editions, verdicts, outcome, offered)
            offered |= {verdict.aside: "" for verdict in verdicts.values() if verdict.what == "renamed"}
            self._remember(student, given, offered)
        return outcome

    def _wanted(
        self, student: str, given: Mapping[str, str], templates: Mapping[str, str], again: Sequence[str]
    ) -> set[str]:
        """Return the paths at which there may be something to do, those of former templates included."""
        offered = self._offers(student)
        news = {path for path, sha256 in templates.items() if sha256 not in (given.get(path), offered.get(path))}
        former = {
            path
            for path in given
            if path not in templates and offered.get(path) != "" and not self._is_withheld(composed(path))
        }
        return news | former | (set(again) & set(given) & set(templates))

    def _is_withheld(self, path: str) -> bool:
        """Say whether `path`, or a folder on the way, is withheld."""
        while path and path not in self._withheld:
            path = os.path.dirname(path)
        return bool(path) or "." in self._withheld

    def _editions(
        self, given: Mapping[str, str], wanted: set[str], templates: Mapping[str, str], again: Sequence[str]
    ) -> dict[str, Edition]:
        """Return what is to reach a student by path, with all that is known of what the student has."""
        renamed = self._renamed(given, wanted, templates)
        editions = {}
        for path in sorted(wanted):
            was = renamed.get(path, "")
            editions[path] = Edition(
                path,
                sha256=templates.get(path, ""),
                content=self._content(templates.get(path, "")) or b"",
                given=given.get(path, ""),
                base=self._content(given.get(path) or given.get(was, "")),
                was=was,
                again=path in again,
            )
        return editions

    def _renamed(self, given: Mapping[str, str], wanted: set[str], templates: Mapping[str, str]) -> dict[str, str]:
        """Return the new path of templates that were renamed → the old one."""
        former = [path for path in sorted(wanted) if path not in templates]
        renamed: dict[str, str] = {}
        for path in sorted(wanted & set(templates) - set(given)):
            for old in former:
                before, now = self._content(given[old]), self._content(templates[path])
                same_kind = os.path.splitext(old)[1] == os.path.splitext(path)[1]
                if before and now and same_kind and merge.is_renamed(before, now):
                    renamed[path] = old
                    former.remove(old)
                    break
        return renamed

    def _tell(
        self,
        student: str,
        editions: Mapping[str, Edition],
        verdicts: Mapping[str, Verdict],
        outcome: Outcome,
        told: Mapping[str, str],
    ) -> None:
        """Say what became of each path: changes to Ansible, the rest in `outcome` to the instructor.

        A file that the student renamed is named once: then it is among those that were `told`.
        """
        done: dict[str, list[str]] = {"updated": [], "merged": []}
        explained = {editions[path].was for path, verdict in verdicts.items() if verdict.what in TOLD_OF}
        for path, verdict in verdicts.items():
            edition, why = editions[path], printable(verdict.why)
            if verdict.what in CHANGES:
                self._host.change(CHANGES[verdict.what].format(student=student, path=path, aside=verdict.aside))
                outcome.diffs += self._diff(student, edition, verdict)
            if verdict.what in done:
                done[verdict.what].append(path)
            if verdict.what in KEPT:
                outcome.kept.append(path)
            if (
                verdict.what in REPORTS
                and path not in explained
                and not (verdict.what == "renamed" and verdict.aside in told)
            ):
                sentence = REPORTS[verdict.what].format(path=path, why=why, aside=verdict.aside, was=edition.was)
                outcome.report.append(f"{student}: {sentence}")
            elif verdict.what == "given" and why:
                renamed = f"{path} is {edition.was} under a new name"
                outcome.report.append(f"{student}: {renamed}; the edits stay in {edition.was}, because {why}.")
            outcome.report += [f"{student}: {path}: {printable(note)}." for note in verdict.notes]
        brought = [f"{SUMMARY[what]} {', '.join(paths)}" for what, paths in done.items() if paths]
        if brought:
            outcome.report.insert(0, f"{student}: {'; '.join(brought)}.")

    @staticmethod
    def _diff(student: str, edition: Edition, verdict: Verdict) -> list[dict[str, str]]:
        before, after = "", ""
        if verdict.what == "updated" and edition.base is not None:
            before, after = (merge.outline(text.decode(errors="replace")) for text in (edition.base, edition.content))
        elif len(verdict.diff) == 2:
            before, after = verdict.diff
        if before == after:
            return []
        where = f"{student}/{edition.path}"
        return [{"before_header": where, "after_header": where, "before": plain(before), "after": plain(after)}]

    def _given(self, student: str) -> dict[str, str]:
        if not USERNAME.fullmatch(student):
            raise NotebooksError(f"{student!r} is no username.")
        return records.read_json(os.path.join(self._store, f"{student}.json"))

    def _offers(self, student: str) -> dict[str, str]:
        return records.read_json(os.path.join(self._offered, f"{student}.json"))

    def _remember(self, student: str, given: dict[str, str], offered: dict[str, str]) -> None:
        if self._host.check_mode:
            if (given, offered) != (self._given(student), self._offers(student)):
                self._host.need(f"what {student} has been given is to be remembered")
            return
        with self._remembering(f"what {student} has been given"):
            records.make_private(self._store)
            records.write_json(os.path.join(self._store, f"{student}.json"), given)
            records.make_private(self._offered)
            records.write_json(os.path.join(self._offered, f"{student}.json"), offered)

    @contextlib.contextmanager
    def _remembering(self, what: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NotebooksError(f"{self._store} cannot keep {what}: {explain_os_error(error)}") from None

    def _object(self, sha256: str) -> str:
        return os.path.join(self._objects, sha256)

    def _content(self, sha256: str) -> bytes | None:
        """Return the bytes of what was or is a template; None if they are not on this machine."""
        if sha256 in self._brought:
            return self._brought[sha256]
        try:
            with open(self._object(sha256), "rb") as source:
                return source.read()
        except (FileNotFoundError, IsADirectoryError):  # the latter: no sha256
            return None

    def _folder(self, student: str) -> str | None:
        """Return the student's folder, made if need be; None if check mode would have made it."""
        parent, group = os.path.dirname(self._directory), primary_group(self._owner)
        if not os.path.isdir(parent):
            self._host.directory(parent, mode=0o755, owner=self._owner, group=group)
        self._host.directory(self._directory, mode=0o711, owner=self._owner, group=group)
        folder = os.path.join(self._directory, student)
        try:
            pwd.getpwnam(student)
        except KeyError:
            if not self._host.check_mode:
                raise NotebooksError(
                    f"Student {student} has no account on this machine. Run configure.yml, which makes it."
                ) from None
        if os.path.islink(folder):
            raise NotebooksError(f"{folder} is a link, not the folder of {student}. Move it aside, then run again.")
        self._host.directory(folder, mode=0o700, owner=student, group=primary_group(student))
        return folder if os.path.isdir(folder) else None


def _as_given(given: Mapping[str, str], templates: Mapping[str, str]) -> dict[str, str]:
    """Return `templates` by the paths under which they were given, where these are the same in other code points."""
    spelled = {composed(path): path for path in given}
    return {path if path in given else spelled.get(composed(path), path): sha256 for path, sha256 in templates.items()}


def plain(text: str) -> str:
    """Return `text` as it may be shown on a terminal: a student may have typed what would command one."""
    return "".join(c if c.isprintable() or c in "\n\t" else "\N{REPLACEMENT CHARACTER}" for c in text)
