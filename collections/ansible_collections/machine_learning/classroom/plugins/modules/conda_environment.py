#!/usr/bin/python
"""Bring this machine's conda environment to the class's lock."""

from __future__ import annotations

DOCUMENTATION = r"""
module: conda_environment
short_description: Bring a machine's conda environment to the class's lock
description:
  - Installs the conda client (py-rattler) if it is missing, then exactly the packages of the lock, each verified by its
    sha256, and makes the environment active in everybody's shells.
  - An unchanged lock costs one short look. The environment changes at once, and only when the new one is whole and
    proved, so a run that fails or is cut off leaves the old one as it was.
  - An action plugin of the same name reads the lock on the control node and sends pip to machines that need it.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  lock_file:
    description: The lock, on the control node.
    type: path
    required: true
  lock:
    description: The lock's content. The action plugin fills it in.
    type: str
    default: ""
  prefix:
    description: Where the environment lies. The folder two levels up holds all that belongs to conda.
    type: path
    default: /opt/conda/envs/conda_env
  client_requirements:
    description: The client as a list of requirements with hashes.
    type: str
    required: true
  mirror_url:
    description: A web address with a Python package index at C(simple/), for the client; empty for pip's own.
    type: str
    default: ""
  pip_archive:
    description: Where pip lies on the machine, as a zip file. Filled in by the action plugin where it is needed.
    type: path
    default: ""
  imports:
    description: What an ordinary user must be able to import.
    type: list
    elements: str
    default: []
  time_limit:
    description: For each of client, packages, byte code and imports, in seconds.
    type: int
    default: 1800
attributes:
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Install the environment
  machine_learning.classroom.conda_environment:
    lock_file: environment.lock
    client_requirements: "{{ lookup('ansible.builtin.file', 'client.txt') }}"
    imports: [numpy, pandas]
"""

RETURN = r"""
changes:
  description: What was changed, in words.
  type: list
  elements: str
  returned: success
packages:
  description: How many packages the lock holds.
  type: int
  returned: success
client_missing:
  description: Nothing was done, because the client is missing and so is pip to install it. For the action plugin.
  type: bool
  returned: when so
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.installer import (
    Environment,
    InstallError,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import LockError, parse
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import Lock

HOOK = "/etc/profile.d/conda_env.sh"
BASHRC = "/etc/bash.bashrc"  # Debian's and Ubuntu's: read by shells that are not login shells, as in Jupyter
SOURCE_HOOK = f". {HOOK}  # the class's conda environment\n"
WAIT_FOR_OTHER_RUN = 60.0  # s
SHELL_HOOK = """\
# Makes the class's conda environment active in every shell but root's. The role conda writes this file.
if [ "$(id -u)" -ne 0 ] && [ "${{CONDA_PREFIX:-{prefix}}}" = {prefix} ]; then
  case ":$PATH:" in
    *:{prefix}/bin:*) ;;
    *) PATH={prefix}/bin:$PATH ;;
  esac
  export PATH CONDA_PREFIX={prefix} CONDA_DEFAULT_ENV={name} CONDA_SHLVL="${{CONDA_SHLVL:-1}}"
fi
# With these `conda activate {name}` works too, where the environment has conda.
if [ -r {prefix}/etc/profile.d/conda.sh ]; then
  export CONDA_ENVS_DIRS="$HOME/.conda/envs:{envs}"
  . {prefix}/etc/profile.d/conda.sh
