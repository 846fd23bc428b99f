"""The Debian packages that the lab needs on this machine, and their installation."""

from __future__ import annotations

import os
import shutil
import subprocess

from lab.shell import LabError, attempt

NEEDED = {
    "podman": "runs the hosts",
    "runc": "starts systemd in them (crun refuses hybrid cgroups)",
    "netavark": "gives them their addresses",
    "iptables": "netavark calls it",
    "nftables": "security groups filter with it, and newer versions of netavark call it",
    "iproute2": "bridge, routes, cut links",
    "mmdebstrap": "builds the host image",
    "debian-archive-keyring": "verifies what the image is built from",
    "openssh-client": "the way into the hosts",
}


def missing() -> list[str]:
    """Return the needed packages that are not installed."""
    if not shutil.which("dpkg-query"):
        raise LabError(
            "The lab runs on Debian 12 or newer and on Ubuntu 24.04 or newer: this machine has no dpkg.\n"
            f"It needs: {', '.join(NEEDED)}."
        )
    found = attempt("dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n", *NEEDED).stdout
    installed = {line.split()[0] for line in found.splitlines() if line.endswith(" installed")}
    return [package for package in NEEDED if package not in installed]


def install(packages: list[str]) -> None:
    """Install `packages` with apt-get, saying what and why. Must run as root."""
    print("Installing Debian packages:")
    for package in packages:
        print(f"  {package}: {NEEDED[package]}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-q", "install", "-y", "--no-install-recommends", *packages]
    # The first try may fail for no other reason than old package lists.
    for attempt_command in (command, ["apt-get", "-q", "update"], command):
        done = subprocess.run(attempt_command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode == 0 and attempt_command is command:
            return
    raise LabError(f"apt-get could not install {', '.join(packages)}:\n{done.stderr.strip()[-400:]}")
