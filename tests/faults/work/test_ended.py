"""collect, restore and update ended by SIGKILL, here and on the machines: nothing is lost and nothing is half."""

from __future__ import annotations

import base64
import json
import random
from typing import TYPE_CHECKING, Any

import nbformat
import pytest

from tests.support.notebooks import code, edited, markdown, notebook, set_in
from tests.support.term import ACCOUNTS, FOLDER, STORE, STUDENTS, Ending, Term, owned

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.timeout(3600)

SEED = 20265
# Of what may be drawn, how much may be over before its moment comes.
DRAWN_FOR_EACH = 3
LESSON = "updated.ipynb"
# Run on a machine: what a student has of this lesson, hidden files too.
READ = """
import glob, json, os
os.chdir("{folder}")
print(json.dumps({{name: open(name).read() for name in glob.glob("*updated*") + glob.glob(".*updated*")}}))
"""


def moments(kills: int, draw: Callable[[], Ending], run: Callable[[Ending], bool]) -> None:
    """Let `run` end runs at moments drawn, `kills` in all."""
    ended = 0
    for drawn in range(1, DRAWN_FOR_EACH * kills + 4):
        ended += run(draw())
        if ended == kills:
            print(f"{ended} runs ended, {drawn} moments drawn")
            return
    raise AssertionError(f"of {DRAWN_FOR_EACH * kills + 3} runs only {ended} could be ended")


def save_all(term: Term, chance: random.Random, number: int) -> set[str]:
    """Let every student write: small files and, for some, more than a small pack. Returns all that is there by now."""
    for username in STUDENTS:
        picture = base64.b64encode(chance.randbytes(chance.choice([2_000, 2_000_000]))).decode()
        files = {
            "essay.ipynb": json.dumps(notebook(code(f"{number}", "a", picture))).encode(),
            f"week{number % 3}/{chance.randrange(4)}.txt": f"{number} of {username}".encode(),
        }
        term.write(username, files)
    deleted = f"week{chance.randrange(3)}/{chance.randrange(4)}.txt"
    term.on_all(f"cd {FOLDER}; for who in *; do rm -f $who/{deleted}; done")
    return set(term.there().values())


def test_collect_ended(term: Term, kills: int) -> None:
    chance = random.Random(SEED)  # noqa: S311 - repeatable, and no secret
    task = r"TASK \[work : Bring the students' work home"
    whole: set[str] = set()
    number = 0

    def same() -> None:
        assert term.home() == term.there()

    def run(ending: Ending) -> bool:
        nonlocal number
        number += 1
        whole.update(save_all(term, chance, number))
        ended = ending.end(term, "collect.yml", same)
        assert set(term.home().values()) <= whole  # each file is the earlier one or the new one
        term.collect()
        return ended

    moments(kills, lambda: Ending.draw(chance, "work_pack", task, here=0.9, there=0.4, times=1), run)


def test_restore_ended(term: Term, kills: int) -> None:
    chance = random.Random(SEED + 1)  # noqa: S311 - repeatable, and no secret
    task = r"TASK \[work : Bring the students' work back"
    term.on_all(f"rm -rf {FOLDER}/*/restored-*")
    save_all(term, chance, 0)
    term.collect()
    work = term.home()

    def run(ending: Ending) -> bool:
        return (_new_machine if chance.random() < 0.5 else _beside)(term, ending, work)

    moments(kills, lambda: Ending.draw(chance, "work_restore", task, here=1.2, there=0.3, times=3), run)


def _new_machine(term: Term, ending: Ending, work: dict[str, str]) -> bool:
    """End what gives students of new machines their work."""

    def back() -> None:
        assert term.there() == work

    term.on_all(
        f"for who in $(ls {FOLDER}); do find {FOLDER}/$who -mindepth 1 -delete; done; "
        f"rm {STORE}/restored/*.json {STORE}/delivered/*.json"
    )
    ended = ending.end(term, ACCOUNTS, back)
    there = term.there()
    for username in STUDENTS:
        assert owned(there, username) in ({}, owned(work, username))
    if ending.delay < 0.7:  # whatever is missing on a machine by now, none of it was deleted
        term.course.play("collect.yml", check=False)
        assert term.home() == work
    term.course.play(ACCOUNTS)
    back()
    _nothing_aside(term)
    term.collect()
    return ended


