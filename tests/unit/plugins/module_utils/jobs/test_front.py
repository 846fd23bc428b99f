"""What the job does to a machine with systemd and haproxy, and what it leaves alone; both are stand-ins."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.front import certificate
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import ssh_service, wheels
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import write_json
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs import front, front_certificate

LATER = "2999-01-01T00:00:00+00:00"
ADA = {"hosts": {"ada": "192.0.2.1"}, "link_secrets": {"ada": "secret-of-the-link-of-ada"}}


class Machine(Host):
    """A machine with these units on; it remembers what was done."""

    def __init__(self, units: dict[str, set[str]], *, check_mode: bool = False) -> None:
        """Nothing was done."""
        super().__init__(SimpleNamespace(check_mode=check_mode))
        self.units, self.acts = units, list[str]()

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Answer as systemctl does, and remember what is more than a look."""
        assert stdin is None
        verb, unit = argv[1], argv[-1]
        state = {"is-enabled": "enabled", "is-active": "active", "enable": "enabled", "start": "active"}.get(verb, "")
        if verb.startswith("is-"):
            return subprocess.CompletedProcess(argv, int(unit not in self.units[state]), "", "")
        if state and unit.endswith((".timer", "haproxy.service", front.ADDRESS)):
            self.units[state].add(unit)
        self.acts.append(" ".join(argv) if argv[0] == "systemctl" else argv[0])
        return subprocess.CompletedProcess(argv, 0, "-----BEGIN PRIVATE KEY-----\n", "")

    def fail(self, message: str, **_: Any) -> NoReturn:
        """Raise what would end the module."""
        raise RuntimeError(message)


