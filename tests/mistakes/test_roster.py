"""A roster with mistakes: all of them at once, and nothing was asked of AWS that costs or changes anything."""

from __future__ import annotations

from ansible_collections.machine_learning.classroom.plugins.module_utils.credentials import (
    make_credential,
    write_credentials,
)

from tests.support.desk import Desk


def test_all_mistakes_are_on_the_screen_with_their_lines(desk: Desk) -> None:
    desk.roster = (
        "name,email,username\nAda Beispiel,ada@example.com\nAda Other,ada@example.org\n"
        'Root {{ 7 * 7 }},r@example.com,root\n"Grace\nSample",grace example.com\n'
    )
    assert desk.play("provision.yml").failure == (
        f"The roster {desk.home}/students.csv has 3 mistakes:\n"
        "  - line 4 (Root {{ 7 * 7 }}): the username root is taken by the system; give one in a third column "
        "`username`:"
        " small ASCII letters and digits, a letter first, 32 at most.\n"
        "  - line 5 (Grace Sample): 'grace example.com' is not an e-mail address.\n"
        "  - the username ada belongs to the students on lines 2, 3: add a third column `username` with a name for "
        "each."
    )
    assert not desk.aws.made


def test_what_is_no_mistake_is_said_before_anything_is_launched(desk: Desk) -> None:
    desk.roster = (
        "OrgDefinedId,Username,Last Name,First Name,Email,Role,Status\n"
        "#1,#Ada.B,Beispiel,Ada,ada@example.com,Learner,Enrolled\n"
        "#2,#tom,Teacher,Tom,tom@example.com,Instructor,Enrolled\n"
        "#3,#grace,Sample,Grace,grace@example.com,Learner,Withdrawn\n"
    )
    shown = desk.play("provision.yml --check")
    assert shown.code == 0, shown.text
    assert (
        "Usernames are made of the column Username: adab of #Ada.B.\nNo machine for staff: Tom Teacher (Instructor).\n"
        "1 student has left by the column Status and gets no machine: Grace Sample (Withdrawn). Empty the cell of "
        "whoever is to have one.\n"
    ) in shown.text
    assert "1 m6a.large are launched" in shown.text
    assert shown.text.count("No machine for staff") == 1
    assert not desk.aws.made - {"GetConsoleOutput"}


def test_a_missing_roster_names_the_example(desk: Desk) -> None:
    assert desk.play("configure.yml", class_roster=str(desk.home / "none.csv")).failure == (
        f"The roster {desk.home}/none.csv has 1 mistake:\n"
        "  - there is no such file. Copy students.example.csv to it, put your students in, and run again."
    )


def test_a_username_that_would_become_somebody_else_is_refused(desk: Desk) -> None:
    (desk.home / "class").mkdir()
    write_credentials(str(desk.home / "class/credentials.json"), {"ada@example.com": make_credential("ada")})
    desk.roster = "name,email\nAda Other,ada@example.org\n"
    assert desk.play("configure.yml").failure == (
        "ada@example.org cannot be ada, who is ada@example.com: write another name into the column username. If this is"
        ' the same person: -e \'{"class_changed_addresses": {"ada@example.com": "ada@example.org"}}\''
    )
    assert not desk.aws.made
