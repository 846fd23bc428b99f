"""A class to look at: forty made-up students on machines that work, but for those that a test breaks."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.hours.timetable import read
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import access_digest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.class_lines import (
    Line,
    Seen,
    class_lines,
)
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.status_page import status_page
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.troubles import Trouble, find_troubles

NOW = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NO_ANSWER = {"unreachable": True, "msg": "Failed to connect to the host via ssh: Connection timed out"}
OTHER_KEY = {
    "unreachable": True,
    "msg": "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.",
}
NO_ROOM = {"failed": False, "msg": "MODULE FAILURE", "module_stderr": "OSError: [Errno 28] No space left on device"}


@dataclass
class StatusClass:
    """A class of `size` students, each on a machine of their own; its state folder is `state`."""

    state: Path
    size: int = 40
    instances: dict[str, dict[str, Any]] = field(default_factory=dict)
    machines: dict[str, dict[str, Any]] = field(default_factory=dict)
    accounts: dict[str, dict[str, Any]] = field(default_factory=dict)
    collected: dict[str, datetime | None] = field(default_factory=dict)
    timetable: dict[str, Any] = field(default_factory=dict)
    hosts: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Let everything work."""
        (self.state / "receipts").mkdir()
        (self.state / "letters").mkdir()
        for number in range(1, self.size + 1):
            self.add(f"student{number:02d}", f"ml101-{number:03d}", f"192.0.2.{number % 250}", port_after=number)

    def add(self, username: str, seat: str, address: str, port_after: int = 0) -> None:
        """Let a student have a machine, a letter, and work that is at home."""
        self.accounts[username] = {
            "username": username,
            "name": username.title(),
            "email": f"{username}@example.com",
            "password": f"pass-word-{username}",
            "password_hash": f"$6$hash-{username}",
            "token": f"token-of-{username}",
        }
        self.instances[username] = {
            "instance_id": f"i-{seat}",
            "state": {"name": "running"},
            "instance_type": "m6a.large",
            "launch_time": "2026-03-02T07:30:00+00:00",
            "public_ip_address": address,
            "tags": {"Name": seat, "Students": username},
            "block_device_mappings": [{"ebs": {"attach_time": "2026-02-01T07:30:00+00:00"}}],
        }
        self.machines[seat] = {
            "answering": {username: True},
            "idle_seconds": {username: 60 * port_after},
            "ended_for_memory": {username: 0},
            "locked_out": [],
            "disk_percent": 40 + port_after % 9,
            "seconds_since_boot": 9000,
        }
        self.collected[username] = NOW - timedelta(days=2)
        digest = access_digest(self.accounts[username] | {"port": 8888}, seat, address)
        self.receipt(username, digest)

    def open_https(self) -> None:
        """Let every machine that answers have a front, a certificate for days, and students who came an hour ago."""
        for number, said in enumerate(said for said in self.machines.values() if "answering" in said):
            said["front"] = {
                "open": True,
                "certificate_until": (NOW + timedelta(days=5)).isoformat(),
                "certificate_trouble": "",
                "certificate_since": "",
                "certificate_again": "",
            }
            said["opened_seconds"] = dict.fromkeys(said["answering"], 3600 + 60 * number)
        self.hosts = {name: str(instance["public_ip_address"]) for name, instance in self.instances.items()}

    def refuse_certificate(self, username: str, trouble: str, *, until: datetime | None = None) -> None:
        """Let the student's machine have none that is newer than `until`, for three hours now."""
        self.seen(username)["front"] |= {
            "certificate_until": until.isoformat() if until else "",
            "certificate_trouble": trouble,
            "certificate_since": (NOW - timedelta(hours=3)).isoformat(),
            "certificate_again": (NOW + timedelta(minutes=20)).isoformat(),
        }

    def receipt(self, username: str, digest: str) -> None:
        """Let a letter be accepted."""
        kept = {"digest": digest, "accepted": "2026-03-02 07:41 UTC"}
        (self.state / "receipts" / f"{username}.json").write_text(json.dumps(kept))

    def seat(self, username: str) -> str:
        """Return the student's seat."""
        seat: str = self.instances[username]["tags"]["Name"]
        return seat

    def seen(self, username: str) -> dict[str, Any]:
        """Return what was seen of the student's machine, to be changed."""
        return self.machines[self.seat(username)]

    def lines(self, max_hours: int = 12) -> list[Line]:
        """Return a line for each."""
        answering = {
            name: answers for said in self.machines.values() for name, answers in said.get("answering", {}).items()
        }
        return class_lines(
            list(self.instances.values()),
            list(self.accounts.values()),
            answering,
            self.accounts,
            str(self.state),
            max_hours,
            read(self.timetable),
            Seen(NOW, self.machines, self.collected, hosts=self.hosts),
        )

    def troubles(self, max_hours: int = 12, *, sends_letters: bool = True) -> list[Trouble]:
        """Return what is wrong."""
        return find_troubles(self.lines(max_hours), str(self.state), sends_letters=sends_letters)

    def page(self, max_hours: int = 12) -> str:
        """Return the page."""
        return status_page("ml101", self.lines(max_hours), self.troubles(max_hours), NOW)


def six_kinds_of_trouble(state: Path) -> tuple[StatusClass, list[str]]:
    """Return a class of forty, and the six students of it who cannot work, the worst first."""
    made = StatusClass(state)
    made.machines[made.seat("student33")] = OTHER_KEY
    made.machines[made.seat("student21")] = NO_ANSWER
    made.seen("student14")["answering"] = {"student14": False}
    made.seen("student40")["ended_for_memory"] = {"student40": 2}
    made.seen("student05")["disk_percent"] = 97
    made.receipt("student28", "of another address")
    # And what keeps nobody from working.
    made.collected["student09"] = NOW - timedelta(days=9)
    made.instances["student17"] |= {"state": {"name": "stopped"}, "public_ip_address": None}
    del made.machines[made.seat("student17")]
    return made, ["student33", "student21", "student14", "student40", "student05", "student28"]
