"""Write what the first day on AWS shows into a file that a user can send: `make first-day`.

It looks at what docs/first-day.md says, under the numbers of that list: at this computer, at the account, at the
machines. It changes nothing: it asks AWS by Describe and Get alone, and machines in one script that reads. It writes
numbers and words of its own; quoted are versions, and how something refused to answer. All of it is masked.
"""

from __future__ import annotations

import getpass
import json
import os
import platform
import re
import resource
import socket
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import (
    ENDPOINT_REGION,
    address_hour,
    ask_prices,
    disk_month,
    machine_hour,
    snapshot_month,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_credentials import (
    CredentialsError,
    require_credentials,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.host_keys import (
    keys_in_console,
    read_known_hosts,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.launch import QUOTAS
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from tools import PROJECT
from tools.masking import masked, names_in_roster

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

GUIDE = PROJECT / "docs" / "first-day.md"
FOLDER = PROJECT / "build"
# A row of the guide's tables: its number, and what it is about.
ROW = re.compile(r"^\| (\d+) \| ([^|]+?) \|", re.MULTILINE)
BY_HAND = "(write here what you saw)"
# Where a service is to be asked that is not in every region.
REGIONS = {"freetier": "us-east-1", "pricing": ENDPOINT_REGION}
SETTINGS = (
    "class_name",
    "class_region",
    "class_state_dir",
    "class_roster",
    "class_instance_type",
    "class_image_parameter",
    "class_image_id",
)
# How long all machines together may take to answer, in seconds.
PATIENCE_S = 120
# What Ansible says of a machine that does not answer is quoted so far.
LONGEST_QUOTE = 200
# Names that tell nothing of anybody.
EVERYBODY = {"root", "ubuntu", "localhost", "name", "email", "username", "example", "com", "org", "edu"}

# Runs on each machine as root. A line is a word, `=`, and what was seen; what a machine lacks says nothing.
LOOK = r"""
say() { printf '%s=%s\n' "$1" "$(printf '%s' "$2" | tr '\n' ' ')"; }
exec 2>/dev/null
say system "$(. /etc/os-release && echo "$PRETTY_NAME")"
say kernel "$(uname -r)"
say up_s "$(cut -d. -f1 /proc/uptime)"
say clock "$(timedatectl show --property=NTPSynchronized --value)"
say cloud_init "$(cloud-init status | head -n 1)"
say sudo "$(sudo --version | head -n 1)"
say cp "$(cp --version | head -n 1)"
say tmp "$(findmnt --noheadings --output FSTYPE /tmp)"
say free_gb "$(df --output=avail -BG / | tail -n 1)"
say main_pid "$(systemctl show --property=MainPID --value ssh.service)"
for port in 22 80 443; do
    say "holders_$port" "$(ss -Hltnp "sport = :$port" | grep -o 'pid=[0-9]*' | cut -d= -f2 | sort -u)"
done
say front_pids "$(pgrep -x haproxy)"
say socket "$(systemctl is-active ssh.socket)"
say sshd "$(sshd -T | grep -E '^(port|passwordauthentication|maxstartups|persourcepenalties|permitrootlogin) ')"
say host_keys "$(systemctl is-enabled class-host-keys.service)"
say needrestart "$(grep -c jupyter /etc/needrestart/conf.d/50-machine-learning-class.conf)"
say upgrades "$(systemctl show --property=NextElapseUSecRealtime --value apt-daily-upgrade.timer)"
say catches_up "$(systemctl show --property=Persistent --value apt-daily-upgrade.timer)"
say stops "$(systemctl is-active class-stop.timer)"
say jupyters "$(systemctl list-units --plain --no-legend --state=running 'jupyter@*' | wc -l)"
"""


@dataclass(frozen=True)
class Seen:
    """What was seen of one number of the guide."""

    number: int
    words: str


@dataclass(frozen=True)
class Account:
    """The AWS account and region of the class."""

    # Makes what asks one service of AWS, by its name.
    client: Callable[[str], Any]
    settings: Mapping[str, Any]

    def look(self) -> Iterator[Seen]:
        """Say what the account shows: what is there for everybody, and the class's machines."""
        yield Seen(1, self.words(self.who))
        yield Seen(2, self.words(self.plan))
        yield Seen(3, self.words(self.quota))
        yield Seen(4, self.words(self.subnets))
        yield Seen(5, self.words(self.image))
        yield Seen(7, self.words(self.prices))
        yield Seen(9, self.words(lambda: _counted(self.instances()) or "no machine of the class"))
        yield Seen(10, self.words(self.consoles))
        yield Seen(25, self.words(self.costs))

    def words(self, look: Callable[[], str]) -> str:
        """Return what `look` sees, or in words why it sees nothing."""
        try:
            return look()
        except (BotoCoreError, ClientError) as error:
            why = explain(error, self.settings["class_region"])
        except CredentialsError as error:
            why = str(error)
        return f"not seen: {why.splitlines()[0]}"

    def who(self) -> str:
        """Say as what these credentials act."""
        arn = self.client("sts").get_caller_identity()["Arn"]
        kinds = {":root": "the root user", ":user/": "a user", ":assumed-role/": "a role"}
        return next((words for part, words in kinds.items() if part in arn), "something else")

    def plan(self) -> str:
        """Say which plan of AWS the account is on."""
        return str(self.client("freetier").get_account_plan_state()["accountPlanType"])

    def quota(self) -> str:
        """Say how many vCPUs of the standard types may run at once."""
        asked = {"ServiceCode": "ec2", "QuotaCode": QUOTAS[0].code}
        return f"{self.client('service-quotas').get_service_quota(**asked)['Quota']['Value']:.0f} vCPUs"

    def subnets(self) -> str:
        """Say how many default subnets there are, and in how many zones."""
        wanted = [{"Name": "default-for-az", "Values": ["true"]}]
        found = self.client("ec2").describe_subnets(Filters=wanted)["Subnets"]
        zones = {subnet["AvailabilityZone"] for subnet in found}
        public = sum(subnet["MapPublicIpOnLaunch"] for subnet in found)
        return f"{len(found)} default subnets in {len(zones)} zones, {public} give public addresses by themselves"

    def image(self) -> str:
        """Say which image new machines get."""
        image_id = (
            self.settings["class_image_id"]
            or (self.client("ssm").get_parameter(Name=self.settings["class_image_parameter"])["Parameter"]["Value"])
        )
        found = self.client("ec2").describe_images(ImageIds=[image_id])["Images"]
        return f"{found[0]['Name']}, root disk {found[0]['RootDeviceName']}" if found else "the image is not there"

    def prices(self) -> str:
        """Say what AWS's price list names for all that a class pays for; what is kept of it is not taken."""
        region, types = self.settings["class_region"], self.settings["class_instance_type"]
        machines = [machine_hour(name, region) for name in ([types] if isinstance(types, str) else types)]
        products = [*machines, address_hour(region), disk_month(region), snapshot_month(region)]
        prices = ask_prices(products, "", keep=False, client=self.client("pricing"))
        said = (
            f"{product.name} {'unknown' if price.usd is None else f'{price.usd.normalize():f} $'}"
            for product, price in prices.items()
        )
        reasons = dict.fromkeys(price.unknown for price in prices.values() if price.unknown)
        return ", ".join(said) + "".join(f"; {reason}" for reason in reasons)

    def instances(self) -> list[Mapping[str, Any]]:
        """Return the machines of the class that have not ended, by their seats."""
        return sorted(self._standing({"Name": "tag:Class", "Values": [self.settings["class_name"]]}), key=seat)

    def _standing(self, *filters: Mapping[str, Any]) -> list[Mapping[str, Any]]:
        states = {"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}
        pages = self.client("ec2").get_paginator("describe_instances").paginate(Filters=[states, *filters])
        return [each for page in pages for one in page["Reservations"] for each in one["Instances"]]

    def consoles(self) -> str:
        """Say of each machine that runs whether the keys on its console are those that were pinned."""
        pinned = read_known_hosts(str(Path(self.settings["class_state_dir"], "known_hosts")))
        said = []
        for number, instance in enumerate(self.instances(), 1):
            if instance["State"]["Name"] == "running":
                answer = self.client("ec2").get_console_output(InstanceId=instance["InstanceId"], Latest=True)
                printed = {(key.kind, key.key) for key in keys_in_console(answer.get("Output", ""), "", "")}
                known = {(key.kind, key.key) for key in pinned if key.instance_id == instance["InstanceId"]}
                fit = (
                    "nothing to compare" if not printed or not known else "as pinned" if known <= printed else "OTHERS"
                )
                said.append(f"machine {number}: {len(printed)} keys on its console, {len(known)} pinned, {fit}")
        return "; ".join(said) or "no machine runs"

    def costs(self) -> str:
        """Say what there is in the region that costs money, whoever's it is, and how much of it is the class's."""
        ec2 = self.client("ec2")
        disks, snapshots, images = (
            [each for page in ec2.get_paginator(action).paginate(**of) for each in page[key]]
            for action, key, of in (
                ("describe_volumes", "Volumes", {}),
                ("describe_snapshots", "Snapshots", {"OwnerIds": ["self"]}),
                ("describe_images", "Images", {"Owners": ["self"]}),
            )
        )
        machines = self._standing()
        tags = [
            {tag["Key"]: tag["Value"] for tag in thing.get("Tags", [])}
            for thing in [*machines, *disks, *snapshots, *images]
        ]
        of_class = sum(self.settings["class_name"] in (each.get("Class"), each.get("BakedBy")) for each in tags)
        size = sum(disk["Size"] for disk in disks)
        return (
            f"in the region {_counted(machines) or 'no machine'}; {len(disks)} disks, {size} GiB; {len(snapshots)} "
            f"snapshots; {len(images)} images; {of_class} of all these have the class's tags"
        )


def seat(instance: Mapping[str, Any]) -> str:
    """Return the seat of a machine, or its id where it has none."""
    return str(next((tag["Value"] for tag in instance.get("Tags", []) if tag["Key"] == "Name"), instance["InstanceId"]))


def holder(seen: Mapping[str, str], port: int) -> str:
    """Say who listens on a port, by what a machine answered."""
    pids = set(seen.get(f"holders_{port}", "").split())
    if not pids:
        return "nobody"
    if pids == {seen.get("main_pid")}:
        return "ssh.service"
    return "haproxy" if pids <= set(seen.get("front_pids", "").split()) else "OTHERS, too"


def of_machine(said: str) -> Iterator[Seen]:
    """Say what a machine answered to LOOK."""
    seen = {key: value.strip() for key, _, value in (line.partition("=") for line in said.splitlines())}

    def saw(key: str) -> str:
        return seen.get(key) or "nothing"

    ports = ", ".join(f"{port} by {holder(seen, port)}" for port in (22, 80, 443))
    yield Seen(11, f"{saw('system')}, kernel {saw('kernel')}, {saw('cloud_init')}, clock in time: {saw('clock')}")
    yield Seen(
        11, f"{saw('sudo')}; {saw('cp')}; /tmp: {saw('tmp')}; {saw('free_gb')} free; {saw('jupyters')} Jupyters run"
    )
    yield Seen(12, f"held: {ports}; ssh.socket: {saw('socket')}")
    yield Seen(13, saw("sshd"))
    yield Seen(14, f"lines about Jupyter for needrestart: {saw('needrestart')}")
    yield Seen(14, f"next upgrade {saw('upgrades')}, catches up: {saw('catches_up')}")
    yield Seen(20, f"up for {saw('up_s')} s; keys at every boot: {saw('host_keys')}")
    yield Seen(23, f"the timer that stops it: {saw('stops')}")


def of_machines(hosts: Mapping[str, Mapping[str, Any]]) -> Iterator[Seen]:
    """Say what Ansible brought from each machine; they are numbered by their seats."""
    if not hosts:
        yield Seen(11, "no machine of the class runs, or Ansible does not find it")
    for number, name in enumerate(sorted(hosts), 1):
        answer = hosts[name]
        said = answer.get("stdout", "")
        why = " ".join(str(answer.get("msg") or said or "none at all").split())
        seen = of_machine(said) if "=" in said else [Seen(11, f"no answer: {why[:LONGEST_QUOTE]}")]
        yield from (Seen(each.number, f"machine {number}: {each.words}") for each in seen)


def of_this_computer() -> Iterator[str]:
    """Say what this computer is."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    wsl = " in WSL" if "microsoft" in platform.release().lower() else ""
    yield f"Project: {_output('git', 'describe', '--always', '--dirty')}"
    yield f"This computer: {platform.system()} {platform.release()} {platform.machine()}{wsl}, {soft} open files"
    yield f"Tools: Python {platform.python_version()}, {_output('ssh', '-V')}, {_output('git', '--version')}"
    if platform.system() == "Darwin":
        yield f"May fork: {os.environ.get('OBJC_DISABLE_INITIALIZE_FORK_SAFETY', 'not said')}"


def report(guide: str, head: Sequence[str], seen: Sequence[Seen]) -> str:
    """Lay out what was seen under the rows of the `guide`, with room for what only a person can see."""
    lines = ["The first day on AWS: docs/first-day.md", *head, ""]
    for number, what in ROW.findall(guide):
        words = [each.words for each in seen if each.number == int(number)]
        lines += [f"{number:>2} {what}", *(f"   {each}" for each in words), f"   {BY_HAND}"]
    return "\n".join(lines) + "\n"


def ansible(pattern: str, module: str, arguments: str) -> Mapping[str, Mapping[str, Any]]:
    """Have Ansible run a module on the hosts of `pattern`; return what came of it, by host. Nothing: it had no host."""
    form = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json", "ANSIBLE_LOAD_CALLBACK_PLUGINS": "1"}
    command = [str(Path(sys.executable).with_name("ansible")), pattern, "-m", module, "-a", arguments]
    try:
        run = subprocess.run(
            command,
            cwd=PROJECT,
            env={**os.environ, **form},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
        plays = json.loads(run.stdout[run.stdout.find("{") :])["plays"]
    except (subprocess.TimeoutExpired, ValueError):
        return {}
    return {name: answer for play in plays for task in play["tasks"] for name, answer in task["hosts"].items()}


def _output(*command: str) -> str:
    """Return the first line that a program says, on whichever channel."""
    try:
        run = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    except OSError:
        return f"no {command[0]}"
    return ((run.stdout or run.stderr).strip() or f"{command[0]} says nothing").splitlines()[0]


def _counted(instances: Sequence[Mapping[str, Any]]) -> str:
    """Count machines by state and type."""
    counted = Counter(f"{each['State']['Name']} {each['InstanceType']}" for each in instances)
    return ", ".join(f"{number} {what}" for what, number in sorted(counted.items()))


def names_of(settings: Mapping[str, Any], instances: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what may not be told, with what is to stand for it."""
    roster = PROJECT / settings["class_roster"]
    people = names_in_roster(roster.read_text(encoding="utf-8", errors="replace")) if roster.is_file() else ()
    tags = [tag for each in instances for tag in each.get("Tags", []) if tag["Key"] == "Students"]
    names = {
        **dict.fromkeys([*people, *(word for tag in tags for word in tag["Value"].split())], "<person>"),
        **{seat(each): f"<seat {number}>" for number, each in enumerate(instances, 1)},
        settings["class_name"]: "<class>",
        socket.gethostname(): "<this computer>",
        getpass.getuser(): "<user>",
        str(Path.home()): "~",
    }
    return {name: shown for name, shown in names.items() if name.lower() not in EVERYBODY}


def main() -> int:
    """Look, and write what was seen."""
    asked = ", ".join(f"'{name}': {name}" for name in SETTINGS)
    settings = (
        ansible("localhost", "ansible.builtin.debug", f"msg={{{{ {{ {asked} }} }}}}").get("localhost", {}).get("msg")
    )
    if not isinstance(settings, dict):
        print("The settings of the class cannot be read. This says why: ansible-playbook status.yml", file=sys.stderr)
        return 1
    make: Any = boto3.client

    def client(service: str) -> Any:
        require_credentials()
        region = REGIONS.get(service, settings["class_region"])
        quick = Config(connect_timeout=5, read_timeout=20, retries={"max_attempts": 2})
        return make(service, region_name=region, config=quick)

    account = Account(client, settings)
    seen = [*account.look(), *of_machines(ansible("machines", "ansible.builtin.raw", LOOK))]
    instances: list[Mapping[str, Any]] = []
    with suppress(BotoCoreError, ClientError, CredentialsError):  # said above
        instances = account.instances()
    now = datetime.now(UTC)
    head = [f"Written {now:%Y-%m-%d %H:%M} UTC, region {settings['class_region']}", *of_this_computer()]
    text = masked(report(GUIDE.read_text(encoding="utf-8"), head, seen), names_of(settings, instances))
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"first-day-{now:%Y%m%d-%H%M%S}.txt"
    path.write_text(text, encoding="utf-8")
    print(text)
    print(f"Written to {path.relative_to(PROJECT)}. Fill in what only you saw, read it, and send it if you like.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
