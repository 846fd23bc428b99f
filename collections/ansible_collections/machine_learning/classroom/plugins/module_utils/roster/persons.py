"""Who the rows of a roster are: what they are called, who teaches, and which of them are nobody."""

from __future__ import annotations

import re
import unicodedata

# What may follow a name behind a comma without being the first name.
_SUFFIXES = frozenset(
    {*("jr", "sr", "ii", "iii", "iv", "v", "esq"), *("phd", "md", "dds", "jd", "mba", "msc", "bsc", "ma", "ba")}
)
# One that may be turned around.
_BEHIND = re.compile(r"\s*\([^()]*\)\s*$")
_NAME = re.compile(r"[^\W\d_][^{}\[\]<>\"`$&;|\\/@#=*%]*")
# Rows of gradebooks: Canvas's points and its test student, Google Classroom's dates and points, and sums.
_NOBODY = frozenset(
    {
        *("points possible", "punkte möglich", "points possibles", "puntos posibles", "manual posting"),
        *("pontos possíveis", "punti possibili", "mogelijke punten"),
        *("test student", "teststudent", "estudiante de prueba", "de prueba estudiante"),
        *("date", "due date", "points", "max points", "maximum points", "category", "weight"),
        *("datum", "fällig", "punkte", "fecha", "puntos", "date limite", "data", "punti", "pontos", "punten"),
        *("average", "class average", "overall average", "mean", "median", "total", "totals"),
        *(
            "kursdurchschnitt",
            "durchschnitt",
            "gesamt",
            "moyenne",
            "moyenne générale",
            "promedio",
            "media",
            "gemiddelde",
        ),
    }
)
_COUNT = re.compile(r"[^:]*:\s*\d+")
# Roles of platforms in several languages: what such a word holds, or is.
_STAFF = re.compile(
    r"teach|instruct|prof|lectur|faculty|staff|assist|tutor|grader|reader|design|builder|develop|observ|admin|owner|"
    r"maintain|manager|guest|mentor|parent|guardian|proctor|librarian|facilitat|coach|editor|support|trainer|"
    r"dozent|lehr|leit|betreu|enseign|formateur|gestionnaire|docent|formador|ayudante|gestor|invitado|monitor|organi[sz]"
    r"|leraar|beheer|lærer|larare|undervis|veileder|vejleder|opettaja|ohjaaja|prowadzac|nauczyciel|ucitel|vyucujici"
    r"|tanar|oktato|ogretmen|ogretim|преподавател|учител|教师|老师|助教|教員|教師"
    r"|^(?:ta|gsi|lead|leadta|headta|uta|gta|aide|relative)$"
)
_STUDENT = re.compile(
    r"student|studier|learner|lernend|schuler|pupil|particip|teilnehm|estudiant|estudant|etudiant|eleve|apprenant"
    r"|alumn|aluno|deelnem|cursist|deltag|opiskelija|uczestni|kursant|ogrenci|hallgato|студент|学生|学員|attendee"
)

# Of enrolments, in several languages: what such a word holds, or is. German Moodle's Inaktiv is Suspended; Blackboard
# has No for who is not available any more. Who waits, was invited or has completed something has not left.
_LEFT = re.compile(
    r"withdr|dropped|webdrop|dropdelete|deregist|deactivat|deaktivier|desactiv|disattiv|desativad|unenrol|disenrol|cancel|delete|remove|suspend|expelled|declined"
    r"|transferredout|abgemeldet|ausgeschieden|abgebrochen|exmatrikul|gesperrt|stornier|ausgeschrieben"
    r"|desinscri|abandon|exclu|retirad|anulad|suspens|sospes|ritirat|desist|trancad|suspes|uitgeschreven|geschorst"
    r"|^(?:drop|inactive|inaktiv|inactif|inactivo|inativo|inattivo|inactief|baja|rejected|concluded|left"
    r"|no|nein|non|nao)$"
)


def full_name(name: str, first: str, last: str) -> str:
    """Make one name of the columns that a roster may have.

    `Name` is the last name where it stands beside a first name that is no part of it, as in German files, and the first
    one beside such a last name, as in Spanish ones.
    """
    if not name:
        name = f"{first} {last}"
    elif first and not last and first.casefold() not in name.casefold():
        name = f"{first} {name}"
    elif last and not first and last.casefold() not in name.casefold():
        name = f"{name} {last}"
    elif not (first and last):
        name = turned(name)
    return " ".join(name.split())


def turned(name: str) -> str:
    """Turn "Beispiel, Ada, Jr." into "Ada Beispiel, Jr."; what has no comma, or commas that mean else, stays.

    What stands in brackets behind it, such as a number or "(she/her)", stays behind it.
    """
    if behind := _BEHIND.search(name):
        return turned(name[: behind.start()]) + behind[0]
    parts = [part.strip() for part in name.split(",")]
    suffixes = [part for part in parts[1:] if part.casefold().replace(".", "") in _SUFFIXES]
    names = [parts[0], *(part for part in parts[1:] if part not in suffixes)]
    if len(names) != 2 or not all(_NAME.fullmatch(part) for part in names):
        return name
    return ", ".join([f"{names[1]} {names[0]}", *suffixes])


def name_from_address(email: str) -> str:
    """Make a name of an address, for a list that has nothing else: ada.beispiel+ml@example.com is Ada Beispiel."""
    before_at = email.partition("@")[0]
    words = re.split(r"[\W\d_]+", before_at.partition("+")[0])
    return " ".join(word.capitalize() for word in words if word) or before_at


def is_nobody(name: str) -> bool:
    """Tell a row of a gradebook that is no person by its name, or by being a count, such as "Total students: 20"."""
    return bool(_COUNT.fullmatch(name)) or re.sub(r"\s*\([^)]*\)$", "", name.casefold()) in _NOBODY


def is_staff(roles: str) -> bool:
    """Tell who teaches: who has a role of staff and none of a student; an unknown role says nothing."""
    plain = [_plain(role) for role in re.split(r"[,;|]", roles)]
    staff = [role for role in plain if _STAFF.search(role)]
    return bool(staff) and not any(_STUDENT.search(role) for role in plain if role not in staff)


def has_left(status: str) -> bool:
    """Tell by the status of an enrolment who is in the class no more; an unknown status says nothing."""
    return bool(_LEFT.search(_plain(status)))


def _plain(words: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFKD", words.casefold()) if letter.isalnum())