@pytest.fixture
def given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the arguments, on a machine below `tmp_path` that has all programs and whose front answers."""
    for name, below in (("UNITS", "units"), ("PROGRAM", "lib/front.pyz"), ("CLIENTS", "lib/certbot")):
        monkeypatch.setattr(front, name, str(tmp_path / below))
    monkeypatch.setattr(front, "DIRECTORY", str(tmp_path / "etc" / "front"))
    for job in (front, front_certificate):
        monkeypatch.setattr(job, "SETTINGS", str(tmp_path / "etc" / "front" / "settings.json"))
    monkeypatch.setattr(front, "HAPROXY", "/bin/sh")
    monkeypatch.setattr(front, "answer", lambda: "421")
    monkeypatch.setattr(Host, "_attributes", lambda *_, **__: False)
    monkeypatch.setattr("shutil.chown", lambda *_, **__: None)
    (tmp_path / "lib" / "certbot" / wheels.key("certbot")[:16]).mkdir(parents=True)
    (tmp_path / "units").mkdir()
    status = certificate.Status(["192.0.2.1"], until=LATER)
    monkeypatch.setattr(front, "read_status", lambda _: status)
    return ADA | {
        "state": "present",
        "jupyter_tokens": {"ada": "token-of-ada"},
        "page_words": {},
        "files": {"haproxy.cfg": "global\n", "door.html": "<p>", "wait.html": "<p>"},
        "units": {"haproxy.service.d/50-class.conf": "[Unit]\n", "class-front-certificate.timer": "[Timer]\n"},
        "state_directory": str(tmp_path / "state" / "front"),
        "admin_socket": str(tmp_path / "admin.sock"),
        "acme_directory": "https://acme.example.com/directory",
        "address_profile": "shortlived",
        "certbot_requirements": "certbot",
        "mirror_url": "",
        "apt_source": "",
        "pip_archive": "",
        "sshd_config_file": str(tmp_path / "sshd.conf"),
        "ssh_ports": [22, 443],
        "time_limit": 1,
        "ssh_closed_to": "",
    }


@pytest.fixture
def units() -> dict[str, set[str]]:
    """Return which units are enabled and active: none yet."""
    return {"enabled": set(), "active": set()}


def test_check_mode_promises_what_is_done_and_a_second_run_does_nothing(
    given: dict[str, Any], units: dict[str, set[str]]
) -> None:
    promised, done, again = Machine(units, check_mode=True), Machine(units), Machine(units)
    front.work(promised, given)
    assert promised.acts == []
    result = front.work(done, given)
    assert promised.changes == done.changes
    assert {"enabled haproxy.service", "started haproxy.service", f"enabled {front.ADDRESS}"} < set(done.changes)
    nothing = dict.fromkeys(("certificate_trouble", "certificate_since", "certificate_again"), "")
    assert result == {"certificate_until": LATER} | nothing | {
        "account": "",
        "certificate_due": False,
    }
    front.work(again, given)
    assert (again.changes, again.needs, again.acts) == ([], [], [])


@pytest.mark.parametrize(
    ("change", "act"),
    [
        # What a link has opened ends with it.
        ({"link_secrets": {"ada": "another-secret-of-the-link"}}, "systemctl restart haproxy.service"),
        # Nobody's websocket ends because of these.
        ({"jupyter_tokens": {"ada": "another-token"}}, "systemctl reload haproxy.service"),
        ({"page_words": {"ada": "word-of-the-machine-of-ada"}}, "systemctl reload haproxy.service"),
        ({"files": {"haproxy.cfg": "global\n\n"}}, "systemctl reload haproxy.service"),
        ({"units": {"haproxy.service.d/50-class.conf": "[Unit]\n\n"}}, "systemctl restart haproxy.service"),
    ],
)
def test_connections_end_only_where_they_must(
    given: dict[str, Any], units: dict[str, set[str]], change: dict[str, Any], act: str
) -> None:
    front.work(Machine(units), given)
    later = Machine(units)
    front.work(later, given | change)
    assert [done for done in later.acts if "daemon-reload" not in done] == [act]


def test_a_run_that_was_killed_before_connections_ended_has_them_ended_by_the_next(
    given: dict[str, Any], units: dict[str, set[str]]
) -> None:
    class Killed(Machine):
        def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
            if argv[1] == "restart":
                raise KeyboardInterrupt
            return super().probe(argv, stdin=stdin)

    renewed = given | {"link_secrets": {"ada": "another-secret-of-the-link"}}
    front.work(Machine(units), given)
    with pytest.raises(KeyboardInterrupt):
        front.work(Killed(units), renewed)
    promised, later, last = Machine(units, check_mode=True), Machine(units), Machine(units)
    front.work(promised, renewed)
    assert promised.changes == ["restarted haproxy.service"]
    front.work(later, renewed)
    assert later.acts == ["systemctl restart haproxy.service"]
    front.work(last, renewed)
    assert (last.changes, last.acts) == ([], [])


def test_a_run_that_was_killed_before_haproxy_read_what_it_laid_has_it_read_by_the_next(
    given: dict[str, Any], units: dict[str, set[str]]
) -> None:
    """Whose name or key is new would get a letter with a link that opens nothing."""

    class Killed(Machine):
        def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
            if argv[1] == "reload":
                raise KeyboardInterrupt
            return super().probe(argv, stdin=stdin)

    renewed = given | {"jupyter_tokens": {"ada": "another-token"}}
    front.work(Machine(units), given)
    with pytest.raises(KeyboardInterrupt):
        front.work(Killed(units), renewed)
    promised, later, last = Machine(units, check_mode=True), Machine(units), Machine(units)
    front.work(promised, renewed)
    assert promised.changes == ["reloaded haproxy.service"]
    front.work(later, renewed)
    assert later.acts == ["systemctl reload haproxy.service"]
    front.work(last, renewed)
    assert (last.changes, last.acts) == ([], [])


def test_a_link_of_another_address_is_refused_and_a_new_one_taken(
    given: dict[str, Any], units: dict[str, set[str]]
) -> None:
    front.work(Machine(units), given)
    moved = given | {"hosts": {"ada": "192.0.2.2"}}
    with pytest.raises(RuntimeError, match=r"The link of ada was made for the address 192\.0\.2\.1") as refused:
        front.work(Machine(units), moved)
    assert ADA["link_secrets"]["ada"] not in str(refused.value)
    front.work(Machine(units), moved | {"link_secrets": {"ada": "another-secret-of-the-link"}})
    with pytest.raises(RuntimeError, match="The link of ada"):  # nor does the old one come back
        front.work(Machine(units), moved)


def test_a_gate_that_was_closed_at_boot_is_opened_again(given: dict[str, Any], units: dict[str, set[str]]) -> None:
    front.work(Machine(units), given)
    Path(front.DIRECTORY, "keys.map").write_text("")
    later = Machine(units)
    front.work(later, given)
    assert later.changes == [f"wrote {front.DIRECTORY}/keys.map", "reloaded haproxy.service"]


def test_a_front_that_closed_itself_is_told(given: dict[str, Any], units: dict[str, set[str]]) -> None:
    class Moved(Machine):
        def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
            if argv[1:] == ["start", front.SERVICE]:  # which starts class-front-address.service first
                Path(front.DIRECTORY, "hosts.map").write_text("")
            return super().probe(argv, stdin=stdin)

    with pytest.raises(RuntimeError, match=r"on the internet this machine is not 192\.0\.2\.1"):
        front.work(Moved(units), given)


def test_a_certificate_that_does_not_come_is_told_and_is_no_failure(
    given: dict[str, Any], units: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    long_ago = certificate.Status(["192.0.2.1"], trouble="the authority is away", tried="2026-01-01T00:00:00+00:00")
    monkeypatch.setattr(front, "read_status", lambda _: long_ago)
    machine = Machine(units)
    assert front.work(machine, given) == {
        "account": "",
        "certificate_due": True,
        "certificate_until": "",
        "certificate_trouble": "the authority is away",
        "certificate_since": "",
        "certificate_again": "2026-01-01T01:00:00+00:00",
    }
    assert machine.changes[-1] == "asked for a certificate"
    assert machine.acts[-1] == "systemctl start class-front-certificate.service"
    # The authority counts what fails.
    just_now = replace(long_ago, tried=datetime.now(UTC).isoformat())
    monkeypatch.setattr(front, "read_status", lambda _: just_now)
    again = Machine(units)
    assert front.work(again, given)["certificate_trouble"] == "the authority is away"
    assert again.changes == []


def keep(given: dict[str, Any], status: certificate.Status) -> None:
    """Remember `status` of the certificate that is there."""
    live = Path(front.DIRECTORY, certificate.CERTIFICATE).read_text()
    kept = asdict(replace(status, digest=certificate.digest(live)))
    write_json(f"{given['state_directory']}/{certificate.STATUS}", kept)


def test_a_front_that_was_away_takes_up_its_certificate_at_once(
    given: dict[str, Any], units: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is kept of an order, however young, says nothing of the placeholder that it comes back with."""
    monkeypatch.setattr(front, "read_status", certificate.read_status)
    monkeypatch.setattr(ssh_service, "take_back", lambda *_: None)
    closed: list[str] = []
    monkeypatch.setattr(ssh_service, "refuse", lambda _, __, group: closed.append(group))
    alone = given | {"ssh_closed_to": "students"}
    front.work(Machine(units), given)
    Path(front.DIRECTORY, certificate.CERTIFICATE).write_text("of the authority\n")
    keep(given, certificate.Status(["192.0.2.1"], until=LATER, tried=datetime.now(UTC).isoformat()))
    again = Machine(units)
    assert not front.work(again, given)["certificate_due"]
    assert again.changes == []
    front.work(Machine(units), given | {"state": "absent"})
    back = Machine(units)
    result = front.work(back, alone)
    assert back.changes[-1] == "asked for a certificate"
    assert (result["certificate_until"], result["certificate_due"], closed) == ("", True, [])


