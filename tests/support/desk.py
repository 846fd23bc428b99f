"""An instructor's computer: it runs playbooks against an AWS without hosts, and its screen is read."""

from __future__ import annotations

import copy
import itertools
import json
import os
import pty
import re
import subprocess
import threading
import time
from dataclasses import dataclass, field
from datetime import timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import moto.ec2.models.elastic_network_interfaces as moto_interfaces
import moto.ec2.urls as ec2_urls
import pexpect
import yaml
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.utils import utcnow
from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import StateReason
from moto.ec2.utils import random_ami_id
from moto.moto_server.werkzeug_app import MotoRequestHandler
from pexpect.fdpexpect import fdspawn
from werkzeug.serving import make_server

from lab import backends
from lab.api_request import ApiRequest, Refusal
from lab.capacity import CAPACITY
from lab.faults import BOOT, Fault, Faults
from lab.front_door import FrontDoor, send
from lab.iam import Iam
from lab.image import RELEASES
from lab.instances import CODES, FAILED_LAUNCHES
from lab.lateness import LATENESS
from lab.launches import LaunchResponse
from lab.limits import Limits
from lab.regions import REGIONS
from lab.s3 import S3Access
from lab.signatures import Signatures, right_clock
from lab.throttling import Throttling
from tests.support import account_owner
from tests.support.host_keys import ed25519
from tests.support.term import end_tree
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

ACCESS_KEY, SECRET_KEY = "AKIAMISTAKEN00000000", "mistaken/secret+key/that/nobody/may/ever/read0"
MOST_LINES = 5
_numbers = itertools.count()


class HostlessResponse(LaunchResponse):
    """EC2's actions, for machines that printed their host keys and then fell silent."""

    faults: ClassVar[Faults]  # the same for all: moto makes one for each request

    def run_instances(self) -> Any:
        """RunInstances: a machine that a fault lets not boot ends as soon as the request is answered."""
        result = super().run_instances()
        for instance in result.result.instances:
            LATENESS.booted(instance.id)
            if fault := self.faults.take(BOOT):
                instance.terminate()
                instance.state_reason = StateReason(f"{fault.code}: {FAILED_LAUNCHES[fault.code]}", fault.code)
        return result

    def start_instances(self) -> Any:
        """StartInstances: machines that stopped boot as soon as they are asked to, and were launched by then."""
        machines = self.ec2_backend.get_multi_instances_by_id(self._get_param("InstanceIds"))
        stopped = [machine for machine in machines if machine.state == "stopped"]
        result = super().start_instances()
        for machine in stopped:
            machine.launch_time = utcnow()
        self._boot_again()
        return result

    def reboot_instances(self) -> Any:
        """RebootInstances: so they do here."""
        result = super().reboot_instances()
        self._boot_again()
        return result

    def _boot_again(self) -> None:
        for instance_id in self._get_param("InstanceIds"):
            LATENESS.booted(instance_id)

    def terminate_instances(self) -> Any:
        """TerminateInstances: shutting down takes as long as the lab's lateness says."""
        result = super().terminate_instances()
        for instance in self.ec2_backend.get_multi_instances_by_id(self._get_param("InstanceIds")):
            if LATENESS.seconds_to_end(instance.id):
                instance._state.name, instance._state.code = "shutting-down", CODES["shutting-down"]
        return result

    def describe_instances(self) -> Any:
        """DescribeInstances: what shut down has ended by now."""
        for instance in self.ec2_backend.all_instances():
            if instance.state == "shutting-down" and not LATENESS.seconds_to_end(instance.id):
                instance.terminate()
        return super().describe_instances()

    def create_image(self) -> Any:
        """CreateImage: it is complete at once, as there is nothing to copy."""
        result = super().create_image()
        self.ec2_backend.amis[result.result["ImageId"]].state = "available"
        return result

    def console(self, instance_id: str) -> str:
        """Return a host key alone."""
        said = f"ssh-ed25519 {ed25519(instance_id)} root@{instance_id}"
        return f"-----BEGIN SSH HOST KEY KEYS-----\n{said}\n-----END SSH HOST KEY KEYS-----\n"


def loopback_address() -> str:
    """Return an address where nobody else is, and nobody answers."""
    number = next(_numbers)
    return f"127.77.{number // 250}.{number % 250 + 1}"


