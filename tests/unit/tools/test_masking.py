"""What a user may send: nothing in it says who, where or which account."""

from __future__ import annotations

import pytest

from tools.masking import masked, names_in_roster


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("as arn:aws:iam::123456789012:user/ada.teacher", "as <arn>"),
        ("account 123456789012, or 1234-5678-9012", "account <account>, or <account>"),
        ("ada@example.com, <Grace.S+x@mail.example.org>", "<mail address>, <<mail address>>"),
        ("connect to host 192.0.2.11 port 22", "connect to host <address> port 22"),
        ("[2001:db8::17]:443, fe80::1, 2001:db8:0:1:2:3:4:5", "[<address>]:443, <address>, <address>"),
        ("link 0a:58:a9:fe:00:17 is up", "link <address> is up"),
        ("ec2-192-0-2-11.compute-1.amazonaws.com and ip-10-0-0-7", "<host> and <host>"),
        ("i-0123456789abcdef0 in sg-0123abcd", "<id> in <id>"),
        ("key AKIAIOSFODNN7EXAMPLE", "key <access key>"),
        ("secret wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "secret <secret>"),
        ("token 0123456789abcdef0123456789abcdef", "token <secret>"),
        ("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDlV2p7u1wqJ0", "ssh-ed25519 <public key>"),
        ("SHA256:uNiVztksCsDhcc0u9e8BgrJXVGDvlg/K3rO8bFQN0aE", "<fingerprint>"),
    ],
)
def test_what_identifies_is_masked(said: str, left: str) -> None:
    assert masked(said, {}) == left


@pytest.mark.parametrize(
    "said",
    [
        "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20251022, root disk /dev/sda1",
        "ami-0123456789abcdef0",
        "2 running m6a.large, 30 GiB; up for 86412 s; next upgrade Mon 2026-03-02 03:30:00 EST",
        "OpenSSH_9.6p1 Ubuntu-3ubuntu13.14, OpenSSL 3.0.13 30 Jan 2024",
        "port 22 port 443 maxstartups 100:30:200 passwordauthentication no",
        "Written 2026-03-02 07:41 UTC, region us-east-1",
    ],
)
def test_what_we_want_to_know_is_left(said: str) -> None:
    assert masked(said, {}) == said


def test_names_are_masked_as_words() -> None:
    names = {"ada": "<person>", "ml101": "<class>", "ml101-001": "<seat 1>", "/home/ada": "~", "al": "<person>"}
    said = "Ada at ml101-001 of ml101 reads /home/ada/canada, as al does"
    assert masked(said, names) == "<person> at <seat 1> of <class> reads ~/canada, as al does"


def test_whatever_is_in_a_roster_may_be_a_name() -> None:
    roster = 'name,email,username\n"Beispiel, Ada",ada.b+ml@example.com,adab\n'
    assert {"Beispiel", "Ada", "ada", "example", "ada.b+ml@example.com", "adab"} <= set(names_in_roster(roster))
