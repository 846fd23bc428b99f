"""What the columns of a roster are called, by hand and by the programs that export one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.table import Row

OWN = frozenset({"name", "email", "username"})
"""A header of these alone is ours: there a username is chosen, while a platform's is a wish."""

# Above its header a file may have a title, a date, a list of courses.
MOST_ABOVE = 20

# Each line is of one platform, or of one language of several; of two columns that fit, that of the earlier line counts.
# `_plain` is what is compared, so that "First Name", first_name, firstName and "First Name [Required]" are one title.
_TITLES: dict[str, tuple[tuple[str, ...], ...]] = {
    "name": (
        ("Name", "Full name", "Student", "Student name"),  # by hand, Canvas, Sakai
        ("Display name",),  # Microsoft 365
        ("Last name, first name", "Surname, first name"),
        ("Learner", "Learner name", "Participant", "Participant name"),
        ("Student/in", "Teilnehmer", "Name, Vorname", "Nachname, Vorname", "Vollständiger Name", "Anzeigename"),
        ("Étudiant", "Nom", "Nom complet", "Nom, prénom"),
        ("Estudiante", "Alumno", "Nombre", "Nombre completo", "Apellidos, nombre"),
        ("Nome", "Nome completo", "Naam", "Volledige naam"),  # Italian, Portuguese, Dutch
        ("Vor- und Nachname", "Nachname und Vorname", "Nom et prénom", "Prénom et nom"),
        ("Nombre y apellidos", "Apellidos y nombre", "Nome e cognome", "Cognome e nome", "Nome e apelido"),
        ("Aluno", "Studente", "Namn", "Navn", "Nimi", "Imię i nazwisko", "Jméno a příjmení", "Név", "Ad soyad"),
        ("ФИО", "姓名", "氏名", "名前", "이름", "الاسم", "שם", "Ονοματεπώνυμο"),
        ("Your name", "Your full name", "What is your name?"),  # forms
        ("Name of the student", "Name of student", "성명"),
    ),
    "first name": (
        ("First name", "Given name"),  # OneRoster and Microsoft Entra: givenName
        ("Forename", "Vorname", "Prénom", "Voornaam", "Roepnaam"),
        ("Fornavn", "Förnamn", "Etunimi", "Imię", "Jméno", "Křestní jméno", "Keresztnév", "Ad", "İsim", "Имя", "Όνομα"),
        ("Ad\u0131", "名"),
        ("First", "fname", "Preferred first name"),
        ("FIRST_NAME_OF_STUDENT",),  # CAMPUSonline
    ),
    "last name": (
        ("Last name", "Surname", "Family name"),
        ("Nachname", "Familienname", "Nom de famille", "Apellido(s)", "Apellidos"),
        ("Cognome", "Sobrenome", "Apelido", "Achternaam", "Cognoms"),
        ("Efternavn", "Etternavn", "Efternamn", "Sukunimi", "Nazwisko", "Příjmení", "Vezetéknév", "Soyad", "Фамилия"),
        ("Last", "lname", "Επώνυμο", "Soyad\u0131", "姓"),
        ("Primer apellido", "Apellido 1", "Apellido paterno", "Primeiro apelido"),  # the second one is left out
        ("FAMILY_NAME_OF_STUDENT",),  # CAMPUSonline
    ),
    "email": (
        ("Email", "E-mail", "Mail", "Email address", "E-mail address"),
        ("Student email", "School email", "University email", "Primary email", "Mail address"),
        ("E-Mail-Adresse", "Mailadresse", "Adresse de courriel", "Courriel", "Adresse e-mail", "Adresse mail"),
        ("Correo", "Correo electrónico", "Dirección de correo", "Dirección de correo electrónico", "Dirección email"),
        ("Indirizzo email", "Endereço de email", "E-mailadres"),
        ("E-mailadresse", "E-postadress", "E-postadresse", "Sähköpostiosoite", "Adres e-mail", "E-mailová adresa"),
        ("E-posta adresi", "Email-cím", "Адрес электронной почты", "邮箱", "电子邮件", "メールアドレス"),
        ("E-mail 1 - Value",),  # Google Contacts
        ("Email ID", "Mail ID", "E-posta", "이메일"),
        ("EMAIL_ADDRESS_OF_STUDENT",),  # CAMPUSonline
    ),
    "username": (
        ("Username", "User name", "User"),
        ("Benutzername", "Anmeldename", "Nutzername", "Nutzernamen", "Nom d'utilisateur", "Identifiant"),
        ("Nombre de usuario", "Usuario", "Nome utente", "Nome de usuário", "Gebruikersnaam"),
    ),
    # Where schools log in by address, it is the address.
    "login": (
        ("SIS Login ID", "Login ID", "Login"),  # Canvas, ILIAS
        ("ID de inicio de sesión del SIS", "ID de connexion SIG", "SIS ID de login"),
        ("User principal name",),  # Microsoft 365
    ),
    "role": (
        ("Role", "Roles", "Course role", "Role in course", "User role"),
        ("Rolle", "Rollen", "Rôle", "Rôles", "Rol", "Roles en el curso", "Ruolo", "Ruoli", "Papel", "Papéis", "Função"),
        ("Kursrolle", "Rol de curso", "Rôle dans le cours", "Função no curso", "Cursusrol", "Roller", "Roolit"),
        ("Роль", "Роли", "角色", "ロール"),
    ),
    # Whether somebody is still in the class.
    "status": (
        ("Enrollment status", "Enrolment status", "Enrollment state", "Enrolment state"),  # PeopleSoft, Sakai, Canvas
        ("Registration status", "Course status", "Student status"),  # Banner
        ("Status", "Statut", "État", "Estado", "Stato", "Situação", "Estat"),  # Moodle, OneRoster, Canvas
        ("Anmeldestatus", "Teilnahmestatus", "Belegungsstatus", "Statut d'inscription", "Estado de inscripción"),
        ("Availability", "Verfügbarkeit", "Disponibilité", "Disponibilidad", "Disponibilidade"),  # Blackboard
    ),
    "status note": (("Status note",),),  # PeopleSoft: who withdraws late stays enrolled
}


