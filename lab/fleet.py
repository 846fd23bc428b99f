"""The hosts of all instances: what an API call makes of an instance's state, the host follows.

An API call only sets the state that EC2 sets at once (pending, stopping, shutting-down). `Fleet` then brings host and
state together: the same way for an API call, for a host that ended by itself, and for what a restarted endpoint finds.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models import ec2_backends

from lab import hosts, image, network
from lab.addresses import AddressPool
from lab.faults import BOOT, Faults
from lab.host_watch import HostWatch
from lab.instances import GONE, LabInstance
from lab.lateness import LATENESS
from lab.shell import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

WORKERS = 4  # hosts that boot, stop or end at the same time


class Fleet:
    """All hosts of the lab, each kept in the state that its instance is in.

    `lock` guards everything of moto: whoever reads or changes instances holds it. Work on a host takes seconds and is
    done without it, one job at a time for each host.
    """

    def __init__(self, faults: Faults, changed: Callable[[], None]) -> None:
        """Start empty; `changed` is called after every change that no request made."""
        self.lock = threading.RLock()
        self.addresses = AddressPool()
        self._faults = faults
        self._changed = changed
        self._workers = ThreadPoolExecutor(WORKERS, thread_name_prefix="host")
        self._watch = HostWatch()
        self._busy: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)

    def instances(self) -> list[LabInstance]:
        """Return the instances of all accounts and regions."""
        with self.lock:
            backends = [backend for regions in list(ec2_backends.values()) for backend in list(regions.values())]
            return [instance for backend in backends for instance in backend.all_instances()]

    def instance(self, seat: str) -> LabInstance:
        """Return the living instance with the Name tag, or the id, `seat`."""
        living = [instance for instance in self.instances() if instance.state not in GONE]
        found = [instance for instance in living if seat in (instance.id, instance.name())]
        if len(found) == 1:
            return found[0]
        known = ", ".join(sorted(instance.name() or instance.id for instance in living)) or "none"
        problem = "No machine" if not found else f"{len(found)} machines"
        raise LabError(f"{problem} with the name {seat}. Machines: {known}.")

    def instance_at(self, address: str) -> LabInstance | None:
        """Return the instance whose host has `address`, also on its way out; None where there is none."""
        return next((each for each in self.instances() if address == each.address), None)

    def used_addresses(self) -> set[str]:
        """Return the addresses that instances have, and those that hosts on their way out still have."""
        used = set()
        for instance in self.instances():
            if instance.public_ip:
                used.add(instance.public_ip)
            if instance.host_address and instance.state in ("stopping", *GONE):
                used.add(instance.host_address)
        return used

    def take_address(self) -> str:
        """Return the public address for a network interface that asks for one."""
        address = self.addresses.take(self.used_addresses())
        if address is None:
            raise EC2ClientError("InsufficientFreeAddressesInSubnet", "The lab has no free address left.")
        return address

    def settle_all(self) -> None:
        """Bring every host and its instance together: after a start of the endpoint."""
        with self.lock:
            for regions in list(ec2_backends.values()):
                for backend in list(regions.values()):
                    backend._load_amis()
                    for ami in backend.amis.values():
                        if ami.state == "pending":  # its copy ended with the endpoint that made it
                            ami.state = "failed"
        for instance in self.instances():
            self.settle_later(instance.id)

    def watch(self) -> None:
        """Settle hosts that end by themselves; never returns. Hearing of an end that was asked for does no harm."""
        for instance_id in self._watch.ended():
            self.settle_later(instance_id)

    def settle_later(self, instance_id: str) -> None:
        """Bring host and instance together, soon."""
        self._later(instance_id, self._settle)

    def reboot_later(self, instance_id: str) -> None:
        """Reboot the host, soon."""
        self._later(instance_id, lambda instance: hosts.reboot(instance.id))

    def image_later(self, instance_id: str, ami: Any, *, reboot: bool) -> None:
        """Copy the host's disk into the image `ami`, soon; with `reboot` it is shut down for that, as EC2 does."""

        def copy_disk(instance: LabInstance) -> None:
            restart = reboot and hosts.state(instance.id).running
            try:
                if restart:
                    hosts.stop(instance.id)
                hosts.commit(instance.id, ami.id)
                if restart:
                    self._start(instance)
            except LabError:
                ami.state = "failed"
                raise
            ami.state = "available"

        self._later(instance_id, copy_disk)

    def remove_image_later(self, ami_id: str) -> None:
        """Remove the image, soon; one that a host lives on stays until the lab is down."""
        self._workers.submit(image.remove, ami_id)

    def _later(self, instance_id: str, job: Callable[[LabInstance], None]) -> None:
        def work() -> None:
            with self._busy[instance_id]:
                instance = next((each for each in self.instances() if each.id == instance_id), None)
                if instance is None:
                    return
                try:
                    job(instance)
                except LabError as error:
                    log.warning("%s: %s", instance_id, error)
                except Exception:
                    log.exception("%s", instance_id)
                finally:
                    self._changed()

        self._workers.submit(work)

    def _settle(self, instance: LabInstance) -> None:
        """Do to the host what the instance's state asks for."""
        match instance.state:
            case "pending":
                self._boot(instance)
            case "running":
                self._look_after(instance)
            case "stopping":
                if hosts.state(instance.id).running:
                    hosts.stop(instance.id)
                self._reach(instance, "stopping", "stopped")
            case "shutting-down":
                if hosts.state(instance.id).running:
                    hosts.kill(instance.id)
                if seconds := LATENESS.seconds_to_end(instance.id):
                    threading.Timer(seconds, self.settle_later, [instance.id]).start()
                    return
                self._reach(instance, "shutting-down", "terminated")
                self._remove(instance)  # its disk goes after it, as on EC2
            case "terminated":  # and an endpoint that was killed in between finds it
                self._remove(instance)

    def _reach(self, instance: LabInstance, while_still: str, state: str) -> None:
        """Move to `state` unless an API call came in between: then its own job follows."""
        with self.lock:
            if instance.state == while_still:
                instance.move(state)

    def _boot(self, instance: LabInstance) -> None:
        first = instance.host_address is None
        with self.lock:
            machine = instance.machine()
        ended = "terminated" if first else "stopped"
        if fault := self._faults.take(BOOT):
            self._end(instance, ended, fault.code)
            return
        try:
            if first:
                hosts.create(machine)
            elif instance.host_address != machine.address:
                hosts.readdress(instance.id, machine.address)
            instance.host_address = machine.address
            self._start(instance)
        except LabError as error:
            log.warning("%s did not boot: %s", instance.id, error)
            self._end(instance, ended, "Server.InternalError")
            return
        self._reach(instance, "pending", "running")

    def _start(self, instance: LabInstance) -> None:
        """Boot the host, and hear of its end from now on."""
        LATENESS.booted(instance.id)
        hosts.start(instance.id)
        found = self._found(instance)
        if found.running:
            network.reach_metadata(found.pid)
        else:
            self.settle_later(instance.id)

    def _found(self, instance: LabInstance) -> hosts.HostState:
        """Return how the host is; one that runs is watched. podman may learn of an end a moment after the kernel."""
        for _ in range(50):
            found = hosts.state(instance.id)
            if not found.running or self._watch.add(instance.id, found.pid):
                return found
            time.sleep(0.2)
        raise LabError(f"{instance.id}: its first process has ended, but podman does not notice.")

    def _look_after(self, instance: LabInstance) -> None:
        """Follow a host that ended by itself."""
        found = self._found(instance)
        if found.running:
            return
        if found.exit_code == hosts.EXIT_REBOOT:
            try:
                self._start(instance)
            except LabError as error:
                log.warning("%s did not boot again: %s", instance.id, error)
                self._fail(instance, "stopped", "The host did not boot again")
        elif found.exit_code == hosts.EXIT_POWEROFF:
            state = "terminated" if instance.instance_initiated_shutdown_behavior == "terminate" else "stopped"
            self._end(instance, state, "Client.InstanceInitiatedShutdown", "Instance initiated shutdown")
        else:
            state = "terminated" if found.status == "missing" else "stopped"
            self._fail(instance, state, "The host ended unexpectedly")

    def _fail(self, instance: LabInstance, state: str, reason: str) -> None:
        self._end(instance, state, "Server.InternalError", reason)

    def _end(self, instance: LabInstance, state: str, code: str, reason: str = "") -> None:
        with self.lock:
            if instance.state in GONE:
                return
            instance.ended(state, code, reason)
        if state == "terminated":
            self._remove(instance)

    def _remove(self, instance: LabInstance) -> None:
        """Destroy the host; from then on its address is free."""
        hosts.remove(instance.id)
        with self.lock:
            instance.host_address = None
