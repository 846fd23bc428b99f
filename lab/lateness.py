"""How late EC2 is: it is consistent only after a while, and what ends takes its time.

https://docs.aws.amazon.com/ec2/latest/devguide/eventual-consistency.html
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# How late a new lab is, in seconds as below: little beside what AWS may take, and enough to be noticed.
USUAL = {"launch_s": 1.0, "tags_s": 1.0, "ending_s": 30.0, "console_s": 20.0, "names_s": 5.0}


@dataclass
class Lateness:
    """How many seconds later each of these comes; `clock` returns seconds."""

    # What was launched is shown by DescribeInstances.
    launch_s: float = 0.0
    # Tags that were set are read; until then, those of before are.
    tags_s: float = 0.0
    # `shutting-down` ends at the earliest: until then a machine holds its network interface, with its groups.
    ending_s: float = 0.0
    # After each boot the console shows something; until then it has no output.
    console_s: float = 0.0
    # Name servers know of a change of Route 53; until then it is `PENDING`.
    names_s: float = 0.0
    clock: Callable[[], float] = time.monotonic
    _launched: dict[str, float] = field(default_factory=dict)
    _ending: dict[str, float] = field(default_factory=dict)
    _booted: dict[str, float] = field(default_factory=dict)
    _changed: dict[str, float] = field(default_factory=dict)
    _tags: list[tuple[float, Callable[[], None]]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set(
        self,
        launch_s: float = 0.0,
        tags_s: float = 0.0,
        ending_s: float = 0.0,
        console_s: float = 0.0,
        names_s: float = 0.0,
    ) -> None:
        """Be so late from now on, also with what was asked before."""
        self.launch_s, self.tags_s, self.ending_s, self.console_s = launch_s, tags_s, ending_s, console_s
        self.names_s = names_s

    @property
    def settings(self) -> dict[str, float]:
        """How late it is, as `set` takes it."""
        return {name: getattr(self, name) for name in USUAL}

    def launched(self, ids: Iterable[str]) -> None:
        """Note that these were launched now."""
        with self._lock:
            self._launched |= dict.fromkeys(ids, self.clock())

    def hidden(self, ids: Iterable[str]) -> list[str]:
        """Return which of these are not shown yet."""
        with self._lock:
            return [each for each in ids if self.clock() < self._launched.get(each, float("-inf")) + self.launch_s]

    def tag(self, write: Callable[[], None]) -> None:
        """Note what writes tags that were set now."""
        with self._lock:
            self._tags.append((self.clock(), write))

    def waiting_tags(self) -> list[Callable[[], None]]:
        """Return what writes the tags that are not to be read yet, in their order."""
        with self._lock:
            return [write for _, write in self._tags]

    def write_tags(self) -> None:
        """Write those that are to be read by now, in their order."""
        with self._lock:
            while self._tags and self.clock() >= self._tags[0][0] + self.tags_s:
                self._tags.pop(0)[1]()

    def ending(self, instance: str) -> None:
        """Note that it was asked to end now."""
        with self._lock:
            self._ending.setdefault(instance, self.clock())

    def seconds_to_end(self, instance: str) -> float:
        """Return how long it goes on shutting down."""
        with self._lock:
            return max(self._ending.get(instance, float("-inf")) + self.ending_s - self.clock(), 0.0)

    def booted(self, instance: str) -> None:
        """Note that its host boots now: for the first time, or again."""
        with self._lock:
            self._booted[instance] = self.clock()

    def silent(self, instance: str) -> bool:
        """Return whether its console has no output yet."""
        with self._lock:
            return self.clock() < self._booted.get(instance, float("-inf")) + self.console_s

    def changed(self, change: str) -> None:
        """Note that this change of Route 53 was made now."""
        with self._lock:
            self._changed[change] = self.clock()

    def in_sync(self, change: str) -> bool:
        """Return whether name servers know of this change."""
        with self._lock:
            return self.clock() >= self._changed.get(change, float("-inf")) + self.names_s


# The same for all regions: an instance's id names it in all of them.
LATENESS = Lateness()
