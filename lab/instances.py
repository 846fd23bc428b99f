"""moto's EC2 with hosts behind it: what an API call makes of an instance's state, the host follows.

An API call only sets the state that EC2 sets at once (pending, stopping, shutting-down). `Fleet` then brings host and
state together: the same way for an API call, for a host that ended by itself, and for what a restarted endpoint finds.
"""

from __future__ import annotations

import base64
import copy
import logging
import os
import re
import threading
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from moto.core.utils import utcnow
from moto.ec2 import urls
from moto.ec2.exceptions import EC2ClientError, InvalidAMIIdError, UnvailableAMIIdError
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.amis import Ami
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.instances import Instance, StateReason

from lab import hosts, image
from lab.addresses import AddressPool
from lab.faults import BOOT, Faults
from lab.host_watch import HostWatch
from lab.shell import LabError

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger(__name__)

CODES = {"pending": 0, "running": 16, "shutting-down": 32, "terminated": 48, "stopping": 64, "stopped": 80}
GONE = ("shutting-down", "terminated")
WORKERS = 4  # hosts that boot, stop or end at the same time
USER_DATA_BYTES = 16384
IMAGE_GB = 8  # as Ubuntu's images


@dataclass(frozen=True)
class VcpuQuota:
    """How many vCPUs of these families of instance types may be pending or running at once, in one region."""

    code: str
    name: str
    families: tuple[str, ...]
    limit: float

    def counts(self, instance_type: str) -> bool:
        """Tell whether machines of `instance_type` count against it."""
        return re.split(r"[\d.-]", instance_type)[0] in self.families


# What a new account is allowed.
VCPU_QUOTAS = (
    VcpuQuota(
        "L-1216C47A",
        "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        ("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"),
        64.0,
    ),
    VcpuQuota("L-DB2E81BA", "Running On-Demand G and VT instances", ("g", "gr", "vt"), 0.0),
    VcpuQuota("L-417A185B", "Running On-Demand P instances", ("p",), 0.0),
)


class LabInstance(Instance):  # type: ignore[misc]  # moto has no types
    """An EC2 instance whose life is that of a host."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Make the instance, pending; its host boots as soon as the request is answered."""
        super().__init__(*arguments, **named)
        # The address that its host was last given; none before the host exists.
        self.host_address: str | None = None
        for interface in self.nics.values():
            interface.delete_on_termination = True
        self.move("pending")
        fleet().settle_later(self.id)

    def move(self, state: str, code: str = "", reason: str = "") -> None:
        """Set the state; with `code`, also the state reason as EC2 words it."""
        self._state.name, self._state.code = state, CODES[state]
        if code:
            self.state_reason = StateReason(f"{code}: {reason}", code)

    def start(self) -> Any:
        """StartInstances."""
        if self.state in ("pending", "running"):
            return copy.copy(self._state)
        self._require("stopped", "started")
        previous = super().start()
        self.launch_time = utcnow()
        self.move("pending")
        fleet().settle_later(self.id)
        return previous

    def stop(self) -> Any:
        """StopInstances."""
        if self.state in ("stopping", "stopped"):
            return copy.copy(self._state)
        self._require("running", "stopped")
        previous = super().stop()
        self.move("stopping")
        fleet().settle_later(self.id)
        return previous

    def terminate(self) -> Any:
        """TerminateInstances."""
        if self.state in GONE:
            return copy.copy(self._state)
        previous = super().terminate()
        self.move("shutting-down")
        fleet().settle_later(self.id)
        return previous

    def reboot(self) -> None:
        """RebootInstances: the state stays running."""
        self._require("running", "rebooted")
        fleet().reboot_later(self.id)

    def ended(self, state: str, code: str, reason: str) -> None:
        """Become stopped or terminated without an API call."""
        if state == "terminated":
            super().terminate()
        else:
            super().stop()
        self.move(state, code, reason)

    def name(self) -> str:
        """Return the Name tag, or nothing."""
        return next((tag["value"] for tag in self.get_tags() if tag["key"] == "Name"), "")

    def machine(self) -> hosts.Machine:
        """Return what its host is made from."""
        pair = self.ec2_backend.key_pairs.get(self.key_name)
        return hosts.Machine(
            instance=self.id,
            ami=self.image_id,
            hostname=self.private_dns_name.split(".")[0],
            address=self.public_ip or "",
            memory_mib=_memory_mib(self.instance_type),
            public_keys=(pair.public_key.strip(),) if pair else (),
            user_data=base64.b64decode(str(self.user_data)) if self.user_data else b"",
        )

    def _require(self, state: str, done: str) -> None:
        if self.state != state:
            message = f"The instance '{self.id}' is not in a state from which it can be {done}."
            raise EC2ClientError("IncorrectInstanceState", message)