NAME = "ml101-001.class.example.org"
ACCOUNT = "https://acme.example.com/acct/1"


def test_a_name_is_certified_only_once_it_leads_to_the_machine(
    given: dict[str, Any], units: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the account, which its record is to say; then the order, which would else fail, and failures count."""
    Path(given["state_directory"]).mkdir(parents=True)
    monkeypatch.setattr(front, "read_status", certificate.read_status)
    named = given | {"hosts": {"ada": NAME}}
    result = front.work(Machine(units, check_mode=True), named)  # of such a machine it is said which name is to come
    assert (result["certificate_until"], result["account"]) == ("", "")
    machine = Machine(units)
    result = front.work(machine, named)
    assert machine.changes[-1] == "asked for an account with the authority"
    assert machine.acts[-1] == "systemctl start class-front-certificate.service"
    assert result["certificate_trouble"] == f"{NAME}: no record in DNS leads to this machine yet"

    status = certificate.Status([NAME], trouble="no record", account=ACCOUNT)
    write_json(f"{given['state_directory']}/{certificate.STATUS}", asdict(status))
    checked = Machine(units, check_mode=True)
    result = front.work(checked, named)
    assert (checked.changes, result["account"], result["certificate_due"]) == ([], ACCOUNT, True)

    machine = Machine(units)
    now = {"names": [NAME], "sshd_config_file": given["sshd_config_file"], "ssh_closed_to": ""}
    front_certificate.work(machine, now)
    assert machine.changes == [f"wrote {given['state_directory']}/{certificate.NAMED}", "asked for a certificate"]
    keep(given, replace(status, trouble="", until=LATER))
    for again in (Machine(units), Machine(units, check_mode=True)):
        result = front_certificate.work(again, now)
        assert (again.changes, result["certificate_due"], result["certificate_trouble"]) == ([], False, "")

    closed: list[str] = []
    monkeypatch.setattr(ssh_service, "refuse", lambda _, __, group: closed.append(group))
    front_certificate.work(Machine(units), now | {"ssh_closed_to": "students"})
    assert closed == ["students"]


def test_a_student_who_comes_to_a_machine_with_names_waits_for_hers(
    given: dict[str, Any], units: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path(given["state_directory"]).mkdir(parents=True)
    monkeypatch.setattr(front, "read_status", certificate.read_status)
    front.work(Machine(units), given | {"hosts": {"ada": NAME}})
    keep(given, certificate.Status([NAME], until=LATER, account=ACCOUNT))
    write_json(f"{given['state_directory']}/{certificate.NAMED}", {"names": [NAME]})
    second = "ml101-001-2.class.example.org"
    two = given | {
        "hosts": {"ada": NAME, "grace": second},
        "link_secrets": ADA["link_secrets"] | {"grace": "secret-of-the-link-of-grace"},
        "jupyter_tokens": {"ada": "token-of-ada", "grace": "token-of-grace"},
    }
    machine = Machine(units)
    result = front.work(machine, two)
    assert not [change for change in machine.changes if change.startswith("asked")]
    assert result["certificate_due"]
    assert result["certificate_trouble"] == f"{second}: no record in DNS leads to this machine yet"


def test_ssh_is_closed_to_students_only_once_there_is_another_way_in(
    given: dict[str, Any], units: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[tuple[str, str]] = []
    monkeypatch.setattr(ssh_service, "refuse", lambda _, path, group: closed.append((path, group)))
    good = certificate.Status(["192.0.2.1"], until=LATER)
    alone = given | {"ssh_closed_to": "students"}
    for useless in (certificate.Status(["192.0.2.1"]), replace(good, until="2026-01-01T00:00:00+00:00")):
        monkeypatch.setattr(front, "read_status", lambda _, status=useless: status)
        front.work(Machine(units), alone)
    monkeypatch.setattr(front, "read_status", lambda _: good)
    front.work(Machine(units), given)
    assert closed == []
    front.work(Machine(units), alone)
    assert closed == [(given["sshd_config_file"], "students")]


def test_a_front_that_is_silent_is_a_need(
    given: dict[str, Any], units: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    front.work(Machine(units), given)
    monkeypatch.setattr(front, "answer", lambda: "refused")
    checked = Machine(units, check_mode=True)
    front.work(checked, given)
    assert (checked.changes, checked.needs) == ([], ["the front does not answer"])
    monkeypatch.setattr(front, "PATIENCE", 0)
    with pytest.raises(RuntimeError, match=r"does not answer on port 443 \(refused\)"):
        front.work(Machine(units), given)


def test_without_certbot_the_module_asks_for_pip_and_touches_nothing(
    given: dict[str, Any], units: dict[str, set[str]]
) -> None:
    machine = Machine(units)
    assert front.work(machine, given | {"certbot_requirements": "newer"}) == {"client_missing": True}
    assert (machine.changes, machine.acts) == ([], [])


class Apt(Machine):
    """A machine whose apt is held by another process at first, or finds nothing."""

    def __init__(self, *answers: tuple[int, str]) -> None:
        """Give these answers, one after the other."""
        super().__init__({"enabled": set(), "active": set()})
        self.answers = list(answers)

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Answer."""
        if argv[0] != "env":
            return super().probe(argv, stdin=stdin)
        self.acts.append(argv[-1])
        status, said = self.answers.pop(0)
        return subprocess.CompletedProcess(argv, status, "", said)


@pytest.mark.parametrize("ports", [[22, 443], [22]])
def test_all_of_it_goes_again(
    given: dict[str, Any], units: dict[str, set[str]], monkeypatch: pytest.MonkeyPatch, ports: list[int]
) -> None:
    wanted = given | {"state": "absent", "ssh_ports": ports}
    nothing = Machine(units)
    front.work(nothing, wanted)
    assert (nothing.changes, nothing.acts) == ([], [])
    front.work(Machine(units), given)
    back = "gave port 443 back"
    monkeypatch.setattr(ssh_service, "take_back", lambda host, *_: host.change(back))
    promised, done, again = Machine(units, check_mode=True), Machine(units), Machine(units)
    front.work(promised, wanted)
    front.work(done, wanted)
    assert promised.changes == done.changes
    assert (back in done.changes) is (443 in ports)
    assert ("ended haproxy.service" in done.changes) is (443 not in ports)
    assert not Path(front.DIRECTORY).exists()
    assert not [path for path in Path(front.UNITS).rglob("*") if path.is_file()]
    front.work(again, wanted)
    assert again.changes == []


LOCKED = (100, "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 812 (apt-get)\n")


def test_haproxy_waits_for_others_who_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(front, "HAPROXY", str(tmp_path / "none"))
    monkeypatch.setattr(front, "SECONDS_BETWEEN_QUESTIONS", 0)
    machine = Apt(LOCKED, (0, ""), (0, ""))
    front.install_haproxy(machine, "", 60)
    assert machine.acts == ["update", "update", "haproxy", "systemctl disable --quiet --now haproxy.service"]
    for answers in ([LOCKED], [(0, ""), (100, "E: Unable to locate package haproxy\n")]):
        with pytest.raises(RuntimeError, match=r"could not be installed: E: (Could not get lock|Unable to locate)"):
            front.install_haproxy(Apt(*answers), "", 0)
