"""Which seats get records, which keep theirs, and which machines order a certificate."""

from __future__ import annotations

from typing import Any

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.seat_records import (
    seat_records,
    standing_names,
)

DOMAIN = "class.example.org"
ACCOUNT = "https://authority.example/acct/1"


def machine(number: int, students: str, names: list[str], **front: Any) -> dict[str, Any]:
    """Return what Ansible knows of a machine that was made ready."""
    return {
        "inventory_hostname": f"ML101-{number:03}",
        "ansible_host": f"192.0.2.{number}",
        "aws_instance_id": f"i-{number}",
        "aws_ec2_tags": {"Students": students},
        "machine_names": [f"{name}.{DOMAIN}" for name in names],
        "front_state": front and front | {"certificate_until": ""},
    }


def test_a_machine_whose_account_is_known_gets_records_and_others_keep_theirs() -> None:
    found = seat_records(
        [
            machine(1, "ada grace", ["ml101-001", "ml101-001-2"], account=ACCOUNT, certificate_due=True),
            machine(2, "linus", ["ml101-002"], account=ACCOUNT, certificate_due=False),
            machine(3, "marta - zoe", ["ml101-003", "ml101-003-3"]),
            machine(4, "without", [], account=ACCOUNT, certificate_due=True),
            machine(5, "zuse", ["ml101-005"], account="", certificate_due=True),
        ],
        DOMAIN,
    )
    assert found["seats"] == [
        {"name": "ml101-001", "address": "192.0.2.1", "account": ACCOUNT},
        {"name": "ml101-001-2", "address": "192.0.2.1", "account": ACCOUNT},
        {"name": "ml101-002", "address": "192.0.2.2", "account": ACCOUNT},
    ]
    assert found["kept"] == ["ml101-003", "ml101-003-3", "ml101-005"]
    assert found["coming"] == [f"ml101-005.{DOMAIN}"]
    assert found["waiting"] == ["ML101-001"]
    assert found["certified"] == [
        {"instance_id": "i-2", "name": f"ml101-002.{DOMAIN}", "names": [f"ml101-002.{DOMAIN}"]}
    ]


def test_names_stand_where_somebody_sits_on_a_machine_that_runs() -> None:
    instances = [
        {"instance_id": f"i-{number}", "state": {"name": state}, "tags": {"Name": f"ml101-00{number}", "Students": who}}
        for number, state, who in (
            (1, "running", "ada"),
            (2, "pending", "- grace"),
            (3, "stopped", "linus"),
            (4, "running", ""),
            (5, "running", "marta zoe"),
        )
    ]
    assert standing_names(instances, [], {}) == ["ml101-001", "ml101-002-2", "ml101-005", "ml101-005-2"]
    assert standing_names(instances, ["i-1"], {"i-5": "- zoe"}) == ["ml101-002-2", "ml101-005-2"]