fi
"""


def install_client(host: Host, folder: Path) -> None:
    """Install the conda client into `folder`, which appears whole or not at all."""
    params = host.module.params
    new = folder.with_name(f".new-{folder.name}")
    if not host.change("installed the conda client"):
        return
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir()
    requirements = new / "requirements.txt"
    requirements.write_text(params["client_requirements"])
    source = []
    if params["mirror_url"]:
        index = params["mirror_url"].rstrip("/") + "/simple/"
        source = ["--index-url", index]
        if index.startswith("http://"):  # pip wants to hear that this is meant; the hashes hold all the same
            source += ["--trusted-host", urlsplit(index).netloc]
    argv = [
        *(sys.executable, f"{params['pip_archive']}/pip", "install", "--quiet", "--no-input", "--no-cache-dir"),
        *("--disable-pip-version-check", "--require-hashes", "--no-deps", "--only-binary=:all:", *source),
        *("--target", str(new), "--requirement", str(requirements)),
    ]
    try:
        done = subprocess.run(
            argv, capture_output=True, text=True, errors="replace", check=False, timeout=params["time_limit"]
        )
    except subprocess.TimeoutExpired:
        host.fail(f"The conda client was not there after {params['time_limit']} s. Run again.")
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if line.startswith("ERROR")] or done.stderr.splitlines()
        host.fail(f"The conda client could not be installed: {' / '.join(said[-2:]) or 'pip said nothing'}. Run again.")
    new.rename(folder)
    for old in folder.parent.iterdir():
        if old != folder:
            shutil.rmtree(old, ignore_errors=True)


def wait_for_other_run(host: Host, root: Path) -> None:
    """Let a run that lost its connection end first, and keep others out until this process ends."""
    handle = os.open(root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
    deadline = time.monotonic() + WAIT_FOR_OTHER_RUN
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                host.fail("Another run is still installing the environment on this machine. Run again when it is done.")
            time.sleep(1)
        else:
            return


def activate(host: Host, prefix: Path) -> None:
    """Make the environment active in login shells and in other interactive ones."""
    hook = SHELL_HOOK.format(prefix=prefix, name=prefix.name, envs=prefix.parent)
    host.file(HOOK, hook, mode=0o644)
    bashrc = Path(BASHRC).read_text() if os.path.exists(BASHRC) else ""
    if SOURCE_HOOK not in bashrc:
        host.file(BASHRC, bashrc + ("" if bashrc.endswith("\n") or not bashrc else "\n") + SOURCE_HOOK, mode=0o644)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "lock_file": {"type": "path", "required": True},
            "lock": {"type": "str", "default": ""},
            "prefix": {"type": "path", "default": "/opt/conda/envs/conda_env"},
            "client_requirements": {"type": "str", "required": True},
            "mirror_url": {"type": "str", "default": ""},
            "pip_archive": {"type": "path", "default": ""},
            "imports": {"type": "list", "elements": "str", "default": []},
            "time_limit": {"type": "int", "default": 1800},
        },
        supports_check_mode=True,
    )
    os.umask(0o022)  # everybody may read what root installs, however strict root's own shell is
    host = Host(module)
    params = module.params
    prefix = Path(params["prefix"])
    root = prefix.parents[1]
    client_key = hashlib.sha256(params["client_requirements"].encode()).hexdigest()
    try:
        lock = parse(params["lock"], os.path.basename(params["lock_file"]))
    except LockError as error:
        host.fail(str(error))
    environment = Environment(prefix)
    state = f"{lock.digest} {client_key} {' '.join(params['imports'])}\n"
    client = root / "client" / client_key[:16]
    if not environment.is_at(state):
        if not client.is_dir() and not module.check_mode and not params["pip_archive"]:
            host.module.exit_json(changed=False, changes=[], client_missing=True)
        for folder in (root, client.parent, prefix.parent):
            host.directory(str(folder), mode=0o755)
        try:
            bring_to(host, environment, lock, client, state)
        except InstallError as error:
            host.fail(str(error))
    activate(host, prefix)
    host.done(packages=len(lock.packages))


def bring_to(host: Host, environment: Environment, lock: Lock, client: Path, state: str) -> None:
    """Install what is missing, remove what has left, and prove the result."""
    params = host.module.params
    if not host.check_mode:
        wait_for_other_run(host, client.parents[1])
        if environment.is_at(state):
            return
    plan = environment.plan(lock)
    if not host.check_mode:
        environment.require_space(plan)
    if not client.is_dir():
        install_client(host, client)
    if not host.check_mode:
        sys.path.insert(0, str(client))
        environment.install(
            lock, state, imports=params["imports"], user="nobody", time_limit=float(params["time_limit"])
        )
    for step in plan.changes() or [f"checked {environment.prefix} anew"]:  # said once it is true
        host.change(step)


if __name__ == "__main__":
    main()
