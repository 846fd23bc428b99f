"""Host keys: found in consoles as cloud-init prints them, pinned by seat."""

from __future__ import annotations

import subprocess
from pathlib import Path

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.host_keys import (
    HostKey,
    fingerprints,
    keys_in_console,
    read_known_hosts,
    write_known_hosts,
)

CONSOLE = """[    2.1] cloud-init[200]: done
-----BEGIN SSH HOST KEY KEYS-----\r
ssh-ed25519 OLDOLDOLD root@old\r
-----END SSH HOST KEY KEYS-----\r
-----BEGIN SSH HOST KEY KEYS-----
ecdsa-sha2-nistp256 AAAAE2VjZHNh root@ip-10-0-0-1
ssh-ed25519 AAAAC3NzaC1lZDI1 root@ip-10-0-0-1
-----END SSH HOST KEY KEYS-----
"""


def test_the_last_boot_counts() -> None:
    assert keys_in_console(CONSOLE, "ml-001", "i-1") == [
        HostKey("ml-001", "ecdsa-sha2-nistp256", "AAAAE2VjZHNh", "i-1"),
        HostKey("ml-001", "ssh-ed25519", "AAAAC3NzaC1lZDI1", "i-1"),
    ]


def test_a_console_without_keys_or_cut_short_gives_none() -> None:
    assert keys_in_console("booting", "ml-001", "i-1") == []
    assert keys_in_console(CONSOLE[: CONSOLE.index("-----END")], "ml-001", "i-1") == []


def test_a_fingerprint_is_the_one_that_ssh_shows(tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", tmp_path / "key"], check=True)
    kind, key, *_ = (tmp_path / "key.pub").read_text().split()
    shown = subprocess.run(["ssh-keygen", "-lf", tmp_path / "key.pub"], check=True, capture_output=True, text=True)
    assert HostKey("ml-001", kind, key, "i-1").fingerprint == shown.stdout.split()[1]


def test_the_file_keeps_what_was_pinned(tmp_path: Path) -> None:
    path = str(tmp_path / "known_hosts")
    keys = [HostKey("ml-002", "ssh-ed25519", "BBBB", "i-2"), HostKey("ml-001", "ssh-ed25519", "AAAA", "i-1")]
    assert read_known_hosts(path) == []
    write_known_hosts(path, keys)
    assert read_known_hosts(path) == sorted(keys)


def test_of_the_pinned_keys_the_one_that_ssh_prefers_is_told(tmp_path: Path) -> None:
    ecdsa, ed25519 = keys_in_console(CONSOLE, "ml-001", "i-1")
    other = HostKey("ml-002", ecdsa.kind, ecdsa.key, "i-2")
    write_known_hosts(str(tmp_path / "known_hosts"), [ecdsa, ed25519, other])
    known = fingerprints(str(tmp_path / "known_hosts"))
    assert known == {"ml-001": ed25519.fingerprint, "ml-002": other.fingerprint}
    assert fingerprints(str(tmp_path / "nothing")) == {}
