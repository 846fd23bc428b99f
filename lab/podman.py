"""podman with storage, configuration and network of the lab's own, apart from any other use of podman here."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab.layout import BRIDGE, CGROUP, GATEWAY, NAMESPACES, PODMAN, RUN, SUBNET
from lab.shell import attempt, run

if TYPE_CHECKING:
    import subprocess

NETWORK = "machine_learning_aws"
LABEL = "machine_learning_aws.checkout"

ENVIRONMENT = {
    "CONTAINERS_CONF": str(PODMAN / "containers.conf"),
    "CONTAINERS_STORAGE_CONF": str(PODMAN / "storage.conf"),
}

# runc, because crun refuses hybrid cgroups. Locks in files, because a podman that starts anew frees all locks in the
# shared memory that any other podman here uses. Enough processes and files for a systemd and a class's kernels; no
# kernel keyring per host, since their number is limited.
CONTAINERS_CONF = f"""\
[engine]
cgroup_manager = "cgroupfs"
events_logger = "none"
runtime = "runc"
tmp_dir = "{RUN}/libpod"
lock_type = "file"
[network]
network_backend = "netavark"
network_config_dir = "{PODMAN}/networks"
[containers]
default_ulimits = ["nofile=1024:20000", "nproc=32768:32768"]
keyring = false
log_driver = "k8s-file"
"""

STORAGE_CONF = f"""\
[storage]
driver = "overlay"
graphroot = "{PODMAN}/graph"
runroot = "{RUN}/storage"
"""


def configure() -> None:
    """Write podman's configuration and the definition of the hosts' network."""
    (PODMAN / "networks").mkdir(parents=True, exist_ok=True)
    (PODMAN / "containers.conf").write_text(CONTAINERS_CONF)
    (PODMAN / "storage.conf").write_text(STORAGE_CONF)
    definition = {
        "name": NETWORK,
        "id": hashlib.sha256(NETWORK.encode()).hexdigest(),
        "driver": "bridge",
        "network_interface": BRIDGE,
        "subnets": [{"subnet": str(SUBNET), "gateway": GATEWAY}],
        "ipv6_enabled": False,
        # No default route in the hosts: nothing of the lab reaches the world.
        "internal": True,
        "dns_enabled": False,
        "ipam_options": {"driver": "host-local"},
    }
    (PODMAN / "networks" / f"{NETWORK}.json").write_text(json.dumps(definition))


def podman(*arguments: str) -> str:
    """Run podman, return its output. Raises LabError when it fails."""
    return run("podman", *arguments, environment=ENVIRONMENT)


def try_podman(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run podman and return how it went."""
    return attempt("podman", *arguments, environment=ENVIRONMENT)


def containers() -> list[dict[str, Any]]:
    """Return what podman knows of all containers, running or not."""
    found: list[dict[str, Any]] = json.loads(podman("ps", "--all", "--format", "json") or "[]")
    return found


def unmount() -> None:
    """Take away the mounts that podman leaves when nothing runs any more, deepest first."""
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted(mounts, key=len, reverse=True):
        if Path(mount).is_relative_to(PODMAN) or Path(mount).is_relative_to(RUN):
            run("umount", mount)
    # podman mounts this folder on itself, for the hosts' network namespaces; others may have theirs there.
    if str(NAMESPACES) in mounts and not any(NAMESPACES.iterdir()):
        attempt("umount", str(NAMESPACES))


def remove_cgroups() -> None:
    """Remove the control groups of hosts that are gone."""
    for group in Path("/sys/fs/cgroup").glob(f"**/{CGROUP}"):
        for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
            folder.rmdir()
        group.rmdir()
