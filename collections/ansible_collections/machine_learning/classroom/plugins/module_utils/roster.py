"""The class roster: a CSV file in, a list of students or a list of mistakes out."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

# Accounts and groups that a Linux machine or an AWS image has already, so that no student may bear their name.
# fmt: off
RESERVED = frozenset(
    {
        "adm", "admin", "audio", "backup", "bin", "cdrom", "crontab", "daemon", "debian", "dhcpcd",
        "dialout", "dip", "disk", "dnsmasq", "ec2user", "fax", "floppy", "fwupdrefresh",
        "games", "gnats", "input", "irc", "kmem", "kvm", "landscape", "list", "lp", "lxd", "mail",
        "man", "messagebus", "netdev", "news", "nobody", "nogroup", "operator", "plugdev", "polkitd",
        "pollinate", "proxy", "rdma", "render", "root", "rtkit", "sasl", "sgx", "shadow", "src", "sshd",
        "staff", "students", "sudo", "sync", "sys", "syslog", "systemd", "tape", "tcpdump", "tss",
        "tty", "ubuntu", "usbmux", "users", "utmp", "uucp", "uuidd", "video", "voice", "www",
    }
)
# fmt: on
# useradd(8): names may only be up to 32 characters long.
LONGEST_USERNAME = 32
# RFC 5321, 4.5.3.1: what every mail server must take, and no more.
LONGEST_BEFORE_AT, LONGEST_EMAIL = 64, 254
# Longer than any name, and short enough for a line of a letter and of the screen.
LONGEST_NAME = 120
LONGEST_SHOWN = 60
# Characters beyond ASCII before the @ are legal, and most mail servers refuse them.
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")
# What the columns are called, in rosters written by hand and in the exports of Canvas and Moodle.
_COLUMNS = {
    "name": ("name", "student", "student name", "full name"),
    "first name": ("first name", "given name"),
    "last name": ("last name", "surname", "family name"),
    "email": ("email", "e-mail", "mail", "email address", "e-mail address"),
    "username": ("username", "user name", "user"),
    "login": ("sis login id",),  # Canvas's gradebook: where schools log in by address, it is the address
}
# Rows of a Canvas gradebook that are no students; its test student is called so in every course.
_NOT_STUDENTS = ("points possible", "student, test", "test student")


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
        opendocument = b"application/vnd.oasis.opendocument" in content[:200]
        program, way_out = (
            ("a LibreOffice spreadsheet", "In LibreOffice choose Save As, Text CSV, character set UTF-8")
            if opendocument
            else ("an Excel workbook", "In Excel choose Save As, CSV UTF-8 (Comma delimited)")
        )
        raise RosterError(path, [f"it is {program}. {way_out}, and name the new file in class_roster."])
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
    rows = _cells(path, text)
    columns = {"name": 0, "email": 1, "username": 2}
    if rows and not any("@" in cell for cell in rows[0][1]):
        columns = _header(path, rows.pop(0))

    def cell(row: list[str], column: str) -> str:
        at = columns.get(column, len(row))
        return row[at] if at < len(row) else ""

    if "email" not in columns and not any("@" in cell(row, "login") for _, row in rows):
        raise RosterError(path, ["this Canvas gradebook holds no e-mail addresses. Add a column email to it."])
    students = []
    for line, row in rows:
        name = cell(row, "name") or f"{cell(row, 'first name')} {cell(row, 'last name')}"
        email = cell(row, "email") or cell(row, "login")
        if "login" in columns:
            if name.casefold() in _NOT_STUDENTS:
                continue
            last, comma, first = name.partition(",")  # Canvas writes Beispiel, Ada
            name = f"{first} {last}" if comma else name
        students.append(
            Student(
                name=" ".join(name.split()),
                email=email,
                username=cell(row, "username") or username_of(email),
                line=line,
            )
        )
    return students


def _cells(path: str, text: str) -> list[tuple[int, list[str]]]:
    """Read the rows that are not empty, each with the line of the file on which it begins."""
    source = io.StringIO(text, newline="")
    begins = 1
    if declared := re.match(r"sep=(.)\r?\n", text):  # Excel's own first line
        delimiter = declared[1]
        source.seek(declared.end())
        begins = 2
    else:
        first = next((line for line in text.splitlines() if line.strip()), "")
        delimiter = max(",;\t", key=first.count)
    reader = csv.reader(source, delimiter=delimiter, skipinitialspace=True)
    offset, rows = begins, []
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                rows.append((begins, [cell.strip() for cell in row]))
            begins = reader.line_num + offset
    except csv.Error as error:
        raise RosterError(path, [f"line {begins}: {error}. Is a quotation mark missing?"]) from error
    return rows


def _header(path: str, row: tuple[int, list[str]]) -> dict[str, int]:
    line, cells = row
    folded = [cell.casefold() for cell in cells]
    found = {
        column: next(at for at, cell in enumerate(folded) if cell in names)
        for column, names in _COLUMNS.items()
        if any(cell in names for cell in folded)
    }
    missing = []
    if "name" not in found and not {"first name", "last name"} <= found.keys():
        missing.append("name")
    if not {"email", "login"} & found.keys():
        missing.append("email")
    if missing:
        raise RosterError(
            path, [f"line {line}: no column is called {' or '.join(missing)}. The header is: name,email[,username]"]
        )
    return found


def _mistakes_of(student: Student) -> list[str]:
    where = f"line {student.line}"
    who = f"{where} ({_shown(student.name)})" if student.name else where
    mistakes = []
    if not student.name:
        mistakes.append(f"{where}: the name is missing.")
    elif len(student.name) > LONGEST_NAME:
        mistakes.append(f"{who}: the name has {len(student.name)} characters. Is a quotation mark missing?")
    elif odd := next((character for character in student.name if _is_control(character)), ""):
        mistakes.append(f"{who}: the name holds U+{ord(odd):04X}, which is not a letter. Type the name again.")
    elif "=?" in student.name:
        mistakes.append(f"{who}: the name holds =?, as mail programs write foreign letters. Type the name again.")
    if not student.email:
        return [*mistakes, f"{who}: the e-mail address is missing."]
    before_at = student.email.partition("@")[0]
    if not _EMAIL.fullmatch(student.email):
        return [*mistakes, f"{who}: {_shown(student.email)!r} is not an e-mail address."]
    if len(before_at) > LONGEST_BEFORE_AT or len(student.email) > LONGEST_EMAIL:
        return [*mistakes, f"{who}: {_shown(student.email)!r} is longer than an e-mail address can be."]
    username = student.username
    remedy = "give one in a third column `username`: ASCII letters and digits, a letter first"
    if not username:
        mistakes.append(f"{who}: no username can be made of {student.email}; {remedy}.")
    elif not re.fullmatch(r"[a-z0-9]+", username):
        mistakes.append(f"{who}: the username {_shown(username)!r} has other characters than a-z and 0-9; {remedy}.")
    elif not username[0].isalpha():
        mistakes.append(f"{who}: the username {username} begins with a digit; {remedy}.")
    elif username in RESERVED:
        mistakes.append(f"{who}: the username {username} is taken by the system; {remedy}.")
    elif len(username) > LONGEST_USERNAME:
        mistakes.append(
            f"{who}: the username {_shown(username)} is longer than {LONGEST_USERNAME} characters; {remedy}."
        )
    return mistakes


def _repeated(students: list[Student], field: str, sentence: str) -> list[str]:
    counts = Counter(value.casefold() for student in students if (value := getattr(student, field)))
    return [
        sentence.format(
            _shown(value), ", ".join(str(s.line) for s in students if getattr(s, field).casefold() == value)
        )
        for value, count in counts.items()
        if count > 1
    ]


def _is_control(character: str) -> bool:
    """Tell what moves the cursor, turns the direction of writing around, or is no character at all."""
    return unicodedata.category(character) in ("Cc", "Cs", "Co", "Cn") or character in "\u202a\u202b\u202c\u202d\u202e"


def _shown(text: str) -> str:
    """Return what of `text` a screen may show in a message."""
    plain = "".join("\ufffd" if _is_control(character) else character for character in text)
    return plain if len(plain) <= LONGEST_SHOWN else plain[: LONGEST_SHOWN - 1] + "…"
