"""The roster: what is read, and what is refused in which words."""

from __future__ import annotations

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster import (
    RosterError,
    Student,
    parse_roster,
    read_roster,
    username_of,
)
from hypothesis import given
from hypothesis import strategies as st


def parse(text: str | bytes) -> list[Student]:
    return parse_roster("students.csv", text.encode() if isinstance(text, str) else text)


def mistakes(text: str | bytes) -> str:
    with pytest.raises(RosterError) as error:
        parse(text)
    return str(error.value)


@pytest.mark.parametrize(
    ("email", "username"),
    [
        ("Ada.Beispiel@example.com", "adabeispiel"),
        ("o'neil_7@example.com", "oneil7"),
        ("émile@example.com", "mile"),
        ("...@example.com", ""),
    ],
)
def test_a_username_is_what_stands_before_the_at(email: str, username: str) -> None:
    assert username_of(email) == username


@pytest.mark.parametrize(
    "text",
    [
        "name,email\nAda Beispiel,ada@example.com\n",
        "Ada Beispiel,ada@example.com",
        "\ufeffName;E-Mail\r\nAda Beispiel;ada@example.com\r\n",
        "email\tname\nada@example.com\tAda Beispiel\n",
        "email,section,name\nada@example.com,B,Ada Beispiel\n\n",
        '"name","email"\n"Ada  Beispiel"," ada@example.com "\n',
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
        "Root,root@example.com,\n"
        "Digits,123@example.com,\n"
        f"Long,{'x' * 33}@example.com,\n"
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


def test_two_students_with_one_username_are_told_what_to_do() -> None:
    text = mistakes("A,ada@example.com\nB,ada@example.org\n")
    assert "the username ada belongs to the students on lines 1, 2" in text
    assert "`username`" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04rest", "Excel"),
        (b"\xd0\xcf\x11\xe0rest", "Excel"),
        (b"name,email\n\xff\xfe,x\n", "line 2: it is not UTF-8"),
        (b"", "no student"),
        (b"name,email\n", "no student"),
        (b"name,phone\nAda,1\n", "no column is called email"),
        (b'name,email\n"Ada,ada@example.com\n', "e-mail address is missing"),
        (b"name,email\nAda\0,ada@example.com\n", "not a text file"),
    ],
)
def test_what_is_no_roster_is_refused_by_name(content: bytes, words: str) -> None:
    assert words in mistakes(content)


def test_a_missing_file_names_the_example() -> None:
    with pytest.raises(RosterError, match=r"students\.example\.csv"):
        read_roster("no/such/file.csv")


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_end_in_a_traceback(content: bytes) -> None:
    try:
        students = parse(content)
    except RosterError:
        return
    usernames = [student.username for student in students]
    assert len(set(usernames)) == len(usernames) > 0
