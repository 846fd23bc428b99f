"""Files and folders on the control node that only their owner may read."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from tools import PROJECT


def act(action: str, arguments: dict[str, object], *options: str) -> dict[str, object]:
    """Run an action as a playbook would; returns its result."""
    done = subprocess.run(
        [
            *(
                Path(sys.executable).parent / "ansible",
                "localhost",
                "--inventory",
                "localhost,",
                "--connection",
                "local",
            ),
            *("--module-name", f"machine_learning.classroom.{action}", "--args", json.dumps(arguments), *options),
        ],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_LOAD_CALLBACK_PLUGINS": "true", "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json"},
        check=False,
        capture_output=True,
        text=True,
    )
    result: dict[str, object] = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]["localhost"]
    return result


def keep(path: Path, content: str, *options: str) -> dict[str, object]:
    """Keep a file."""
    return act("private_file", {"path": str(path), "content": content}, *options)


def test_a_file_is_written_once_and_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "letter.eml"
    assert keep(path, "first", "--check")["changed"]
    assert not path.exists()
    assert "first" not in str(keep(path, "first"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert not keep(path, "first")["changed"]
    assert keep(path, "second")["changed"]
    assert path.read_text() == "second"
    path.chmod(0o644)
    assert keep(path, "second")["changed"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["letter.eml"]


def test_a_file_that_cannot_be_kept_is_named_and_ends_only_what_needs_it(tmp_path: Path) -> None:
    path = tmp_path / "gone/letter.eml"
    said = f"{path} cannot be kept (No such file or directory)."
    refused = keep(path, "content")
    assert (refused["failed"], refused["msg"]) == (True, said)
    warned = act("private_file", {"path": str(path), "content": "content", "only_warn": True})
    assert (warned["changed"], warned["warnings"]) == (False, [said])


def test_folders_are_made_once_and_closed(tmp_path: Path) -> None:
    outer, inner = tmp_path / "class", tmp_path / "class/letters"
    arguments: dict[str, object] = {"paths": [str(outer), str(inner)]}
    assert act("private_directories", arguments, "--check")["changed"]
    assert not outer.exists()
    assert act("private_directories", arguments)["changed"]
    assert not act("private_directories", arguments)["changed"]
    outer.chmod(0o755)
    assert act("private_directories", arguments)["paths"] == [str(outer)]
    assert [stat.S_IMODE(path.stat().st_mode) for path in (outer, inner)] == [0o700, 0o700]


def test_a_file_in_a_folders_place_is_named(tmp_path: Path) -> None:
    path = tmp_path / "class"
    path.write_text("")
    result = act("private_directories", {"paths": [str(path)]})
    assert (result["failed"], result["msg"]) == (True, f"{path} cannot be a folder of yours alone: File exists.")
    assert path.is_file()
