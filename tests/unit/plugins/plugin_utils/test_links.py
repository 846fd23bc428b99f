"""What links lead to, as the inventory and what the class remembers say."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.links import (
    certificates_said,
    former_domains,
    link_hosts,
)

DOMAIN = "class.example.org"


def machine(number: int, students: str) -> dict[str, Any]:
    """Return what Ansible knows of a machine."""
    return {
        "inventory_hostname": f"ML101-{number:03}",
        "ansible_host": f"192.0.2.{number}",
        "aws_instance_id": f"i-{number}",
        "aws_ec2_tags": {"Students": students},
    }


def ordered(number: int, domain: str = DOMAIN) -> str:
    """Return what is remembered of so many certificates that were ordered now."""
    now = datetime.now(UTC).isoformat()
    return json.dumps(
        [{"name": f"x-{each}.{domain}", "time": now, "machine": "", "names": []} for each in range(number)]
    )


def test_a_link_leads_to_the_address_or_to_the_name_of_the_seat() -> None:
    class_ = [machine(1, "ada"), machine(2, ""), machine(3, "grace")]
    assert link_hosts(class_, "", "[]", 1) == {"ada": "192.0.2.1", "grace": "192.0.2.3"}
    assert link_hosts(class_, DOMAIN, "[]", 1) == {"ada": f"ml101-001.{DOMAIN}", "grace": f"ml101-003.{DOMAIN}"}


def test_who_gets_no_name_for_now_has_the_address_or_where_that_is_shared_nothing() -> None:
    class_ = [machine(1, "ada"), machine(2, "- grace")]
    assert link_hosts(class_, DOMAIN, ordered(44), 1)["grace"] == "192.0.2.2"
    assert link_hosts(class_, DOMAIN, ordered(44), 2) == {"ada": f"ml101-001.{DOMAIN}", "grace": ""}
    assert "ssh alone for now: grace." in certificates_said(class_, DOMAIN, ordered(44), 2)
    assert certificates_said(class_, "", ordered(44), 1) == ""


def test_domains_of_before_are_remembered_as_long_as_certificates_are() -> None:
    assert former_domains(ordered(2, "old.example.org"), DOMAIN) == ["old.example.org"]
    assert former_domains(ordered(2), DOMAIN) == []
    assert former_domains(ordered(1), "") == [DOMAIN]


@pytest.mark.parametrize("text", ["{", "[1]"])
def test_what_cannot_be_read_stops_no_command_that_orders_nothing(text: str) -> None:
    assert former_domains(text, "") == []
