"""Noticing that a host has ended: the kernel tells of the end of its first process."""

from __future__ import annotations

import os
import select
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


class HostWatch:
    """The first processes of hosts, each watched until it ends."""

    def __init__(self) -> None:
        """Watch nothing yet."""
        self._lock = threading.Lock()
        self._ends = select.epoll()
        self._watched: dict[int, tuple[str, int]] = {}  # descriptor -> instance, process id

    def add(self, instance: str, pid: int) -> bool:
        """Watch the process `pid` of `instance`; once is enough. Returns False when it has ended already."""
        with self._lock:
            if (instance, pid) in self._watched.values():
                return True
            try:
                descriptor = os.pidfd_open(pid)
            except ProcessLookupError:
                return False
            self._watched[descriptor] = (instance, pid)
            self._ends.register(descriptor, select.EPOLLIN)
            return True

    def ended(self) -> Iterator[str]:
        """Yield the instance of every watched process as it ends; never returns."""
        while True:
            for descriptor, _ in self._ends.poll():
                with self._lock:
                    self._ends.unregister(descriptor)
                    instance, _pid = self._watched.pop(descriptor)
                    os.close(descriptor)
                yield instance
