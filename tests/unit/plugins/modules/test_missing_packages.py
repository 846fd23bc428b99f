"""A control node on which a Python package is missing: the module names it, and what installs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from tools import PROJECT

ENVIRONMENT_FILE = str(PROJECT / "environment.yml")
RUN = """
import json, runpy, sys
from ansible.module_utils.testing import patch_module_args
_, module, arguments, *missing = sys.argv
sys.modules.update(dict.fromkeys(missing))  # an import of these fails
with patch_module_args(json.loads(arguments)):
    runpy.run_module(f"ansible_collections.machine_learning.classroom.plugins.modules.{module}", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("module", "arguments", "imports", "package"),
    [
        ("conda_lock", {"environment_file": ENVIRONMENT_FILE, "lock_file": "/absent"}, ["yaml"], "PyYAML"),
        ("conda_lock", {"environment_file": ENVIRONMENT_FILE, "lock_file": "/absent"}, ["rattler"], "py-rattler"),
    ],
)
def test_a_module_names_what_is_missing_and_what_installs_it(
    module: str, arguments: dict[str, object], imports: list[str], package: str
) -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN, module, json.dumps(arguments), *imports],
        env={**os.environ, "PYTHONPATH": str(PROJECT / "collections")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    answer = json.loads(done.stdout)
    assert answer["failed"]
    assert f"({package}) on " in answer["msg"]
    assert "`make setup`" in answer["msg"]
