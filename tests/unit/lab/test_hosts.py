"""What is read of a host: its console."""

from __future__ import annotations

from lab.hosts import parse_console


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
