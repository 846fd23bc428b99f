"""What each role refuses, in the words that a user reads: one run of ansible-playbook asks for all of it.

Only the check of the arguments runs (Ansible tags it `always`), and of the roles that look into files also their tasks,
in check mode. So nothing is changed, whatever a role would do with what it is given.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools import PROJECT
from tools.role_specs import roles

SECRET = "never-to-be-printed"
ADA = {"username": "ada", "port": 8888, "token": SECRET, "password_hash": SECRET}
# What plays before have read, where a role's defaults look for it.
KNOWN = {
    "roster_read": {"students": [{"name": "Ada Beispiel", "email": "ada@example.com", "username": "ada"}]},
    "machine_seated": [ADA],
    "machine_students": [ADA],
    "machine_usernames": ["ada"],
    "ansible_become": False,
    "ansible_host": "192.0.2.1",
}


CASES = [
    {"role": role, "entry": "main", "runs": False, **case}
    for role, cases in yaml.safe_load(Path(__file__).with_name("role_inputs.yml").read_text()).items()
    for case in cases
]


def block(case: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Ask a role to take the input, and remember its answer; a tag on the block itself would reach the role's tasks."""
    always = {"tags": ["always"]}
    role = {"name": case["role"], "tasks_from": case["entry"], "apply": always if case["runs"] else {}}
    inputs = json.loads(json.dumps(case["inputs"]).replace("FOLDER", str(folder)).replace("SECRET", SECRET))
    return {
        "block": [
            {"ansible.builtin.include_role": role, "vars": inputs, **always},
            {"ansible.builtin.set_fact": {"answers": "{{ answers + [none] }}"}, **always},
        ],
        "rescue": [{"ansible.builtin.set_fact": {"answers": "{{ answers + [ansible_failed_result.msg] }}"}, **always}],
    }


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str | None], str]:
    """Run all cases; return what each role answered, and all that was printed."""
    folder = tmp_path_factory.mktemp("inputs")
    (folder / "pip.yml").write_text("name: x\nchannels: [conda-forge]\ndependencies: [python, {pip: ['-e .']}]\n")
    quoted = f"{{name: iris, url: 'https://example.org/iris.csv', sha256: {'a' * 64}, unpack: 'false'}}"
    (folder / "mistakes.yml").write_text(f"datasets: [{quoted}]\n")
    (folder / "torn.json").write_text('{"ada')
    (folder / "class.xlsx").write_bytes(b"PK\x03\x04rest")
    (folder / "mistakes.csv").write_text("name,email\nAda Beispiel,ada at example.com\n")
    play = {
        "hosts": "localhost",
        "check_mode": True,
        "vars": {**KNOWN, "class_state_dir": str(folder), "answers": []},
        "tasks": [
            *(block(case, folder) for case in CASES),
            {
                "ansible.builtin.copy": {
                    "content": "{{ answers | to_json }}",
                    "dest": f"{folder}/answers",
                    "mode": "0600",
                },
                "check_mode": False,
                "tags": ["always"],
            },
        ],
    }
    (folder / "play.yml").write_text(json.dumps([play]))
    run = subprocess.run(
        [
            str(Path(sys.executable).with_name("ansible-playbook")),
            "--inventory=inventory/10-control.yml",
            "--tags=always",
            str(folder / "play.yml"),
        ],
        cwd=PROJECT,
        env={name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_"))},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    said = run.stdout + run.stderr
    assert run.returncode == 0, said
    return json.loads((folder / "answers").read_text()), said


@pytest.mark.timeout(300)
@pytest.mark.parametrize("number", range(len(CASES)), ids=lambda number: f"{CASES[number]['role']}-{number}")
def test_a_bad_input_is_refused_in_words(number: int, answers: tuple[list[str | None], str]) -> None:
    answer, said = answers[0][number], " ".join(answers[1].split())
    assert answer is not None, "the role took it"
    assert CASES[number]["says"] in answer
    assert "Traceback" not in answer
    assert " ".join(answer.split()) in said


def test_no_secret_is_printed_with_a_refusal(answers: tuple[list[str | None], str]) -> None:
    assert SECRET not in answers[1]


def test_each_role_refuses_three_inputs() -> None:
    counted = Counter(case["role"] for case in CASES)
    assert all(counted[role.name] >= 3 for role in roles()), counted