class Aws:
    """The lab's AWS without its hosts: it answers, refuses where told to, and remembers what was asked."""

    def __init__(self) -> None:
        """Answer on a free port."""
        backends.install()
        ec2_urls.url_paths = {"{0}/": HostlessResponse.dispatch}
        moto_interfaces.random_public_ip = loopback_address
        self.faults = HostlessResponse.faults = Faults()
        self.requests: list[ApiRequest] = []
        self.ahead = timedelta()  # of the clock of this computer
        self.iam = Iam(account_owner.KEY_WITHOUT_HOSTS)
        self.refusals: list[Refusal] = []
        self.seconds: list[float] = []  # how long each request took
        self._door = self._new_door()
        self._one_at_a_time = threading.Lock()  # moto takes no care of threads
        self._server = make_server("127.0.0.1", 0, self, threaded=True, request_handler=self._handler())
        self.url = f"http://127.0.0.1:{self._server.port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Answer one request."""
        began = time.monotonic()
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        request = ApiRequest.read(environ, body)
        self.requests.append(request)
        with self._one_at_a_time:
            LATENESS.write_tags()
        if refusal := self._door.refusal(request):
            self.refusals.append(refusal)
            answer = send(start_response, refusal.status, *refusal.body(request))
        else:
            with self._one_at_a_time:
                answer = self._door.answer(environ, body, start_response)
        self.seconds.append(time.monotonic() - began)
        return answer

    def _new_door(self) -> FrontDoor:
        """Return a door that has counted no requests yet."""
        owner = {account_owner.KEY_WITHOUT_HOSTS: account_owner.SECRET_WITHOUT_HOSTS}
        signatures = Signatures({ACCESS_KEY: SECRET_KEY} | owner, self.clock)
        return FrontDoor([signatures, REGIONS, Throttling(), self.iam, S3Access(), Limits(), self.faults])

    def start_over(self) -> None:
        """Refuse nothing, have machines of all types, and forget what was asked: as if no test had been before."""
        self._door = self._new_door()
        self.faults.clear()
        self.ahead = timedelta()
        CAPACITY.clear()
        LATENESS.set()
        REGIONS.clear()
        self.forget()

    def forget(self) -> None:
        """Forget what was asked so far."""
        for kept in (self.requests, self.refusals, self.seconds):
            kept.clear()

    def clock(self) -> datetime:
        """Return what time it is at this AWS."""
        return right_clock() + self.ahead

    def _handler(self) -> type[MotoRequestHandler]:
        """Return what speaks HTTP, with the AWS's own time in the answers."""
        clock = self.clock

        class Handler(MotoRequestHandler):  # type: ignore[misc]  # moto has no types
            def date_time_string(self, _timestamp: float | None = None) -> str:
                return format_datetime(clock(), usegmt=True)

        return Handler

    def refuse(self, action: str, code: str, message: str = "Refused by the test.") -> None:
        """Refuse every call of `action` from now on."""
        self.faults.add(Fault(action, code, times=1000, message=message))

    def set_quota(self, code: str, limit: float, region: str = "us-east-1") -> None:
        """Grant another quota."""
        ec2_backends[DEFAULT_ACCOUNT_ID][region].set_limit(code, limit)

    def add_image(self, root_device: str, region: str = "us-east-1") -> str:
        """Offer the lab's first image with another name of its root disk; return its id."""
        backend = ec2_backends[DEFAULT_ACCOUNT_ID][region]
        image = copy.copy(backend.amis[RELEASES[0].ami])
        image.id, image.root_device_name = random_ami_id(), root_device
        backend.amis[image.id] = image
        return str(image.id)

    def fail_image(self, image_id: str, region: str = "us-east-1") -> None:
        """Let an image be one that could not be made."""
        ec2_backends[DEFAULT_ACCOUNT_ID][region].amis[image_id].state = "failed"

    def move(self, machine: str, state: str, region: str = "us-east-1") -> None:
        """Let a machine be in this state."""
        instance = ec2_backends[DEFAULT_ACCOUNT_ID][region].get_instance(machine)
        instance._state.name, instance._state.code = state, CODES[state]

    def end_machines(self) -> None:
        """Terminate all machines of all regions."""
        with self._one_at_a_time:
            for backend in list(ec2_backends[DEFAULT_ACCOUNT_ID].values()):
                for instance in backend.all_instances():
                    instance.terminate()

    def empty(self) -> None:
        """Have nothing in any region, as an account that is new."""
        with self._one_at_a_time:
            ec2_backends[DEFAULT_ACCOUNT_ID].clear()

    @property
    def made(self) -> set[str]:
        """What was asked for that is more than reading."""
        return {request.action for request in self.requests if not request.reads_only}

    def close(self) -> None:
        """Answer no more."""
        self._server.shutdown()
        self._server.server_close()


