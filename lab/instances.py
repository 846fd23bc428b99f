"""moto's instances with hosts behind them: their states, and what a host is made from."""

from __future__ import annotations

import base64
import copy
import os
from typing import Any, ClassVar, Protocol

from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.instances import Instance, StateReason

from lab import hosts, network
from lab.cpu_credits import cpus

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
GONE = ("shutting-down", "terminated")
# The transition reason of what ended without an API call; behind it, StopInstances leaves the time. Users report so:
# https://github.com/cloud-custodian/cloud-custodian/issues/6924
USER_INITIATED = "User initiated"
# Why a launch or a start ends, by code: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_StateReason.html
FAILED_LAUNCHES = {
    "Client.InternalError": "Client error on launch",
    "Client.InvalidSnapshot.NotFound": "The specified snapshot was not found.",
    "Client.VolumeLimitExceeded": "The limit on the number of EBS volumes or total storage was exceeded.",
    "Server.InsufficientInstanceCapacity": "There was insufficient capacity available to satisfy the launch request.",
    "Server.InternalError": "An internal error caused the instance to terminate during launch.",
}


class Follower(Protocol):
    """Who lets hosts follow their instances; the instances need not know how."""

    def settle_later(self, instance_id: str) -> None:
        """Bring host and instance together, soon."""

    def reboot_later(self, instance_id: str) -> None:
        """Reboot the host, soon."""


class LabInstance(Instance):  # type: ignore[misc]  # moto has no types
    """An EC2 instance whose life is that of a host."""

    # The same for all: moto makes instances itself and knows no way to hand them one.
    fleet: ClassVar[Follower]
    cpu_credits = "unlimited"

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Make the instance, pending; its host boots as soon as the request is answered."""
        super().__init__(*arguments, **named)
        # The address that its host was last given; none before the host exists.
        self.host_address: str | None = None
        for interface in self.nics.values():
            interface.delete_on_termination = True
        self._take_hardware_address()
        self.move("pending")
        self.fleet.settle_later(self.id)

    def move(self, state: str, code: str = "", reason: str = "") -> None:
        """Set the state; with `code`, also the state reason as EC2 words it: `reason`, or why a launch failed."""
        self._state.name, self._state.code = state, CODES[state]
        if code:
            self.state_reason = StateReason(f"{code}: {reason or FAILED_LAUNCHES.get(code, '')}", code)

    def start(self) -> Any:
        """StartInstances."""
        if self.state in ("pending", "running"):
            return copy.copy(self._state)
        self._require("stopped", "started")
        previous = super().start()
        self.launch_time = utcnow()
        self._take_hardware_address()
        self.move("pending")
        self.fleet.settle_later(self.id)
        return previous

    def stop(self) -> Any:
        """StopInstances."""
        if self.state in ("stopping", "stopped"):
            return copy.copy(self._state)
        self._require("running", "stopped")
        previous = super().stop()
        self.move("stopping")
        self.fleet.settle_later(self.id)
        return previous

    def terminate(self) -> Any:
        """TerminateInstances."""
        if self.state in GONE:
            return copy.copy(self._state)
        previous = super().terminate()
        self.move("shutting-down")
        self.fleet.settle_later(self.id)
        return previous

    def reboot(self) -> None:
        """RebootInstances: the state stays running."""
        self._require("running", "rebooted")
        self.fleet.reboot_later(self.id)

    def ended(self, state: str, code: str, reason: str = "") -> None:
        """Become stopped or terminated without an API call."""
        if state == "terminated":
            super().terminate()
        else:
            super().stop()
        self._reason = USER_INITIATED
        self.move(state, code, reason)

    def name(self) -> str:
        """Return the Name tag, or nothing."""
        return next((tag["value"] for tag in self.get_tags() if tag["key"] == "Name"), "")

    @property
    def address(self) -> str | None:
        """The address of its host while that is up: it keeps the one that it had until it is gone."""
        return self.host_address if self.state in ("stopping", *GONE) else self.public_ip

    def machine(self) -> hosts.Machine:
        """Return what its host is made from."""
        pair = self.ec2_backend.key_pairs.get(self.key_name)
        return hosts.Machine(
            instance=self.id,
            ami=self.image_id,
            hostname=self.private_dns_name.split(".")[0],
            address=self.public_ip or "",
            cpus=cpus(self.instance_type, self.cpu_credits),
            memory_mib=_memory_mib(self.instance_type),
            public_keys=(pair.public_key.strip(),) if pair else (),
            user_data=base64.b64decode(str(self.user_data)) if self.user_data else b"",
        )

    def _take_hardware_address(self) -> None:
        """Tell the MAC address that its host has."""
        if self.public_ip:
            self.nics[0].mac_address = network.hardware_address(self.public_ip)

    def _require(self, state: str, done: str) -> None:
        if self.state != state:
            message = f"The instance '{self.id}' is not in a state from which it can be {done}."
            raise EC2ClientError("IncorrectInstanceState", message)


def _memory_mib(instance_type: str) -> int:
    """Return the memory of `instance_type` in MiB, but at most half of this machine's."""
    here = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return min(int(INSTANCE_TYPES[instance_type]["MemoryInfo"]["SizeInMiB"]), here // 2)
