"""The class at a glance."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import access_digest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.status_table import status_table

ACCOUNTS = {
    name: {"email": f"{name}@example.com", "password": "p", "token": "t", "username": name}
    for name in ("ada", "grace", "emmy", "mary")
}


def instance(seat: str, students: str, state: str = "running", address: str = "192.0.2.1") -> dict[str, Any]:
    return {
        "instance_id": f"i-{seat}",
        "state": {"name": state},
        "instance_type": "m5.large",
        "launch_time": "2026-01-31T09:00:00+00:00",
        "public_ip_address": address,
        "tags": {"Name": seat, "Students": students},
    }


def test_every_student_and_every_machine_has_a_line(tmp_path: Path) -> None:
    (tmp_path / "receipts").mkdir()
    (tmp_path / "letters").mkdir()
    digest = access_digest(ACCOUNTS["ada"] | {"port": 8888}, "ml-001", "192.0.2.1")
    for name, kept in (("ada", digest), ("grace", "another")):
        receipt = {"digest": kept, "accepted": "2026-01-31 10:00 UTC"}
        (tmp_path / "receipts" / f"{name}.json").write_text(json.dumps(receipt))
    (tmp_path / "letters" / "emmy.eml").write_text("")
    table = status_table(
        [
            instance("ml-002", "gone emmy", "stopped", ""),
            instance("ml-001", "ada - grace"),
            instance("ml-003", ""),
        ],
        [{"username": name} for name in ACCOUNTS],
        {"ada": True, "grace": False},
        ACCOUNTS,
        str(tmp_path),
        12,
    )
    assert [" ".join(line.split()) for line in table.splitlines()] == [
        "SEAT STUDENT STATE TYPE STOPS ADDRESS JUPYTER LETTER",
        "ml-001 ada running m5.large 31 Jan 21:00 UTC 192.0.2.1 answers accepted 2026-01-31 10:00 UTC",
        "ml-001 grace running m5.large 31 Jan 21:00 UTC 192.0.2.1 silent out of date",
        "ml-002 gone (not in the roster) stopped m5.large - - - -",
        "ml-002 emmy stopped m5.large - - - written, not sent",
        "ml-003 (spare) running m5.large 31 Jan 21:00 UTC 192.0.2.1 - -",
        "- mary no machine yet - - - - -",
    ]


def test_a_machine_stops_at_the_end_of_class_or_by_its_own_clock_whichever_is_first(tmp_path: Path) -> None:
    now = datetime.now(UTC)
    soon, later = now + timedelta(hours=1), now + timedelta(hours=3)
    # In a zone in which it is noon now, so that the hours lie within one day.
    zone = f"Etc/GMT{now.hour - 12:+d}"
    ends = later + timedelta(hours=12 - now.hour)
    term = {"zone": zone, "hours": [f"{ends:%a} 08:00-{ends:%H:%M}"], "last_day": f"{ends:%Y-%m-%d}"}

    def stops(max_hours: int, timetable: dict[str, Any]) -> str:
        machine = instance("ml-001", "ada") | {"launch_time": now.isoformat()}
        table = status_table([machine], [], {"ada": True}, ACCOUNTS, str(tmp_path), max_hours, timetable)
        return " ".join(table.splitlines()[1].split()[4:8])

    assert stops(1, term) == f"{soon:%d %b %H:%M} UTC"
    assert stops(12, term) == stops(0, term) == f"{later:%d %b %H:%M} UTC"
    assert stops(0, {}).startswith("- ")
