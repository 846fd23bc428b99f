"""What the lab's machines install from: the channel made of wheels and of this interpreter, the store that keeps it."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import threading
import time
import zipfile
from typing import TYPE_CHECKING

import pytest
import yaml
from rattler import RepoDataRecord, install

from lab import mirror
from lab.channel.cpython import Interpreter
from lab.channel.wheels import Wheel, wanted_extras
from lab.shell import LabError

if TYPE_CHECKING:
    from pathlib import Path


def wheel(folder: Path, name: str, *requires: str, pure: bool = True, files: dict[str, str] | None = None) -> Wheel:
    """Write a wheel of version 1.0."""
    dist_info = f"{name}-1.0.dist-info"
    path = folder / f"{name}-1.0-{'py3-none-any' if pure else 'cp312-cp312-linux_x86_64'}.whl"
    needs = "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    content = {
        f"{dist_info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Python: >=3.9\n{needs}",
        f"{dist_info}/WHEEL": f"Wheel-Version: 1.0\nRoot-Is-Purelib: {str(pure).lower()}\n",
        **(files or {}),
    }
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in content.items():
            archive.writestr(member, text)
    return Wheel(path)


def installed(tmp_path: Path, *archives: Path) -> Path:
    """Install packages with the real client; returns the environment."""
    prefix = tmp_path / "env"

    async def run() -> None:
        records = [await RepoDataRecord.from_package_archive(archive) for archive in archives]
        await install(records, prefix, cache_dir=tmp_path / "cache", show_progress=False)

    asyncio.run(run())
    return prefix


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Package this interpreter; gives the archive."""
    channel = tmp_path_factory.mktemp("channel")
    Interpreter.ask().package(compiled=False).write(channel)
    return next(channel.glob("linux-64/python-*.conda"))


def test_the_packaged_interpreter_runs_alone_with_the_packages_of_its_environment(tmp_path: Path, python: Path) -> None:
    tool = wheel(
        tmp_path,
        "tool",
        files={
            "tool.py": "import sys\n\n\ndef main():\n    print(sys.prefix)\n",
            "tool-1.0.dist-info/entry_points.txt": "[console_scripts]\nTool = tool:main\n",
            "tool-1.0.data/data/share/tool/notes.txt": "read me\n",
        },
    )
    compiled = wheel(tmp_path, "native", pure=False, files={"native.py": "x = 1\n"})
    for each in (tool, compiled):
        each.package(Interpreter.ask().short).write(tmp_path / "channel")
    prefix = installed(tmp_path, python, *(tmp_path / "channel").glob("*/*.conda"))
    assert subprocess.check_output([prefix / "bin/Tool"], env={}, text=True).strip() == str(prefix)
    assert (prefix / "share/tool/notes.txt").read_text() == "read me\n"
    # Everything that a build of Python may lack on a machine without -dev packages, and nobody else's packages.
    program = "import bz2, ctypes, lzma, native, readline, sqlite3, ssl, zlib, sys; print(*sys.path, native.__cached__)"
    said = subprocess.check_output([prefix / "bin/python", "-c", program], env={}, text=True)
    *path, cached = said.split()
    assert all(folder.startswith(str(prefix)) for folder in path)
    assert cached.startswith(str(prefix))
    assert list(prefix.glob("lib/python3.*/site-packages/__pycache__/native.*.pyc"))
    with pytest.raises(subprocess.CalledProcessError):
        subprocess.run([prefix / "bin/python", "-c", "import pytest"], env={}, check=True, capture_output=True)


def test_dependencies_are_those_of_linux_with_the_extras_that_somebody_asks_for(tmp_path: Path) -> None:
    user = wheel(tmp_path, "User", "Base_Lib[fast] >=1 ; sys_platform == 'linux'", "pywin ; sys_platform == 'win32'")
    base = wheel(tmp_path, "Base_Lib", "speedups ~=2.1 ; extra == 'fast'", "docs ; extra == 'docs'")
    extras = wanted_extras([user, base])
    assert user.package("3.12").depends == ["python >=3.9", "base-lib >=1"]
    assert base.package("3.12", extras[base.name]).depends == ["python >=3.9", "speedups ~=2.1"]


def test_a_part_is_made_once_and_appears_whole(tmp_path: Path) -> None:
    store = mirror._Store(tmp_path)
    made: list[Path] = []

    def fails(folder: Path) -> None:
        made.append(folder)
        (folder / "half").touch()
        raise KeyboardInterrupt

    def works(folder: Path) -> None:
        made.append(folder)
        (folder / "whole").touch()

    with store.locked(), pytest.raises(KeyboardInterrupt):
        store.part("data", "1", fails)
    with store.locked():
        first = store.part("data", "1", works)
        assert store.part("data", "1", works) == first
    assert len(made) == 2
    assert [path.name for path in first.iterdir()] == ["whole"]
    assert not made[0].exists()


def test_two_builders_wait_for_each_other(tmp_path: Path) -> None:
    order: list[str] = []

    def second() -> None:
        with mirror._Store(tmp_path).locked():
            order.append("second")

    with mirror._Store(tmp_path).locked():
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.2)
        order.append("first")
    thread.join(timeout=10)
    assert order == ["first", "second"]


def test_data_sets_are_found_by_their_hash_and_a_missing_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheels, data, listed = tmp_path / "wheels", tmp_path / "data", tmp_path / "datasets.yml"
    wheels.mkdir()
    data.mkdir()
    wheel(wheels, "flowers", files={"flowers/data/iris.csv": "1,2\n", "flowers/old/iris.csv": "0,0\n"})
    digest = hashlib.sha256(b"1,2\n").hexdigest()
    entries = [{"name": "iris", "url": "https://data.example.org/v2/iris.csv", "sha256": digest}]
    listed.write_text(yaml.safe_dump({"datasets": entries}))
    monkeypatch.setattr(mirror, "_DATASETS", listed)
    mirror._collect_data(data, wheels)
    assert (data / digest / "iris.csv").read_text() == "1,2\n"
    entries.append({"name": "roses", "url": "https://data.example.org/roses.csv", "sha256": "0" * 64})
    listed.write_text(yaml.safe_dump({"datasets": entries}))
    with pytest.raises(LabError, match="roses"):
        mirror._collect_data(tmp_path, wheels)


def test_the_index_has_what_each_role_has_locked_for_each_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[str, ...]] = []

    def download(lock: Path, folder: Path, *options: str) -> None:
        asked.append((lock.stem, *options[1:]))
        wheel(folder, f"{lock.stem}_client")

    locks = [tmp_path / "conda.txt", tmp_path / "front.txt"]
    monkeypatch.setattr(mirror, "_ROLES_REQUIREMENTS", locks)
    monkeypatch.setattr(mirror, "_download", download)
    mirror._build_index(tmp_path)
    assert {("conda", version) for version in ("3.11", "3.12", "3.13")} < set(asked)
    assert {("front", version) for version in ("3.11", "3.12", "3.13")} < set(asked)
    assert (tmp_path / "front-client/front_client-1.0-py3-none-any.whl").is_file()
    assert "front-client/" in (tmp_path / "index.html").read_text()
