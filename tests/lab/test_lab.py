"""The lab with real hosts: what it promises of EC2, and that nothing of it stays.

One lab for the whole file; it must not be up already, since it may carry somebody's class.
"""

from __future__ import annotations

import email
import json
import os
import re
import shutil
import signal
import smtplib
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml
from botocore.config import Config
from botocore.exceptions import ClientError

from lab import hosts, image, layout
from lab.control import process
from lab.podman import podman
from tests.hosts import refuse_a_lab_that_is_up

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

REGION = "eu-central-1"
PARAMETER = "/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id"
KEYS = re.compile(r"-----BEGIN SSH HOST KEY KEYS-----\n(.*?)-----END SSH HOST KEY KEYS-----", re.DOTALL)
USER_DATA = "#cloud-config\nruncmd:\n  - [touch, /user-data-was-here]\n"

PORTS = tuple(f":{port}" for port in (layout.ENDPOINT_PORT, layout.MAIL_PORT, layout.MIRROR_PORT))

pytestmark = pytest.mark.timeout(300)


def lab(*arguments: str, cwd: Path = layout.PROJECT) -> subprocess.CompletedProcess[str]:
    """Run `python -m lab`."""
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )


def until(what: str, ready: Callable[[], Any], seconds: float = 60) -> Any:
    """Return what `ready` returns as soon as that is true; fail with `what` after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := ready():
            return found
        time.sleep(0.2)
    pytest.fail(f"{what}: not within {seconds:.0f} s")


def variables() -> dict[str, Any]:
    """Return the class variables that the lab sets."""
    found: dict[str, Any] = yaml.safe_load(layout.VARIABLES.read_text())
    return found


@dataclass
class Machines:
    """What a test needs of an instance, by its id."""

    ec2: EC2Client
    ami: str
    private_key: Path

    def launch(self, count: int = 1, **more: Any) -> list[str]:
        """Launch, return the ids at once."""
        asked: dict[str, Any] = {
            "ImageId": self.ami,
            "MinCount": count,
            "MaxCount": count,
            "InstanceType": "t3.micro",
            "KeyName": "lab-test",
        }
        answer = self.ec2.run_instances(**{**asked, **more})
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
        """Return the file of its host keys, learned once: the console keeps only its last 64 KiB."""
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


def traces() -> dict[str, list[str]]:
    """Return everything on this machine that a lab could leave behind."""

    def lines(*command: str) -> list[str]:
        return sorted(subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines())

    processes = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            groups = (folder / "cgroup").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if layout.CGROUP in groups or "lab.service" in command or str(layout.PODMAN) in command:
            processes.append(f"{folder.name} {command}")
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    return {
        "processes": processes,
        # Other tests mount small disks below pytest's folder.
        "mounts": sorted(mount for mount in mounts if "/pytest-of-" not in mount),
        "routes": lines("ip", "route", "show", "table", "all"),
        "links": sorted(re.findall(r"^\d+: ([^:@]+)", "\n".join(lines("ip", "-oneline", "link")), re.MULTILINE)),
        "control groups": sorted(map(str, Path("/sys/fs/cgroup").glob(f"**/{layout.CGROUP}"))),
        "listening": [line.split()[3] for line in lines("ss", "-Hltn") if line.split()[3].endswith(PORTS)],
        "files": sorted(map(str, [*layout.RUN.glob("*"), *layout.STATE.glob("*")])),
    }


BEFORE: dict[str, list[str]] = {}


@pytest.fixture(scope="module", autouse=True)
def _lab_is_up() -> Iterator[None]:
    refuse_a_lab_that_is_up()
    BEFORE.update(traces())
    try:
        up = lab("up")
        assert up.returncode == 0, up.stderr
        yield
    finally:
        down = lab("down")
    assert down.returncode == 0, down.stderr


@pytest.fixture(scope="module")
def environment() -> dict[str, str]:
    """Return what `source lab/activate` makes of an environment with an account of its own in it."""
    own = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"], "AWS_PROFILE": "work", "AWS_SESSION_TOKEN": "old"}
    # Twice, as people do; from another folder, under a careful shell.
    command = 'set -eu; cd /; source "$1"; source "$1"; env -0'
    shell = subprocess.run(
        ["bash", "-c", command, "-", layout.PROJECT / "lab" / "activate"],
        env=own,
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(entry.split("=", 1) for entry in shell.stdout.split("\0") if entry)


@pytest.fixture(scope="module")
def session(environment: dict[str, str]) -> boto3.Session:
    return boto3.Session(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"], region_name=REGION)


@pytest.fixture(scope="module")
def machines(session: boto3.Session, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Machines:
    key = tmp_path_factory.mktemp("ssh") / "key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    url = environment["AWS_ENDPOINT_URL"]
    # Faults shall be seen, not retried away.
    ec2 = session.client("ec2", endpoint_url=url, config=Config(retries={"total_max_attempts": 1}))
    ec2.import_key_pair(KeyName="lab-test", PublicKeyMaterial=key.with_suffix(".pub").read_bytes())
    ami = session.client("ssm", endpoint_url=url).get_parameter(Name=PARAMETER)["Parameter"]["Value"]
    return Machines(ec2, ami, key)


@pytest.fixture(scope="module")
def machine(machines: Machines) -> str:
    """One machine for all tests that leave it running."""
    (made,) = machines.launch(
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Name", "Value": "test-001"}]}]
    )
    machines.wait("running", made)
    machines.say(made, "true")
    return made


def test_activate_exports_what_differs_from_aws(environment: dict[str, str]) -> None:
    assert environment["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert {"AWS_PROFILE", "AWS_SESSION_TOKEN"}.isdisjoint(environment)
    # Ansible censors every word that contains a secret: a short one would censor half of the results.
    assert len(environment["AWS_SECRET_ACCESS_KEY"]) > 40
    assert environment["PATH"].split(":").count(str(layout.PROJECT / ".venv/bin")) == 1
    own, ours = environment["ANSIBLE_INVENTORY"].split(",")
    assert own == str(layout.PROJECT / "inventory")
    group = yaml.safe_load(Path(ours, "lab.yml").read_text())["lab"]
    assert set(group["children"]) == {"control", "machines"}
    assert variables()["class_mirror_url"] == layout.MIRROR_URL
    assert layout.VARIABLES.stat().st_mode & 0o077 == 0


def test_a_second_up_changes_nothing(machine: str, machines: Machines) -> None:
    before = process()
    up = lab("up")
    assert up.returncode == 0, up.stderr
    assert process() == before
    assert machines.get(machine)["State"]["Name"] == "running"


def test_the_account_the_image_and_the_quota_are_known(
    session: boto3.Session, environment: dict[str, str], machines: Machines
) -> None:
    url = environment["AWS_ENDPOINT_URL"]
    assert session.client("sts", endpoint_url=url).get_caller_identity()["Account"] == "123456789012"
    (ami,) = machines.ec2.describe_images(ImageIds=[machines.ami])["Images"]
    assert (ami["RootDeviceName"], ami["State"], ami["OwnerId"]) == ("/dev/sda1", "available", "099720109477")
    assert ami["Name"].startswith("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04")
    quota = session.client("service-quotas", endpoint_url=url).get_service_quota(
        ServiceCode="ec2", QuotaCode="L-1216C47A"
    )
    assert quota["Quota"]["Value"] > 0


def test_a_launch_gives_hosts_like_ubuntus_once_per_token(machines: Machines) -> None:
    token = uuid.uuid4().hex
    made = machines.launch(MinCount=1, MaxCount=2, ClientToken=token, UserData=USER_DATA)
    assert len(made) == 2
    assert machines.launch(MinCount=1, MaxCount=2, ClientToken=token, UserData=USER_DATA) == made
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        machines.launch(MinCount=1, MaxCount=3, ClientToken=token, UserData=USER_DATA)
    assert {machines.get(each)["State"]["Name"] for each in made} <= {"pending", "running"}
    machines.wait("running", *made)
    one, other = made
    assert machines.get(one)["PublicIpAddress"] != machines.get(other)["PublicIpAddress"]
    for each in made:
        private = machines.get(each)["PrivateIpAddress"]
        assert machines.say(each, "hostname") == f"ip-{private.replace('.', '-')}"
        assert machines.say(each, "cloud-init status --wait > /dev/null; ls /user-data-was-here")
    assert machines.say(one, "id -un; sudo -n id -un; stat -c %a ~; systemctl is-active ssh.socket").split() == [
        "ubuntu",
        "root",
        "750",
        "active",
    ]
    assert machines.say(one, "sudo sshd -T | grep -i ^passwordauthentication") == "passwordauthentication no"
    assert machines.say(one, "ip route show default") == ""
    # Its own: what one writes the other does not see.
    machines.say(one, "touch mine")
    assert machines.ssh(other, "test -e mine").returncode == 1
    # Units are really confined.
    confined = "sudo systemd-run --quiet --wait --pipe -p ProtectSystem=strict -p PrivateTmp=yes -p MemoryMax=64M"
    assert machines.ssh(one, f"{confined} touch /etc/no").returncode != 0
    assert machines.ssh(one, f"{confined} python3 -c 'bytearray(200_000_000)'").returncode != 0
    machines.terminate(*made)


def test_ec2_refuses_what_it_refuses(machines: Machines, machine: str) -> None:
    for wrong, code in (
        ({"ImageId": "ami-00000000000000000"}, "InvalidAMIID.NotFound"),
        ({"KeyName": "nobodys"}, "InvalidKeyPair.NotFound"),
        ({"InstanceType": "t3.gigantic"}, "InvalidInstanceType"),
        ({"UserData": "x" * 16385}, "InvalidParameterValue"),
        ({"MinCount": 40, "MaxCount": 40}, "VcpuLimitExceeded"),
        ({"MinCount": 400, "MaxCount": 400}, "InsufficientFreeAddressesInSubnet"),
    ):
        with pytest.raises(ClientError, match=code):
            machines.launch(**wrong)
    with pytest.raises(ClientError, match="IncorrectInstanceState"):
        machines.ec2.reboot_instances(InstanceIds=[stopped_twin(machines)])
    assert machines.get(machine)["State"]["Name"] == "running"


def stopped_twin(machines: Machines) -> str:
    """Return a machine that is stopped, without waiting for it to boot."""
    (made,) = machines.launch()
    machines.wait("running", made)
    machines.ec2.stop_instances(InstanceIds=[made])
    machines.wait("stopped", made)
    return made


def test_a_security_group_in_use_cannot_be_deleted(machines: Machines) -> None:
    group = machines.ec2.create_security_group(GroupName="used", Description="in use")["GroupId"]
    (made,) = machines.launch(SecurityGroupIds=[group])
    machines.wait("running", made)
    with pytest.raises(ClientError, match="DependencyViolation"):
        machines.ec2.delete_security_group(GroupId=group)
    machines.terminate(made)
    machines.ec2.delete_security_group(GroupId=group)


def test_stop_and_start_keep_the_disk_and_give_a_new_address(machines: Machines, machine: str) -> None:
    before = machines.get(machine)
    machines.say(machine, "echo work > work; sync")
    machines.ec2.stop_instances(InstanceIds=[machine])
    assert machines.get(machine)["State"]["Name"] in ("stopping", "stopped")
    machines.wait("stopped", machine)
    assert "PublicIpAddress" not in machines.get(machine)
    machines.ec2.start_instances(InstanceIds=[machine])
    machines.wait("running", machine)
    after = machines.get(machine)
    assert after["PublicIpAddress"] != before["PublicIpAddress"]
    assert after["PrivateIpAddress"] == before["PrivateIpAddress"]
    # The console's keys are still those of the first boot: the host has not changed.
    assert machines.say(machine, "cat work") == "work"


@pytest.mark.parametrize("how", ["guest", "api"])
def test_a_reboot_keeps_everything_but_the_processes(machines: Machines, machine: str, how: str) -> None:
    before = machines.get(machine)["PublicIpAddress"]
    machines.say(machine, f"echo {how} > rebooted; sudo touch /run/not-rebooted-yet")
    if how == "guest":
        machines.ssh(machine, "sudo systemctl reboot")
    else:
        machines.ec2.reboot_instances(InstanceIds=[machine])
    rebooted = "test ! -e /run/not-rebooted-yet"
    until("reboot", lambda: machines.ssh(machine, rebooted).returncode == 0)
    assert machines.say(machine, "cat rebooted") == how
    assert machines.get(machine)["PublicIpAddress"] == before
    assert machines.get(machine)["State"]["Name"] == "running"


@pytest.mark.parametrize(("behaviour", "state"), [("stop", "stopped"), ("terminate", "terminated")])
def test_a_poweroff_inside_ends_the_instance(machines: Machines, behaviour: Any, state: str) -> None:
    (made,) = machines.launch(InstanceInitiatedShutdownBehavior=behaviour)
    machines.wait("running", made)
    machines.say(made, "true")
    machines.ssh(made, "sudo systemctl poweroff")
    machines.wait(state, made)
    assert machines.get(made)["StateReason"]["Code"] == "Client.InstanceInitiatedShutdown"
    if state == "stopped":
        machines.ec2.start_instances(InstanceIds=[made])
        machines.say(made, "true")
        machines.terminate(made)


def test_hosts_outlive_a_killed_endpoint_which_finds_them_again(machines: Machines, machine: str) -> None:
    (stopped,) = machines.launch()
    machines.wait("running", stopped)
    machines.say(machine, "echo $PPID > /dev/null; sudo touch /run/same-boot")
    made = machines.launch(3)  # killed in the middle of this
    pid = process()
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    until("end of the process", lambda: process() is None)
    # While nobody looks, one host ends by itself.
    subprocess.run(
        ["podman", "exec", stopped, "systemctl", "poweroff"],
        env={**os.environ, **podman_environment()},
        check=False,
    )
    assert lab("status").returncode == 0
    start = lab("endpoint", "start")
    assert start.returncode == 0, start.stderr
    machines.wait("running", *made)
    machines.wait("stopped", stopped)
    assert machines.say(machine, "test -e /run/same-boot && echo same") == "same"
    for each in made:
        machines.say(each, "true")
    addresses = [machines.get(each)["PublicIpAddress"] for each in (machine, *made)]
    assert len(set(addresses)) == 4
    # The watch for hosts that end works again too.
    machines.ssh(made[0], "sudo systemctl poweroff")
    machines.wait("stopped", made[0])
    machines.terminate(stopped, *made)


def podman_environment() -> dict[str, str]:
    """Return what makes podman the lab's."""
    return {
        "CONTAINERS_CONF": str(layout.PODMAN / "containers.conf"),
        "CONTAINERS_STORAGE_CONF": str(layout.PODMAN / "storage.conf"),
    }


