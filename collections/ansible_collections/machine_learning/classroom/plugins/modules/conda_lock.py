#!/usr/bin/python
"""Choose the exact packages of environment.yml and write them to a lock."""

from __future__ import annotations

DOCUMENTATION = r"""
module: conda_lock
short_description: Choose the exact packages of environment.yml and write them to a lock
description:
  - Runs on the control node, with py-rattler, for machines of another kind than itself. The action plugin of the same
    name starts no process where the lock holds and all options are given.
  - Chooses only where the environment file, a channel or the platform differs from what the lock was made for. Packages
    of the old lock stay where nothing asks for others; without a lock, the newest are chosen.
  - A C(pip) section is locked with hashes by uv, for the machines' platform and Python, beside conda's packages.
  - Refuses what a lock cannot hold (folders and repositories of source code) and what a class may not use (Anaconda's
    channels).
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - py-rattler
  - PyYAML
  - uv, for a C(pip) section
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  environment_file:
    description: The environment as conda describes it. Its C(prefix) is ignored.
    type: path
    required: true
  lock_file:
    description: Where the lock lies.
    type: path
    required: true
  mirror_url:
    description:
      - A web address below which a channel C(NAME) lies as C(NAME/) and a Python package index as C(simple/); empty for
        the channels' own addresses and uv's own index.
    type: str
    default: ""
  platform:
    description: The kind of machine, in conda's words.
    type: str
    choices: [linux-64, linux-aarch64]
    default: linux-64
  if_offered:
    description: Packages that are added where a channel has them.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    details: Says whether packages would be chosen anew, without asking a channel.
"""

EXAMPLES = r"""
- name: Lock the environment
  machine_learning.classroom.conda_lock:
    environment_file: environment.yml
    lock_file: environment.lock
  delegate_to: localhost
  run_once: true
"""

RETURN = r"""
changes:
  description: What became different, in words.
  type: list
  elements: str
  returned: success
packages:
  description: How many packages the lock holds; in check mode, the old one.
  type: int
  returned: success
"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.environment_file import (
    HAS_YAML,
    EnvironmentFileError,
    draft,
    read,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import LockError, parse
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.solver import SolveError, request, solve
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.wheels import WheelError
from ansible_collections.machine_learning.classroom.plugins.module_utils.requirements import missing_package

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import Lock


def differences(old: Lock | None, new: Lock) -> list[str]:
    """Say in words how the software of two locks differs."""
    before, after = _versions(old) if old else {}, _versions(new)
    if not before:
        return [f"chose {len(after)} packages"]
    return [
        *(f"added {name} {after[name]}" for name in sorted(after.keys() - before.keys())),
        *(f"removed {name} {before[name]}" for name in sorted(before.keys() - after.keys())),
        *(
            f"{n}: {before[n]} becomes {after[n]}"
            for n in sorted(after.keys() & before.keys())
            if before[n] != after[n]
        ),
    ] or ["the same packages, chosen for the new request"]


def _versions(lock: Lock) -> dict[str, str]:
    wheels = {f"PyPI's {wheel.name}": wheel.version for wheel in lock.wheels}
    return {package.name: package.version for package in lock.packages} | wheels


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "environment_file": {"type": "path", "required": True},
            "lock_file": {"type": "path", "required": True},
            "mirror_url": {"type": "str", "default": ""},
            "platform": {"type": "str", "choices": ["linux-64", "linux-aarch64"], "default": "linux-64"},
            "if_offered": {"type": "list", "elements": "str", "default": []},
        },
        supports_check_mode=True,
    )
    if not HAS_YAML:
        module.fail_json(msg=missing_package("PyYAML"))
    params = module.params
    lock_file = Path(params["lock_file"])
    try:
        environment = draft(Path(params["environment_file"]))
        if environment.name not in ("", "conda_env"):
            module.warn(f"The machines call the environment conda_env, not {environment.name} as environment.yml does.")
        for note in environment.notes:
            module.warn(note)
        old = parse(lock_file.read_text(), lock_file.name) if lock_file.exists() else None
        wanted = request(environment, params["mirror_url"], params["platform"], params["if_offered"])
        if old and old.request == wanted and not environment.mistakes:
            module.exit_json(changed=False, changes=[], packages=len(_versions(old)))
        if module.check_mode:
            read(Path(params["environment_file"]))  # says what is wrong with it
            why = "environment.yml, a channel or the platform changed" if old else f"there is no {lock_file.name} yet"
            changes = [f"would choose packages: {why}"]
            module.exit_json(changed=True, changes=changes, packages=len(_versions(old)) if old else 0)
        if old and replace(old.request, variables=wanted.variables) == wanted and not environment.mistakes:
            new = replace(old, request=wanted)  # a lock from before variables were read
        else:
            # Another channel may not have the very files that the old lock names.
            stays = old if old and old.request.channels == wanted.channels else None
            new = solve(environment, wanted, stays, params["mirror_url"])
        beside = lock_file.with_name(f".{lock_file.name}.new")
        beside.write_text(new.text())
        beside.replace(lock_file)
    except ImportError as error:
        module.fail_json(msg=missing_package("uv" if error.name == "uv" else "py-rattler"))
    except OSError as error:
        module.fail_json(msg=f"{error.filename}: {error.strerror}.")
    except (EnvironmentFileError, LockError, SolveError, WheelError) as error:
        module.fail_json(msg=str(error))
    module.exit_json(changed=True, changes=differences(old, new), packages=len(_versions(new)))


if __name__ == "__main__":
    main()
