"""The class roster: a CSV file in, a list of students or a list of mistakes out."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

# Accounts that a Linux machine or an AWS image has already, so that no student may bear their name.
# fmt: off
RESERVED = frozenset(
    {
        "adm", "admin", "backup", "bin", "daemon", "debian", "dnsmasq", "ec2user", "fwupdrefresh", "games",
        "gnats", "irc", "landscape", "list", "lp", "lxd", "mail", "man", "messagebus", "news", "nobody",
        "operator", "polkitd", "pollinate", "proxy", "root", "rtkit", "sshd", "staff", "students", "sudo",
        "sync", "sys", "syslog", "systemd", "tcpdump", "ubuntu", "usbmux", "users", "uucp", "uuidd", "www",
    }
)
# fmt: on
# useradd(8): names may only be up to 32 characters long.
LONGEST_USERNAME = 32
# Characters beyond ASCII before the @ are legal, and most mail servers refuse them.
_EMAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+")
_NAMES = {"name", "student", "student name", "full name"}
_EMAILS = {"email", "e-mail", "mail", "email address", "e-mail address"}
_USERNAMES = {"username", "user name", "user"}


@dataclass(frozen=True)
class Student:
    """One row of the roster; `line` counts from 1 in the file."""

    name: str
    email: str
    username: str
    line: int


class RosterError(ValueError):
    """All the mistakes of a roster at once, a sentence each."""

    def __init__(self, path: str, mistakes: list[str]) -> None:
        """Keep `mistakes` and build the message that the user reads."""
        self.mistakes = mistakes
        count = f"{len(mistakes)} mistakes" if len(mistakes) > 1 else "1 mistake"
        super().__init__(f"The roster {path} has {count}:\n" + "\n".join(f"  - {mistake}" for mistake in mistakes))


def username_of(email: str) -> str:
    """Make a username: the part before `@`, everything but ASCII letters and digits removed, lower case."""
    return re.sub(r"[^a-z0-9]", "", email.partition("@")[0].lower())


def read_roster(path: str) -> list[Student]:
    """Read and check the CSV file at `path`; raises `RosterError` with everything that is wrong with it."""
    file = Path(path)
    if not file.is_file():
        raise RosterError(
            path, ["there is no such file. Copy students.example.csv to it, put your students in, and run again."]
        )
    return parse_roster(path, file.read_bytes())


def parse_roster(path: str, content: bytes) -> list[Student]:
    """Check the bytes of a roster; `path` is for the messages. Raises `RosterError`."""
    students = _rows(path, _text(path, content))
    mistakes = [mistake for student in students for mistake in _mistakes_of(student)]
    mistakes += _repeated(students, "email", "the address {} stands on lines {}: remove all but one.")
    mistakes += _repeated(
        students,
        "username",
        "the username {} belongs to the students on lines {}: add a third column `username` with a name for each.",
    )
    if not students:
        mistakes.append("it has no student. Each line is: name,email")
    if mistakes:
        raise RosterError(path, mistakes)
    return students


def _text(path: str, content: bytes) -> str:
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise RosterError(path, ["it is an Excel workbook. In Excel choose Save As, CSV UTF-8, and name that file."])
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise RosterError(path, [f"line {line}: it is not UTF-8. Save the file as CSV UTF-8."]) from error
    if "\0" in text:
        raise RosterError(path, ["it is not a text file. Save the roster as CSV UTF-8."])
    return text


def _rows(path: str, text: str) -> list[Student]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, skipinitialspace=True)
    rows: list[tuple[int, list[str]]] = []
    begins = 1
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((begins, [cell.strip() for cell in row]))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise RosterError(path, [f"line {begins}: {error}. Is a quotation mark missing?"]) from error
    columns = {"name": 0, "email": 1, "username": 2}
    if rows and not any("@" in cell for cell in rows[0][1]):
        columns = _header(path, rows.pop(0))

    def cell(row: list[str], column: str) -> str:
        at = columns.get(column, len(row))
        return row[at] if at < len(row) else ""

    return [
        Student(
            name=" ".join(cell(row, "name").split()),
            email=cell(row, "email"),
            username=cell(row, "username") or username_of(cell(row, "email")),
            line=line,
        )
        for line, row in rows
    ]


def _header(path: str, row: tuple[int, list[str]]) -> dict[str, int]:
    line, cells = row
    folded = [cell.casefold() for cell in cells]
    found = {
        column: next((at for at, cell in enumerate(folded) if cell in names), -1)
        for column, names in (("name", _NAMES), ("email", _EMAILS), ("username", _USERNAMES))
    }
    missing = [column for column in ("name", "email") if found[column] < 0]
    if missing:
        raise RosterError(
            path, [f"line {line}: no column is called {' or '.join(missing)}. The header is: name,email[,username]"]
        )
    return {column: at for column, at in found.items() if at >= 0}


def _mistakes_of(student: Student) -> list[str]:
    where = f"line {student.line}"
    who = f"{where} ({student.name})" if student.name else where
    mistakes = []
    if not student.name:
        mistakes.append(f"{where}: the name is missing.")
    if not student.email:
        return [*mistakes, f"{who}: the e-mail address is missing."]
    if not _EMAIL.fullmatch(student.email):
        return [*mistakes, f"{who}: {student.email!r} is not an e-mail address."]
    username = student.username
    remedy = "give one in a third column `username`: ASCII letters and digits, a letter first"
    if not username:
        mistakes.append(f"{who}: no username can be made of {student.email}; {remedy}.")
    elif not re.fullmatch(r"[a-z0-9]+", username):
        mistakes.append(f"{who}: the username {username!r} has other characters than a-z and 0-9; {remedy}.")
    elif not username[0].isalpha():
        mistakes.append(f"{who}: the username {username} begins with a digit; {remedy}.")
    elif username in RESERVED:
        mistakes.append(f"{who}: the username {username} is taken by the system; {remedy}.")
    elif len(username) > LONGEST_USERNAME:
        mistakes.append(f"{who}: the username {username} is longer than {LONGEST_USERNAME} characters; {remedy}.")
    return mistakes


def _repeated(students: list[Student], field: str, sentence: str) -> list[str]:
    counts = Counter(value.casefold() for student in students if (value := getattr(student, field)))
    return [
        sentence.format(value, ", ".join(str(s.line) for s in students if getattr(s, field).casefold() == value))
        for value, count in counts.items()
        if count > 1
    ]