def _beside(term: Term, ending: Ending, work: dict[str, str]) -> bool:
    """End what lays an earlier day beside the work."""

    def beside() -> None:
        there = term.there()
        earlier = {path.split("/")[1] for path in there if "/restored-" in path}
        for username in STUDENTS:
            mine = {path: digest for path, digest in owned(there, username).items() if not path.startswith("restored-")}
            assert mine == owned(work, username)
        assert {
            path.replace(f"{name}/", "", 1): there[path] for path in there for name in earlier if f"/{name}/" in path
        } == work

    line = f"restore.yml -e student={','.join(STUDENTS)}"
    ended = ending.end(term, line, beside)
    there = term.there()
    for username in STUDENTS:
        theirs = {path: digest for path, digest in owned(there, username).items() if path.startswith("restored-")}
        assert {path.partition("/")[2]: digest for path, digest in theirs.items()} in ({}, owned(work, username))
    term.course.play(line)
    beside()
    _nothing_aside(term)
    term.on_all(f"rm -r {FOLDER}/*/restored-*")
    term.nothing_lost()
    return ended


def _nothing_aside(term: Term) -> None:
    assert term.on_all(f"ls -A {FOLDER}").split() == STUDENTS
    assert not list(term.work.glob(".incoming-*"))


def test_update_ended(term: Term, kills: int) -> None:
    chance = random.Random(SEED + 2)  # noqa: S311 - repeatable, and no secret
    task = r"TASK \[notebooks : Give every student the notebooks"
    lesson = notebook(markdown("Edition 0", "title"), code("answer = ...", "answer"), code("more = ...", "more"))
    template = term.course.folder / "notebooks" / LESSON
    template.write_text(json.dumps(lesson))
    term.course.play("configure.yml")
    # Ada works in cells of her own, Carl in one that the teacher changes, Blaise not at all.
    mine = {"ada": set_in(1, source="answer = 42\r\n # é"), "carl": set_in(0, source="Edition of carl")}
    for username, change in mine.items():
        term.write(username, {LESSON: json.dumps(edited(change, of=lesson)).encode()})
    number = 0

    def notebooks(username: str) -> dict[str, dict[str, Any]]:
        """Return the student's notebooks of this lesson, hidden ones too, which are whole."""
        found = json.loads(term.python(username, READ.format(folder=f"{FOLDER}/{username}")))
        return {name: nbformat.reader.reads(text) for name, text in found.items() if not name.endswith(".part")}

    def brought() -> None:
        title = f"Edition {number}"
        ada, blaise = notebooks("ada"), notebooks("blaise")
        assert sources(ada[LESSON]) == [title, "answer = 42\r\n # é", "more = ..."]
        assert blaise[LESSON] == json.loads(template.read_text())
        carl = notebooks("carl")
        assert sources(carl.pop(LESSON))[0] == "Edition of carl"
        assert title in {sources(each)[0] for name, each in carl.items() if ".new-" in name}
        for each in ada.values():
            nbformat.validate(each)

    def run(ending: Ending) -> bool:
        nonlocal number
        number += 1
        template.write_text(json.dumps(edited(set_in(0, source=f"Edition {number}"), of=lesson)))
        ended = ending.end(term, "configure.yml", brought)
        assert "answer = 42\r\n # é" in sources(notebooks("ada")[LESSON])
        assert sources(notebooks("blaise")[LESSON])[0] in (f"Edition {number - 1}", f"Edition {number}")
        assert sources(notebooks("carl")[LESSON])[0] == "Edition of carl"
        term.course.play("configure.yml")
        brought()
        left = {path for path in term.there() if path.endswith((".part", ".swap"))}
        assert not left
        return ended

    moments(kills, lambda: Ending.draw(chance, "classroom.notebooks", task, here=1.2, there=0.5, times=2), run)
    term.collect()


def sources(of: dict[str, Any]) -> list[str]:
    """Return the text of each cell."""
    return ["".join(cell["source"]) for cell in of["cells"]]