def test_an_image_of_a_machine_makes_machines_like_it(machines: Machines, machine: str) -> None:
    machines.say(machine, "echo baked | sudo tee /opt/baked")
    ami = machines.ec2.create_image(InstanceId=machine, Name="baked")["ImageId"]

    def available() -> bool:
        return machines.ec2.describe_images(ImageIds=[ami])["Images"][0]["State"] == "available"

    if not available():
        with pytest.raises(ClientError, match=r"InvalidAMIID\.Unavailable"):
            machines.launch(ImageId=ami)
    until("image", available)
    with pytest.raises(ClientError, match=r"InvalidAMIName\.Duplicate"):
        machines.ec2.create_image(InstanceId=machine, Name="baked")
    assert machines.get(machine)["State"]["Name"] == "running"
    (made,) = machines.launch(ImageId=ami)
    machines.wait("running", made)
    assert machines.say(made, "cat /opt/baked") == "baked"
    # A new instance has new host keys, though its image had some.
    keys = [machines.known_hosts(each).read_text().replace(each, "") for each in (machine, made)]
    assert keys[0] != keys[1]
    machines.terminate(made)
    machines.ec2.deregister_image(ImageId=ami)
    machines.say(machine, "true")


def test_injected_faults_come_and_go(machines: Machines) -> None:
    assert lab("fault", "--action", "RunInstances", "--code", "InsufficientInstanceCapacity").returncode == 0
    with pytest.raises(ClientError, match="InsufficientInstanceCapacity") as refused:
        machines.launch()
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert lab("fault", "--action", "boot", "--code", "Server.InternalError").returncode == 0
    (made,) = machines.launch()
    machines.wait("terminated", made)
    assert machines.get(made)["StateReason"]["Code"] == "Server.InternalError"
    assert lab("fault", "--action", "DescribeInstances").returncode == 1
    entries = [json.loads(line) for line in layout.REQUESTS.read_text().splitlines()]
    failed = [entry for entry in entries if entry["action"] == "RunInstances" and entry["status"] == 500]
    assert failed[-1]["code"] == "InsufficientInstanceCapacity"


