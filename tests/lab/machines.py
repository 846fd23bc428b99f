"""The instances of these tests: launched, asked by the API, and reached as their owner reaches them."""

from __future__ import annotations

import re
import subprocess
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

SEAT = "test-001"
KEYS = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----\n(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)


def until(what: str, ready: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what `ready` returns as soon as that is true; fail with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ready():
            return found
        time.sleep(0.2)
    pytest.fail(f"{what}: not within {seconds:.0f} s")


@dataclass
class Machines:
    """What a test needs of an instance, by its id."""

    ec2: EC2Client
    ami: str
    private_key: Path
    group: str  # lets ssh in

    def launch(self, count: int = 1, **more: Any) -> list[str]:
        """Launch, return the ids at once."""
        asked: dict[str, Any] = {
            "ImageId": self.ami,
            "MinCount": count,
            "MaxCount": count,
            "InstanceType": "m6a.large",
            "KeyName": "lab-test",
            "SecurityGroupIds": [self.group],
        }
        end = time.monotonic() + 60
        while True:
            try:
                answer = self.ec2.run_instances(**{**asked, **more})
            except ClientError as error:  # EC2 takes five launches at once, then two a second
                if error.response["Error"]["Code"] != "RequestLimitExceeded" or time.monotonic() > end:
                    raise
                time.sleep(0.5)
            else:
                break
        return [instance["InstanceId"] for instance in answer["Instances"]]

    def get(self, machine: str) -> InstanceTypeDef:
        """Describe one instance."""
        return self.ec2.describe_instances(InstanceIds=[machine])["Reservations"][0]["Instances"][0]

    def wait(self, state: str, *machines: str) -> None:
        """Wait until all are in `state`."""
        until(
            f"{machines} {state}",
            lambda: all(self.get(machine)["State"]["Name"] == state for machine in machines),
        )

    def console(self, machine: str) -> str:
        """Return the console's text."""
        return self.ec2.get_console_output(InstanceId=machine).get("Output", "")

    def known_hosts(self, machine: str) -> Path:
        """Return the file of its host keys, learned once: it prints them at its first boot alone."""
        path = self.private_key.with_name(machine)
        if not path.exists():
            found = until(f"host keys of {machine}", lambda: KEYS.search(self.console(machine)))
            path.write_text("".join(f"{machine} {line}\n" for line in found[1].splitlines()))
        return path

    def ssh(self, machine: str, command: str, *options: str) -> subprocess.CompletedProcess[str]:
        """Run `command` as ubuntu; the host must show a key that its console printed."""
        known_hosts = self.known_hosts(machine)
        settings = {
            "UserKnownHostsFile": str(known_hosts),
            "GlobalKnownHostsFile": "/dev/null",
            "HostKeyAlias": machine,
            "StrictHostKeyChecking": "yes",
            "BatchMode": "yes",
            "ConnectTimeout": "3",
            # A host that goes down does not always say goodbye.
            "ServerAliveInterval": "1",
            "ServerAliveCountMax": "3",
            "ControlPath": "none",
        }
        flags = [f"-o{name}={value}" for name, value in settings.items()]
        address = self.get(machine).get("PublicIpAddress", "")
        return subprocess.run(
            ["ssh", "-F/dev/null", "-i", str(self.private_key), *flags, *options, f"ubuntu@{address}", command],
            capture_output=True,
            text=True,
            check=False,
        )

    def say(self, machine: str, command: str) -> str:
        """Run `command` on the machine as soon as it can be reached; return what it says."""

        def reached() -> subprocess.CompletedProcess[str] | None:
            done = self.ssh(machine, command)
            return None if done.returncode == 255 else done

        done: subprocess.CompletedProcess[str] = until(f"ssh to {machine}", reached)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def terminate(self, *machines: str) -> None:
        """Terminate and wait."""
        self.ec2.terminate_instances(InstanceIds=list(machines))
        self.wait("terminated", *machines)