def _memory_mib(instance_type: str) -> int:
    """Return the memory of `instance_type` in MiB, but at most half of this machine's."""
    here = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2**20
    return min(int(INSTANCE_TYPES[instance_type]["MemoryInfo"]["SizeInMiB"]), here // 2)


class LabImage(Ami):  # type: ignore[misc]  # moto has no types
    """One of the lab's own images, with a disk as large as Ubuntu's."""

    @property
    def block_device_mappings(self) -> list[dict[str, Any]]:
        """The root disk."""
        (root,) = super().block_device_mappings
        return [{**root, "Ebs": {**root["Ebs"], "VolumeSize": IMAGE_GB}}]


class LabEC2(EC2Backend):  # type: ignore[misc]  # moto has no types
    """EC2 in one region: the lab's images in place of moto's samples, and EC2's refusals where moto has none."""

    _url_module = urls  # moto derives it from the module's name

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Start a region without instances."""
        super().__init__(*arguments, **named)
        # Client token -> its reservation and the parameters that it came with.
        self.client_tokens: dict[str, tuple[str, str]] = {}

    def _load_amis(self) -> None:
        """Know the lab's images, also those that came with a newer recipe."""
        for release in image.RELEASES:
            if release.ami not in self.amis:
                self.amis[release.ami] = LabImage(
                    self,
                    release.ami,
                    name=release.ami_name,
                    description=f"{release.name}, standing in for {release.ami_name}",
                    owner_id=release.owner,
                    public=True,
                    virtualization_type="hvm",
                    architecture="x86_64",
                    hypervisor="xen",
                    root_device_type="ebs",
                    root_device_name="/dev/sda1",
                    region_name=f"{self.region_name}a",
                )

    def run_instances(self, image_id: str, count: int, user_data: Any, *arguments: Any, **named: Any) -> Any:
        """Launch, unless the image or the user data would be refused by EC2."""
        if image_id not in self.amis:
            raise InvalidAMIIdError(image_id)
        if self.amis[image_id].state != "available":
            raise UnvailableAMIIdError(image_id)
        if user_data and len(base64.b64decode(str(user_data))) > USER_DATA_BYTES:
            raise EC2ClientError("InvalidParameterValue", f"User data is limited to {USER_DATA_BYTES} bytes")
        if not named["subnet_id"] and not any("SubnetId" in nic for nic in named["nics"]):
            # moto would launch into EC2-Classic, which is no more.
            subnet = self.get_default_subnets()[named["placement"] or f"{self.region_name}a"]
            if named["nics"]:
                named["nics"][0]["SubnetId"] = subnet.id
            else:
                named["subnet_id"] = subnet.id
        self._require_zone(named["instance_type"], named["subnet_id"])
        self._require_vcpus([named["instance_type"]] * count)
        return super().run_instances(image_id, count, user_data, *arguments, **named)

    def start_instances(self, instance_ids: list[str]) -> Any:
        """Start, unless the quota is used up."""
        stopped = [each for each in self.get_multi_instances_by_id(instance_ids) if each.state == "stopped"]
        self._require_vcpus([instance.instance_type for instance in stopped])
        return super().start_instances(instance_ids)

    def _require_zone(self, instance_type: str, subnet_id: str) -> None:
        if subnet_id and instance_type in INSTANCE_TYPES:
            zone = self.get_subnet(subnet_id).availability_zone
            wanted = {"instance-type": [instance_type], "location": [zone]}
            if not self.describe_instance_type_offerings("availability-zone", wanted):
                raise EC2ClientError(
                    "Unsupported",
                    f"Your requested instance type ({instance_type}) is not supported in your requested Availability "
                    f"Zone ({zone}).",
                )

    def _require_vcpus(self, starting: list[str]) -> None:
        if not INSTANCE_TYPES.keys() >= set(starting):
            return  # moto refuses unknown types in EC2's words
        running = [each.instance_type for each in self.all_instances() if each.state in ("pending", "running")]
        for quota in VCPU_QUOTAS:
            more, taken = (
                sum(int(INSTANCE_TYPES[kind]["VCpuInfo"]["DefaultVCpus"]) for kind in kinds if quota.counts(kind))
                for kinds in (starting, running)
            )
            if more and more + taken > quota.limit:
                raise EC2ClientError(
                    "VcpuLimitExceeded",
                    f"You have requested more vCPU capacity than your current vCPU limit of {quota.limit:.0f} allows "
                    "for the instance bucket that the specified instance type belongs to.",
                )

    def create_image(self, instance_id: str, name: str, *arguments: Any, **named: Any) -> Any:
        """Begin an image: pending until its host was copied."""
        if any(ami.name == name and ami.owner_id == self.account_id for ami in self.amis.values()):
            raise EC2ClientError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use")
        ami = super().create_image(instance_id, name, *arguments, **named)
        ami.state = "pending"
        return ami

    def delete_security_group(self, name: str | None = None, group_id: str | None = None) -> None:
        """Delete the group, unless an instance still has it."""
        for instance in self.all_instances():
            groups = {value for group in instance.security_groups for value in (group.id, group.name)}
            if instance.state != "terminated" and groups & {name, group_id}:
                raise EC2ClientError("DependencyViolation", f"resource {group_id or name} has a dependent object")
        super().delete_security_group(name, group_id)


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
        try:
            self._faults.raise_for(BOOT)
            if first:
                hosts.create(machine)
            elif instance.host_address != machine.address:
                hosts.readdress(instance.id, machine.address)
            instance.host_address = machine.address
            self._start(instance)
        except LabError as error:
            log.warning("%s did not boot: %s", instance.id, error)
            self._fail(instance, "terminated" if first else "stopped", "Internal error on launch")
            return
        self._reach(instance, "pending", "running")

    def _start(self, instance: LabInstance) -> None:
        """Boot the host, and hear of its end from now on."""
        hosts.start(instance.id)
        if not self._found(instance).running:
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

    def _end(self, instance: LabInstance, state: str, code: str, reason: str) -> None:
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


class _Current:
    """The fleet of this process: moto makes instances itself and knows no way to hand them one."""

    fleet: Fleet | None = None


def fleet() -> Fleet:
    """Return the fleet that instances belong to."""
    if _Current.fleet is None:
        raise LabError("No fleet: lab.endpoint makes it.")
    return _Current.fleet


def use(new: Fleet) -> None:
    """Let all instances belong to `new`."""
    _Current.fleet = new
