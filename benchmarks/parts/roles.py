"""Three roles, each alone, by three tools on the same machines: ours, task-per-item roles, and pyinfra.

The tools take turns. Before each, what the role makes is taken away; then the tool runs twice. Afterwards the machines
have to be in the same state, whichever tool it was.
"""

from __future__ import annotations

import json
import shlex
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from benchmarks.classes import Class, lab
from benchmarks.measure import shell
from benchmarks.parts.configure import bare
from tests.support.class_machines import as_root
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.measure import Run
    from benchmarks.options import Options

ROLES, CASES = ("student", "notebooks", "jupyter"), ("first", "nothing to change")
PYINFRA = PROJECT / "build/pyinfra"
REQUIREMENTS = PROJECT / "benchmarks/pyinfra/requirements.txt"
END_STATE = (PROJECT / "benchmarks/end_state.py").read_text()
FOLDER = "/home/ubuntu/machine_learning_aws/daily_user"
MOST_SHOWN = 20

# What takes away what a role makes, if it is there; `$1` is the machine's student.
UNDO = {
    "jupyter": """
systemctl disable --now "jupyter@$1.service" "jupyter-port@$1.socket" || true
systemctl stop "jupyter-port@$1.service" || true
rm -rf /etc/systemd/system/jupyter@.service /etc/systemd/system/jupyter-port@* /etc/jupyter
rm -rf /etc/machine_learning_aws/jupyter
systemctl daemon-reload
systemctl reset-failed
""",
    "notebooks": f"""
if [ -d "{FOLDER}/$1" ]; then find "{FOLDER}/$1" -mindepth 1 -delete; fi
rm -rf /var/lib/machine_learning_aws/delivered
""",
    "student": f"""
if id "$1"; then userdel --remove "$1"; fi
if getent group students; then groupdel students; fi
rm -rf {FOLDER}
chmod 0750 /home/ubuntu
rm -f /etc/ssh/sshd_config.d/10-machine-learning-class.conf
rm -rf /etc/systemd/system/ssh.service.d /etc/systemd/system/user@.service.d /etc/systemd/system/cron.service.d
systemctl daemon-reload
""",
}
# No role, but it has the student at work.
END_AUTOSAVE = """
systemctl disable --now "my-work@$1.timer"
systemctl stop "my-work@$1.service"
"""


@dataclass(frozen=True)
class Bench:
    """A class whose machines the tools are told of."""

    course: Class
    told: dict[str, dict[str, Any]]
    """What every tool is told of a machine, by seat."""

    def on_all(self, script: str) -> dict[str, str]:
        """Run a script as root on all machines, with the student as its argument; return what it printed, by seat."""

        def on(seat: str) -> str:
            (student,) = self.told[seat]["machine_slots"]
            return as_root(seat, f"set -- {shlex.quote(student)}\n{script}", self.course.state)

        with ThreadPoolExecutor(len(self.told)) as pool:
            return dict(zip(self.told, pool.map(on, self.told), strict=True))

    def end_state(self) -> dict[str, list[str]]:
        """Return what the roles have left on each machine."""
        said = self.on_all(f"exec python3 -c {shlex.quote(END_STATE)}")
        return {seat: sorted(lines.splitlines()) for seat, lines in said.items()}

    def lines(self, role: str) -> dict[str, str]:
        """Return the shell command with which each tool runs a role."""
        folder = self.course.folder
        return {
            "ours": f"exec .venv/bin/ansible-playbook -i inventory/10-control.yml -i {folder}/inventory.json "
            f"benchmarks/ours/role.yml -e @{folder}/class.yml -e bench_role={role}",
            "conventional": "export ANSIBLE_CONFIG=benchmarks/conventional/ansible.cfg && "
            f"exec .venv/bin/ansible-playbook -i {folder}/inventory.json benchmarks/conventional/{role}.yml",
            "pyinfra": f"export BENCH_PYINFRA_INVENTORY={folder}/pyinfra.json && "
            f"exec {PYINFRA}/bin/pyinfra -y --parallel 50 benchmarks/pyinfra/inventory.py benchmarks/pyinfra/{role}.py",
        }


