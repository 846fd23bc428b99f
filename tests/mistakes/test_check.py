"""Check mode of the commands that no other test shows it of: each says what there is to do, and nothing moves."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import collector

from tests.support.desk import Aws, Desk
from tests.support.locks import write_lock
from tests.support.machine_and_home import Way
from tests.support.rooms import HERE, Rooms

if TYPE_CHECKING:
    from collections.abc import Iterator

ABANDON = '-e {"class_abandon_work":["grace","zoe"]}'

# Each command, how it ends, and words of what it would do. No machine answers.
COMMANDS: dict[str, tuple[int, str]] = {
    f"{HERE} start.yml": (0, "1 machines are started: 3 machines for 12 hours at most"),
    "mail.yml": (0, "[mail : Write the students' letters]"),
    "restore.yml -e student=grace": (2, "fatal: [ml101-002 (grace)]: no answer over ssh"),
    f"{HERE} handback.yml": (0, "grace 1 files, 1 MB"),
    f"{HERE} retire.yml -e student=zoe {ABANDON}": (0, "1 machines of ml101 would be terminated."),
    f"{HERE} replace.yml -e student=grace {ABANDON}": (0, "would be terminated. The others, key pair and group"),
    f"{HERE} bake.yml": (0, "An image would be baked."),
    f"{HERE} plan.yml": (0, "start 1 machines that stopped"),
}


@dataclass
class Class:
    """A class of three: the machine of ada stopped, that of grace runs, and zoe has left the roster."""

    desk: Desk
    rooms: Rooms
    way: Way

    def kept(self) -> set[tuple[Any, ...]]:
        """Return a line for everything that is remembered of the class, but for the lock that each run takes."""
        folders = (self.desk.home / "class", self.way.home)
        paths = [path for folder in folders for path in (folder, *folder.rglob("*")) if path.name != "run.lock"]
        known = [(path, path.lstat()) for path in (*paths, self.desk.home / "environment.lock")]
        return {(str(path), facts.st_ino, facts.st_mtime_ns) for path, facts in known}

    def machines(self) -> str:
        """Return what AWS knows of the machines."""
        return json.dumps(self.rooms.found(), default=str, sort_keys=True)


@pytest.fixture(scope="module")
def made(endpoint: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    """Have a class whose machines were pinned, and whose work was collected once."""
    endpoint.start_over()
    home = tmp_path_factory.mktemp("home")
    way = Way(home / "collected", "grace", "grace@example.org")
    (way.machine / "essay.txt").write_text("words")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collector, "QUIET_S", 0.0)
        way.collect()
    desk = Desk(home, endpoint, settings={"class_work_home": str(way.home)})
    write_lock(home / "environment.lock")
    rooms = Rooms(desk)
    for name in ("ada", "grace", "zoe"):
        rooms.add(name)
    (home / "class").mkdir(mode=0o700)
    key = home / "class/ssh_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    made = Class(desk, rooms, way)
    endpoint.forget()
    before = made.kept(), made.machines()
    assert desk.play(f"{HERE} provision.yml", timeout=900).code == 0
    assert endpoint.made  # the control: without --check all of it moves
    assert made.kept() != before[0]
    rooms.ec2.stop_instances(InstanceIds=rooms.ids[:1])
    assert made.machines() != before[1]
    yield made
    rooms.ec2.terminate_instances(InstanceIds=rooms.ids)


@pytest.mark.parametrize("line", COMMANDS)
def test_check_mode_says_it_and_nothing_moves(made: Class, line: str) -> None:
    code, words = COMMANDS[line]
    made.desk.aws.forget()
    kept, machines = made.kept(), made.machines()
    shown = made.desk.play(f"{line} --check", timeout=900)
    assert shown.code == code, shown.text
    assert words in " ".join(shown.text.split())
    asked = {request.action for request in made.desk.aws.requests}
    assert asked
    assert not [action for action in asked if not action.startswith(("Describe", "Get", "List"))]
    assert made.kept() == kept
    assert made.machines() == machines
