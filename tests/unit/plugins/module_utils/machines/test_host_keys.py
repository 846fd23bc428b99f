"""Host keys: found in consoles as cloud-init prints them, pinned by seat."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.host_keys import (
    HostKey,
    fingerprints,
    is_whole,
    keys_in_console,
    read_known_hosts,
    write_known_hosts,
)

from tests.support.host_keys import ed25519, public_key

OLD, NEW = ed25519("the machine before"), ed25519("the machine")
POINT = public_key("ecdsa-sha2-nistp256", b"nistp256", b"\4" + 64 * b"x")
CONSOLE = f"""[    2.1] cloud-init[200]: done
-----BEGIN SSH HOST KEY KEYS-----\r
ssh-ed25519 {OLD} root@old\r
-----END SSH HOST KEY KEYS-----\r
-----BEGIN SSH HOST KEY KEYS-----
ecdsa-sha2-nistp256 {POINT} root@ip-10-0-0-1
ssh-ed25519 {NEW} root@ip-10-0-0-1
-----END SSH HOST KEY KEYS-----
"""
ECDSA, ED25519 = HostKey("ml-001", "ecdsa-sha2-nistp256", POINT, "i-1"), HostKey("ml-001", "ssh-ed25519", NEW, "i-1")


def test_the_last_boot_counts() -> None:
    assert keys_in_console(CONSOLE, "ml-001", "i-1") == [ECDSA, ED25519]


def test_a_console_without_keys_or_cut_short_gives_none() -> None:
    assert keys_in_console("booting", "ml-001", "i-1") == []
    only_boot = CONSOLE[CONSOLE.rindex("-----BEGIN") :]
    assert keys_in_console(only_boot[: only_boot.index("-----END")], "ml-001", "i-1") == []


@pytest.mark.parametrize(("kind", "bits"), [("ed25519", "256"), ("rsa", "3072"), ("ecdsa", "256"), ("ecdsa", "521")])
def test_every_key_that_ssh_makes_is_whole_and_no_piece_of_it(tmp_path: Path, kind: str, bits: str) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", kind, "-b", bits, "-N", "", "-f", tmp_path / "key"], check=True)
    name, key, *_ = (tmp_path / "key.pub").read_text().split()
    assert is_whole(name, key)
    pieces = [key[:first] + key[last:] for last in range(1, len(key) + 1) for first in {0, last // 2, last - 1}]
    assert [piece for piece in pieces if is_whole(name, piece)] == []
    assert not is_whole("ssh-dss", key)


@pytest.mark.parametrize(
    "torn",
    [
        f"ssh-ed25519 {NEW[:30]}\n[   12.345678] audit: type=1400\n{NEW[30:]} root@ip-10-0-0-1",
        f"ssh-ed25519 {NEW[:30]}[   12.345678] audit: type=1400",
        f"ssh-ed25519 {NEW[:20]} root@ip-10-0-0-1",  # between two fields
        f"ssh-ed25519 {NEW[20:]} root@ip-10-0-0-1",
        f"ssh-ed25519 {NEW}{NEW} root@ip-10-0-0-1",
        f"ssh-ed25519 {POINT} root@ip-10-0-0-1",
        f"ssh-ed25519 {NEW}... root@ip-10-0-0-1",
        "ssh-ed25519",
    ],
)
def test_a_torn_line_is_not_pinned_and_those_beside_it_are(torn: str) -> None:
    whole = f"ssh-ed25519 {NEW} root@ip-10-0-0-1"
    assert keys_in_console(CONSOLE.replace(whole, torn), "ml-001", "i-1") == [ECDSA]


def test_where_the_last_boot_has_no_whole_line_the_boot_before_counts() -> None:
    torn = CONSOLE.replace(NEW, NEW[:-4]).replace(POINT, POINT[:-4])
    assert keys_in_console(torn, "ml-001", "i-1") == [HostKey("ml-001", "ssh-ed25519", OLD, "i-1")]


def test_a_key_that_two_boots_printed_is_pinned_once_also_where_a_line_between_them_is_torn() -> None:
    twice = CONSOLE.replace(OLD, NEW).replace("-----END", "-----[   12.3] audit", 1)
    assert sorted(keys_in_console(twice, "ml-001", "i-1")) == [ECDSA, ED25519]


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
