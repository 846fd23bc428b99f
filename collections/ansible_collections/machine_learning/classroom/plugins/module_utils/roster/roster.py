"""The class roster: a table in, its students or a list of mistakes out."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.columns import (
    UNTITLED,
    Header,
    columns_of,
    find_header,
    is_address,
    missing,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.persons import (
    full_name,
    has_left,
    is_nobody,
    is_staff,
    name_from_address,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.table import (
    Row,
    UnreadableError,
    decoded,
    readings,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.usernames import (
    fault_of,
    proposed,
    username_for,
    username_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# RFC 5321, 4.5.3.1: what every mail server must take, and no more.
LONGEST_BEFORE_AT, LONGEST_EMAIL = 64, 254
# Longer than any name, and short enough for a line of a letter and of the screen.
LONGEST_NAME = 120
LONGEST_SHOWN = 60
# Of lines, students and titles in one sentence.
MOST_SHOWN = 5
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")
# As mail programs copy it: Ada Beispiel <ada@example.com>, also "Beispiel, Ada", with and without quotation marks. With
# bounds, for a file may be one long line of anything.
_ANY_ADDRESS = r"""[^<>@\s,;|"]{1,255}@[^<>@\s,;|"]{1,255}"""
_QUOTED, _PLAIN = r"""(?P<quoted>[^"<>@\r\n]{0,200})""", r"""(?P<plain>[^"<>@;|\t\r\n]{0,200}?)"""
_MAILBOX = re.compile(rf"""(?:"{_QUOTED}"|{_PLAIN})\s{{0,20}}<(?P<email>{_ANY_ADDRESS})>|(?P<alone>{_ANY_ADDRESS})""")
# Around an address, from a link or the end of a sentence.
_WRAPPING = " <>,;.'\""
# Of a formula that failed: #REF!, #N/A, in German #BEZUG!.
_FAILED_FORMULA = re.compile(r"#[A-ZÄÖÜ0-9/]+[!?]?")
# The columns that say who has left.
_STATUSES = ("status", "status note")
_REMEDY = "give one in a third column `username`: small ASCII letters and digits, a letter first, 32 at most"


@dataclass(frozen=True)
class Student:
    """One student of the roster; `line` counts from 1 in the file."""

    name: str
    email: str
    username: str
    line: int


@dataclass(frozen=True)
class Roster:
    """The students in the order of the file, and what their instructor should know of how the file was read."""

    students: list[Student]
    notes: list[str]


class RosterError(ValueError):
    """All the mistakes of a roster at once, a sentence each."""

    def __init__(self, path: str, mistakes: list[str]) -> None:
        """Keep `mistakes` and build the message that the user reads."""
        self.mistakes = mistakes
        count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "1 mistake"
        super().__init__(f"The roster {path} has {count}:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))


@dataclass(frozen=True)
class _Mistake:
    """A mistake of one line; those of the same `kind` are told as one."""

    line: int
    kind: str
    sentence: str


@dataclass(frozen=True)
class _Entry:
    """A student as the file has them.

    `wish` is what a platform calls them, `chosen` whether their username was written for this class, `known` whether
    they have one in it already.
    """

    student: Student
    wish: str
    chosen: bool
    known: bool

    def is_again(self, other: _Entry) -> bool:
        """Say whether `other` is the same student: platforms list one once for each section."""
        email, name = self.student.email.casefold(), self.student.name.casefold()
        return bool(email) and (email, name) == (other.student.email.casefold(), other.student.name.casefold())


def read_roster(path: str, kept: Mapping[str, str] | None = None) -> Roster:
    """Read and check the file at `path`; raises `RosterError` with everything that is wrong with it.

    `kept` are the usernames of those who have one in this class already, by address in small letters. They keep them,
    whatever a platform calls them and whatever is made of addresses today; and they stay in the class, whatever their
    role, until their status says that they have left it.
    """
    file = Path(path)
    if not file.is_file():
        raise RosterError(
            path, ["there is no such file. Copy students.example.csv to it, put your students in, and run again."]
        )
    return parse_roster(path, file.read_bytes(), kept)


def parse_roster(path: str, content: bytes, kept: Mapping[str, str] | None = None) -> Roster:
    """Check the bytes of a roster; `path` is for the messages, `kept` as for `read_roster`. Raises `RosterError`."""
    try:
        header, rows = _titled(decoded(content))
    except UnreadableError as error:
        raise RosterError(path, [str(error)]) from error
    entries, staff, left = _entries(header, rows, kept or {})
    students = [entry.student for entry in entries]
    mistakes = _told_once(mistake for entry in entries for mistake in _mistakes_of(entry))
    mistakes += _repeated(students, "email", "the address {} stands on lines {}: remove all but one.")
    mistakes += _repeated(
        students,
        "username",
        "the username {} belongs to the students on lines {}: add a third column `username` with a name for each.",
    )
    if not students and left:
        mistakes.append(
            f"it has no student: by the column {_statuses(header)} all have left, such as {left[0]}."
            " Empty the cells of those who are to have a machine."
        )
    elif not students and staff:
        mistakes.append(f"it has no student: by the column {_shown(header.title('role'))} all are staff.")
    elif not students:
        mistakes.append("it has no student. Each line is: name,email")
    if mistakes:
        raise RosterError(path, mistakes)
    return Roster(students, list(_notes(header, entries, staff, left)))


def _titled(text: str) -> tuple[Header, list[Row]]:
    """Find the header, under the separator under which most of it is recognised; raises `UnreadableError`."""
    tables = readings(text)
    found = [each for rows in tables if (each := find_header(rows))]
    if found:
        header, rows = max(found, key=lambda each: (not each[0].guessed, len(each[0].columns)))
        _refuse_logins(header, rows)
        return header, rows
    rows = tables[0]
    if not rows or any("@" in cell for cell in rows[0].cells):
        return UNTITLED, _mailboxes(text) or _in_order(rows)
    lacking = " or ".join(missing(columns_of(rows[0].cells)))
    titles = _listed(_shown(title) for title in rows[0].cells if title)
    raise UnreadableError(
        f"line {rows[0].line}: no column is called {lacking}, but {titles}. The header is: name,email[,username]"
    )


def _refuse_logins(header: Header, rows: list[Row]) -> None:
    """Refuse a file whose students have names of a platform alone, and no addresses."""
    if "email" in header.columns or not rows or any("@" in _address(header, row.cells) for row in rows):
        return
    logins = (header.cell(row.cells, "login") or header.cell(row.cells, "username") for row in rows)
    example = next((f", but for example {_shown(login)!r}" for login in logins if login), "")
    raise UnreadableError(
        f"the column {_shown(header.title('login', 'username'))} holds no e-mail addresses{example}."
        " Add a column email with them."
    )


def _in_order(rows: list[Row]) -> list[Row]:
    """Return the rows of a file without a header, if addresses are where they have to be then; raises otherwise."""
    cells = rows[0].cells if rows else []
    at = next((number for number, cell in enumerate(cells, 1) if is_address(cell)), 0)
    if at != UNTITLED.columns["email"] + 1 and at and len(cells) > 1:
        raise UnreadableError(
            f"line {rows[0].line}: without a header the columns are name,email[,username], but the address is in"
            f" column {at}. Write a header above that says which column is what."
        )
    return rows


def _mailboxes(text: str) -> list[Row]:
    """Return rows of name and address if `text` is a list of addresses, as mail programs copy it, and nothing else."""
    if _MAILBOX.sub("", text).strip(' ,;|\t\r\n"'):
        return []
    found = {}
    for mailbox in _MAILBOX.finditer(text):
        email = mailbox["email"] or mailbox["alone"]
        line = len(f"{text[: mailbox.end()]}.".splitlines())
        name = (mailbox["quoted"] or mailbox["plain"] or "").strip(" ,")
        found[line, name, email] = Row(line, [name or name_from_address(email), email])
    return list(found.values())


def _entries(header: Header, rows: list[Row], kept: Mapping[str, str]) -> tuple[list[_Entry], list[str], list[str]]:
    """Return the students, and in words the staff and those who have left."""
    entries: list[_Entry] = []
    staff = []
    left: dict[str, str] = {}
    for row in rows:
        cell = partial(header.cell, row.cells)
        email, role, username = _address(header, row.cells), cell("role"), cell("username")
        name = full_name(cell("name"), cell("first name"), cell("last name")) if header.named else email
        if is_address(name):
            name = name_from_address(name)
        known = kept.get(email.casefold(), "")
        if not header.own and "@" not in email and (is_nobody(name) or not name + email):
            continue
        if is_staff(role) and not known:
            staff.append(f"{_shown(name)} ({_shown(role)})")
            continue
        if status := next(filter(has_left, map(cell, _STATUSES)), ""):
            left[email.casefold() or name] = f"{_shown(name or email)} ({_shown(status)})"
            continue
        wish, chosen = username or cell("login"), header.own and username not in ("", known)
        if not chosen:
            username = known or (username_for(email, wish) if _EMAIL.fullmatch(email) else "")
        entry = _Entry(Student(name, email, username, row.line), wish, chosen, bool(known))
        if header.own or not any(entry.is_again(other) for other in entries):
            entries.append(entry)
    for entry in entries:  # who has left one section and is in another
        left.pop(entry.student.email.casefold(), "")
    return entries, staff, list(left.values())


def _address(header: Header, cells: list[str]) -> str:
    """Return the address of a row: platforms have it in the column of their logins, too."""
    email = header.cell(cells, "email")
    logins = (header.cell(cells, field) for field in ("login", "username"))
    address = email if "@" in email else next((login for login in logins if "@" in login), email)
    if mailbox := _MAILBOX.fullmatch(address.removeprefix("mailto:")):
        address = mailbox["email"] or mailbox["alone"]
    return address.strip(_WRAPPING)


def _statuses(header: Header) -> str:
    """Name the columns that say who has left."""
    return " or ".join(_shown(header.title(field)) for field in _STATUSES if field in header.columns)


def _notes(header: Header, entries: list[_Entry], staff: list[str], left: list[str]) -> Iterator[str]:
    """Say what was decided on the instructor's behalf; nothing of those whose usernames are known already."""
    new = [entry for entry in entries if not (entry.known or entry.chosen)]
    if new and header.guessed:
        yield f"The addresses are those of the column {_shown(header.title('email'))}."
    made = {
        entry.wish: entry.student.username
        for entry in new
        if entry.wish != entry.student.username == username_of(entry.wish)
    }
    if made and "email" in header.columns:  # else it is the address, of which they always are
        listed = _listed(f"{username} of {_shown(wish)}" for wish, username in made.items())
        yield f"Usernames are made of the column {_shown(header.title('username', 'login'))}: {listed}."
    others = [student for entry in new if entry.wish not in made and _is_proposed(student := entry.student)]
    if others:
        listed = _listed(f"{student.username} for {_shown(student.email)}" for student in others)
        yield f"Addresses of which no username can be made as they are, so that these were proposed: {listed}."
    if staff:
        yield f"No machine for staff: {_listed(staff)}."
    if left:
        students, have, get = ("student", "has", "gets") if len(left) == 1 else ("students", "have", "get")
        yield (
            f"{len(left)} {students} {have} left by the column {_statuses(header)} and {get} no machine:"
            f" {_listed(left)}. Empty the cell of whoever is to have one."
        )


def _is_proposed(student: Student) -> bool:
    return student.username == proposed(student.email) != username_of(student.email)


def _mistakes_of(entry: _Entry) -> Iterator[_Mistake]:
    student = entry.student
    where = f"line {student.line}"
    who = f"{where} ({_shown(student.name)})" if student.name else where

    def mistake(kind: str, sentence: str) -> _Mistake:
        return _Mistake(student.line, kind, sentence)

    if not student.name:
        yield mistake("no name", f"{where}: the name is missing.")
    elif len(student.name) > LONGEST_NAME:
        characters = f"the name has {len(student.name)} characters"
        yield mistake("long name", f"{who}: {characters}. Is a quotation mark missing?")
    elif odd := next((character for character in student.name if _is_control(character)), ""):
        code = f"U+{ord(odd):04X}"
        yield mistake(code, f"{who}: the name holds {code}, which is not a letter. Type the name again.")
    elif _FAILED_FORMULA.fullmatch(student.name):
        yield mistake("formula", f"{who}: that is no name, but what a spreadsheet says of a formula that failed.")
    elif "=?" in student.name:
        yield mistake("=?", f"{who}: the name holds =?, as mail programs write foreign letters. Type the name again.")
    email, shown = student.email, repr(_shown(student.email))
    if not email:
        yield mistake("no address", f"{who}: the e-mail address is missing.")
    elif "@" in email and (foreign := next((letter for letter in email if not letter.isascii()), "")):
        yield mistake(
            "foreign address",
            f"{who}: {shown} holds {_shown(foreign)!r}, and many mail servers take a-z, digits and a few signs alone."
            " Write the form in ASCII, whose domain begins with xn--.",
        )
    elif not _EMAIL.fullmatch(email):
        yield mistake("no such address", f"{who}: {shown} is not an e-mail address.")
    elif len(email.partition("@")[0]) > LONGEST_BEFORE_AT or len(email) > LONGEST_EMAIL:
        yield mistake("long address", f"{who}: {shown} is longer than an e-mail address can be.")
    elif entry.chosen and (fault := fault_of(student.username)):
        name = _shown(student.username)
        yield mistake(fault, f"{who}: the username {name if name.isalnum() else repr(name)} {fault}; {_REMEDY}.")


def _told_once(mistakes: Iterable[_Mistake]) -> list[str]:
    """Return one sentence for each kind of mistake: that of the first line, and on which lines it is the same."""
    kinds: dict[str, list[_Mistake]] = {}
    for mistake in mistakes:
        kinds.setdefault(mistake.kind, []).append(mistake)
    return [
        first.sentence + (f" The same on lines {_listed(str(each.line) for each in others)}." if others else "")
        for first, *others in kinds.values()
    ]


def _repeated(students: list[Student], field: str, sentence: str) -> list[str]:
    counts = Counter(value.casefold() for student in students if (value := getattr(student, field)))
    return [
        sentence.format(
            _shown(value), ", ".join(str(s.line) for s in students if getattr(s, field).casefold() == value)
        )
        for value, count in counts.items()
        if count > 1
    ]


def _listed(words: Iterable[str]) -> str:
    """Return the first few of `words`, and how many there are beyond."""
    all_words = list(words)
    more = len(all_words) - MOST_SHOWN
    return ", ".join(all_words[:MOST_SHOWN]) + (f" and {more} more" if more > 0 else "")


def _is_control(character: str) -> bool:
    """Tell what moves the cursor, or is no character at all."""
    return unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn")


def _shown(text: str) -> str:
    """Return what of `text` a screen may show in a message."""
    plain = "".join("\ufffd" if _is_control(character) else character for character in text)
    return plain if len(plain) <= LONGEST_SHOWN else plain[: LONGEST_SHOWN - 1] + "…"
