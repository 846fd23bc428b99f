"""The roster: what is read, and what is refused in which words."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import asdict
from email import message_from_string
from email.policy import default
from email.utils import parseaddr

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.credentials import complete
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import plan
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.roster import (
    RosterError,
    Student,
    parse_roster,
    read_roster,
)
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import eml, mailbox
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def parse(text: str | bytes) -> list[Student]:
    return parse_roster("students.csv", text.encode() if isinstance(text, str) else text).students


def mistakes(text: str | bytes) -> str:
    with pytest.raises(RosterError) as error:
        parse(text)
    return str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "name,email\nAda Beispiel,ada@example.com\n",
        "Ada Beispiel,ada@example.com",
        "\ufeffName;E-Mail\r\nAda Beispiel;ada@example.com\r\n",
        "email\tname\nada@example.com\tAda Beispiel\n",
        "email,section,name\nada@example.com,B,Ada Beispiel\n\n",
        '"name","email"\n"Ada  Beispiel"," ada@example.com "\n',
        '"name","email"\n"Ada\r\nBeispiel",ada@example.com\n',
        "sep=;\r\nname;email\r\nAda Beispiel;ada@example.com\r\n",
        # Canvas: gradebook, and the class roster of its analytics
        "Student,ID,SIS User ID,SIS Login ID,Section,Essay (12)\n    Points Possible,,,,,10\n"
        '"Beispiel, Ada",7,u7,ada@example.com,B,9\n"Student, Test",8,,4be0c1,B,\n',
        "Student Name,Student ID,Student SIS ID,Email,Section Name\nAda Beispiel,7,u7,ada@example.com,B\n",
        # Moodle: grades, and participants
        '"First name","Last name","ID number",Institution,Department,"Email address","Course total"\n'
        'Ada,Beispiel,,,,ada@example.com,"9,5"\n',
        "First name,Surname,Email address,Groups\nAda,Beispiel,ada@example.com,\n",
    ],
)
def test_the_usual_spellings_of_a_csv_file_are_read(text: str) -> None:
    (student,) = parse(text)
    assert (student.name, student.email, student.username) == ("Ada Beispiel", "ada@example.com", "ada")


def test_utf16_is_read() -> None:
    (student,) = parse("name,email\nÉmile Exemple,emile@example.com\n".encode("utf-16"))
    assert student.name == "Émile Exemple"


def test_a_given_username_wins() -> None:
    assert [s.username for s in parse("name,email,username\nA,a@example.com,ada\nB,b@example.com,\n")] == ["ada", "b"]


def test_names_stay_plain_text() -> None:
    names = ["{{ lookup('pipe', 'id') }}", "$(id); `id`", "<b>x</b>", "O'Neil", "Åsa Ünal"]
    rows = "\n".join(f'"{name}",s{number}@example.com' for number, name in enumerate(names))
    assert [student.name for student in parse(rows)] == names


def test_all_mistakes_are_named_at_once_with_their_lines() -> None:
    text = mistakes(
        "name,email,username\n"
        "Ada Beispiel,ada@example.com,\n"
        "Ada Again,ADA@example.com,\n"
        "Nobody,,\n"
        "Bad Address,bad at example.com,\n"
        "Root,r@example.com,root\n"
        "Digits,d@example.com,123\n"
        f"Long,l@example.com,{'x' * 33}\n"
        "Odd,odd@example.com,Od d\n"
        ",unnamed@example.com,\n"
    )
    for expected in (
        "the address ada@example.com stands on lines 2, 3",
        "line 4 (Nobody): the e-mail address is missing",
        "line 5 (Bad Address): 'bad at example.com' is not an e-mail address",
        "line 6 (Root): the username root is taken by the system",
        "line 7 (Digits): the username 123 begins with a digit",
        "line 8 (Long): the username xxx",
        "line 9 (Odd): the username 'Od d' has other characters",
        "line 10: the name is missing",
    ):
        assert expected in text


def test_one_mistake_on_many_lines_is_told_once() -> None:
    rows = "".join(f"Student {number},s{number} at example.com\n" for number in range(2, 32))
    with pytest.raises(RosterError) as refused:
        parse("name,email\n" + rows)
    assert refused.value.mistakes == [
        "line 2 (Student 2): 's2 at example.com' is not an e-mail address. The same on lines 3, 4, 5, 6, 7 and 24 more."
    ]


def test_whoever_has_a_username_keeps_it_unless_another_is_written_down() -> None:
    text = "name,email,username\nAda,ada@example.com,{}\nGrace,GRACE@example.com,\n"
    kept = {"ada@example.com": "lovelace", "grace@example.com": "1ubuntu"}  # whatever it is
    for written, ada in (("", "lovelace"), ("lovelace", "lovelace"), ("adal", "adal")):
        roster = parse_roster("students.csv", text.format(written).encode(), kept)
        assert [student.username for student in roster.students] == [ada, "1ubuntu"]
        assert roster.notes == []


def test_in_our_own_header_a_username_means_what_it_says_and_in_another_it_is_a_wish() -> None:
    assert "the username 'a.b' has other characters" in mistakes("name,email,username\nAda,ada@example.com,a.b\n")
    (ada,) = parse("name,email,username,section\nAda,ada@example.com,a.b,1\n")
    assert ada.username == "ab"


def test_staff_who_have_a_machine_already_stay_until_somebody_takes_them_out() -> None:
    text = b"Name,Email,Role\nAda,ada@example.com,Student\nTom,tom@example.com,Teacher\n"
    assert [student.username for student in parse_roster("x", text, {"tom@example.com": "tom"}).students] == [
        "ada",
        "tom",
    ]


def test_who_has_left_is_as_one_who_is_not_in_the_roster_any_more() -> None:
    """So provision.yml names the seat, and retire.yml takes it back; to be known already does not matter."""
    text = b"Name,Email,Status\nAda,ada@example.com,Active\nGrace,grace@example.com,Withdrawn\nTom,,Dropped\n"
    roster = parse_roster("x", text, {"grace@example.com": "grace"})
    assert [student.username for student in roster.students] == ["ada"]
    assert roster.notes == [
        "2 students have left by the column Status and get no machine: Grace (Withdrawn), Tom (Dropped). "
        "Empty the cell of whoever is to have one."
    ]


def test_a_class_that_all_have_left_is_told_so() -> None:
    assert (
        "it has no student: by the column Status all have left, such as Ada (Dropped). Empty the cells of those who "
        "are to have a machine."
    ) in mistakes("Name,Email,Status\nAda,ada@example.com,Dropped\n")


def test_two_students_with_one_username_are_told_what_to_do() -> None:
    text = mistakes("A,ada@example.com\nB,ada@example.org\n")
    assert "the username ada belongs to the students on lines 1, 2" in text
    assert "`username`" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "Excel workbook. In Excel choose Save As, CSV UTF-8"),
        (
            b"PK\x03\x04....mimetypeapplication/vnd.oasis.opendocument.spreadsheet",
            "LibreOffice choose Save As, Text CSV",
        ),
        (b"\xd0\xcf\x11\xe0rest", "Excel"),
        (b"name,email\n\xff\xfe,x\n", "line 2: it is not UTF-8"),
        (b"", "no student"),
        (b"name,email\n", "no student"),
        (b"name,phone\nAda,1\n", "no column is called email"),
        (b'name,email\n"Ada,ada@example.com\n', "e-mail address is missing"),
        (b"name,email\nAda\0,ada@example.com\n", "not a text file"),
        ("name,email\nÉmile,e@example.com\n".encode("utf-16-le"), "line 2: it is not UTF-8"),
        ("name,email\nÉmile,e@example.com\n".encode("latin-1"), "line 2: it is not UTF-8"),
        (b"name,email\nAda\x1b[2J,ada@example.com\n", "line 2 (Ada\ufffd[2J): the name holds U+001B"),
        (b"  <table><tr><td>Name</td></tr></table>", "it is a web page"),
        (b"name,email\n,\n", "no student"),
        (b"name,email\nAda,\xc3\xa9@example.com\n", "line 2 (Ada): 'é@example.com' holds 'é'"),
        (b"name,email\n=?utf-8?q?=C3=89mile?=,e@example.com\n", "the name holds =?"),
        (b"name,email\n" + b"A" * 121 + b",ada@example.com\n", "the name has 121 characters"),
        (b"name,email\nAda," + b"a" * 65 + b"@example.com\n", "longer than an e-mail address can be"),
        (b"name,email\nAda,ada..b@example.com\n", "is not an e-mail address"),
        (b"name,email\nAda,ada@-example.com\n", "is not an e-mail address"),
        (
            b'Student,ID,SIS Login ID,Section\n"Beispiel, Ada",1,ada7,A\n',
            "the column SIS Login ID holds no e-mail addresses, but for example 'ada7'.",
        ),
    ],
)
def test_what_is_no_roster_is_refused_by_name(content: bytes, words: str) -> None:
    assert words in mistakes(content)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("text", ["a" * 100_000, "a " * 50_000, '"x' * 50_000, "<" * 50_000, "a, " * 50_000])
def test_one_long_line_is_looked_through_in_time(text: str) -> None:
    assert mistakes(f"@{text}")
    assert mistakes(f"ada@example.com, {text}")


@pytest.mark.parametrize(
    "text",
    [
        "First,Middle,Last,Email\nAda,M,Beispiel,ada@example.com\n",
        "fname,lname,mail\nAda,Beispiel,ada@example.com\n",
        "Preferred Name,Last Name,Preferred First Name,Email\nAda B.,Beispiel,Ada,ada@example.com\n",
        "Name,Email\nAda Beispiel,'ada@example.com\n",
        'Name,Email\nAda Beispiel,"=HYPERLINK(""mailto:ada@example.com"",""ada@example.com"")"\n',
        "\u201cName\u201d,\u201cEmail\u201d\n\u201cAda Beispiel\u201d,\u201cada@example.com\u201d\n",
        "Full name;Email\nAda Beispiel;ada@example.com\nFull name;Email\n",
        "Instructor: tom@example.com\nFull name,Email\nAda Beispiel,ada@example.com\n",
    ],
)
def test_odd_spellings_are_read(text: str) -> None:
    (student,) = parse(text)
    assert (student.name, student.email, student.username) == ("Ada Beispiel", "ada@example.com", "ada")


@pytest.mark.parametrize(
    ("login", "username"), [("\u00e5sa", "asa"), ("UNI\\ada1", "ada1"), ("Ren\u00e9e.B", "reneeb")]
)
def test_a_login_is_made_into_what_people_would_write(login: str, username: str) -> None:
    (student,) = parse(f"Full name,Email,Username\nA,a1@example.com,{login}\n")
    assert student.username == username


def test_a_class_of_staff_alone_is_told_so() -> None:
    assert "it has no student: by the column Role all are staff." in mistakes(
        "Name,Email,Role\nTom,tom@example.com,Teacher\n"
    )


@pytest.mark.parametrize(
    ("row", "column"),
    [("ada@example.com,Ada Beispiel", 1), ("Beispiel,Ada,ada@example.com", 3), ("1,Ada,ada@example.com,x", 3)],
)
def test_without_a_header_the_columns_have_their_order(row: str, column: int) -> None:
    assert (
        f"line 1: without a header the columns are name,email[,username], but the address is in column {column}."
        in (mistakes(f"{row}\n"))
    )


def test_a_missing_file_names_the_example() -> None:
    with pytest.raises(RosterError, match=r"students\.example\.csv"):
        read_roster("no/such/file.csv")


# What people, spreadsheets and pranksters put into names and addresses; the second lot is refused.
LEGAL = [
    *(
        "{{ 7 * 7 }}",
        "{% raw %}",
        "$(id)",
        "`id`",
        "; rm -rf /",
        "<script>",
        "&amp;",
        "O'Neil",
        '"Ada"',
        "Åsa",
        "李",
        "🎓",
    ),
    *(
        "\nBcc: a@example.org",
        "\u2028",
        "\ufeff",
        "=?utf-8?q?x?=",
        "<a@example.org>",
        ",",
        ";",
        "%s",
        "\\",
        "(c)",
        "\t",
    ),
]
REFUSED = ["=?utf-8?q?x?=", "\x1b[2J", "\u202e", "\x00", "a" * 130, "", "root", "-", "123", "@", "a..b", "é", "ubuntu"]
CHARACTERS = st.text(st.characters(exclude_categories=["Cc", "Cn", "Co", "Cs"]), max_size=12)
NAMES = st.lists(st.sampled_from(LEGAL) | CHARACTERS, min_size=1, max_size=4).map(" ".join)
BEFORE_AT = st.from_regex(r"[a-zA-Z][a-zA-Z0-9+_'-]{0,20}(\.[a-zA-Z0-9]{1,5})?", fullmatch=True)
EMAILS = st.builds("{}@{}".format, BEFORE_AT, st.sampled_from(["example.com", "Example.ORG", "sub.example.com"]))
ODD = st.sampled_from(LEGAL + REFUSED) | st.text(max_size=12)
FIT = st.tuples(NAMES, EMAILS, st.just("") | st.from_regex(r"[a-z][a-z0-9]{0,9}", fullmatch=True))
UNFIT = st.tuples(ODD, ODD | st.emails() | ODD.map("{}@example.com".format), ODD)
ROWS = st.lists(FIT, min_size=1, max_size=6) | st.lists(FIT | UNFIT, max_size=6)
HEADERS = st.sampled_from(
    [
        [],
        ["name", "email", "username"],
        ["Student", "SIS Login ID", "User"],
        ["Full name", "E-Mail", "Username"],
        ["Nachname", "E-Mail-Adresse", "Rolle"],
    ]
)


@st.composite
def rosters(draw: st.DrawFn) -> bytes:
    """A CSV file as some program writes it, with one byte gone wrong now and then."""
    text = io.StringIO(newline="")
    ending = draw(st.sampled_from(["\n", "\r\n"]))
    writer = csv.writer(text, delimiter=draw(st.sampled_from(",;\t")), lineterminator=ending)
    if header := draw(HEADERS):
        writer.writerow(header)
    writer.writerows(draw(ROWS))
    content = text.getvalue().encode(draw(st.sampled_from(["utf-8", "utf-8-sig", "utf-16"])), "replace")
    if content and draw(st.integers(0, 9)) == 0:
        at = draw(st.integers(0, len(content) - 1))
        content = content[:at] + draw(st.binary(max_size=2)) + content[at + 1 :]
    return content


def use_everywhere(students: list[Student]) -> None:
    """Take the students through all that a class does with them on this computer; one who is not fit raises."""
    rows = [asdict(student) for student in students]
    kept, _ = complete({}, rows)
    usernames = [student.username for student in students]
    planned = plan(usernames, [], class_name="ml101", students_per_machine=4)
    assert planned.launch == -(-len(students) // 4)
    for student in students:
        assert re.fullmatch(r"[a-z][a-z0-9]{0,31}", student.username)
        assert kept[student.email.casefold()]["username"] == student.username
        letter = eml(
            f"Dear {student.name},\n", sender="", name=student.name, email=student.email, subject="Your machine"
        )
        message = message_from_string(letter, policy=default)
        (to,) = message["To"].addresses
        assert (to.display_name, to.addr_spec) == (student.name, student.email)
        assert {key for key in message if not key.startswith(("Content-", "MIME-"))} == {"To", "Subject", "X-Unsent"}
        assert parseaddr(mailbox(student.name, student.email))[1] == student.email


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rosters() | st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_every_roster_is_refused_in_words_or_serves_to_the_end(content: bytes) -> None:
    try:
        students = parse(content)
    except RosterError as refused:
        error: RosterError | None = refused
    else:
        error = None
    if error is None:
        assert students
        use_everywhere(students)
    else:
        assert all(re.search(r"line|it (is|has)|the column", mistake) for mistake in error.mistakes)
        assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f\u202a-\u202e]", str(error))
