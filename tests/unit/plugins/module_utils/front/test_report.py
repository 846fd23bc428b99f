"""How a machine's front is, from its files and its journal."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.certificate import Status, digest
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.report import (
    front_report,
    opened_seconds,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.settings import Settings

UNTIL, TRIED, SINCE = "2126-03-08T10:00:00+00:00", "2026-03-02T10:00:00+00:00", "2026-03-02T07:00:00+00:00"

# Answers as journalctl(1): what matches, the newest first.
JOURNALCTL = """#!{python}
import json, sys
entries = [json.loads(line) for line in open({entries!r})]
matches = [word.split("=") for word in sys.argv[1:] if not word.startswith("-")]
found = [each for each in entries if all(each.get(key) == value for key, value in matches)]
assert "--reverse" in sys.argv
for each in reversed(found):
    print(json.dumps({{key: each[key] for key in ("MESSAGE", "__REALTIME_TIMESTAMP")}}))
"""


@pytest.fixture
def settings_file(tmp_path: Path) -> str:
    """Lay what the front of ada's machine keeps."""
    settings = Settings(
        hosts={"ada": "192.0.2.7"},
        directory=str(tmp_path),
        state_directory=str(tmp_path),
        admin_socket="",
        certbot="",
        acme_directory="",
        address_profile="",
    )
    (tmp_path / "settings.json").write_text(settings.text())
    (tmp_path / "hosts.map").write_text("192.0.2.7 ada\n")
    return str(tmp_path / "settings.json")


def remember(settings_file: str, status: Status) -> None:
    (Path(settings_file).parent / "live.pem").write_text("of the authority")
    kept = asdict(replace(status, digest=digest("of the authority")))
    (Path(settings_file).parent / "certificate.json").write_text(json.dumps(kept))


def test_a_machine_without_a_front_has_nothing_to_say(tmp_path: Path) -> None:
    assert front_report(str(tmp_path / "settings.json")) == {}


def test_a_spare_which_lets_nobody_in_is_not_one_that_closed_itself(settings_file: str) -> None:
    given = json.loads(Path(settings_file).read_text())
    Path(settings_file).write_text(json.dumps(given | {"hosts": {}}))
    (Path(settings_file).parent / "hosts.map").write_text("")
    assert front_report(settings_file) == {}


def test_it_says_until_when_the_certificate_is_and_what_keeps_the_next_away(settings_file: str) -> None:
    none_yet = {
        "open": True,
        "certificate_until": "",
        "certificate_trouble": "",
        "certificate_since": "",
        "certificate_again": "",
    }
    assert front_report(settings_file) == none_yet
    remember(settings_file, Status(["192.0.2.7"], UNTIL, "too many certificates", TRIED, SINCE))
    assert front_report(settings_file) == {
        "open": True,
        "certificate_until": UNTIL,
        "certificate_trouble": "too many certificates",
        "certificate_since": SINCE,
        "certificate_again": "2026-03-02T11:00:00+00:00",
    }
    remember(settings_file, Status(["192.0.2.7"], UNTIL, "", TRIED))
    assert front_report(settings_file) == none_yet | {"certificate_until": UNTIL}
    (Path(settings_file).parent / "live.pem").write_text("a placeholder")
    assert front_report(settings_file) == none_yet
    remember(settings_file, Status(["192.0.2.8"], UNTIL, "of yesterday's address", TRIED, SINCE))
    assert front_report(settings_file) == none_yet
    (Path(settings_file).parent / "hosts.map").write_text("")
    assert front_report(settings_file) == none_yet | {"open": False}


def test_who_came_by_the_link_last_is_known_from_the_journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def entry(ago: int, said: str, priority: str = "5", unit: str = "haproxy.service") -> str:
        at = str(int((time.time() - ago) * 1_000_000))
        return json.dumps({"MESSAGE": said, "PRIORITY": priority, "_SYSTEMD_UNIT": unit, "__REALTIME_TIMESTAMP": at})

    journal = [
        entry(9000, "198.51.100.9:4711 ada GET 303 120 bytes 1 ms --"),
        entry(7200, "198.51.100.9:4711 ada GET 303 120 bytes 1 ms --"),
        entry(600, "198.51.100.8:4711 grace GET 303 120 bytes 1 ms --"),
        entry(60, "198.51.100.9:4711 ada GET 303 120 bytes 1 ms --", priority="6"),
        entry(50, "198.51.100.9:4711 ada GET 303 120 bytes 1 ms --", unit="user@1001.service"),
        entry(40, "Proxy gate started."),
    ]
    (tmp_path / "entries").write_text("\n".join(journal))
    program = tmp_path / "journalctl"
    program.write_text(JOURNALCTL.format(python=sys.executable, entries=str(tmp_path / "entries")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    ago = opened_seconds()
    assert list(ago) == ["grace", "ada"]
    assert 600 <= ago["grace"] < 900
    assert 7200 <= ago["ada"] < 7500


def test_without_a_journal_nobody_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert opened_seconds() == {}
