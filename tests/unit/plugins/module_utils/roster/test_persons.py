"""Names and roles, as platforms write them."""

from __future__ import annotations

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.persons import (
    full_name,
    has_left,
    is_staff,
    turned,
)


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Beispiel, Ada", "Ada Beispiel"),
        ("Beispiel, Ada, Jr.", "Ada Beispiel, Jr."),
        ("Beispiel, Jr., Ada M.", "Ada M. Beispiel, Jr."),
        ("Ada Beispiel, Jr.", "Ada Beispiel, Jr."),
        ("Ada Beispiel, PhD", "Ada Beispiel, PhD"),
        ("van der Beispiel, Ada", "Ada van der Beispiel"),
        ("Ada Beispiel", "Ada Beispiel"),
        ("a, b, c, d", "a, b, c, d"),
        (",", ","),
        ("D'Esempio-Sample, Marta Å.", "Marta Å. D'Esempio-Sample"),
        ("E\u0301xemple, E\u0301mile", "E\u0301mile E\u0301xemple"),
        ("{{ lookup('pipe', 'id') }}", "{{ lookup('pipe', 'id') }}"),
        (", Ada", ", Ada"),
    ],
)
def test_a_name_is_said_first_name_first(written: str, said: str) -> None:
    assert turned(written) == said


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("", "Ada", "Beispiel"),
        ("Beispiel", "Ada", ""),  # Vorname, Name
        ("Ada", "", "Beispiel"),  # Nombre, Apellidos
        ("Ada Beispiel", "Ada", ""),
        ("Beispiel, Ada", "", ""),
        ("Ada  Beispiel", "Augusta", "Beispiel"),
    ],
)
def test_a_name_is_made_of_the_columns_that_there_are(name: str, first: str, last: str) -> None:
    assert full_name(name, first, last) == "Ada Beispiel"


@pytest.mark.parametrize(
    "role",
    [
        *("Instructor", "Teacher", "TA", "Lead TA", "Teaching Assistant", "Student Assistant", "Observer", "Designer"),
        *(
            "Non-editing teacher",
            "Owner",
            "administrator",
            "Trainer/in",
            "Dozent",
            "Tutorin",
            "Enseignante",
            "Profesora",
        ),
        *("Docente", "Professor, Tutor"),
    ],
)
def test_who_teaches_is_staff(role: str) -> None:
    assert is_staff(role)


@pytest.mark.parametrize(
    "role",
    [
        *(
            "",
            "Student",
            "Waitlist Student",
            "Learner",
            "Member",
            "Teilnehmer/in",
            "Studentin",
            "Étudiant",
            "Estudiante",
        ),
        *("student, Teacher", "Kursmitglied", "Auditor", "ML engineer"),
    ],
)
def test_who_learns_or_whose_role_is_not_known_is_not(role: str) -> None:
    assert not is_staff(role)


@pytest.mark.parametrize(
    "status",
    [
        *("Withdrawn", "withdrew", "Dropped", "DROPPED (was enrolled)", "Drop/Delete", "Web Drop", "Unenrolled"),
        *("Suspended", "Inactive", "deleted", "to be deleted", "tobedeleted", "rejected", "concluded", "Cancelled"),
        *("Inaktiv", "abgemeldet", "storniert", "exmatrikuliert", "Suspendu", "Désinscrite", "Abandon", "Inactif"),
        *("Suspendido", "Baja", "Retirada", "Inactivo", "Sospeso", "Ritirata", "Suspenso", "Desistente", "Geschorst"),
        *("No", "Nein"),
    ],
)
def test_whose_status_says_so_has_left(status: str) -> None:
    assert has_left(status)


@pytest.mark.parametrize(
    "status",
    [
        *("", "Enrolled", "enrolled", "Active", "active", "**Web Registered**", "Invited", "creation_pending", "Yes"),
        *("Waiting", "Waitlisted", "Audit", "Graded", "Not current", "completed", "Aktiv", "zugelassen", "Actif"),
        *("Activo", "Attivo", "Ativo", "Inscrito", "Inscrit", "autor", "Present", "Full time", "Drop-in", "WA", "1"),
    ],
)
def test_whose_status_says_anything_else_is_in_the_class(status: str) -> None:
    assert not has_left(status)
