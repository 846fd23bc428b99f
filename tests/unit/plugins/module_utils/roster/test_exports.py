"""Rosters as programs export them: exports/ has one of each kind, and here stands what becomes of it."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.roster import RosterError, read_roster

EXPORTS = Path(__file__).with_name("exports")
ADA = "Ada Beispiel <ada@example.com> ada"

READ = {
    # Gradebooks: rows of points, "Manual Posting" and the test student are nobody.
    "canvas_muted.csv": [ADA],
    "canvas_lastname_firstname.csv": [ADA],
    "canvas_de.csv": [ADA],
    "google_classroom.csv": [ADA],
    # The separator is the one under which the header is recognised, whatever the titles hold.
    "canvas_semicolon_commas.csv": [ADA],
    "lastfirst_header_semicolon.csv": [ADA],
    "pipes.csv": [ADA],
    "sep_quoted.csv": ["Ada <ada@example.com> ada"],
    # Names that begin with the last one.
    "canvas_jr.csv": ["Ada Beispiel, Jr. <ada@example.com> ada"],
    "canvas_roster.csv": [ADA],
    "calcentral.csv": [ADA],
    "sakai.csv": [ADA],
    "banner.csv": ["Ada M. Beispiel, Jr. <ada@example.com> ada"],
    # Other languages and platforms.
    "moodle_de.csv": [ADA],
    "campusonline.csv": [ADA],
    "nbgrader.csv": [ADA],
    "google_admin.csv": [ADA],
    "email_in_header.csv": ["Ada <ada@example.com> ada"],
    "titlebefore.csv": [ADA],
    # Two sections, one student.
    "canvas_two_sections.csv": [ADA],
    # The login is the address.
    "blackboard.xls": ["Ada Beispiel <ada.beispiel@example.com> adabeispiel"],
    "microsoft365.csv": ["Ada Beispiel <ada.beispiel@example.com> adabeispiel"],
    "entra.csv": ["Ada Beispiel <ada.beispiel@example.com> adabeispiel"],
    # Nothing but addresses.
    "tljh_list.csv": ["Ada <ada@example.com> ada", "Grace <grace@example.com> grace"],
    "only_addresses_titled.csv": ["Ada Beispiel <ada.beispiel@example.com> adabeispiel"],
    "one_line.txt": ["Ada <ada@example.com> ada", "Grace Sample <grace.sample@example.com> gracesample"],
    "mailboxes.txt": [
        ADA,
        "Grace Sample <grace@example.com> grace",
        "Marta Esempio <marta.esempio@example.org> martaesempio",
    ],
    # What copying from a web page brings along.
    "isolates.csv": ["Ada evil <ada@example.com> ada"],
    "copied_marks.csv": [ADA],
    # A login that is a username already.
    "studip.csv": ["Ada Beispiel <ada@example.com> abeispie"],
    "d2l_formula.csv": ["Ada Beispiel <ada@example.com> beispiea"],  # ="beispiea", as spreadsheets are told of texts
    # Gradebooks in other languages, with their rows of dates, points and averages.
    "google_classroom_average.csv": [ADA],
    "google_classroom_de.csv": [ADA],
    "google_classroom_es.csv": [ADA],
    "google_classroom_fr.csv": [ADA],
    "canvas_es.csv": [ADA],
    "canvas_fr.csv": [ADA],
    "canvas_pt_br.csv": [ADA],
    "canvas_read_only.csv": [ADA],
    "canvas_suffix.csv": [
        "Ada Beispiel III <ada@example.com> ada",
        "María José de la Cruz <maria@example.com> maria",
        "Grace M. O'Neil-Sample <grace@example.com> grace",
        "Dr. Tom X, Ph.D. <tom@example.com> tom",
    ],
    "blackboard_grade_center.xls": [ADA],  # UTF-16 with tabs
    "utf16_tabs.csv": ["Åsa <asa@example.com> asa"],
    # More languages.
    "blackboard_pt.csv": [ADA],
    "moodle_it.csv": [ADA],
    "moodle_da.csv": ["Ada Eksempel <ada@example.com> ada"],
    "moodle_no.csv": ["Ada Eksempel <ada@example.com> ada"],
    "moodle_fi.csv": ["Ada Esimerkki <ada@example.com> ada"],
    "moodle_cs.csv": ["Ada Příkladová <ada@example.com> ada"],
    "osiris_nl.csv": [ADA],
    "aluno.csv": [ADA],
    "apellidos_y_nombre.csv": ["Ada Beispiel Muster <ada@example.com> ada"],
    "ru.csv": ["Ада Пример <ada@example.com> ada"],
    "primer_apellido.csv": [ADA],
    "apellido_paterno.csv": [ADA],
    "tr.csv": ["Ada Örnek <ada@example.com> ada"],
    "ja_parts.csv": ["花子 例 <hanako@example.com> hanako"],
    "ko.csv": ["김예시 <kim@example.com> kim"],
    "email_id.csv": [ADA],
    # What stands in brackets behind a name, and a row that counts the others.
    "canvas_brackets.csv": [
        "Ada Beispiel (she/her) <ada@example.com> ada",
        "Grace Sample (20261234) <grace@example.com> grace",
    ],
    "counted.csv": [ADA],
    "zh.csv": ["李明 <li@example.com> li"],
    "ja.csv": ["例 花子 <hanako@example.com> hanako"],
    # Registrar's offices, forms, address books.
    "peoplesoft.csv": ["Ada Marie Beispiel <ada@example.com> ada"],
    "google_forms.csv": [ADA],
    "google_forms_de.csv": [ADA],
    "google_contacts.csv": [ADA],
    # Lists as mail programs copy them.
    "thunderbird.txt": [ADA, "Grace Sample <grace@example.com> grace", "Tom <tom@example.com> tom"],
    "outlook.txt": [ADA, "Grace Sample <grace@example.com> grace"],
    "outlook_lines.txt": [ADA, "Grace Sample <grace@example.com> grace"],
    # What stands around an address, or in the place of a name.
    "links.csv": [ADA, "Grace <grace@example.com> grace", "Tom <tom@example.com> tom"],
    "end_of_sentence.csv": ["Ada <ada@example.com> ada", "Bo <bo@example.com> bo"],
    "address_as_name.csv": ["Ada <ada@example.com> ada"],
    # Each line in quotation marks as a whole; a table from a text.
    "quoted_lines.csv": ["Ada <ada@example.com> ada"],
    "quoted_lines_semicolon.csv": ["Ada <ada@example.com> ada"],
    "markdown.md": [ADA],
}
# Nobody knows the title, but what stands below it, or which of two is meant: said once.
GUESSED = {
    "github_classroom.csv": "identifier",
    "moodle_ca.csv": "Adreça electrònica",
    "powerschool.csv": "Email_Addr",
    "zoom.csv": "User Email",
    "two_addresses.csv": "E-Mail (privat)",
}
# What a platform calls somebody is made into a username, and said once.
WISHES = {
    "d2l.csv": "Username: beispiea of #beispiea, samplg of #samplg.",
    "moodle_participants_username.csv": "Username: adabeispiel of ada.beispiel.",
    "moodle_users.csv": "username: adabeispiel of ada.beispiel.",
    "username_is_address.csv": "Username: adabeispiel of ada.beispiel@example.com.",
    "edx.csv": "username: adabeispiel of ada_beispiel, graces of Grace-S.",
    "d2l_grades.csv": "Username: beispiea of #beispiea.",
}
# Addresses that give no username get one that is proposed.
PROPOSED = {
    "numeric.csv": ["s20261234", "s20261235"],
    "longname.csv": ["mariadelosangelesfernandezbc0529"],
    "groupname.csv": ["sdip", "svideo"],
}
# Who teaches gets no machine, and is named.
STAFF = {
    "gradescope.csv": (1, "Tom Teacher (Instructor)"),
    "moodle_participants_roles.csv": (1, "Tom Teacher (Teacher)"),
    "moodle_fr.csv": (1, "Tom Teacher (Enseignant non éditeur)"),
    "moodle_es.csv": (1, "Tom Teacher (Profesor)"),
    "d2l_classlist.csv": (1, "Tom Teacher (Instructor)"),
    "piazza.csv": (1, "Tom Teacher (Head TA)"),
    "ilias.csv": (1, "Tom Teacher (Kursadministrator)"),
    "oneroster.csv": (1, "Tom Teacher (teacher), Uma Beispiel (guardian)"),
    "calcentral_roles.csv": (2, "Tom Teacher (Lead TA), Rita Reader (Reader)"),
    "schoology.csv": (1, "Tom Teacher (Teacher)"),
    "teams_attendance.csv": (1, "Tom T (Organizer)"),
    "blackboard_de.csv": (1, "Tom Beispielmann (Kursleiter)"),
    "moodle_it_roles.csv": (1, "Tom Esempio (Docente), Uma Sample (Tutor, Docente non editor)"),
    "moodle_nl.csv": (1, "Tom Leraar (Leraar), Bea X (Beheerder)"),
    "moodle_pt.csv": (1, "Tom X (Professor), Bia Y (Monitor)"),
    "moodle_pt_br.csv": (1, "Tom X (Professor Editor)"),
    "moodle_pl.csv": (1, "Tom X (Prowadzący)"),
    "moodle_sv.csv": (1, "Tom X (Lärare)"),
}
REFUSED = {
    "html_xls.csv": "it is a web page, which some platforms give the ending of a workbook (.xls). Open it in Excel",
    "web_page.xls": "it is a web page, which",
    "spreadsheet_ml.xls": "it is an XML file, which some platforms give the ending of a workbook (.xls)",
    "idn.csv": "line 2 (Ada): 'ada@exämple.com' holds 'ä', and many mail servers",
    "blackboard_logins.csv": "the column Username holds no e-mail addresses, but for example 'abeispie'. Add a column",
    "document.pdf": "it is a PDF document, not a table. Save the roster as CSV UTF-8.",
    "document.rtf": "it is a text of a word processor (RTF), not a table.",
    "contacts.vcf": "it is a list of contacts (vCard), not a table.",
    "people.json": "it is a JSON file, not a table.",
    "failed_formula.csv": "line 2 (#REF!): that is no name, but what a spreadsheet says of a formula that failed.",
}


# Who gets a machine, and what is said of the others.
LEFT = {
    "peoplesoft_status.csv": (
        ["ada"],
        "2 students have left by the column Enrollment Status or Status Note and get no machine: "
        "Marta Esempio (Dropped), Grace Sample (Withdrawn).",
    ),
    "canvas_enrollments.csv": (
        ["ada", "emile"],
        "2 students have left by the column enrollment_state and get no machine: "
        "Grace Sample (inactive), Marta Esempio (deleted).",
    ),
    "moodle_status_de.csv": (
        ["ada"],
        "1 student has left by the column Status and gets no machine: Grace Sample (Inaktiv).",
    ),
    "blackboard_availability.csv": (
        ["ada"],
        "1 student has left by the column Availability and gets no machine: Grace Sample (No).",
    ),
    "banner_status.csv": (
        ["ada"],
        "2 students have left by the column Registration Status and get no machine: "
        "Grace Sample (**Web Withdrawn**), Marta Esempio (Drop/Delete).",
    ),
    "slack.csv": (
        ["ada"],
        "1 student has left by the column status and gets no machine: Grace Sample (Deactivated).",
    ),
    # Who left one section and is in another is in the class.
    "two_sections_status.csv": (
        ["ada"],
        "1 student has left by the column Status and gets no machine: Grace Sample (Dropped).",
    ),
}


def test_each_export_is_looked_at() -> None:
    kinds: list[list[str]] = [list(kind) for kind in (READ, GUESSED, WISHES, PROPOSED, STAFF, LEFT, REFUSED)]
    assert sorted(name for kind in kinds for name in kind) == sorted(path.name for path in EXPORTS.iterdir())


@pytest.mark.parametrize("name", READ)
def test_an_export_is_read(name: str) -> None:
    roster = read_roster(str(EXPORTS / name))
    assert [f"{student.name} <{student.email}> {student.username}" for student in roster.students] == READ[name]
    assert roster.notes == []


@pytest.mark.parametrize("name", GUESSED)
def test_a_column_of_addresses_is_known_by_what_it_holds(name: str) -> None:
    roster = read_roster(str(EXPORTS / name))
    assert [student.email for student in roster.students] == ["ada@example.com"]
    assert roster.notes == [f"The addresses are those of the column {GUESSED[name]}."]


@pytest.mark.parametrize("name", WISHES)
def test_a_platforms_login_is_a_wish(name: str) -> None:
    roster = read_roster(str(EXPORTS / name))
    assert roster.notes == [f"Usernames are made of the column {WISHES[name]}"]
    assert [student.username for student in roster.students] == re.findall(r"(\w+) of ", WISHES[name].split(": ")[1])


@pytest.mark.parametrize("name", PROPOSED)
def test_whoevers_address_gives_no_username_gets_one_all_the_same(name: str) -> None:
    roster = read_roster(str(EXPORTS / name))
    assert [student.username for student in roster.students] == PROPOSED[name]
    (note,) = roster.notes
    assert all(f"{student.username} for {student.email}" in note for student in roster.students)


@pytest.mark.parametrize("name", STAFF)
def test_staff_get_no_machine_and_are_named(name: str) -> None:
    roster = read_roster(str(EXPORTS / name))
    students, staff = STAFF[name]
    assert len(roster.students) == students
    assert roster.notes[-1] == f"No machine for staff: {staff}."


@pytest.mark.parametrize("name", LEFT)
def test_who_has_left_gets_no_machine_and_is_named(name: str) -> None:
    roster = read_roster(str(EXPORTS / name))
    students, said = LEFT[name]
    assert [student.username for student in roster.students] == students
    assert f"{said} Empty the cell of whoever is to have one." in roster.notes


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_roster_is_refused_in_one_sentence(name: str) -> None:
    with pytest.raises(RosterError) as refused:
        read_roster(str(EXPORTS / name))
    (mistake,) = refused.value.mistakes
    assert mistake.startswith(REFUSED[name])


@pytest.mark.parametrize("name", sorted({*READ, *GUESSED, *WISHES, *PROPOSED, *STAFF}))
def test_what_was_said_of_usernames_is_not_said_again(name: str) -> None:
    first = read_roster(str(EXPORTS / name))
    kept = {student.email.casefold(): student.username for student in first.students}
    again = read_roster(str(EXPORTS / name), kept)
    assert again.students == first.students
    assert [note for note in again.notes if "staff" not in note] == []
    assert not any(unicodedata.category(letter) == "Cf" for student in first.students for letter in student.name)
