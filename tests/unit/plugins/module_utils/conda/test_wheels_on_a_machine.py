"""What the lock has of PyPI, installed by the environment's own pip into an environment with a Python of its own."""

from __future__ import annotations

import ensurepip
import subprocess
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda import solver
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.environment_file import read
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.installer import (
    Environment,
    InstallError,
    Plan,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import LockedWheel

from lab.channel.cpython import Interpreter
from lab.channel.wheels import Wheel
from tests.support.conda_channels import write_channel
from tests.support.wheel_index import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import Lock


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a mirror: this interpreter, its pip and numbers_ from conda, and an index."""
    folder = tmp_path_factory.mktemp("mirror")
    [pip] = Path(ensurepip.__file__).parent.glob("_bundled/pip-*.whl")
    interpreter = Interpreter.ask()
    numbers = write_wheel(folder / "conda's", "numbers", "2.0", files={"shared.py": "of = 'conda'\n"})
    write_channel(
        folder / "conda-forge",
        interpreter.package(compiled=False),
        Wheel(pip).package(interpreter.short),
        Wheel(numbers).package(interpreter.short),
    )
    write_wheel(folder / "simple", "words", "1.0", "letters", entry_point="say-words")
    write_wheel(folder / "simple", "letters", "1.0")
    write_wheel(folder / "simple", "letters", "2.0")
    write_wheel(folder / "simple", "twin", "1.0", files={"shared.py": "of = 'PyPI'\n"})
    write_wheel(folder / "simple", "same", "1.0", files={"shared.py": "of = 'conda'\n"})
    return folder


@pytest.fixture(scope="module")
def address(folder: Path) -> Iterator[str]:
    """Serve it on loopback, so that pip fetches as machines do."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class Machine:
    """An environment on this disk."""

    def __init__(self, folder: Path, address: str) -> None:
        """Lay out room for it below `folder`."""
        (folder / "envs").mkdir()
        self.environment = Environment(folder / "envs/conda_env")
        self._file = folder / "environment.yml"
        self._address = address

    def lock(self, *wheels: str) -> Lock:
        """Lock conda's numbers and some wheels."""
        section = "".join(f"    - {wheel}\n" for wheel in wheels)
        below = f"  - pip:\n{section}" if wheels else ""
        self._file.write_text(f"channels: [conda-forge]\ndependencies:\n  - python\n  - numbers\n{below}")
        environment = read(self._file)
        request = solver.request(environment, self._address, "linux-64", [])
        return solver.solve(environment, request, None, self._address)

    def install(self, lock: Lock) -> None:
        """Install as the module does."""
        self.environment.install(lock, lock.digest, imports=[], user=None, time_limit=240, mirror_url=self._address)

    def python(self, program: str) -> str:
        """Run a program in the environment."""
        argv = [str(self.environment.prefix / "bin/python"), "-c", program]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout.strip()


@pytest.fixture
def machine(tmp_path: Path, address: str) -> Machine:
    return Machine(tmp_path, address)


def test_wheels_come_stay_and_leave_with_the_section(machine: Machine) -> None:
    lock = machine.lock("words", "letters<2")
    words = machine.environment.plan(lock).changes()
    assert words[:2] == ["installed PyPI's letters 1.0", "installed PyPI's words 1.0"]
    machine.install(lock)
    assert machine.python("import words, letters; print(words.version, letters.version)") == "1.0 1.0"
    program = machine.environment.prefix / "bin/say-words"
    assert subprocess.check_output([program], text=True).strip() == "1.0"  # in its place, not where it was made
    assert list(machine.environment.prefix.glob("lib/python3*/site-packages/__pycache__/words.*.pyc"))
    assert machine.environment.plan(lock) == Plan({}, {}, {}, 0)

    newer = machine.lock("letters")
    assert machine.environment.plan(newer).changes() == [
        "removed PyPI's words 1.0",
        "replaced PyPI's letters 1.0 by 2.0",
    ]
    machine.install(newer)
    assert machine.python("import letters; print(letters.version)") == "2.0"
    assert machine.python("import words; print(words.version)") == ""
    assert not program.exists()


def test_a_wheel_with_a_flipped_byte_is_refused_by_name_and_the_old_environment_stays(
    machine: Machine, folder: Path
) -> None:
    machine.install(machine.lock("letters<2"))
    lock = machine.lock("letters")
    wheel = folder / "simple/letters/letters-2.0-py3-none-any.whl"
    content = bytearray(wheel.read_bytes())
    content[40] ^= 1
    before = wheel.read_bytes()
    try:
        wheel.write_bytes(bytes(content))
        with pytest.raises(InstallError, match=r"letters of PyPI has other bytes than the lock says: http://127"):
            machine.install(lock)
    finally:
        wheel.write_bytes(before)
    assert machine.python("import letters; print(letters.version)") == "1.0"
    assert {path.name for path in machine.environment.prefix.parent.iterdir()} == {"conda_env", ".packages"}


def test_what_conda_installed_is_not_replaced_under_any_name(machine: Machine) -> None:
    with pytest.raises(InstallError, match=r"twin, of the `pip:` section, would replace lib/\S+/shared\.py of conda's"):
        machine.install(machine.lock("twin"))
    machine.install(machine.lock("same"))  # the same bytes are no replacement
    assert machine.python("import shared; print(shared.of)") == "conda"
    lock = machine.lock("letters")
    forged = type(lock)(lock.request, lock.packages, (*lock.wheels, LockedWheel("numbers", "3.0", ("0" * 64,))))
    with pytest.raises(InstallError, match=r"pip would replace what conda has installed: numbers\."):
        machine.install(forged)
    assert machine.python("import same; print(same.version)") == "1.0"
