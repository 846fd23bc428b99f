"""Bring this machine's conda environment to the class's lock."""

from __future__ import annotations

import fcntl
import os
import shlex
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.installer import (
    Environment,
    InstallError,
    index_options,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import LockError, parse
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import wheels

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import Lock
    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ARGUMENTS: dict[str, Any] = {
    "lock_file": {"type": "path", "required": True},
    "lock": {"type": "str", "default": ""},
    "prefix": {"type": "path", "default": "/opt/conda/envs/conda_env"},
    "client_requirements": {"type": "str", "required": True},
    "mirror_url": {"type": "str", "default": ""},
    "pip_archive": {"type": "path", "default": ""},
    "imports": {"type": "list", "elements": "str", "default": []},
    "time_limit": {"type": "int", "default": 1800},
}

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
{variables}fi
# With these `conda activate {name}` works too, where the environment has conda.
if [ -r {prefix}/etc/profile.d/conda.sh ]; then
  export CONDA_ENVS_DIRS="$HOME/.conda/envs:{envs}"
  . {prefix}/etc/profile.d/conda.sh
fi
"""


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


def shell_hook(prefix: Path, variables: Iterable[tuple[str, str]]) -> str:
    """Return what every shell reads."""
    exports = "".join(f"  export {name}={shlex.quote(value)}\n" for name, value in variables)
    return SHELL_HOOK.format(prefix=prefix, name=prefix.name, envs=prefix.parent, variables=exports)


def activate(host: Host, prefix: Path, variables: Iterable[tuple[str, str]]) -> None:
    """Make the environment active in login shells and in other interactive ones."""
    hook = shell_hook(prefix, variables)
    host.file(HOOK, hook, mode=0o644)
    bashrc = Path(BASHRC).read_text() if os.path.exists(BASHRC) else ""
    if SOURCE_HOOK not in bashrc:
        host.file(BASHRC, bashrc + ("" if bashrc.endswith("\n") or not bashrc else "\n") + SOURCE_HOOK, mode=0o644)


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`."""
    os.umask(0o022)  # everybody may read what root installs, however strict root's own shell is
    prefix = Path(given["prefix"])
    root = prefix.parents[1]
    client_key = wheels.key(given["client_requirements"])
    try:
        lock = parse(given["lock"], os.path.basename(given["lock_file"]))
    except LockError as error:
        host.fail(str(error))
    environment = Environment(prefix)
    state = f"{lock.digest} {client_key} {' '.join(given['imports'])}\n"
    client = root / "client" / client_key[:16]
    if not environment.is_at(state):
        if not client.is_dir() and not host.check_mode and not given["pip_archive"]:
            return {"client_missing": True}
        for folder in (root, client.parent, prefix.parent):
            host.directory(str(folder), mode=0o755)
        try:
            bring_to(host, environment, lock, client, state, given)
        except InstallError as error:
            host.fail(str(error))
    activate(host, prefix, lock.request.variables)
    return {"packages": len(lock.packages) + len(lock.wheels)}


def bring_to(host: Host, environment: Environment, lock: Lock, client: Path, state: str, given: dict[str, Any]) -> None:
    """Install what is missing, remove what has left, and prove the result."""
    if not host.check_mode:
        wait_for_other_run(host, client.parents[1])
        if environment.is_at(state):
            return
    plan = environment.plan(lock)
    if not host.check_mode:
        environment.require_space(plan)
    if not client.is_dir():
        wheels.install(
            host,
            client,
            given["client_requirements"],
            name="the conda client",
            pip_archive=given["pip_archive"],
            index_options=index_options(given["mirror_url"]),
            time_limit=given["time_limit"],
        )
    if not host.check_mode:
        sys.path.insert(0, str(client))
        environment.install(
            lock,
            state,
            imports=given["imports"],
            user="nobody",
            time_limit=float(given["time_limit"]),
            mirror_url=given["mirror_url"],
        )
    for step in plan.changes() or [f"checked {environment.prefix} anew"]:  # said once it is true
        host.change(step)
