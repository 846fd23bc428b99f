"""A class on the lab whose students work: three of them on two machines, whose runs and modules are ended."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pexpect

from tests.support.class_machines import machines
from tests.support.commands import command
from tests.support.lab_course import Course

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Mapping

FOLDER = "/home/ubuntu/machine_learning_aws/daily_user"
STORE = "/var/lib/machine_learning_aws"
# Ada and Blaise share a machine, Carl has one of his own.
STUDENTS = ["ada", "blaise", "carl"]
# Not in the mounts of ssh's sessions alone.
FOR_ALL = "nsenter --target 1 --mount"
# Accounts and what was collected before, without an environment.
ACCOUNTS = "benchmarks/accounts.yml"

# Run as root on a machine: the SHA-256 of every file of every student, links and hidden ones too, as JSON.
LOOK = f"""
import hashlib, json, os
found = {{}}
for top, folders, files in os.walk("{FOLDER}"):
    for path in (os.path.join(top, name) for name in files):
        content = os.readlink(path).encode() if os.path.islink(path) else open(path, "rb").read()
        found[os.path.relpath(path, "{FOLDER}")] = hashlib.sha256(content).hexdigest()
print(json.dumps(found))
"""

# Run as root on a machine: end the module NAME there, DELAY seconds after it began for the NUMBER-th time. What Ansible
# starts reads its program from the pipe, so it has no arguments, and unpacks it to where sessions have their /tmp.
ENDER = """
import contextlib, glob, os, signal, sys, time
name, number, delay = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
seen, began = set(), time.time()
def modules():
    for each in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{each}/cmdline", "rb") as words:
                if words.read() == b"/usr/bin/python3\\0":
                    yield each
        except (FileNotFoundError, ProcessLookupError):
            pass
print("ready", flush=True)
while len(seen) < number and time.time() < began + 120:
    for each in modules():
        for place in glob.glob(f"/proc/{each}/root/tmp/ansible_*{name}_payload_*"):
            with contextlib.suppress(FileNotFoundError):
                if os.path.getmtime(place) > began:  # no remains of one that was ended before
                    seen.add(place.rpartition("/")[2])
    time.sleep(0.001)
time.sleep(delay)
for each in modules():
    with contextlib.suppress(ProcessLookupError):
        os.kill(int(each), signal.SIGKILL)
        print("ended", flush=True)
"""


@dataclass
class Term:
    """The class, and every content that its students ever had where a collect saw it."""

    course: Course
    seen: dict[str, set[str]] = field(default_factory=dict)
    """Of each student, the SHA-256 of files."""
    _kept: dict[str, set[str]] = field(default_factory=dict)

    def seats(self) -> dict[str, list[str]]:
        """Return who sits on each machine that runs: a replaced one has another name."""
        running = (each["Tags"] for each in machines() if each["State"] == "running")
        return {tags["Name"]: tags["Students"].split() for tags in running}

    def seat_of(self, username: str) -> str:
        """Return the name of the student's machine."""
        return next(seat for seat, students in self.seats().items() if username in students)

    def on(self, username: str, script: str) -> str:
        """Run a script as root on the student's machine; return what it printed."""
        return self.course.on(self.seat_of(username), script)

    def on_all(self, script: str) -> str:
        """Run a script as root on one machine after the other; return what they printed."""
        return "".join(self.course.on(seat, script) for seat in sorted(self.seats()))

    def python(self, username: str, program: str, interpreter: str = "python3") -> str:
        """Run a program as root on the student's machine; return what it printed."""
        return self.on(username, f"{interpreter} - <<'THE_END'\n{program}\nTHE_END\n")

    def write(self, username: str, files: Mapping[str, bytes]) -> None:
        """Write files as their student, in place, as Jupyter does."""
        script = ""
        for name, content in files.items():
            text = base64.encodebytes(content).decode()
            script += f"mkdir -p \"$(dirname '{name}')\"\nbase64 -d > '{name}' <<'THE_END'\n{text}\nTHE_END\n"
        self.on(username, f"cd {FOLDER}/{username}\nexec runuser -u {username} -- sh -eu <<'ALL'\n{script}\nALL\n")

    def there(self) -> dict[str, str]:
        """Return the SHA-256 of all files on all machines, by USERNAME/PATH."""
        found: dict[str, str] = {}
        for students in self.seats().values():
            found |= json.loads(self.python(students[0], LOOK))
        return found

    def home(self) -> dict[str, str]:
        """Return the SHA-256 of all files at home, by USERNAME/PATH."""
        return files_of(self.work, STUDENTS)

    @property
    def work(self) -> Path:
        """Where the work comes home to."""
        return self.course.folder / "work"

    def collect(self) -> None:
        """Bring all work home: it is there as it is on the machines, and nothing that was ever there is gone."""
        self.course.play("collect.yml")
        there = self.there()
        assert self.home() == there
        for path, digest in there.items():
            self.seen.setdefault(path.partition("/")[0], set()).add(digest)
        self.nothing_lost()

    def nothing_lost(self) -> None:
        """See that every history is sound and has every content that was ever collected, and nothing lies about."""
        for username, seen in self.seen.items():
            history = self.work / ".history" / f"{username}.git"
            check = git(history, "fsck", "--full", "--strict", "--no-dangling", "--no-progress")
            assert check.returncode == 0, check.stderr
            assert check.stdout + check.stderr == b""
            assert seen <= self.kept(history)
            assert not list(history.rglob("*.lock"))
        assert not list(self.work.glob(".incoming-*"))

    def kept(self, history: Path) -> set[str]:
        """Return the SHA-256 of all files that the history has of the work, read by git alone."""
        listed = git(history, "log", "--format=%H", "main").stdout.decode().split()
        blobs = {
            row.split()[2]
            for commit in listed
            for row in git(history, "ls-tree", "-r", f"{commit}:work").stdout.decode().splitlines()
        }
        for blob in blobs - self._kept.keys():
            self._kept[blob] = {hashlib.sha256(git(history, "cat-file", "blob", blob).stdout).hexdigest()}
        return set().union(*(self._kept[blob] for blob in blobs))


