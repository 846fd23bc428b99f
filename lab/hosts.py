"""Hosts: podman containers that boot a whole system, one per instance, named after it.

All that matters about a host is kept by podman; this module remembers nothing, so a restarted endpoint finds it again.
"""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab import image, network
from lab.layout import ACME_CA, CGROUP, GATEWAY, HOSTS, PROJECT
from lab.podman import LABEL, NETWORK, podman, try_podman
from lab.shell import LabError, run

if TYPE_CHECKING:
    from pathlib import Path

# What systemd makes of `reboot` and `poweroff` inside: the signals SIGHUP and SIGINT to the first process.
EXIT_REBOOT = 129
EXIT_POWEROFF = 130
CONSOLE_BYTES = 65536  # what GetConsoleOutput gives
# In the folder of a host: what it wrote to its console in all its boots, and at which byte of that the last one begins.
LOG, BOOT = "console.log", "boot"
STOP_SECONDS = 10


@dataclass(frozen=True)
class Machine:
    """What a host is made from: the parts of a launch that it can see."""

    instance: str
    ami: str
    hostname: str
    address: str
    memory_mib: int
    cpus: float | None  # all there are
    public_keys: tuple[str, ...]
    user_data: bytes


@dataclass(frozen=True)
class HostState:
    """How podman finds a host. `status` is podman's word, or "missing"; `exit_code` counts when it is not running."""

    status: str
    exit_code: int = 0
    pid: int = 0

    @property
    def running(self) -> bool:
        """Whether its first process lives."""
        return self.status == "running"


def create(machine: Machine) -> None:
    """Make the host with its own disk and address, without starting it; one that exists is left as it is."""
    if state(machine.instance).status != "missing":
        return
    network.require_bridge_route(machine.address)
    image.provide(machine.ami)
    folder = _seed(machine)
    podman(
        "create",
        *("--name", machine.instance, "--hostname", machine.hostname, "--label", f"{LABEL}={PROJECT}"),
        *("--systemd=always", "--tty", "--cgroupns=private", f"--cgroup-parent=/{CGROUP}"),
        # With SYS_PTRACE root sees which process holds a port, whoever runs it, as on every machine.
        *(f"--cap-add={capability}" for capability in ("SYS_ADMIN", "SYS_BOOT", "SYS_PTRACE", "AUDIT_WRITE")),
        *(("--cpus", str(machine.cpus)) if machine.cpus else ()),
        *("--memory", f"{machine.memory_mib}m", "--pids-limit=4096", f"--stop-timeout={STOP_SECONDS}"),
        *("--dns", GATEWAY, "--dns-search", "."),
        *("--network", NETWORK, "--ip", machine.address, "--mac-address", network.hardware_address(machine.address)),
        *("--volume", f"{folder}/seed:/var/lib/cloud/seed/nocloud:ro"),
        *("--volume", f"{ACME_CA}:/usr/local/share/ca-certificates/lab.crt:ro"),
        *("--log-driver=k8s-file", "--log-opt", f"path={folder / LOG}"),
        image.name(machine.ami),
    )


def start(instance: str) -> None:
    """Boot the host; one that runs is left as it is."""
    if state(instance).running:
        return
    log = HOSTS / instance / LOG
    # The console is that of one boot, and podman's log that of all.
    (HOSTS / instance / BOOT).write_text(str(log.stat().st_size if log.exists() else 0))
    podman("start", instance)


def readdress(instance: str, address: str) -> None:
    """Give the stopped host another address."""
    network.require_bridge_route(address)
    podman("network", "disconnect", NETWORK, instance)
    podman(
        *("network", "connect", "--ip", address, "--mac-address", network.hardware_address(address)),
        *(NETWORK, instance),
    )


def stop(instance: str) -> None:
    """Shut the host down in order; after STOP_SECONDS its power goes."""
    podman("stop", instance)


def reboot(instance: str) -> None:
    """Press Ctrl-Alt-Del: the system inside shuts down in order and then waits to be started."""
    podman("kill", "--signal=INT", instance)


def kill(instance: str) -> None:
    """End the host as if its power went: SIGKILL for its first process."""
    podman("kill", "--signal=KILL", instance)


def remove(instance: str) -> None:
    """Destroy the host and its disk; one that is gone is fine.

    While podman deletes, no other podman on this lab gets an answer, and a disk is tens of thousands of files: up to a
    minute in which no host boots. So the files go first, and podman has an empty disk to delete.
    """
    if state(instance).status != "missing":
        try_podman("stop", "--time=0", instance)  # one that is paused does not stop; `rm` ends it
        disk = podman("inspect", "--type=container", "--format", "{{.GraphDriver.Data.UpperDir}}", instance)
        run("rm", "-rf", disk)
        podman("rm", "--force", "--time=0", instance)
    shutil.rmtree(HOSTS / instance, ignore_errors=True)


def commit(instance: str, ami: str) -> None:
    """Make the image `ami` from the host's disk."""
    podman("commit", "--quiet", "--pause=true", instance, image.name(ami))


def cut(instance: str) -> None:
    """Take the host's link down from outside."""
    network.set_link(_running(instance), up=False)


def heal(instance: str) -> None:
    """Take the host's link up again."""
    network.set_link(_running(instance), up=True)


def state(instance: str) -> HostState:
    """Return how podman finds the host."""
    found = try_podman("inspect", "--type=container", instance, "--format", "{{json .State}}")
    if found.returncode != 0:
        if "no such" in found.stderr.lower():
            return HostState("missing")
        raise LabError(f"podman inspect {instance}: {found.stderr.strip()[-300:]}")
    values = json.loads(found.stdout)
    return HostState(values["Status"], values["ExitCode"], values["Pid"])


def console(instance: str) -> str:
    """Return the end of what the host wrote to its console since it booted last."""
    try:
        boot = int((HOSTS / instance / BOOT).read_text())
        raw = (HOSTS / instance / LOG).read_bytes()[boot:]
    except FileNotFoundError:
        return ""
    # Half of the log is the log's own words.
    return parse_console(raw[-4 * CONSOLE_BYTES :].decode(errors="replace"))[-CONSOLE_BYTES:]


CONSOLE_LINE = re.compile(r"^\S+ (?:stdout|stderr) (?P<kind>[FP]) (?P<text>.*)$")


def parse_console(log: str) -> str:
    """Turn podman's k8s-file log into what was written: time and stream off, parts of one line joined.

    A first line whose beginning was cut off is dropped.
    """
    lines = [match for line in log.split("\n") if (match := CONSOLE_LINE.match(line))]
    return "".join(match["text"].rstrip("\r") + ("\n" if match["kind"] == "F" else "") for match in lines)


def _running(instance: str) -> int:
    """Return the process id of the host's first process. Raises LabError when it does not run."""
    found = state(instance)
    if not found.running:
        raise LabError(f"{instance} does not run: its link cannot be cut or healed.")
    return found.pid


def _seed(machine: Machine) -> Path:
    """Write what cloud-init reads at boot; return the host's folder."""
    folder = HOSTS / machine.instance
    seed = folder / "seed"
    seed.mkdir(parents=True, exist_ok=True, mode=0o700)
    about = {
        "instance-id": machine.instance,
        "local-hostname": machine.hostname,
        "public-keys": list(machine.public_keys),
    }
    (seed / "meta-data").write_text(json.dumps(about))
    (seed / "user-data").write_bytes(machine.user_data or b"#cloud-config\n{}\n")
    (seed / "vendor-data").write_text("")
    return folder
