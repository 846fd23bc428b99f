"""Classes on the lab, made by this tree or by that of an earlier commit."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml

from benchmarks.measure import Around, shell
from lab.layout import RUN, STATE
from tests.support.account_owner import ec2
from tests.support.class_machines import machines
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

VCPUS = 256  # what AWS lets run at once, instead of a new account's 64
SECONDS_TO_END = 120
AT_ONCE = 50  # ansible.cfg's forks
NOTEBOOK = "01-first-steps-numpy-pandas.ipynb"


@dataclass(frozen=True)
class Class:
    """A class of `n` that the project in `tree` makes and keeps. All that is its own lies in `folder`."""

    name: str
    n: int
    tree: Path
    folder: Path
    settings: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Write its roster, its notebooks and its settings."""
        self.folder.mkdir()
        rows = "".join(f"Student {number},{self.name}-{number:02d}@example.com\n" for number in range(self.n))
        (self.folder / "students.csv").write_text(f"name,email\n{rows}")
        shutil.copytree(self.tree / "templates/notebooks", self.folder / "notebooks")
        own = {
            "class_name": self.name,
            "class_state_dir": str(self.state),
            "class_roster": str(self.folder / "students.csv"),
            "class_notebooks_directory": str(self.folder / "notebooks"),
            "class_work_home": str(self.folder / "work"),
            # Locked once for all classes of a tree.
            "class_environment_lock": str(self.folder.parent / f"{self.tree.name}.lock"),
        }
        (self.folder / "class.yml").write_text(yaml.safe_dump(own | self.settings))

    @property
    def state(self) -> Path:
        """Its class_state_dir."""
        return self.folder / "state"

    def line(self, words: str, program: str = "ansible-playbook") -> str:
        """Return the shell command that runs playbooks, or another program of Ansible's; the shell becomes that."""
        return (
            f"source {PROJECT}/lab/activate && cd {self.tree} && "
            f"export ANSIBLE_INVENTORY={self.tree}/inventory,{STATE}/inventory && "
            f"exec {program} {words} -e @{self.folder}/class.yml"
        )

    def instances(self) -> dict[str, dict[str, Any]]:
        """Describe its machines that run, by seat."""
        found = (each for each in machines() if each["State"] == "running")
        return {each["Tags"]["Name"]: each for each in found if each["Tags"].get("Class") == self.name}

    def around(self) -> Around:
        """Return what to count while a command works on its machines."""
        return Around(instances=tuple(each["InstanceId"] for each in self.instances().values()))

    def edit_notebook(self, words: str) -> None:
        """Let its instructor add a cell to one notebook."""
        path = self.folder / "notebooks" / NOTEBOOK
        notebook = json.loads(path.read_text())
        cell = {"cell_type": "markdown", "id": words.replace(" ", "-"), "metadata": {}, "source": words}
        path.write_text(json.dumps(notebook | {"cells": [*notebook["cells"], cell]}, indent=1))

    def ssh_line(self, command: str) -> str:
        """Return the shell command that runs one on all machines at once, by ssh alone."""
        targets = [f"{seat} {each['PublicIpAddress']}" for seat, each in self.instances().items()]
        options = f"-F none -i {self.state}/ssh_key -oBatchMode=yes -oUserKnownHostsFile={self.state}/known_hosts"
        one = f'exec ssh {options} -oHostKeyAlias="$1" ubuntu@"$2" {shlex.quote(command)}'
        rows = " ".join(shlex.quote(target) for target in targets)
        return f"printf '%s\\n' {rows} | xargs -P {AT_ONCE} -L 1 sh -c {shlex.quote(one)} -"

    @contextmanager
    def ending(self) -> Iterator[Class]:
        """Yield the class, and end its machines whatever happens."""
        try:
            yield self
        finally:
            self.end()

    def end(self) -> None:
        """Terminate its machines, as somebody does in the AWS console."""
        ids = [each["InstanceId"] for each in self.instances().values()]
        if not ids:
            return
        ec2().terminate_instances(InstanceIds=ids)
        deadline = time.monotonic() + SECONDS_TO_END
        while any(each["InstanceId"] in ids and each["State"] != "terminated" for each in machines()):
            if time.monotonic() > deadline:
                sys.exit(f"The machines of {self.name} have not ended in {SECONDS_TO_END} s.")
            time.sleep(1)


@contextmanager
def lab() -> Iterator[None]:
    """Bring the lab up, with an account that may have many machines, and take it down whatever happens."""
    if RUN.exists() or STATE.exists():
        sys.exit("The lab is up. End it first (make lab-down): the benchmark needs the machine for itself.")
    try:
        shell(".venv/bin/python -m lab up --on-time")
        shell(f".venv/bin/python -m lab quota L-1216C47A {VCPUS}")
        yield
    finally:
        shell("make lab-down DISCARD=1")


def lay_out(commit: str, tree: Path) -> Path:
    """Make the new folder `tree` the project as it was at `commit`, with the tools of today."""
    archive = subprocess.run(["git", "archive", commit], cwd=PROJECT, capture_output=True, check=False)
    if archive.returncode:
        sys.exit(f"The history of this checkout lacks {commit}. Fetch it: git fetch --unshallow")
    tree.mkdir()
    subprocess.run(["tar", "--extract", "--directory", str(tree)], input=archive.stdout, check=True)
    (tree / ".venv").symlink_to(PROJECT / ".venv")
    return tree