def owned(found: dict[str, str], username: str) -> dict[str, str]:
    """Return of what was found what is the student's, by its path in the student's folder."""
    return {path.partition("/")[2]: digest for path, digest in found.items() if path.startswith(f"{username}/")}


def git(history: Path, *words: str) -> subprocess.CompletedProcess[bytes]:
    """Run git on a history."""
    return subprocess.run(["git", "--git-dir", str(history), *words], capture_output=True, check=False)


def files_of(folder: Path, names: list[str]) -> dict[str, str]:
    """Return the SHA-256 of all files in some folders of `folder`."""
    found = {}
    for name in names:
        for path in (folder / name).rglob("*"):
            if path.is_symlink():
                found[str(path.relative_to(folder))] = hashlib.sha256(os.readlink(path).encode()).hexdigest()
            elif path.is_file():
                found[str(path.relative_to(folder))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


@dataclass(frozen=True)
class Ending:
    """When and how a run is ended: `delay` seconds after `task` began here or, on the machine of `student`, `module`.

    Ended by SIGKILL is Ansible alone, whose tasks live on (`how` is "command"); all of its processes here, as when the
    power goes ("computer"); or the module on the machine ("machine"), when it runs for the `number`-th time.
    """

    how: str
    delay: float
    module: str
    task: str
    student: str
    number: int

    @classmethod
    def draw(cls, chance: random.Random, module: str, task: str, *, here: float, there: float, times: int) -> Ending:
        """Draw one: within `here` seconds of the task, or within `there` of one of the `times` of the module."""
        how = chance.choice(["command", "computer", "machine", "machine"])
        number = chance.randint(1, times) if how == "machine" else 1
        delay = chance.uniform(0, there if how == "machine" else here)
        return cls(how, delay, module, task, chance.choice(STUDENTS), number)

    def end(self, term: Term, playbook: str, done: Callable[[], object]) -> bool:
        """Run a playbook and end it; returns False when it, or the module, was done before that.

        Whatever run says that all went well is believed, and `done` sees whether it did.
        """
        print(f"{playbook}: {self}")
        if self.how == "machine":
            return self._end_module(term, playbook, done)
        with term.course.terminal(playbook) as terminal:
            if terminal.expect([self.task, pexpect.EOF]) == 1:
                raise AssertionError(f"{playbook} has no task {self.task}:\n{terminal.before}")
            if terminal.expect([pexpect.EOF, pexpect.TIMEOUT], timeout=self.delay) == 1:
                (end_tree if self.how == "computer" else end_process)(terminal.pid)
                return True
            terminal.close()
            assert terminal.exitstatus == 0, terminal.before
            done()
            return False

    def _end_module(self, term: Term, playbook: str, done: Callable[[], object]) -> bool:
        watch = f"systemd-run --quiet --collect --unit ender -p StandardOutput=file:/run/ender python3 -c '{ENDER}'"
        forget = "systemctl stop ender 2> /dev/null || true"
        term.on(
            self.student,
            f"{forget}\nrm -f /run/ender\n{watch} {self.module} {self.number} {self.delay:.3f}\n"
            "for _ in $(seq 100); do grep -q ready /run/ender && exit 0; sleep 0.1; done 2> /dev/null; exit 1",
        )
        run = command(term.course.line(playbook), check=False)
        if run.returncode == 0:
            done()
        return "ended" in term.on(self.student, f"{forget}\ncat /run/ender")


def end_process(pid: int) -> None:
    """End Ansible alone; its tasks go on until they are done."""
    os.kill(pid, signal.SIGKILL)


def end_tree(pid: int) -> None:
    """End a process and all that descend from it, at one moment: none can start another once it is stopped."""
    stopped: set[int] = set()
    while found := descendants(pid) - stopped:
        for each in found:
            _signal(each, signal.SIGSTOP)
        stopped |= found
    for each in stopped:
        _signal(each, signal.SIGKILL)


def descendants(pid: int) -> set[int]:
    """Return a process and all that descend from it."""
    parents: dict[int, int] = {}
    for each in filter(str.isdigit, os.listdir("/proc")):
        try:
            parents[int(each)] = int(Path("/proc", each, "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
    found = {pid}
    while more := {each for each, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def _signal(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)