@dataclass
class Screen:
    """What a run showed, and how it ended."""

    text: str
    code: int
    secrets: tuple[str, ...] = (SECRET_KEY,)

    @property
    def failures(self) -> list[str]:
        """The words of every failure, after checking that they are no more than words."""
        assert self.code != 0, self.text
        for wall in (
            "Traceback",
            "boto3_version",
            "module_stderr",
            "FAILED! =>",
            "<<< caused by >>>",
            "[ERROR]",
            "Origin: ",
        ):
            assert wall not in self.text, self.text
        for secret in self.secrets:
            assert secret not in self.text
        found = re.findall(r"^(?:fatal|failed): \[[^\n]*?\]: (.*?)\n(?=\n|\S+: \[|\.\.\.)", self.text, re.M | re.S)
        assert all(len(words.splitlines()) <= MOST_LINES for words in found), found
        return found

    @property
    def failure(self) -> str:
        """The words of the one failure."""
        (words,) = self.failures
        return words


@dataclass
class Desk:
    """An instructor's computer: a home of its own, and the project."""

    home: Path
    aws: Aws
    roster: str = "name,email\nAda Beispiel,ada@example.com\nGrace Sample,grace@example.org\n"
    settings: dict[str, Any] = field(default_factory=dict)
    environment: dict[str, str | None] = field(default_factory=dict)

    def check_launch(self, **settings: Any) -> Screen:
        """Run the part of provision that asks whether two machines can be launched."""
        known = {"machines_usernames": ["ada", "grace"], "machines_found": {"instances": []}}
        return self.play_tasks({"role": "machines", "tasks_from": "capacity"}, **(known | settings))

    def play_tasks(self, part: dict[str, Any], **settings: Any) -> Screen:
        """Run one part of a role on this computer."""
        aws = {"group/machine_learning.classroom.aws": {"region": "{{ class_region }}"}}
        task = {"name": "Run the part", "ansible.builtin.import_role": {"name": part.pop("role"), **part}}
        playbook = self.home / "part.yml"
        playbook.write_text(yaml.safe_dump([{"hosts": "localhost", "module_defaults": aws, "tasks": [task]}]))
        return self.play(f"-i inventory/10-control.yml {playbook}", **settings)

    def play(self, line: str, *, timeout: float = 240, **settings: Any) -> Screen:
        """Run playbooks for `timeout` seconds at most; `settings` are variables of the class."""
        with self._begin(line, settings) as run:
            try:
                text, _ = run.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                end_tree(run.pid)
                raise
        return Screen(text, run.returncode)

    def play_until(self, asked: Callable[[ApiRequest], bool], times: int, line: str) -> None:
        """Run playbooks, and kill them as soon as they have `asked` so many times."""
        with self._begin(line, {}) as run:
            while sum(map(asked, self.aws.requests)) < times:
                assert run.poll() is None, f"{line} ended before it was killed: {run.communicate()[0]}"
                time.sleep(0.01)
            end_tree(run.pid)

    def play_at_terminal(self, line: str, *, timeout: float = 120) -> str:
        """Run playbooks at a terminal at which nobody types, for `timeout` seconds at most; return the screen."""
        command, environment = self.command(line, {})
        screen, terminal = pty.openpty()
        with subprocess.Popen(
            ["setsid", "--ctty", *command],
            cwd=PROJECT,
            env=environment,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
        ) as run:
            os.close(terminal)
            reader = fdspawn(screen, encoding="utf-8", timeout=timeout)
            try:
                reader.expect(pexpect.EOF)
            finally:
                end_tree(run.pid)
                reader.close()
        return str(reader.before)

    def _begin(self, line: str, settings: dict[str, Any]) -> subprocess.Popen[str]:
        """Begin to run playbooks."""
        command, environment = self.command(line, settings)
        return subprocess.Popen(
            command,
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def command(self, line: str, settings: dict[str, Any] | None = None) -> tuple[list[str], dict[str, str]]:
        """Return the command that runs playbooks, and its environment."""
        roster = self.home / "students.csv"
        if not roster.exists():
            roster.write_text(self.roster)
        datasets = self.home / "datasets.yml"
        if not datasets.exists():  # those of the project are on the internet
            datasets.write_text("datasets: []\n")
        variables = {
            "class_roster": str(roster),
            "class_datasets_file": str(datasets),
            "class_state_dir": str(self.home / "class"),
            "class_environment_lock": str(self.home / "environment.lock"),
            **self.settings,
            **(settings or {}),
        }
        environment: dict[str, str | None] = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_"))},
            "HOME": str(self.home),
            "AWS_ENDPOINT_URL": self.aws.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.environment,
        }
        command = [str(PROJECT / ".venv/bin/ansible-playbook"), *line.split(), "-e", json.dumps(variables)]
        return command, {name: value for name, value in environment.items() if value is not None}
