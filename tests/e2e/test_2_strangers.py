"""What strangers on the internet, a student's neighbours and programs on the machine try against the way in over https.

Each attack stands beside what shows that it is one: the same request with the key, or the same command once the one
protection is lifted.
"""

from __future__ import annotations

import hashlib
import secrets
import ssl
import time
from dataclasses import dataclass
from http.client import HTTPSConnection
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
import yaml

from lab.layout import ACME_ROOT, RUN
from tests.support.commands import ROSTER, command, mails, on_machine
from tests.support.front import ask
from tests.support.laptop import SECONDS, Laptop
from tests.support.letter import Letter, https_link, read_letter
from tests.support.visitor import Answer
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CLICK = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
ROLE = yaml.safe_load((PROJECT / "roles/front/vars/main.yml").read_text())
FOLDER, RUNTIME = ROLE["__front_directory"], ROLE["__front_runtime_directory"]
STATE = yaml.safe_load((PROJECT / "roles/front/defaults/main.yml").read_text())["front_state_directory"]


@dataclass(frozen=True)
class Seat:
    """A student's machine, as the internet sees it, and the student's letter."""

    letter: Letter
    link: str

    @property
    def host(self) -> str:
        """What stands in the address bar."""
        return urlsplit(self.link).netloc

    @property
    def secret(self) -> str:
        """What the link opens the gate with."""
        return self.link.rpartition("/")[2]

    @property
    def cookie(self) -> dict[str, str]:
        """The header of a browser that is in."""
        return {"Cookie": f"{ROLE['__front_cookie']}={self.secret}"}

    def ask(self, path: str, headers: Mapping[str, str] | None = None, *, method: str = "GET") -> Answer:
        """Send one request over https."""
        trust = ssl.create_default_context(cafile=str(ACME_ROOT))
        connection = HTTPSConnection(self.host, timeout=SECONDS, context=trust)
        return ask(connection, method, path, {"Host": self.host, **(headers or {})})

    def jupyter_heard(self, knock: str) -> bool:
        """Say whether Jupyter's log has a request with this word, once it has one that was sent after that."""
        control = f"control-{secrets.token_hex()}"
        self.ask(f"/api/contents?knock={control}", self.cookie)  # which Jupyter refuses, and says so
        unit, deadline = f"jupyter@{self.letter.username}.service", time.monotonic() + SECONDS
        while control not in (log := on_machine(self.letter.seat, f"journalctl --no-pager --unit {unit}")):
            assert time.monotonic() < deadline, "what reaches Jupyter is not in its log"
        return knock in log


@pytest.fixture(scope="module")
def seats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Seat]]:
    """Take two of the class that is up; bring a class of two up if there is none, and take it away at the end."""
    own = not RUN.exists()
    if own:
        roster = tmp_path_factory.mktemp("class") / "students.csv"
        roster.write_text("\n".join(ROSTER.read_text().splitlines()[:3]) + "\n")
        command(f"make lab STUDENTS={roster}")
    yield [Seat(read_letter(path), https_link(path)) for path in mails()[:2]]
    if own:
        command("make lab-down DISCARD=1")


