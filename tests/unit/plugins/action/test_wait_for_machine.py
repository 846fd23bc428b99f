"""Waiting for a machine, and saying why it could not do what it was told."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.errors import AnsibleConnectionFailure
from ansible_collections.machine_learning.classroom.plugins.action.wait_for_machine import PROBE, ActionModule
from ansible_collections.machine_learning.classroom.plugins.plugin_utils import connection


class Machine(ActionModule):
    """The action for a machine that does not answer the first `times`, and then answers with `answer`."""

    def __init__(self, times: int, answer: dict[str, Any]) -> None:
        """Begin."""
        self.times, self.answer, self.resets = times, answer, 0
        self._task = SimpleNamespace(args={"wait_s": 1}, async_val=0, check_mode=False)
        self._connection = SimpleNamespace(_shell=SimpleNamespace(tmpdir=None), reset=self._reset)

    def _reset(self) -> None:
        self.resets += 1

    def _low_level_execute_command(self, *_: Any, **__: Any) -> dict[str, Any]:
        self.times -= 1
        if self.times >= 0:
            raise AnsibleConnectionFailure("no route to host")
        return self.answer


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "SECONDS_BETWEEN_ATTEMPTS", 0.1)


def test_a_machine_is_waited_for_by_a_new_connection() -> None:
    starting = Machine(3, {"rc": 0})
    assert not starting.run().get("failed")
    assert starting.resets == 3


def test_a_machine_that_cannot_be_reached_is_given_up() -> None:
    result = Machine(10_000, {"rc": 0}).run()
    assert result == {"failed": True, "silent": True, "msg": "no answer over ssh: no route to host"}


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"stderr": "mktemp: failed to create file via template: No space left on device"}, connection.FULL),
        (
            {"msg": "MODULE FAILURE", "module_stderr": "No usable temporary directory found in ['/tmp']"},
            connection.FULL,
        ),
        (
            {"stdout": "tee: /tmp/tmp.1: No space left on device\r\n", "stderr": "Shared connection closed.\r\n"},
            connection.FULL,
        ),
        ({"msg": "MODULE FAILURE"}, "MODULE FAILURE"),
        ({"stderr": "sudo: a password is required\n"}, "sudo: a password is required"),
        ({}, "no answer"),
    ],
)
def test_a_full_disk_is_told_from_other_trouble(said: dict[str, Any], words: str) -> None:
    assert connection.explain_failure(said) == words
    result = Machine(0, {"rc": 1, **said}).run()
    assert (result["failed"], result["msg"]) == (True, f"{words}.")


def probe(disk: Path) -> dict[str, Any]:
    """Look for room on a disk as a machine's shell does."""
    done = subprocess.run(
        ["sh", "-c", PROBE], env={**os.environ, "TMPDIR": str(disk)}, capture_output=True, text=True, check=False
    )
    assert list(disk.iterdir()) == []
    return {"rc": done.returncode, "stderr": done.stderr}


# CI is root and mounts: what is skipped anywhere is counted in the stage's line.
@pytest.mark.skipif(os.geteuid() != 0, reason="needs to mount")
def test_a_disk_without_room_is_told_by_the_machine_itself(tmp_path: Path) -> None:
    assert probe(tmp_path) == {"rc": 0, "stderr": ""}
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", tmp_path], check=False).returncode:
        pytest.skip("may not mount here")
    try:
        said = probe(tmp_path)
    finally:
        subprocess.run(["umount", tmp_path], check=True)
    assert Machine(0, said).run()["msg"] == f"{connection.FULL}."