def test_a_cut_machine_runs_but_answers_nobody_until_healed(machines: Machines, machine: str) -> None:
    machines.say(machine, "true")
    assert lab("cut", "test-001").returncode == 0
    assert machines.ssh(machine, "true").returncode == 255
    assert machines.get(machine)["State"]["Name"] == "running"
    assert lab("heal", "test-001").returncode == 0
    assert machines.ssh(machine, "true").returncode == 0
    nobody = lab("cut", "test-999")
    assert nobody.returncode == 1
    assert "test-001" in nobody.stderr


def test_a_killed_machine_stops_with_the_reason_and_starts_again(machines: Machines, machine: str) -> None:
    assert lab("kill", "test-001").returncode == 0
    machines.wait("stopped", machine)
    assert machines.get(machine)["StateReason"]["Code"] == "Server.InternalError"
    machines.ec2.start_instances(InstanceIds=[machine])
    machines.wait("running", machine)
    machines.say(machine, "cat work")


def test_a_disk_is_empty_before_podman_deletes_it_and_lets_all_others_wait(
    machines: Machines, monkeypatch: pytest.MonkeyPatch
) -> None:
    (made,) = machines.launch()
    machines.wait("running", made)
    disk = Path(podman("inspect", "--type=container", "--format", "{{.GraphDriver.Data.UpperDir}}", made))
    assert list(disk.iterdir()) != []
    left = []

    def watched(*arguments: str) -> str:
        if arguments[0] == "rm":
            left.append(disk.exists())
        return podman(*arguments)

    monkeypatch.setattr(hosts, "podman", watched)
    hosts.remove(made)
    assert left == [False]
    assert not disk.parent.exists()
    machines.terminate(made)


