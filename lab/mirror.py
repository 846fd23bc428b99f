"""What the lab's machines install from, because they have no way out: one folder, served over HTTP.

    conda-forge/          a conda channel of the same name, made from wheels (see lab/channel)
    simple/               a Python package index with the programs that roles bring to machines as wheels, and with what
                          a `pip:` section can ask for: lab/channel/pypi.in
    data/SHA256/NAME      the files of data/datasets.yml
    apt/SUITE/            Debian's packages that roles install, as a flat repository for the hosts of each release

It is built once and kept: each part lies in the cache under a hash of everything that it was made from, and a new
part appears there whole or not at all.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import html
import itertools
import os
import shutil
import sys
import tempfile
import time
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import yaml

from lab import channel, debian_archive, image
from lab.channel.cpython import Interpreter
from lab.shell import LabError, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_PROJECT = Path(__file__).resolve().parent.parent
_CHANNEL_REQUIREMENTS = _PROJECT / "lab/channel/requirements.txt"
_PYPI_REQUIREMENTS = _PROJECT / "lab/channel/pypi.txt"
# A role locks what it brings to machines as wheels.
_ROLES_REQUIREMENTS = sorted((_PROJECT / "roles").glob("*/files/*.txt"))
_DATASETS = _PROJECT / "data/datasets.yml"
_MACHINES_PYTHONS = ("3.11", "3.12", "3.13")  # Debian 12, Ubuntu 24.04, Debian 13
# What roles install with apt, on the machines of every release.
_DEBIAN_PACKAGES = ("haproxy",)
_UNUSED_AFTER = 7 * 24 * 3600.0  # s


def build(cache: Path) -> Path:
    """Make sure that the mirror for this checkout lies under `cache`; returns its folder.

    The folder's name changes whenever its content would. Raises LabError in words.
    """
    started = time.monotonic()
    store = _Store(cache)
    with store.locked():
        wheels_key = _key(_CHANNEL_REQUIREMENTS.read_bytes(), Interpreter.ask().fingerprint())
        sources = [path.read_bytes() for path in (Path(__file__), *sorted((_PROJECT / "lab/channel").glob("*.py")))]

        def wheels() -> Path:
            return store.part("wheels", wheels_key, lambda folder: _download(_CHANNEL_REQUIREMENTS, folder))

        locks = [*_ROLES_REQUIREMENTS, _PYPI_REQUIREMENTS]
        on_index: list[str | bytes] = [*(lock.read_bytes() for lock in locks), Interpreter.ask().short]
        suites = [release.suite for release in image.RELEASES]
        parts = {
            "conda-forge": store.part("channel", _key(wheels_key, *sources), lambda to: channel.build(to, wheels)),
            "simple": store.part("simple", _key(*on_index, sources[0]), _build_index),
            "data": store.part(
                "data",
                _key(wheels_key, _DATASETS.read_bytes(), sources[0]),
                lambda folder: _collect_data(folder, wheels()),
            ),
            "apt": store.part(
                "apt",
                _key(*suites, *_DEBIAN_PACKAGES, sources[0], Path(debian_archive.__file__).read_bytes()),
                lambda to: _fill_apt(to, suites),
            ),
        }
        mirror = store.part("mirror", _key(*(part.name for part in parts.values())), lambda to: _join(to, parts))
        store.prune(keep=(mirror, *parts.values(), wheels()))
    print(f"mirror: {mirror.name} is ready after {time.monotonic() - started:.1f} s", flush=True)
    return mirror


class _Store:
    """Folders that were slow to make, each under a key of what it was made from."""

    def __init__(self, cache: Path) -> None:
        self._root = cache / "mirror"
        self._root.mkdir(parents=True, exist_ok=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other processes out; the lock ends with this process, however it ends."""
        with (self._root / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                print("mirror: another process is building it; waiting", flush=True)
                fcntl.flock(lock, fcntl.LOCK_EX)
            for left in self._root.glob(".new-*"):  # by a run that was killed
                shutil.rmtree(left)
            yield

    def part(self, name: str, key: str, make: Callable[[Path], None]) -> Path:
        """Return the folder `name`-`key`, filled by `make` unless it is there already."""
        folder = self._root / f"{name}-{key}"
        if not folder.is_dir():
            started = time.monotonic()
            print(f"mirror: making {name}", flush=True)
            new = Path(tempfile.mkdtemp(dir=self._root, prefix=".new-"))
            make(new)
            new.chmod(0o755)
            new.rename(folder)
            print(f"mirror: made {name} in {time.monotonic() - started:.1f} s", flush=True)
        os.utime(folder)
        return folder

    def prune(self, keep: Iterable[Path]) -> None:
        """Remove what no checkout has used for a week."""
        kept = set(keep)
        for folder in self._root.glob("[!.]*"):
            if folder not in kept and time.time() - folder.stat().st_mtime > _UNUSED_AFTER:
                shutil.rmtree(folder)


def _key(*inputs: str | bytes) -> str:
    digest = hashlib.sha256()
    for value in inputs:
        data = value.encode() if isinstance(value, str) else value
        digest.update(hashlib.sha256(data).digest())
    return digest.hexdigest()[:16]


def _download(requirements: Path, folder: Path, *options: str) -> None:
    """Put the wheels of a list with hashes into `folder`."""
    run(
        *(sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"),
        *("--no-deps", "--require-hashes", "--only-binary=:all:", *options),
        *("--dest", str(folder), "--requirement", str(requirements)),
    )


def _build_index(folder: Path) -> None:
    """Write a simple index (PEP 503) whose links are relative, so that it can be served from anywhere."""
    downloads = folder / "downloads"
    downloads.mkdir()
    for version, lock in itertools.product(_MACHINES_PYTHONS, _ROLES_REQUIREMENTS):
        _download(lock, downloads, "--python-version", version)
    _download(_PYPI_REQUIREMENTS, downloads)  # for this Python, which is the environment's
    projects: dict[str, list[Path]] = {}
    for wheel in sorted(downloads.glob("*.whl")):
        projects.setdefault(wheel.name.split("-")[0].lower().replace("_", "-").replace(".", "-"), []).append(wheel)
    for project, wheels in projects.items():
        (folder / project).mkdir()
        links = []
        for wheel in wheels:
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            links.append((f"{wheel.name}#sha256={digest}", wheel.name))
            wheel.rename(folder / project / wheel.name)
        _write_links(folder / project, links)
    _write_links(folder, [(f"{project}/", project) for project in projects])
    downloads.rmdir()


def _write_links(folder: Path, links: Iterable[tuple[str, str]]) -> None:
    anchors = "".join(f'<a href="{html.escape(target)}">{html.escape(text)}</a><br>\n' for target, text in links)
    (folder / "index.html").write_text(f"<!DOCTYPE html>\n<html><body>\n{anchors}</body></html>\n")


def _fill_apt(folder: Path, suites: Iterable[str]) -> None:
    """Write a flat repository for each suite of Debian."""
    for suite in suites:
        (folder / suite).mkdir()
        debian_archive.fetch(suite, _DEBIAN_PACKAGES, folder / suite)
        debian_archive.write_index(folder / suite)


def _collect_data(folder: Path, wheels: Path) -> None:
    """Find every data set, by its hash, among the files that the wheels carry."""
    document: dict[str, Any] = yaml.safe_load(_DATASETS.read_text()) or {}
    wanted: dict[str, list[str]] = {}
    for entry in document.get("datasets") or []:
        wanted.setdefault(entry["sha256"], []).append(PurePosixPath(entry["url"]).name)
    names = {name for several in wanted.values() for name in several}
    missing = dict(wanted)
    for wheel in sorted(wheels.glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            # Upstream's name is the name in the wheel: hashing only those spares reading 600 MB.
            for member in (m for m in archive.infolist() if PurePosixPath(m.filename).name in names):
                data = archive.read(member)
                digest = hashlib.sha256(data).hexdigest()
                for name in missing.pop(digest, []):
                    (folder / digest).mkdir(exist_ok=True)
                    (folder / digest / name).write_bytes(data)
    if missing:
        unknown = [entry["name"] for entry in document["datasets"] if entry["sha256"] in missing]
        raise LabError(
            f"data/datasets.yml: no wheel of the lab carries {', '.join(unknown)} with the sha256 given there.\n"
            "The lab can only offer data that some package of lab/channel/requirements.in ships."
        )


def _join(mirror: Path, parts: dict[str, Path]) -> None:
    """Show the parts as one folder; hard links, because a server that is asked for a file must not leave its folder."""
    for name, part in parts.items():
        shutil.copytree(part, mirror / name, copy_function=os.link)
