"""Machines and the endpoint start again, and nothing has to be configured by hand."""

from __future__ import annotations

import time

from tests.support.commands import STATE, command, mails, on_machine, play, requests
from tests.support.letter import read_letter

SECONDS = 90


def answers() -> int:
    """Count the students whose Jupyter answers."""
    return play("status.yml").stdout.count(" answers ")


def until_all_answer() -> None:
    """Wait until status says that everything works."""
    deadline = time.monotonic() + SECONDS
    while answers() < 4:
        assert time.monotonic() < deadline, "not every Jupyter answers again"


def test_a_rebooted_machine_serves_its_student_again() -> None:
    seat = read_letter(mails()[0]).seat
    marker = "cat /proc/1/stat | cut -d' ' -f22"
    booted = on_machine(seat, marker)
    # The connection goes down with the machine, so whether this command ends well says nothing.
    on_machine(seat, "systemctl reboot", check=False)
    deadline = time.monotonic() + SECONDS
    while on_machine(seat, marker, check=False) in ("", booted):
        assert time.monotonic() < deadline, f"{seat} did not come back"
        time.sleep(1)
    until_all_answer()


def test_the_endpoint_comes_back_and_knows_its_machines() -> None:
    launched = sum(call["action"] == "RunInstances" for call in requests())
    command(".venv/bin/python -m lab endpoint stop")
    command(".venv/bin/python -m lab endpoint start")
    until_all_answer()
    assert sum(call["action"] == "RunInstances" for call in requests()) == launched
    assert (STATE / "requests.jsonl").exists()