def test_mail_needs_encryption_and_the_password_and_is_kept() -> None:
    user, password = variables()["class_smtp_username"], variables()["class_smtp_password"]
    letter = "From: a@example.com\r\nTo: b@example.com\r\nSubject: Hallo\r\n\r\nZoë\r\n".encode()
    # It trusts nobody but itself.
    context = ssl.create_default_context(cafile=str(layout.CERTIFICATE))
    with smtplib.SMTP("localhost", variables()["class_smtp_port"]) as server:
        with pytest.raises(smtplib.SMTPSenderRefused):
            server.sendmail("a@example.com", "b@example.com", letter)
        server.starttls(context=context)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            server.login(user, "wrong")
        with pytest.raises(smtplib.SMTPException):
            server.sendmail("a@example.com", "b@example.com", letter)
        server.login(user, password)
        server.sendmail("a@example.com", ["b@example.com", "c@example.com"], letter)
    (kept,) = layout.MAIL.glob("*.eml")
    message = email.message_from_bytes(kept.read_bytes())
    assert message.get_all("Delivered-To") == ["b@example.com", "c@example.com"]
    assert message.get_payload(decode=True) == "Zoë\n".encode()


def test_hosts_reach_the_mirror_and_nothing_else(machines: Machines, machine: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        urllib.request.urlopen(layout.MIRROR_URL + "/")  # noqa: S310 - our own address
    said = machines.say(machine, f"curl -s -o /dev/null -w '%{{http_code}}' {layout.MIRROR_URL}/nothing")
    assert said == "404"
    assert machines.ssh(machine, "ping -c1 -W1 192.0.2.1").returncode != 0
    # The endpoint and the mail sink are this machine's alone.
    for port in (layout.ENDPOINT_PORT, layout.MAIL_PORT):
        refused = machines.ssh(machine, f"curl -s -m 2 http://{layout.GATEWAY}:{port}/")
        assert refused.returncode == 7


def test_a_second_lab_is_refused_by_name(tmp_path: Path) -> None:
    other = tmp_path / "checkout"
    shutil.copytree(layout.PROJECT / "lab", other / "lab", ignore=shutil.ignore_patterns("state"))
    before = process()
    for command in (["up"], ["kill", "test-001"], ["endpoint", "start"]):
        refused = lab(*command, cwd=other)
        assert refused.returncode == 1
        assert str(layout.PROJECT) in refused.stderr
        assert "lab-down" in refused.stderr
        assert len(refused.stderr.splitlines()) <= 5
    down = lab("down", cwd=other)
    assert down.returncode == 0
    assert process() == before


@pytest.mark.parametrize("command", ["up", "down"])
def test_a_lab_in_another_cache_is_refused_in_words(
    command: str, machine: str, machines: Machines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = process()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    refused = lab(command)
    assert refused.returncode == 1
    assert "Run this again as it was run then" in refused.stderr
    assert len(refused.stderr.splitlines()) <= 5
    assert process() == before
    assert machines.say(machine, "echo here") == "here"
    assert list(tmp_path.iterdir()) == []


def test_down_leaves_nothing(machines: Machines, machine: str) -> None:
    machines.ec2.create_image(InstanceId=machine, Name="still being made")
    down = lab("down")
    assert down.returncode == 0, down.stderr
    after = traces()
    for kind, before in BEFORE.items():
        assert sorted(set(after[kind]) - set(before)) == [], kind
    # What is slow to make stays.
    assert image.exists(image.RELEASES[0].ami)
    again = lab("down")
    assert again.returncode == 0, again.stderr
