"""The letter says the same in every language, and each as it is written there. How one is chosen: test_letters.py."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import eml, letter_variables, read_eml

from tests.support.letter import Letter, read_letter
from tools import PROJECT

FOLDER = PROJECT / "templates/email"
LETTERS: dict[str, dict[str, Any]] = yaml.safe_load((PROJECT / "roles/mail/vars/main.yml").read_text(encoding="utf-8"))[
    "__mail_letters"
]
OTHERS = sorted(LETTERS.keys() - {"en"})
# What is typed, or read on a screen, and so is the same whatever the language around it.
TYPED_OR_READ = [
    "Address already in use",
    "Connection timed out",
    "File, New, Terminal",
    "Git Bash",
    "Jupyter",
    "Linux",
    "Permission denied",
    "PowerShell",
    "Windows",
    "bring-back ",
    "cannot listen to port: 5005",
    "localhost:5005",
    "macOS",
    "my-work",
    "pkill -f 5005:localhost",
    "refused",
    "ssh",
    "yes",
]
STUDENT: dict[str, Any] = {
    "name": "Émile Exemple",
    "email": "emile@example.org",
    "username": "emile",
    "port": 8889,
    "seat": "ml101-007",
    "address": "192.0.2.7",
    "password": "abcd-efgh-jkmn",
    "token": "madeuptoken",
    "https_link": "https://192.0.2.7/open/madeupsecret",
    "https_trouble": "it has no certificate: port 80 is shut: 'made up', since 13:19. It asks again at 14:19 UTC.",
}
FACTS = letter_variables(STUDENT, "SHA256:madeup", [22, 443])
FIXED = [
    FACTS["https_link"],
    FACTS["https_trouble"],
    FACTS["tunnel"],
    FACTS["fingerprint"],
    f"Password: {STUDENT['password']}",
    FACTS["link"],
    f"Token: {STUDENT['token']}",
    FACTS["tunnel_443"],
]
NO_BREAK = "\N{NO-BREAK SPACE}"
# To know a student by, and how the letter does not address one: it says "Sie", "usted" and "vous".
FAMILIAR = {
    "de": r"du|dir|dich|deine?[mnrs]?|euch|eure?[mnrs]?",
    "es": r"tú|tus?|te|ti|vosotr[ao]s|vos|vuestr[ao]s?",
    "fr": r"tu|te|toi|ton|ta|tes",
}


@cache
def template(language: str) -> str:
    return Path(FOLDER, LETTERS[language]["template"]).read_text(encoding="utf-8")


def written(language: str, ssh_ports: tuple[int, ...] = (22, 443), hours: str = "HOURS", *, https: bool = True) -> str:
    """Write the letter, as the role does."""
    student = STUDENT | ({} if https else {"https_link": "", "https_trouble": ""})
    facts = letter_variables(student, "SHA256:madeup", ssh_ports, hours)
    environment = jinja2.Environment(
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # noqa: S701 - plain text
    )
    return environment.from_string(template(language)).render(class_name="ml101", **facts)


def paragraphs(text: str) -> list[str]:
    """Say of every paragraph of a letter, and of every empty line, what it is."""
    kinds = []
    for line in text.splitlines():
        if line in FIXED:
            kinds.append(line)
        elif heading := re.match(r"\d\. ", line):
            kinds.append(heading[0])
        elif line.startswith("- "):
            kinds.append("item")
        elif not line:
            kinds.append("")
        elif kinds and kinds[-1] not in ("", "item", "prose"):
            kinds.append("prose beside a line that has to stand alone")
        elif not kinds or not kinds[-1]:
            kinds.append("prose")
    return kinds


def prose(language: str) -> str:
    """Return the letter without the lines that are the same everywhere."""
    return "\n".join(line for line in written(language).splitlines() if line not in FIXED)


def test_there_is_a_text_for_each_language_and_no_other() -> None:
    assert sorted(letter["template"] for letter in LETTERS.values()) == sorted(path.name for path in FOLDER.iterdir())
    assert {"en", "de", "es", "fr"} <= LETTERS.keys()


@pytest.mark.parametrize("language", OTHERS)
def test_it_asks_the_same_variables_in_the_same_order(language: str) -> None:
    def asked(text: str) -> list[str]:
        tokens = [(kind, value) for _, kind, value in jinja2.Environment(autoescape=True).lex(text)]
        return [value for kind, value in tokens if kind not in ("data", "whitespace")]

    assert asked(template(language)) == asked(template("en"))
    subject, english = LETTERS[language]["subject"], LETTERS["en"]["subject"]
    assert asked(subject) == asked(english)
    assert subject != english


@pytest.mark.parametrize("https", [True, False])
@pytest.mark.parametrize("ssh_ports", [(22, 443), (22,)])
@pytest.mark.parametrize("language", OTHERS)
def test_it_has_the_same_paragraphs_around_the_same_lines(
    language: str, ssh_ports: tuple[int, ...], *, https: bool
) -> None:
    kinds = paragraphs(written("en", ssh_ports, https=https))
    assert kinds.count("item") == 4 + https + (443 in ssh_ports)
    assert [line for line in kinds if line in FIXED] == FIXED[
        0 if https else 2 : len(FIXED) if 443 in ssh_ports else -1
    ]
    assert paragraphs(written(language, ssh_ports, https=https)) == kinds


@pytest.mark.parametrize("language", LETTERS)
def test_where_there_is_no_ssh_the_link_is_all_there_is(language: str) -> None:
    kinds = paragraphs(written(language, ()))
    assert [line for line in kinds if line in FIXED] == FIXED[:2]
    assert kinds.count("item") == 2
    assert not {"1. ", "2. "} & set(kinds)
    assert "ssh" not in written(language, ())


@pytest.mark.parametrize("language", LETTERS)
def test_it_says_when_machines_stop_themselves_where_they_do(language: str) -> None:
    kinds = paragraphs(written(language))
    without = written(language, hours="")
    assert written(language).count("HOURS.\n") == 1
    assert paragraphs(without) == kinds[:-4] + kinds[-2:]
    assert set(without.splitlines()) < set(written(language).splitlines())


@pytest.mark.parametrize("language", LETTERS)
def test_days_are_named_as_the_language_does(language: str) -> None:
    days = LETTERS[language]["days"]
    assert len(set(days)) == 7
    assert all(LETTERS[other]["days"] != days for other in LETTERS.keys() - {language})


@pytest.mark.parametrize("language", OTHERS)
def test_it_names_the_same_numbers_commands_and_programs(language: str) -> None:
    def named(text: str) -> Counter[str]:
        text = " ".join(text.split())  # lines end elsewhere
        words = {words: len(re.findall(rf"\b{re.escape(words)}", text)) for words in TYPED_OR_READ}
        assert all(words.values())
        return Counter(words) + Counter(re.findall(r"\d+", text))

    assert named(prose(language)) == named(prose("en"))


@pytest.mark.parametrize("language", OTHERS)
def test_no_sentence_was_forgotten(language: str) -> None:
    def lines(language: str) -> set[str]:
        return set(prose(language).splitlines()) - {""}

    for other in LETTERS.keys() - {language}:
        assert lines(language).isdisjoint(lines(other))


@pytest.mark.parametrize("language", LETTERS)
def test_the_student_reads_what_was_meant(language: str, tmp_path: Path) -> None:
    subject = LETTERS[language]["subject"].replace("{{ class_name }}", "ml101")
    mail = {"sender": "Größe <class@example.com>", "name": STUDENT["name"], "email": STUDENT["email"]}
    draft = tmp_path / "emile.eml"
    draft.write_bytes(eml(written(language), subject=subject, **mail).encode())
    assert read_letter(draft) == Letter(
        to=STUDENT["email"],
        name=STUDENT["name"],
        tunnel=FACTS["tunnel"],
        tunnel_443=FACTS["tunnel_443"],
        fingerprint=FACTS["fingerprint"],
        password=STUDENT["password"],
        link=FACTS["link"],
        token=STUDENT["token"],
    )
    kept = read_eml(draft.read_bytes())
    assert (kept["subject"], kept["body"]) == (subject, written(language))


@pytest.mark.parametrize("language", LETTERS)
def test_its_characters_are_those_that_every_mail_program_shows(language: str) -> None:
    text = template(language)
    assert unicodedata.normalize("NFC", text) == text
    blanks = {" ", "\n", NO_BREAK} if language == "fr" else {" ", "\n"}
    odd = {each for each in text if each not in blanks and unicodedata.category(each)[0] in "CZ"}
    assert odd == set(), "the narrow no-break space and its like are a box in some fonts, or a question mark"
    assert max(map(len, text.splitlines())) <= 123
    assert not re.search(r"[ \N{NO-BREAK SPACE}]$", text, re.MULTILINE)


@pytest.mark.parametrize("language", FAMILIAR)
def test_students_are_addressed_in_one_way(language: str) -> None:
    assert re.findall(rf"\b(?:{FAMILIAR[language]})\b", prose(language), re.IGNORECASE) == []


@pytest.mark.parametrize(("language", "opens", "closes"), [("de", "„", "“"), ("es", "«", "»"), ("fr", "«", "»")])
def test_quotation_marks_are_those_of_the_language(language: str, opens: str, closes: str) -> None:
    text = re.sub(r"(?<=\w)\N{RIGHT SINGLE QUOTATION MARK}(?=\w)", "", prose(language))  # the apostrophe
    marks = [each for each in text if unicodedata.category(each) in ("Pi", "Pf") or each in "„\"'"]
    assert marks == [opens, closes] * 5
    inside = NO_BREAK if language == "fr" else ""
    assert len(re.findall(rf"{opens}{inside}[^\s{opens}{closes}][^{opens}{closes}]*\S{inside}{closes}", text)) == 5


def test_french_has_a_no_break_space_before_two_part_signs_and_nowhere_else() -> None:
    text = prose("fr")
    for words in ("port: 5005", "localhost:5005", "5005:localhost"):  # no French
        text = text.replace(words, "")
    assert re.findall(rf"[^{NO_BREAK}][:;!?»]", text) == []
    assert re.findall(rf"{NO_BREAK}(?![:;!?»])", text.replace(f"«{NO_BREAK}", "")) == []


def test_spanish_opens_what_it_closes() -> None:
    text = prose("es")
    assert (text.count("¿"), text.count("¡")) == (text.count("?"), text.count("!"))


def test_the_setting_says_which_languages_there_are() -> None:
    settings = (PROJECT / "group_vars/all/class.yml").read_text(encoding="utf-8")
    comment = settings.partition("class_language: en\n")[0].rpartition("\n\n")[2]
    (tags,) = re.findall(r"students: ([a-z, ]+?) \(", comment)
    assert set(re.findall(r"\b[a-z]{2}\b", tags.replace(" or ", " "))) == LETTERS.keys()
