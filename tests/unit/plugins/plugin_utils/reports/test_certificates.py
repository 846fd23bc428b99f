"""What keeps a machine from a certificate, told from the words of certbot and of authorities."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.certificates import (
    DOWN,
    LONGEST_SAID,
    NAME,
    NOT_ASKED,
    OTHER,
    PORT_80,
    RATE,
    Cause,
    Certificate,
    cause_of,
    https_trouble,
    quoted,
)

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("trouble", "cause"),
    [
        # https://letsencrypt.org/docs/rate-limits/, as certbot 5 prints it
        (
            "There were too many requests of a given type :: Error creating new order :: too many certificates (5) "
            "already issued for this exact set of identifiers in the last 168h0m0s, retry after 2026-03-03 10:00:00 UTC"
            ": see https://letsencrypt.org/docs/rate-limits/",
            RATE,
        ),
        ('too many failed authorizations (5) for "192.0.2.7" in the last 1h0m0s, retry after 2026-03-02', RATE),
        ("urn:ietf:params:acme:error:rateLimited :: Service busy; retry later.", RATE),
        # Let's Encrypt's and pebble's words for a port that is shut
        (
            "192.0.2.7: Fetching http://192.0.2.7/.well-known/acme-challenge/x: Timeout during connect (likely "
            "firewall problem)",
            PORT_80,
        ),
        ("192.0.2.7: Fetching http://192.0.2.7/.well-known/acme-challenge/x: Connection refused", PORT_80),
        ('Get "http://127.0.0.2:5002/.well-known/acme-challenge/x": dial tcp 127.0.0.2: connect: refused', PORT_80),
        ("DNS problem: NXDOMAIN looking up A for s01.ml101.example.org - check that a DNS record exists", NAME),
        ("While processing CAA for s01.example.org: CAA record for s01.example.org prevents issuance", NAME),
        (
            "requests.exceptions.ConnectionError: HTTPSConnectionPool(host='acme.example.org', port=443): Max retries "
            "exceeded with url: /directory (Caused by NewConnectionError('Connection refused'))",
            DOWN,
        ),
        ("the authority gave no answer in 300 s", DOWN),
        ("The server experienced an internal error :: The service is down for maintenance", DOWN),
        ('Invalid response from http://192.0.2.7/.well-known/acme-challenge/x: "404 page not found"', OTHER),
        ("", NOT_ASKED),
    ],
)
def test_the_cause_is_told_from_the_words(trouble: str, cause: Cause) -> None:
    assert cause_of(trouble) is cause


def test_what_an_authority_says_is_on_one_line_and_not_endless() -> None:
    assert quoted("one\n  two") == "one two"
    assert len(quoted("word " * 500)) == LONGEST_SAID


def test_a_table_says_until_when() -> None:
    assert Certificate().words(NOW) == "none"
    assert Certificate(until=NOW.replace(day=7)).words(NOW) == "07 Mar 10:00 UTC"
    assert Certificate(until=NOW).words(NOW) == "expired 02 Mar"


@pytest.mark.parametrize(
    ("machine", "said"),
    [
        ({}, ""),
        (
            {
                "front_state": {"msg": "haproxy could not be installed: E: no answer\nRun again."},
                "roles_needed": {"returned": {"front": {"certificate_until": ""}}},
            },
            "https could not be set up on it: 'haproxy could not be installed: E: no answer'. The course's next "
            "configure.yml tries again.",
        ),
        ({"front_state": {"certificate_until": "2126-03-08T10:00:00+00:00", "certificate_trouble": "later"}}, ""),
        (
            {
                "front_state": {
                    "certificate_until": "",
                    "certificate_trouble": "the authority gave no answer in 300 s",
                    "certificate_since": "2026-03-02T07:00:00+00:00",
                    "certificate_again": "2026-03-02T11:00:00+00:00",
                }
            },
            "it has no certificate: the authority does not answer: 'the authority gave no answer in 300 s', since "
            "02 Mar 07:00 UTC. It asks again at 11:00 UTC.",
        ),
        (
            {"front_state": {"skipped": True}, "roles_needed": {"returned": {"front": {"certificate_until": ""}}}},
            "it has no certificate: none was asked for yet",
        ),
    ],
)
def test_a_letter_may_say_that_a_link_opens_nothing_yet(machine: dict[str, Any], said: str) -> None:
    assert https_trouble(machine) == said
