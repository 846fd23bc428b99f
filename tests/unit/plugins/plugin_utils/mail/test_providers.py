"""The well-known mail providers, by the names of their servers."""

from __future__ import annotations

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail.providers import ANY, provider_of


@pytest.mark.parametrize(
    ("host", "name", "per_minute", "login_is_address"),
    [
        ("smtp.office365.com", "Microsoft 365", 30, True),
        ("SMTP-mail.Outlook.com", "Microsoft 365", 30, True),
        ("smtp-hve.office365.com", "Microsoft 365", 30, True),
        ("smtp.partner.outlook.cn", "Microsoft 365", 30, True),
        ("smtp.gmail.com", "Google", 0, True),
        ("email-smtp.eu-central-1.amazonaws.com", "Amazon SES", 60, False),
        ("email-smtp-fips.us-east-1.amazonaws.com", "Amazon SES", 60, False),
    ],
)
def test_what_a_provider_wants(host: str, name: str, per_minute: float, login_is_address: bool) -> None:
    assert provider_of(host)[:1] + provider_of(host)[2:] == (name, per_minute, login_is_address)


@pytest.mark.parametrize("host", ["smtp.example.edu", "smtp.office365.com.example.org", "127.0.0.1", ""])
def test_of_others_nothing_is_known(host: str) -> None:
    assert provider_of(host) == ANY
