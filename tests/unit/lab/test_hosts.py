"""What is read of a host: its console."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab import hosts
from lab.hosts import HostState, console, parse_console, start

STAMP = "2026-11-22T23:19:56.99+00:00 stdout F"


def test_the_console_is_what_the_host_wrote() -> None:
    log = (
        "cut off in the middle of a li\n"
        "2026-11-22T23:19:56.99+00:00 stdout F Welcome\r\n"
        "2026-11-22T23:19:56.99+00:00 stdout P a line in \n"
        "2026-11-22T23:19:57.00+00:00 stdout F two parts\n"
        "2026-11-22T23:19:57.00+00:00 stdout F \n"
        "2026-11-22T23:19:57.01+00:00 stdout F ssh-ed25519 AAAA root@ip-172-31-0-4\n"
    )
    assert parse_console(log) == "Welcome\na line in two parts\n\nssh-ed25519 AAAA root@ip-172-31-0-4\n"


def test_the_console_is_that_of_the_last_boot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, status = tmp_path / "i-1", ["created"]
    folder.mkdir()

    def podman(*command: str) -> None:
        assert command == ("start", "i-1")
        status[0] = "running"
        with (folder / "console.log").open("a") as log:
            log.write(f"{STAMP} boot {log.tell()}\n")

    monkeypatch.setattr(hosts, "HOSTS", tmp_path)
    monkeypatch.setattr(hosts, "podman", podman)
    monkeypatch.setattr(hosts, "state", lambda _: HostState(status[0]))
    assert console("i-1") == ""
    start("i-1")
    assert console("i-1") == "boot 0\n"
    start("i-1")  # it runs
    assert console("i-1") == "boot 0\n"
    status[0] = "exited"
    start("i-1")
    (said,) = console("i-1").splitlines()
    assert said.startswith("boot ")
    assert said != "boot 0"