@pytest.mark.parametrize("path", ["/", "/lab", "/login", "/api/contents", "/open/", "/static/favicon.ico", "//lab"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_stranger_gets_nowhere_and_jupyter_hears_nothing(seats: list[Seat], path: str, method: str) -> None:
    ada, other = seats
    knock = hashlib.sha256(f"{method} {path}".encode()).hexdigest()
    for headers in ({}, {"Authorization": f"token {ada.letter.token}"}, other.cookie):
        answer = ada.ask(f"{path}?knock={knock}", headers, method=method)
        assert answer.status == 403
        assert "Set-Cookie" not in answer.headers
    assert not ada.jupyter_heard(knock)


def test_what_reaches_jupyter_stands_in_its_log(seats: list[Seat]) -> None:
    """The control of the test above: Jupyter refuses who has the gate's key alone."""
    for method in ("GET", "POST"):
        knock = secrets.token_hex()
        seats[0].ask(f"/api/contents?knock={knock}", seats[0].cookie, method=method)
        assert seats[0].jupyter_heard(knock)


def test_a_link_opens_its_own_machine_alone(seats: list[Seat]) -> None:
    ada, other = seats
    for door in seats:
        for key in seats:
            assert door.ask(f"/open/{key.secret}", CLICK).status == (303 if door is key else 403)
    for guess in (f"{ada.secret}x", ada.secret[:-1], ada.secret.swapcase(), other.secret, ""):
        assert ada.ask(f"/open/{guess}").status == 403


def test_under_another_name_there_is_nothing(seats: list[Seat]) -> None:
    ada = seats[0]
    for host in ("evil.example.com", f"{ada.host}.evil.example.com", "localhost:8888", seats[1].host):
        assert ada.ask(f"/open/{ada.secret}", {"Host": host}).status == 421
    assert ada.ask(f"/open/{ada.secret}").status == 303


@pytest.mark.parametrize(
    ("what", "headers", "method"),
    [
        ("a form", {**CLICK, "Sec-Fetch-Site": "SITE", "Origin": "https://HOST"}, "POST"),
        ("a form that names no origin", {**CLICK, "Sec-Fetch-Site": "SITE"}, "POST"),
        ("an image", {"Sec-Fetch-Site": "SITE", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, "GET"),
        ("a frame", {**CLICK, "Sec-Fetch-Site": "SITE", "Sec-Fetch-Dest": "iframe"}, "GET"),
        ("a browser of old", {"Origin": "https://HOST"}, "GET"),
    ],
)
def test_what_another_site_sends_is_refused(seats: list[Seat], what: str, headers: dict[str, str], method: str) -> None:
    """A neighbour's page sends it. The control is the same request of our own page."""
    ada, neighbour = seats
    for site, host, let_in in (("same-site", neighbour.host, False), ("same-origin", ada.host, True)):
        knock = secrets.token_hex()
        sent = {name: value.replace("SITE", site).replace("HOST", host) for name, value in headers.items()}
        answer = ada.ask(f"/api/contents?knock={knock}", {**ada.cookie, **sent}, method=method)
        assert answer.status == 403, what  # Jupyter refuses who has not logged in there
        assert ada.jupyter_heard(knock) is let_in, what


@dataclass(frozen=True)
class Local:
    """`line` is typed into a shell of the student's and succeeds with status 0; the rest are scripts of root's."""

    name: str
    line: str
    lift: str
    restore: str


def connect(path: str) -> str:
    """Return a command that speaks to a socket."""
    return f"python3 -c 'import socket; socket.socket(socket.AF_UNIX).connect(\"{path}\")'"


LOCAL = [
    *(
        Local(
            f"read {name}",
            f"test -s {FOLDER}/{name} && cat {FOLDER}/{name} > /dev/null",
            lift=f"chmod o+x {FOLDER}; chmod o+r {FOLDER}/{name}",
            restore=f"chmod o-x {FOLDER}; chmod o-r {FOLDER}/{name}",
        )
        for name in ("keys.map", "tokens.map", "live.pem")
    ),
    Local(
        "open a way in of one's own",
        f"echo >> {FOLDER}/keys.map",
        lift=f"chmod o+x {FOLDER}; chmod o+w {FOLDER}/keys.map",
        restore=f"chmod o-x {FOLDER}; chmod o-w {FOLDER}/keys.map; sed -i /^$/d {FOLDER}/keys.map",
    ),
    Local(
        "read the key of the account with the authority",
        f"cat {STATE}/acme/accounts/*/*/*/private_key.json > /dev/null",
        lift=f"chmod o+x {STATE}/..; chmod -R o+rX {STATE}",
        restore=f"chmod -R o-rwx {STATE}; chmod o-x {STATE}/..",
    ),
    *(
        Local(
            f"speak to {name}",
            connect(f"{RUNTIME}/{name}"),
            lift=f"chmod o+x {RUNTIME}; chmod o+rw {RUNTIME}/{name}",
            restore=f"chmod o-x {RUNTIME}; chmod o-rw {RUNTIME}/{name}",
        )
        for name in ("admin.sock", "tls.sock")
    ),
]


@pytest.mark.parametrize("attack", LOCAL, ids=lambda attack: attack.name)
def test_a_program_of_the_student_does_not(attack: Local, seats: list[Seat], laptop: Laptop) -> None:
    letter = seats[0].letter

    def succeeds() -> bool:
        # The terminal echoes what is typed, so the mark is spelled otherwise there.
        return "attack-42" in laptop.log_in(letter, f"{{ {attack.line}; }} && echo attack-$((40 + 2))")

    as_it_is = succeeds()
    on_machine(letter.seat, attack.lift)
    try:
        unprotected = succeeds()
    finally:
        on_machine(letter.seat, attack.restore)
    assert (as_it_is, unprotected, succeeds()) == (False, True, False)
