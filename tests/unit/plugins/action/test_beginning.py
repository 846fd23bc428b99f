"""What begins a command runs inside Ansible: the roster, the credentials, and the lock where it holds.

So that a start of a module is noticed, and fails, its interpreter is one that does nothing.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.action.conda_lock import lock_that_holds
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.environment_file import read
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import (
    Lock,
    LockedPackage,
    parse,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.solver import request

from tests.support.conda_channels import write_class_channel
from tools import PROJECT

NO_PYTHON = "/bin/false"
LAUNCH = {
    "region": "us-east-1",
    "launch": 1,
    "instance_types": ["t3a.large"],
    "image_parameter": "none",
    "disk_gb": 30,
    "environment_lock": "/absent",
    "time_zone": "Europe/Berlin",
}
# Packages that are missing on the control node.
HIDDEN = "import sys; sys.modules.update(dict.fromkeys(['passlib', 'passlib.hash', 'boto3', 'botocore']))"


def act(action: str, arguments: dict[str, Any], *options: str, python: str = NO_PYTHON, path: str = "") -> Any:
    """Run an action as a playbook would; returns its result."""
    ansible = [str(Path(sys.executable).with_name("ansible")), "localhost", "--inventory=localhost,"]
    done = subprocess.run(
        [
            *ansible,
            "--connection=local",
            f"--extra-vars=ansible_python_interpreter={python}",
            f"--module-name=machine_learning.classroom.{action}",
            f"--args={json.dumps(arguments)}",
            *options,
        ],
        cwd=PROJECT,
        env={
            **os.environ,
            "ANSIBLE_LOAD_CALLBACK_PLUGINS": "true",
            "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json",
            "PYTHONPATH": path,
        },
        check=False,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]["localhost"]


def test_the_roster(tmp_path: Path) -> None:
    roster = tmp_path / "students.csv"
    roster.write_text("name,email\nAda {{ x }} Beispiel,ada@example.com\n")
    (ada,) = act("roster_info", {"path": str(roster)})["students"]
    assert ada == {"name": "Ada {{ x }} Beispiel", "email": "ada@example.com", "username": "ada", "line": 2}
    roster.write_text("name,email\nAda Beispiel,ada\n")
    refused = act("roster_info", {"path": str(roster)})
    assert refused["failed"]
    assert "line 2" in refused["msg"]


def test_credentials_are_made_once(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    students = [{"name": "Ada Beispiel", "email": "Ada@example.com", "username": "ada"}]
    arguments = {"path": str(path), "students": students}
    assert act("credentials", arguments, "--check")["changed"]
    assert not path.exists()
    made = act("credentials", arguments)
    assert (made["changed"], made["new"]) == (True, ["ada"])
    kept = json.loads(path.read_text())
    of_the_roster = {"name": "Ada Beispiel", "email": "Ada@example.com", "stable_link": ""}
    assert made["accounts"]["ada"] == kept["ada@example.com"] | of_the_roster
    again = act("credentials", arguments)
    assert (again["changed"], again["new"], again["accounts"]) == (False, [], made["accounts"])

    students.append({"name": "Another Ada", "email": "another@example.com", "username": "ada"})
    refused = act("credentials", arguments)
    assert refused["failed"]
    assert "ada" in refused["msg"]
    path.write_text("{")
    assert act("credentials", arguments)["msg"].startswith(f"The students' passwords in {path} cannot be read: ")
    assert path.read_text() == "{"


@pytest.mark.parametrize(
    ("action", "arguments", "package"),
    [
        ("credentials", {"path": "/absent", "students": []}, "libpass"),
        ("class_location_info", {"class_name": "ml101", "record": "/absent", "region": "us-east-1"}, "boto3"),
        ("instances_info", {"filters": {}, "region": "us-east-1"}, "boto3"),
        ("launch_check", LAUNCH, "boto3"),
    ],
)
def test_an_action_names_the_package_that_is_missing(
    action: str, arguments: dict[str, Any], package: str, tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text(HIDDEN)
    told = act(action, arguments, path=str(tmp_path))
    assert told["failed"]
    assert f"({package}) on " in told["msg"]
    assert "`make setup`" in told["msg"]


def write_lock(lock: dict[str, Any]) -> Lock:
    """Write a lock for what its environment.yml asks for now."""
    wanted = request(read(Path(lock["environment_file"])), lock["mirror_url"], lock["platform"], lock["if_offered"])
    package = LockedPackage({"name": "some", "version": "1"}, "https://example.org/some-1-0.conda", "0" * 64)
    made = Lock(wanted, (package,))
    Path(lock["lock_file"]).write_text(made.text())
    return made


@pytest.fixture
def lock(tmp_path: Path) -> dict[str, Any]:
    """Return what the role gives the module."""
    (tmp_path / "environment.yml").write_text("channels: [conda-forge]\ndependencies: [numbers_]\n")
    write_class_channel(tmp_path / "mirror" / "conda-forge")
    return {
        "environment_file": str(tmp_path / "environment.yml"),
        "lock_file": str(tmp_path / "environment.lock"),
        "mirror_url": (tmp_path / "mirror").as_uri(),
        "platform": "linux-64",
        "if_offered": ["conda"],
    }


def test_packages_are_chosen_once(lock: dict[str, Any]) -> None:
    assert act("conda_lock", lock)["failed"]  # it wants a process of its own
    chosen = act("conda_lock", lock, python=sys.executable)
    packages = len(parse(Path(lock["lock_file"]).read_text(), "lock").packages)
    assert (chosen["changed"], chosen["packages"]) == (True, packages)
    told = act("conda_lock", lock)
    assert (told["changed"], told["packages"], told["changes"]) == (False, packages, [])


def test_a_lock_holds_only_if_it_is_sure(lock: dict[str, Any]) -> None:
    environment, file = Path(lock["environment_file"]), Path(lock["lock_file"])
    made = write_lock(lock)
    assert lock_that_holds(lock) == made
    others: list[dict[str, Any]] = [
        {"if_offered": []},
        {"platform": "linux-aarch64"},
        {"mirror_url": "http://example.org"},
    ]
    for other in others:
        assert lock_that_holds(lock | other) is None
    assert lock_that_holds({name: lock[name] for name in lock.keys() - {"platform"}}) is None
    whole = environment.read_text()
    for text in (whole.replace("numbers_", "learning"), "["):
        environment.write_text(text)
        assert lock_that_holds(lock) is None
    environment.write_text(whole)
    file.write_text("<<<<<<< HEAD\n")
    assert lock_that_holds(lock) is None
    file.unlink()
    assert lock_that_holds(lock) is None


def test_of_another_name_the_module_warns(lock: dict[str, Any]) -> None:
    environment = Path(lock["environment_file"])
    environment.write_text("name: other\n" + environment.read_text())
    write_lock(lock)
    assert lock_that_holds(lock) is None


def test_which_machines_run(tmp_path: Path) -> None:
    machine = {
        "instance_id": "i-1",
        "instance_type": "m6a.large",
        "launch_time": "2026-10-12T07:00:00+00:00",
        "state": {"name": "stopped"},
        "state_transition_reason": "User initiated (2026-10-12 09:30:00 GMT)",
        "tags": {"Students": "ada"},
    }
    arguments = {"instances": [machine], "state_dir": str(tmp_path), "disk_gb": 30, "max_hours": 12}
    told = act("running_hours", arguments, "--check")
    assert told["machine_hours"] == 2.5
    assert list(tmp_path.iterdir()) == []
    told = act("running_hours", arguments)
    assert (told["changed"], told["machine_hours"]) == (False, 2.5)
    ledger = tmp_path / "running_hours.jsonl"
    assert '"i-1"' in ledger.read_text()
    ledger.write_bytes(b"\xff\n" + ledger.read_bytes())  # a disk that lies
    assert act("running_hours", arguments)["machine_hours"] == 2.5
    ledger.unlink()
    ledger.mkdir()  # it cannot be written
    told = act("running_hours", arguments)
    assert "failed" not in told
    assert told["warnings"] == [
        f"{ledger}: which machines run cannot be kept (Is a directory). What the class costs so far is not known."
    ]


def test_a_ledger_that_cannot_be_read_is_named_before_a_launch(tmp_path: Path) -> None:
    ledger = tmp_path / "running_hours.jsonl"
    ledger.mkdir()
    arguments: dict[str, Any] = {
        "class_name": "ml101",
        "region": "us-east-1",
        "state_dir": str(tmp_path),
        "usernames": ["ada"],
        "waiting": ["ada"],
        "left": [],
        "instances": [],
        "starting": [],
        "launch": 1,
        "checked": {},
        "instance_types": ["m6a.large"],
        "disk_gb": 30,
        "max_hours": 12,
        "price_per_hour": "1",
        "budget": "50",
    }
    told = act("class_plan", arguments)
    assert told["failed"]
    assert told["msg"] == (
        f"{ledger}: what the class cost so far cannot be read (Is a directory).\n"
        "Nothing was launched. Mend that file, then run again."
    )
