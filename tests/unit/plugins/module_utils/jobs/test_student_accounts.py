"""What sshd is told depends on what it knows."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.student_accounts import understood

CONFIG = "Port 22\n# Since 9.8.\nPerSourcePenalties no\n\nMatch User ada\n    PermitOpen none\n"
OLDER = "Port 22\n# Since 9.8.\n\nMatch User ada\n    PermitOpen none\n"


class Machine(Host):
    """A machine whose sshd knows some keywords."""

    def __init__(self, *known: str) -> None:
        """It has not been asked yet."""
        self.known, self.asked = known, 0

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[Any]:
        """Answer like sshd; on a host whose sshd was not yet started its own folder is missing."""
        assert stdin is None
        assert argv[0] == "sshd"
        self.asked += 1
        keyword = argv[-1].split()[0]
        said = (
            "Missing privilege separation directory: /run/sshd"
            if keyword in self.known
            else f"command-line: line 0: Bad configuration option: {keyword}\n"
        )
        return subprocess.CompletedProcess(argv, 255, "", said)


@pytest.mark.parametrize(("known", "text"), [(["PerSourcePenalties"], CONFIG), ([], OLDER)])
def test_a_line_that_sshd_does_not_know_is_left_out(known: list[str], text: str) -> None:
    assert understood(Machine(*known), CONFIG, ["PerSourcePenalties"]) == text


def test_a_line_that_every_sshd_must_know_stays_so_that_a_mistake_is_refused() -> None:
    machine = Machine()
    assert understood(machine, CONFIG, []) == CONFIG
    assert machine.asked == 0
