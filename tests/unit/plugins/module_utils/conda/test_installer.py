"""Bringing an environment to a lock, with the real client, into a folder of this disk."""

from __future__ import annotations

import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda import solver
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.environment_file import read
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.installer import (
    Environment,
    InstallError,
    Plan,
)

from tests.support.conda_channels import write_class_channel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import Lock

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
        request = solver.request(environment, address or self.channel.parent.as_uri(), "linux-64", [])
        return solver.solve(environment, request, None, address or self.channel.parent.as_uri())

    def install(self, lock: Lock, *imports: str) -> None:
        """Install as the module does."""
        self.environment.install(lock, STATE, imports=imports, user=None, time_limit=60)

    def imports(self, name: str) -> str:
        """Import a module in the environment; returns its version, "" where there is no such module."""
        argv = [str(self.environment.prefix / "bin/python"), "-c", f"import {name}; print({name}.version)"]
        said: str = subprocess.run(argv, capture_output=True, text=True, check=False).stdout
        return said.strip()


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_packages_of_the_lock_are_there_and_compiled(machine: Machine) -> None:
    lock = machine.lock("python", "learning")
    assert machine.environment.plan(lock).changes() == [
        "installed learning 1.5",
        "installed numbers_ 2.0",
        "installed python 3.12.1",
    ]
    machine.install(lock)
    assert machine.imports("numbers_") == "2.0"
    assert list(machine.environment.prefix.glob("lib/python3.12/site-packages/__pycache__/learning.*.pyc"))
    assert machine.environment.plan(lock) == Plan({}, {}, {}, 0)
    assert machine.environment.is_at(STATE)
    assert not machine.environment.is_at("another lock\n")


def test_packages_that_left_the_lock_leave_and_others_are_replaced(machine: Machine) -> None:
    machine.install(machine.lock("python", "learning"))
    lock = machine.lock("python", "numbers_ 1.*")
    words = machine.environment.plan(lock).changes()
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
        machine.install(lock)
    assert not machine.environment.is_at(STATE)


def test_a_failure_leaves_the_old_environment_as_it_was(machine: Machine, served: str) -> None:
    machine.install(machine.lock("python", "learning", address=served))
    lock = machine.lock("python", "plots", address=served)
    (machine.channel / "noarch/plots-0.9-pyh_0.conda").unlink()
    with pytest.raises(InstallError, match=r"plots.*404"):
        machine.install(lock)
    assert machine.imports("learning") == "1.5"
    assert machine.environment.is_at(STATE)
    with pytest.raises(InstallError, match=r"cannot import: learning \(ModuleNotFoundError"):
        machine.install(machine.lock("python", "numbers_", address=served), "numbers_", "learning")
    assert machine.imports("learning") == "1.5"


def test_what_a_killed_run_left_is_replaced(machine: Machine) -> None:
    lock = machine.lock("python", "learning")
    half = machine.environment.prefix.parent / ".conda_env.new"
    (half / "lib/python3.12/site-packages").mkdir(parents=True)
    (half / "lib/python3.12/site-packages/learning.py").write_text("version = 'half a file")
    (half / "lib/python3.12/site-packages/stale.py").write_text("version = 1")
    machine.install(lock)
    assert machine.imports("learning") == "1.5"
    assert machine.imports("stale") == ""
    assert {path.name for path in machine.environment.prefix.parent.iterdir()} == {"conda_env", ".packages"}


def test_only_packages_of_the_lock_stay_in_the_cache_and_damaged_ones_are_not_used(machine: Machine) -> None:
    machine.install(machine.lock("python", "plots"))
    lock = machine.lock("python", "learning")
    machine.install(lock)
    cache = machine.environment.prefix.parent / ".packages"
    assert not list(cache.glob("plots*"))
    [module] = cache.glob("learning*/**/learning.py")
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
