"""For how long a class's machines ran and its disks were there, as its commands saw them: an append-only ledger.

Each command that lists the machines adds a line with what is not as it was seen last. What AWS says of a machine makes
up for the time between: when it was started last, and when it stopped, unless it stopped itself. Then it is taken to
have run until it stops itself at the latest. So this is an estimate: the bill is AWS's, and comes a day later.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from collections import defaultdict
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

# In the folder in which a class remembers.
FILE = "running_hours.jsonl"
SPARE = ""  # for whom a machine runs on which nobody sits

_LEFT = "-"  # a slot that is kept free, in the tag Students
# Such as "User initiated (2026-10-04 14:13:33 GMT)"; of a machine that stopped itself there is no time in it.
_STOPPED_AT = re.compile(r"\((\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) (?:GMT|UTC)\)")


class Stops(Protocol):
    """When machines stop themselves."""

    def next_stop(self, after: datetime) -> datetime:
        """Return when they do so first `after` a moment."""


@dataclass(frozen=True)
class Seen:
    """What was seen of a machine. Times are seconds since 1970."""

    instance_type: str
    students: tuple[str, ...]
    disk_gb: int
    made: int
    started: int  # last
    stops_by: int  # itself, at the latest; 0 = never
    runs: bool
    stopped: int = 0  # when, if AWS says so

    @classmethod
    def of(cls, instance: Mapping[str, Any], disk_gb: int, max_hours: int, timetable: Stops | None = None) -> Seen:
        """Read an instance as `amazon.aws.ec2_instance_info` returns it.

        Its disk has `disk_gb` GiB, and it stops itself `max_hours` after a start, if that is not 0, and by `timetable`.
        """
        started = _seconds(instance["launch_time"])
        disks = [disk.get("ebs", {}).get("attach_time") for disk in instance.get("block_device_mappings") or []]
        runs = instance["state"]["name"] in ("pending", "running")
        said = None if runs else _STOPPED_AT.search(instance.get("state_transition_reason") or "")
        return cls(
            instance_type=instance["instance_type"],
            students=tuple(name for name in (instance.get("tags") or {}).get("Students", "").split() if name != _LEFT),
            disk_gb=disk_gb,
            made=min([started, *(_seconds(time) for time in disks if time)]),
            started=started,
            stops_by=_stops_by(started, max_hours, timetable),
            runs=runs,
            stopped=_seconds(f"{said[1]}+00:00") if said else 0,
        )

    @classmethod
    def read(cls, entry: Mapping[str, Any]) -> Seen:
        """Read what a line of the ledger says of a machine; what a later version adds is passed over."""
        known = {name: entry[name] for name in cls.__dataclass_fields__ if name in entry}
        return cls(**{**known, "students": tuple(known["students"])})


@dataclass
class Usage:
    """What was used so far, in seconds: of machines by type and student, of GiB of disks by student."""

    machines: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    disks: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    since: int = 0  # of the first line

    @property
    def machine_hours(self) -> float:
        """For how many hours machines ran."""
        return sum(self.machines.values()) / 3600


class Ledger:
    """What the lines of a ledger say, one after the other."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self.usage = Usage()
        self._seen: dict[str, Seen] = {}
        self._counted: dict[str, int] = {}  # until when

    def changes(self, machines: Mapping[str, Seen], at: int) -> dict[str, Any]:
        """Return the line that says that there were these `machines`, by id, at a time."""
        changed = {name: asdict(seen) for name, seen in machines.items() if self._seen.get(name) != seen}
        return {"at": at, "machines": changed, "gone": sorted(self._seen.keys() - machines.keys())}

    def add(self, line: Mapping[str, Any]) -> None:
        """Count what a line says."""
        at = int(line["at"])
        self.usage.since = self.usage.since or at
        for name in line["gone"]:  # soon after it was seen last: who ends machines lists them before
            self._seen.pop(name, None)
        for name, now in {**self._seen, **{key: Seen.read(each) for key, each in line["machines"].items()}}.items():
            before, counted = self._seen.get(name), self._counted.get(name, now.made)
            if before and before.runs:
                self._count_machine(before, counted, _end(before, now, at))
            if not before or now.started > before.started:  # it was started since
                self._count_machine(now, max(now.started, counted), _end(now, now, at))
            for student, share in _shares(now, max(at - counted, 0) * now.disk_gb):
                self.usage.disks[student] += share
            self._seen[name], self._counted[name] = now, max(at, counted)

    def _count_machine(self, seen: Seen, begin: int, end: int) -> None:
        for student, share in _shares(seen, max(end - begin, 0)):
            self.usage.machines[seen.instance_type, student] += share


def observe(
    state_dir: str,
    instances: Iterable[Mapping[str, Any]],
    *,
    disk_gb: int,
    max_hours: int,
    timetable: Stops | None = None,
    keep: bool,
    at: datetime,
) -> Usage:
    """Return what was used up to now, `at`, when the class has these `instances`; `keep` that they were seen.

    Nothing is kept where the class has no folder yet.
    """
    machines = {each["instance_id"]: Seen.of(each, disk_gb, max_hours, timetable) for each in instances}
    path, now = os.path.join(state_dir, FILE), int(at.timestamp())
    if not (keep and os.path.isdir(state_dir)):
        ledger = _read(path)
        ledger.add(ledger.changes(machines, now))
        return ledger.usage
    with open(os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600), "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # commands that only look hold no lock of the class
        text = file.read()
        ledger = _told(text)
        line = ledger.changes(machines, now)
        ledger.add(line)
        file.write(("" if text.endswith("\n") or not text else "\n") + json.dumps(line, sort_keys=True) + "\n")
        file.flush()
        os.fsync(file.fileno())
    return ledger.usage


def used(state_dir: str) -> Usage:
    """Return what was used up to the last time that somebody looked."""
    return _read(os.path.join(state_dir, FILE)).usage


def _read(path: str) -> Ledger:
    try:
        with open(path, encoding="utf-8") as file:
            return _told(file.read())
    except FileNotFoundError:
        return Ledger()


def _told(text: str) -> Ledger:
    """Return what the lines of `text` say; one that a power cut tore says nothing."""
    ledger = Ledger()
    for line in text.splitlines():
        with suppress(AttributeError, KeyError, TypeError, ValueError):
            ledger.add(json.loads(line))
    return ledger


def _end(seen: Seen, now: Seen, at: int) -> int:
    """Return until when the run went on that began as `seen`, when at a time the machine is as `now`."""
    if now.started != seen.started:
        return _by(seen, now.started)
    return at if now.runs else now.stopped or _by(seen, at)


def _by(seen: Seen, at: int) -> int:
    """Return until when a machine ran that had stopped itself by `at`, as far as it can be told."""
    return min(at, seen.stops_by) if seen.stops_by else at


def _shares(seen: Seen, amount: float) -> Iterator[tuple[str, float]]:
    """Divide an amount among those who sit there."""
    for student in seen.students or (SPARE,):
        yield student, amount / max(len(seen.students), 1)


def _stops_by(started: int, max_hours: int, timetable: Stops | None) -> int:
    """Return when a machine that was started then stops itself; 0 = never."""
    moments = [started + max_hours * 3600] if max_hours else []
    if timetable:
        moments.append(int(timetable.next_stop(datetime.fromtimestamp(started, UTC)).timestamp()))
    return min(moments, default=0)


def _seconds(time: str) -> int:
    return int(datetime.fromisoformat(time).timestamp())
