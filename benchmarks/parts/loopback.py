"""The control node alone, with more machines than a computer can carry: they only answer that there is nothing to do.

AWS is the lab's without hosts. All that commands do on the control node is real: inventory, roster, letters, a question
to each machine with all its arguments, a connection to each. status.yml finds no Jupyter that answers, and so names
every student as in trouble.
"""

from __future__ import annotations

import functools
import http.server
import logging
import re
import shlex
import sys
import threading
from contextlib import ExitStack, closing, contextmanager
from typing import TYPE_CHECKING, Any

import moto.ec2.urls as ec2_urls
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends

from benchmarks import loopback
from benchmarks.measure import Around, Run, measure
from benchmarks.parts.configure import show
from tests.support.account_owner import REGION
from tests.support.conda_channels import library, python, write_channel
from tests.support.desk import Aws, Desk, HostlessResponse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.options import Options

STANDARD = "L-1216C47A"  # EC2's quota of vCPUs
PACKAGES = 180  # about as many as a lock of environment.yml names
LONGEST_S = 1800
# The commands that are measured, by their variants; none of them changes anything.
COMMANDS = {
    "loopback, nothing to change: ours": "configure.yml",
    "loopback, plan: ours": "plan.yml",
    "loopback, status: ours": "status.yml",
}
UNMEASURED = Around(requests=None, counters=None)


class Response(HostlessResponse):
    """EC2's actions, for machines that all have the same host key."""

    host_key = ""

    def console(self, instance_id: str) -> str:
        """Return that key."""
        return f"-----BEGIN SSH HOST KEY KEYS-----\n{self.host_key} {instance_id}\n-----END SSH HOST KEY KEYS-----\n"


def run(options: Options, folder: Path) -> Iterator[Run]:
    """Measure all sizes, in turn; each is a class of its own."""
    Response.host_key = loopback.make_host_key(folder)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for every request
    with ExitStack() as ending:
        aws = ending.enter_context(closing(Aws()))
        ec2_urls.url_paths = {"{0}/": Response.dispatch}
        aws.set_quota(STANDARD, 2 * sum(options.loopback))
        settings = environment(folder, ending.enter_context(mirror(folder / "mirror")))
        settings["class_ssh_ports"] = [ending.enter_context(loopback.machines(folder))]
        desks = {n: make_class(folder, n, aws, settings) for n in options.loopback}
        for number in range(1, options.runs + 1):
            for n, desk in desks.items():
                only_running(name_of(n))
                yield from (one(desk, n, number, variant) for variant in COMMANDS)


def name_of(n: int) -> str:
    """Return the name of the class of `n`."""
    return f"loop{n}"


def make_class(folder: Path, n: int, aws: Aws, settings: dict[str, Any]) -> Desk:
    """Make a class of `n`, whose letters are written."""
    home = folder / name_of(n)
    home.mkdir()
    rows = "".join(f"Student {number},student{number:03d}@example.com\n" for number in range(n))
    desk = Desk(home, aws, f"name,email\n{rows}", settings | {"class_name": name_of(n)})
    only_running(name_of(n))
    play(desk, "provision.yml")
    loopback.let_in(folder, home / "class/ssh_key")
    play(desk, "configure.yml")
    return desk


def play(desk: Desk, line: str) -> None:
    """Run playbooks to their end."""
    shown = desk.play(line, timeout=LONGEST_S)
    if shown.code:
        sys.exit(f"{line} ended with {shown.code}:\n{shown.text[-4000:]}")


def one(desk: Desk, n: int, number: int, variant: str) -> Run:
    """Run a command once, and make sure that it changed nothing."""
    command, environment = desk.command(COMMANDS[variant])
    said, took = measure(f"exec {shlex.join(command)}", UNMEASURED, environment)
    if set(re.findall(r"changed=(\d+)", said)) != {"0"}:
        sys.exit(f"{variant} was to change nothing:\n{said[-4000:]}")
    return show(Run(variant, n, number, **took))


def only_running(name: str) -> None:
    """Let the machines of one class be the only ones that the inventory finds."""
    for reservation in ec2_backends[DEFAULT_ACCOUNT_ID][REGION].reservations.values():
        for instance in reservation.instances:
            runs = any((tag["key"], tag["value"]) == ("Class", name) for tag in instance.get_tags())
            instance._state.name, instance._state.code = ("running", 16) if runs else ("stopped", 80)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves files, and says nothing."""

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in http.server
        """Say nothing."""


@contextmanager
def mirror(folder: Path) -> Iterator[str]:
    """Serve a folder; yields its address."""
    folder.mkdir()
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def environment(folder: Path, mirror_url: str) -> dict[str, Any]:
    """Write an environment.yml; returns the settings of a class that has it."""
    names = ["python", *(f"package{number}" for number in range(PACKAGES))]
    write_channel(folder / "mirror/conda-forge", python(), *(library(name, "1.0") for name in names[1:]))
    file = folder / "environment.yml"
    file.write_text("channels: [conda-forge]\ndependencies:\n" + "".join(f"  - {name}\n" for name in names))
    data = "data/datasets.yml"  # as many as a class has
    return {"class_environment_file": str(file), "class_mirror_url": mirror_url, "class_datasets_file": data}
