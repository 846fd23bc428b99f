"""Two runs at once: the second one waits, and then acts on what the first has left, not on what it saw before that."""

from __future__ import annotations

import re
import subprocess
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.letters import read_eml

from tests.support.rooms import HERE
from tests.support.term import end_tree
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.desk import Desk
    from tests.support.rooms import Rooms

# It works until the file `may_end` is there.
FIRST = """\
- hosts: localhost
  gather_facts: false
  tasks:
    - machine_learning.classroom.run_lock:
        path: "{{ class_state_dir }}/run.lock"
    - ansible.builtin.file:
        path: "{{ folder }}/holds"
        state: touch
        mode: "0600"
    - ansible.builtin.wait_for:
        path: "{{ folder }}/may_end"
        timeout: 200
"""
# What comes later in the same command: which machines would be visited, where, and with whose accounts.
VISIT = """\
- hosts: machines
  gather_facts: false
  tasks:
    - ansible.builtin.debug:
        msg: "Visited: {{ inventory_hostname }} at {{ ansible_host }} for {{ machine_usernames | join }}"
"""
# How often a run lists instances that need not wait: for its inventory, and to see that it may.
ASKED_ALONE = 2
WAITED = "Waiting for another run to end: first.yml, begun"


def asked(desk: Desk, action: str) -> int:
    """Count what AWS was asked for."""
    return sum(request.action == action for request in desk.aws.requests)


def until(come: Callable[[], bool]) -> None:
    """Wait until something has come."""
    deadline = time.monotonic() + 200
    while not come():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def first_run(desk: Desk) -> Iterator[Callable[[], None]]:
    """Have a run that holds the lock; what is returned lets it end."""
    playbook, may_end = desk.home / "first.yml", desk.home / "may_end"
    playbook.write_text(FIRST)
    command, environment = desk.command(f"{HERE} {playbook}", {"folder": str(desk.home)})
    with subprocess.Popen(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL) as run:
        try:
            until((desk.home / "holds").exists)
            yield may_end.touch
        finally:
            end_tree(run.pid)


def letter(desk: Desk, username: str) -> str:
    """Return the address in a student's letter."""
    body = read_eml((desk.home / f"class/letters/{username}.eml").read_bytes())["body"]
    (found,) = set(re.findall(rf"{username}@(127[\d.]+\d)", body))
    return str(found)


@pytest.mark.long
def test_who_had_to_wait_knows_the_machines_that_the_other_run_has_left(desk: Desk, rooms: Rooms) -> None:
    def address(machine: str) -> str:
        return next(each["PublicIpAddress"] for each in rooms.found() if each["InstanceId"] == machine)

    def exchange() -> None:
        """Give ada's machine another address and grace another machine, while the second run waits."""
        until(lambda: log.exists() and WAITED in log.read_text())
        rooms.ec2.stop_instances(InstanceIds=[ada])
        rooms.ec2.start_instances(InstanceIds=[ada])
        rooms.ec2.terminate_instances(InstanceIds=[grace])
        rooms.add("grace")
        may_end()

    visit, log = desk.home / "visit.yml", desk.home / "second.log"
    visit.write_text(VISIT)
    line = f"-i inventory mail.yml {visit}"
    desk.settings["class_access"] = ["ssh"]
    ada, grace = rooms.add("ada"), rooms.add("grace")
    before = {address(ada), address(grace)}
    desk.aws.forget()
    shown = desk.play(line)
    alone = asked(desk, "DescribeInstances")
    assert before == {letter(desk, "ada"), letter(desk, "grace")}

    with first_run(desk) as may_end:
        desk.environment["ANSIBLE_LOG_PATH"] = str(log)
        other = threading.Thread(target=exchange)
        other.start()
        shown = desk.play(line)
        other.join()
    assert shown.code == 0, shown.text
    now = [address(ada), address(rooms.ids[2])]
    assert not before & {*now}
    assert [letter(desk, "ada"), letter(desk, "grace")] == now
    visited = {words.partition("Visited: ")[2] for words in shown.text.splitlines() if "Visited: " in words}
    assert visited == {f"ml101-001 at {now[0]} for ada", f"ml101-003 at {now[1]} for grace"}
    assert alone == ASKED_ALONE


def test_what_a_limit_names_may_be_others_by_then_so_it_does_not_wait(desk: Desk) -> None:
    assert desk.play(f"{HERE} mail.yml").code == 0  # so that the class has its folder
    with first_run(desk):
        shown = desk.play(f"{HERE} mail.yml --limit localhost")
    assert shown.failure.startswith("Another run is at work on this class: first.yml, begun ")
    assert WAITED not in shown.text