@dataclass(frozen=True)
class Header:
    """Where a file has what: the columns, counted from 0, by the names that `_TITLES` has for them."""

    columns: dict[str, int]
    titles: list[str]
    own: bool
    guessed: bool = False
    """Whether the column of addresses is known by what it holds alone, or is the first of several of that title."""

    @property
    def named(self) -> bool:
        """Whether students have names: a list of addresses has none."""
        return "name" not in missing(self.columns)

    def cell(self, cells: list[str], field: str) -> str:
        """Return what a row has in the column of `field`; empty if there is none."""
        at = self.columns.get(field, len(cells))
        return cells[at] if at < len(cells) else ""

    def title(self, *fields: str) -> str:
        """Return what the file calls the first of `fields` that it has."""
        return next(self.titles[self.columns[field]] for field in fields if field in self.columns)


# A file without a header.
UNTITLED = Header({"name": 0, "email": 1, "username": 2}, ["name", "email", "username"], own=True)


def find_header(rows: list[Row]) -> tuple[Header, list[Row]] | None:
    """Find the header among the first of `rows`; returns it, and the rows below it."""
    for above, row in enumerate(rows[: MOST_ABOVE + 1]):
        below = rows[above + 1 :]
        if header := recognised(row.cells) or recognised_with_what_it_holds(row.cells, below):
            return header, [each for each in below if each.cells != row.cells]  # it may stand above each section
        if any(is_address(cell) for cell in row.cells):  # a student already
            return None
    return None


def is_address(cell: str) -> bool:
    """Tell an address of any kind from other words."""
    return bool(re.fullmatch(r"""[^@\s<>(),;|"]+@[^@\s<>(),;|"]+""", cell))


def recognised(titles: list[str]) -> Header | None:
    """Tell the header from any other row: it has a column for names and one for addresses, or is one of addresses."""
    columns = columns_of(titles)
    if missing(columns) and not ("email" in columns and len([title for title in titles if title]) == 1):
        return None
    same = [title for title in titles if "email" in columns and _plain(title) == _plain(titles[columns["email"]])]
    return Header(columns, titles, own={title.casefold() for title in titles if title} <= OWN, guessed=len(same) > 1)


def recognised_with_what_it_holds(titles: list[str], rows: list[Row]) -> Header | None:
    """Tell a header that has a column for names by the one column below it, whatever its title, that has addresses."""
    columns = columns_of(titles)
    if missing(columns) != ["email"]:
        return None
    held = {at: [row.cells[at] for row in rows if at < len(row.cells) and row.cells[at]] for at in range(len(titles))}
    mostly = [at for at, cells in held.items() if 2 * sum(map(is_address, cells)) > len(cells) and titles[at]]
    return Header(columns | {"email": mostly[0]}, titles, own=False, guessed=True) if len(mostly) == 1 else None


def columns_of(titles: list[str]) -> dict[str, int]:
    """Return the number of the column that is called as `_TITLES` says, for each field that has one."""
    plain = [_plain(title) for title in titles]
    found = {
        field: [at for line in lines for at, title in enumerate(plain) if title in line]
        for field, lines in _CALLED.items()
    }
    return {field: columns[0] for field, columns in found.items() if columns}


def missing(columns: Iterable[str]) -> list[str]:
    """Return which of name and email no column holds."""
    found = set(columns)
    lacking = [] if found & {"name", "first name", "last name"} else ["name"]
    return lacking if found & {"email", "login", "username"} else [*lacking, "email"]


def _plain(title: str) -> str:
    """Return the letters and digits of a title, small and without accents, or words in brackets that explain it."""
    bare = re.sub(r"[(\[][^)\]]*[^)\]\d][^)\]]*[)\]]\s*$", "", title) or title
    parts = unicodedata.normalize("NFKD", bare.casefold())
    return "".join(character for character in parts if character.isalnum())


_CALLED = {field: [{_plain(title) for title in line} for line in lines] for field, lines in _TITLES.items()}
