"""The role `machines`: the user data of a launch, as cloud-init reads it, and how a launch ended."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from tools import PROJECT

ROLES = PROJECT / "roles"
UNITS = "/etc/systemd/system"
HARD_STOP = {f"{UNITS}/class-stop.service", f"{UNITS}/class-stop.timer"}


def user_data(hours: int, unit: str) -> dict[str, Any]:
    """Return the user data of a machine that stops after so many hours, with this unit for its host keys."""
    template = (ROLES / "machines" / "templates" / "user-data.yml.j2").read_text()
    text = jinja2.Environment(trim_blocks=True).from_string(template)  # noqa: S701 - no page for a browser
    rendered = text.render(machines_max_hours=hours, __machines_host_keys_unit=unit)
    assert rendered.startswith("#cloud-config\n")
    return dict(yaml.safe_load(rendered))


@pytest.mark.parametrize("hours", [0, 12])
def test_every_machine_has_the_unit_of_the_role_system_and_the_hard_stop_if_there_is_one(hours: int) -> None:
    unit = (ROLES / "system" / "files" / "class-host-keys.service").read_text()
    read = user_data(hours, unit.rstrip("\n"))  # the lookup takes the last line end off
    files = {file["path"]: file["content"] for file in read["write_files"]}
    assert files.pop(f"{UNITS}/class-host-keys.service") == unit
    assert set(files) == (HARD_STOP if hours else set())
    enabled = {command[-1] for command in read["runcmd"] if "enable" in command}
    assert enabled == {"class-host-keys.service"} | ({"class-stop.timer"} if hours else set())
    assert read["runcmd"][0] == ["systemctl", "daemon-reload"]


def play(folder: Path, tasks: list[dict[str, Any]], shell: str = "/bin/sh") -> Any:
    """Run tasks with the variables of the role; returns the run."""
    play = {
        "hosts": "localhost",
        "connection": "local",
        "gather_facts": False,
        "vars_files": [str(ROLES / "machines" / "vars" / "main.yml")],
        "tasks": tasks,
    }
    (folder / "play.yml").write_text(json.dumps([play]))
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "--inventory=localhost,", "play.yml"]
    settings = {"ANSIBLE_EXECUTABLE": shell, "ANSIBLE_PIPELINING": "1", "HOME": str(folder), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [*command, f"--extra-vars=ansible_shell_executable={shell}"],
        cwd=folder,
        env=settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=50,
    )


@pytest.mark.parametrize("shell", ["/bin/bash", "/bin/sh"])
def test_a_launch_that_is_out_of_time_goes_on_elsewhere_whichever_shell_began_it(tmp_path: Path, shell: str) -> None:
    """Some shells stay between Ansible and what they run, and some give way to it, so Ansible hears another number."""
    (tmp_path / "library").mkdir()
    (tmp_path / "library" / "slow.py").write_text("#!/usr/bin/python\nimport time\ntime.sleep(60)\n")
    launch = {
        "slow": {},
        "environment": {"PYTHON": sys.executable, "DEADLINE_S": "1"},
        "vars": {"ansible_python_interpreter": str(ROLES / "machines" / "files" / "python_with_deadline.py")},
        "register": "__machines_launched",
        "failed_when": "not __machines_no_capacity",
    }
    run = play(tmp_path, [launch], shell)
    assert run.returncode == 0, run.stdout
    assert "failed=0" in run.stdout


def test_machines_that_aws_does_not_list_in_time_are_named_with_what_to_do(tmp_path: Path) -> None:
    _, find, missed, *_ = yaml.safe_load((ROLES / "machines" / "tasks" / "find.yml").read_text())
    del find["machine_learning.classroom.instances_info"]
    answer = {"ansible.builtin.command": "true", "changed_when": False, "delay": 0}  # it lists nobody
    given = {"__machines_seen": ["i-1", "i-2"], "ansible_python_interpreter": sys.executable}
    given |= {"machines_state_dir": str(tmp_path)}  # where no run has noted a launch
    seen = {"vars": given, "block": [find | answer, missed]}
    run = play(tmp_path, [seen])
    assert run.returncode == 2, run.stdout
    assert "AWS has not listed i-1, i-2 for a minute, though this run has seen it run." in run.stdout + run.stderr


def test_machines_of_a_launch_that_was_noted_are_waited_for_a_minute(tmp_path: Path) -> None:
    def noted(seconds_ago: int) -> str:
        at = datetime.now(UTC) - timedelta(seconds=seconds_ago)
        return json.dumps({"at": f"{at:%Y-%m-%d %H:%M:%S}", "machines": 3})

    # A day ahead: the clock was set back since, and nobody waits for that.
    notes = {"none": "", "over": "{}", "now": noted(5), "late": noted(90), "set-back": noted(-86400)}
    for name, note in notes.items():
        (tmp_path / name).mkdir()
        if note:
            (tmp_path / name / "launch.json").write_text(note)
    tasks = [
        {
            "ansible.builtin.debug": {"msg": f"{name}: {{{{ __machines_asked_for }}}}"},
            "vars": {"machines_state_dir": str(tmp_path / name)},
        }
        for name in notes
    ]
    run = play(tmp_path, tasks)
    assert run.returncode == 0, run.stdout
    said = dict(re.findall(r'"msg": "(\S+): (\d+)"', run.stdout))
    assert said == {"none": "0", "over": "0", "now": "3", "late": "0", "set-back": "0"}