def run(options: Options, folder: Path) -> Iterator[Run]:
    """Measure all roles, so many times."""
    install_pyinfra()
    with lab(), Class("roles", options.n, PROJECT, folder / "roles").ending() as course:
        shell(course.line("provision.yml configure.yml"))
        (course.folder / "told").mkdir()
        shell(course.line(f"benchmarks/ours/told.yml -e bench_told={course.folder}/told"))
        bench = Bench(course, told_of(course.folder / "told"))
        write_inventories(bench)
        bench.on_all(END_AUTOSAVE)
        for role in reversed(ROLES):
            bench.on_all(UNDO[role])
        for role in ROLES:
            for number in range(1, options.runs + 1):
                yield from by_all(bench, role, number)


def by_all(bench: Bench, role: str, number: int) -> Iterator[Run]:
    """Let every tool do a role's work, twice, and compare what comes of it with what ours made."""
    ours: dict[str, list[str]] = {}
    for tool, line in bench.lines(role).items():
        bench.on_all(UNDO[role])
        for case in CASES:
            took = bare(f"{role}, {case}: {tool}", bench.course, line, number)
            yield replace(took, executions=None) if tool == "pyinfra" else took  # it has an ssh of its own
            state = bench.end_state()
            ours = ours or state
            if differences := different(ours, state):
                shown = "\n".join(differences[:MOST_SHOWN])
                sys.exit(f"{role} by {tool}, {case}: the machines are not as ours left them:\n{shown}")


def different(ours: dict[str, list[str]], theirs: dict[str, list[str]]) -> list[str]:
    """Return what only one of two end states has, by seat: `-` what ours alone has, `+` the other."""
    found = []
    for seat, lines in ours.items():
        found += [f"{seat} - {line}" for line in sorted(set(lines) - set(theirs[seat]))]
        found += [f"{seat} + {line}" for line in sorted(set(theirs[seat]) - set(lines))]
    return found


def told_of(folder: Path) -> dict[str, dict[str, Any]]:
    """Read what was written down of every machine."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def write_inventories(bench: Bench) -> None:
    """Write what Ansible reads, and what pyinfra does: the same machines, reached with the same key."""
    folder, state = bench.course.folder, bench.course.state
    login = {
        "ansible_user": "ubuntu",
        "ansible_become": True,
        "ansible_python_interpreter": "/usr/bin/python3",
        "ansible_ssh_private_key_file": f"{state}/ssh_key",
    }
    hosts = {
        seat: told
        | login
        | {"ansible_ssh_common_args": f"-o HostKeyAlias={seat} -o UserKnownHostsFile={state}/known_hosts"}
        for seat, told in bench.told.items()
    }
    inventory = {"all": {"children": {"machines": {"hosts": hosts}}}}
    # paramiko looks for a key under the address alone.
    pinned = (line.split(maxsplit=1) for line in (state / "known_hosts").read_text().splitlines())
    known = "".join(f"{bench.told[seat]['ansible_host']} {key}\n" for seat, key in pinned if seat in bench.told)
    (folder / "known_hosts.pyinfra").write_text(known)
    login_of_pyinfra = {
        "ssh_user": "ubuntu",
        "ssh_key": f"{state}/ssh_key",
        "ssh_known_hosts_file": f"{folder}/known_hosts.pyinfra",
        "ssh_strict_host_key_checking": "yes",
        "ssh_look_for_keys": False,
        "_sudo": True,
    }
    for_pyinfra = {
        seat: told | login_of_pyinfra | {"ssh_hostname": told["ansible_host"]} for seat, told in bench.told.items()
    }
    for name, content in (("inventory.json", inventory), ("pyinfra.json", for_pyinfra)):
        (folder / name).touch(mode=0o600)
        (folder / name).write_text(json.dumps(content))


def install_pyinfra() -> None:
    """Install pyinfra apart from all else, exactly as locked, unless it is there."""
    stamp = PYINFRA / ".installed"
    if not stamp.exists() or stamp.read_text() != REQUIREMENTS.read_text():
        shell(
            f".venv/bin/python -m venv --clear {PYINFRA} && "
            f"{PYINFRA}/bin/pip install --quiet --require-hashes --requirement {REQUIREMENTS}"
        )
        stamp.write_text(REQUIREMENTS.read_text())
