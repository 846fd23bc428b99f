"""Files on the control node that only their owner may read."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def keep(path: Path, content: str, *options: str) -> dict[str, object]:
    """Run the action as a playbook would; returns its result."""
    arguments = json.dumps({"path": str(path), "content": content})
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
            *("--module-name", "machine_learning.classroom.private_file", "--args", arguments, *options),
        ],
        cwd=PROJECT,
        env={**os.environ, "ANSIBLE_LOAD_CALLBACK_PLUGINS": "true", "ANSIBLE_STDOUT_CALLBACK": "ansible.builtin.json"},
        check=True,
        capture_output=True,
        text=True,
    )
    result: dict[str, object] = json.loads(done.stdout)["plays"][0]["tasks"][0]["hosts"]["localhost"]
    return result


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
