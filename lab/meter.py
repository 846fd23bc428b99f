"""For how long instances ran, as AWS meters it for its bill: from running until they stop or end, in seconds.

What is pending, stopping or shutting down is not billed:
https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-instance-lifecycle.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import moto.ec2.models.instances as moto_instances

if TYPE_CHECKING:
    from datetime import datetime

BILLED = "running"


class MeteredState(moto_instances.InstanceState):  # type: ignore[misc]  # moto has no types
    """The state of an instance, which counts for how long it was `BILLED`. Whoever changes it sets its name."""

    _name = ""
    _since: datetime | None = None  # when the run began that goes on
    _ran_s = 0.0  # in the runs before

    @property
    def name(self) -> str:
        """What the state is called."""
        return self._name

    @name.setter
    def name(self, name: str) -> None:
        """Come into a state; being in it already changes nothing."""
        if name != self._name:
            self._ran_s, self._since = self.ran_s, _now() if name == BILLED else None
        self._name = name

    def __setstate__(self, saved: dict[str, Any]) -> None:
        """Be as it was saved; an earlier version of the lab metered nothing, so what ran by then counts from now on."""
        self.__dict__.update({key: value for key, value in saved.items() if key != "name"})
        if "name" in saved:
            self.name = saved["name"]

    @property
    def ran_s(self) -> float:
        """For how many seconds it was billed until now."""
        return self._ran_s + ((_now() - self._since).total_seconds() if self._since else 0)


def ran_s(instance: Any) -> float:
    """Return for how many seconds an instance ran."""
    return float(instance._state.ran_s)


def install() -> None:
    """Meter the instances that are made from now on."""
    moto_instances.InstanceState = MeteredState


def _now() -> datetime:
    """Return what time it is for instances: moto's clock, by which they also start and stop."""
    now: datetime = moto_instances.utcnow()
    return now
