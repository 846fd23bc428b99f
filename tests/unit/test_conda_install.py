"""Bringing an environment to a lock, with the real client, into a folder of this disk."""

from __future__ import annotations

import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils import conda_solver
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda_environment_file import read
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda_installer import (
    Environment,
    InstallError,
    Plan,
)

from tests.unit.conda_channels import write_class_channel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda_lockfile import Lock

STATE = "the lock\n"


class Machine:
    """An environment on this disk and the channel it is installed from."""

    def __init__(self, folder: Path) -> None:
        """Lay out a channel and room for an environment below `folder`."""
        self.channel = write_class_channel(folder / "mirror/conda-forge")
        self._file = folder / "environment.yml"
        (folder / "envs").mkdir()
        self.environment = Environment(folder / "envs/conda_env")

    def lock(self, *dependencies: str, address: str = "") -> Lock:
        """Lock `dependencies`, with the channel at `address` if it is served."""
        self._file.write_text(f"channels: [conda-forge]\ndependencies: {list(dependencies)}\n")
        environment = read(self._file)
        request = conda_solver.request(environment, address or self.channel.parent.as_uri(), "linux-64", [])
        return conda_solver.solve(environment, request, None)

    def install(self, lock: Lock) -> None:
        """Install as the module does."""
        self.environment.install(lock, time_limit=60)
        self.environment.finish(STATE)

    def imports(self, name: str) -> str:
        """Import a module in the environment; returns its version, "" where there is no such module."""
        argv = [str(self.environment.python), "-c", f"import {name}; print({name}.version)"]
        said: str = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        return said.strip()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_packages_of_the_lock_are_there_and_compiled(machine: Machine) -> None:
    lock = machine.lock("python", "learning")
    assert machine.environment.plan(lock).words() == [
        "installed learning 1.5",
        "installed numbers_ 2.0",
        "installed python 3.12.1",
    ]
    machine.install(lock)
    machine.environment.compile(time_limit=60)
    assert machine.imports("numbers_") == "2.0"
    assert list(machine.environment.prefix.glob("lib/python3.12/site-packages/__pycache__/learning.*.pyc"))
    assert machine.environment.plan(lock) == Plan({}, {}, {}, 0)
    assert machine.environment.is_at(STATE)
    assert not machine.environment.is_at("another lock\n")


def test_packages_that_left_the_lock_leave_and_others_are_replaced(machine: Machine) -> None:
    machine.install(machine.lock("python", "learning"))
    lock = machine.lock("python", "numbers_ 1.*")
    words = machine.environment.plan(lock).words()
    assert words == ["removed learning 1.5", "replaced numbers_ 2.0 by 1.0"]
    machine.install(lock)
    assert machine.imports("learning") == ""
    assert machine.imports("numbers_") == "1.0"


@pytest.fixture
def served(machine: Machine) -> Iterator[str]:
    """Serve the channel on loopback, since archives on the same disk are trusted; gives the mirror's address."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(machine.channel.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_a_package_with_other_bytes_is_refused_by_name(machine: Machine, served: str) -> None:
    lock = machine.lock("python", "learning", address=served)
    with (machine.channel / "noarch/learning-1.5-pyh_0.conda").open("ab") as archive:
        archive.write(b"!")
    with pytest.raises(InstallError, match=r"learning.*hash mismatch"):
        machine.environment.install(lock, time_limit=60)
    assert not machine.environment.is_at(STATE)


def test_an_installation_that_was_cut_off_is_repaired(machine: Machine) -> None:
    lock = machine.lock("python", "learning")
    machine.environment.install(lock, time_limit=60)  # cut off before it was finished
    module = machine.environment.prefix / "lib/python3.12/site-packages/learning.py"
    module.unlink()
    module.write_text("version = 'half a file")
    assert machine.environment.is_unfinished()
    assert machine.environment.plan(lock).added.keys() == {"python", "learning", "numbers_"}
    machine.install(lock)
    assert machine.imports("learning") == "1.5"
    assert not machine.environment.is_unfinished()


def test_a_damaged_download_of_an_earlier_run_is_not_used(machine: Machine) -> None:
    lock = machine.lock("python", "learning")
    machine.environment.install(lock, time_limit=60)
    for module in machine.environment.prefix.parent.glob(".packages/learning*/**/learning.py"):
        module.write_text("version = 'damaged'\n")
    machine.install(lock)
    assert machine.imports("learning") == "1.5"


def test_a_disk_that_is_too_small_is_refused_before_anything_is_fetched(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan({"numbers_": "1.0"}, {}, {}, download=3_000_000_000)
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("Usage", (), {"free": 4_000_000_000}))
    with pytest.raises(InstallError, match=r"4\.0 GB free.*15\.2 GB"):
        machine.environment.require_space(plan)


def test_imports_that_fail_are_named_with_their_reason(machine: Machine) -> None:
    machine.install(machine.lock("python", "numbers_"))
    machine.environment.require_imports(["numbers_"], user=None, time_limit=60)
    with pytest.raises(InstallError, match=r"learning \(ModuleNotFoundError"):
        machine.environment.require_imports(["numbers_", "learning"], user=None, time_limit=60)
