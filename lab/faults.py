"""Faults that a test or a curious person injects into the endpoint."""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from lab.api_request import Refusal
from lab.backends import instance_name

if TYPE_CHECKING:
    from collections.abc import Collection

    from lab.api_request import ApiRequest

MESSAGE = "Injected by the lab."
BOOT = "boot"  # no API action: a host that fails to boot


@dataclass
class Fault:
    """An answer for the next `times` calls of `action`, once `after` calls of it went through.

    With `seat`, a Name tag or an instance id, only calls that name this machine count.
    """

    action: str
    code: str
    times: int = 1
    after: int = 0
    message: str = MESSAGE
    seat: str = ""


class Faults:
    """The faults that wait, oldest first."""

    def __init__(self) -> None:
        """Start without any."""
        self._faults: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Let `fault` wait for its calls."""
        with self._lock:
            self._faults.append(fault)

    def clear(self) -> None:
        """Forget all that wait."""
        with self._lock:
            self._faults.clear()

    def refusal(self, request: ApiRequest) -> Refusal | None:
        """Count one request; return the error that a fault answers it with, if any does."""
        ids = request.listed("InstanceId")
        fault = self.take(request.action, {*ids, *map(instance_name, ids)})
        return Refusal(fault.code, fault.message) if fault else None

    def take(self, action: str, seats: Collection[str] = ()) -> Fault | None:
        """Count one call of `action` for the machines `seats`; return the fault that answers it, if any."""
        with self._lock:
            for fault in self._faults:
                if fault.action != action or (fault.seat and fault.seat not in seats):
                    continue
                if fault.after > 0:
                    fault.after -= 1
                    continue
                fault.times -= 1
                if fault.times == 0:
                    self._faults.remove(fault)
                return fault
        return None

    def waiting(self) -> list[dict[str, Any]]:
        """Return what waits, as plain values."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]
