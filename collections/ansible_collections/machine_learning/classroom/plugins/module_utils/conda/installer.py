"""Bring one conda environment on this machine to a lock.

rattler (the engine of pixi) verifies, unpacks and links the packages. What it leaves to others is done here: byte code
and a proof that the packages can be imported. The new environment is made beside the old one and takes its place when
it is whole, so neither a failure nor the end of a run at any moment harms what students work with. Files are hard links
into a cache, so packages that stay cost neither download nor disk.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import json
import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import UNPACKED, parse_wheels
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.rattler_records import to_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import Lock, LockedWheel

_METADATA = "lib/python3*/site-packages/*.dist-info"
_OF_PYPI = "PyPI's "
_RESERVE = 200 * 1024**2  # B; the rest of the machine must go on working

_IMPORT = """\
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        print(f"{name} ({type(error).__name__}: {error})")
"""

# Compiles what came without byte code: conda's pure Python packages. `python -m compileall` would look into every file
# of the others too, which takes as long as the work itself.
_COMPILE = """\
import compileall, importlib.util, multiprocessing, os, sys
from concurrent.futures import ProcessPoolExecutor

def sources(tree):
    for folder, folders, files in os.walk(tree):
        folders[:] = [name for name in folders if name not in ("test", "tests", "__pycache__")]
        for name in files:
            path = os.path.join(folder, name)
            if name.endswith(".py") and not os.path.exists(importlib.util.cache_from_source(path)):
                yield path

def compile_one(path):
    compileall.compile_file(path, stripdir=sys.argv[1], prependdir=sys.argv[2], quiet=2)

if __name__ == "__main__":
    with ProcessPoolExecutor(mp_context=multiprocessing.get_context("fork")) as pool:
        list(pool.map(compile_one, sources(sys.argv[1]), chunksize=32))
"""


# pip writes the path of the Python that it runs in into every program: here, of the one that will be in its place.
_PIP = """\
import runpy, sys
sys.executable = sys.argv.pop(1)
runpy.run_module("pip", run_name="__main__", alter_sys=True)
"""


class InstallError(Exception):
    """The environment could not be brought to the lock; the message says why and what to do."""


@dataclass(frozen=True)
class Plan:
    """How an environment differs from a lock; versions by name, before and after for what is replaced."""

    added: dict[str, str]
    removed: dict[str, str]
    replaced: dict[str, tuple[str, str]]
    download: int
    """Bytes of archives to fetch."""

    def changes(self) -> list[str]:
        """Say what will be done; a first installation in one line."""
        if len(self.added) > 10 and not self.removed and not self.replaced:
            of_pypi = sum(name.startswith(_OF_PYPI) for name in self.added)
            beside = f" and {of_pypi} of PyPI" if of_pypi else ""
            return [f"installed {len(self.added) - of_pypi} conda packages{beside}"]
        return [
            *(f"installed {name} {version}" for name, version in self.added.items()),
            *(f"removed {name} {version}" for name, version in self.removed.items()),
            *(f"replaced {name} {old} by {new}" for name, (old, new) in self.replaced.items()),
        ]


class Environment:
    """One conda environment of this machine; the folder above its own must exist."""

    def __init__(self, prefix: Path) -> None:
        """Name the environment that lies, or will lie, at `prefix`."""
        self.prefix = prefix
        # On the same file system as the environment, or there would be no hard links.
        self._cache = prefix.parent / ".packages"
        self._new = prefix.parent / f".{prefix.name}.new"
        self._old = prefix.parent / f".{prefix.name}.old"

    def is_at(self, state: str) -> bool:
        """Tell whether the environment was finished for `state`."""
        try:
            return _marker(self.prefix).read_text() == state and (self.prefix / "bin/python").exists()
        except FileNotFoundError:
            return False

    def plan(self, lock: Lock) -> Plan:
        """Compare what is installed with the lock, without a network."""
        installed: dict[str, tuple[str, str]] = {}
        for path in self.prefix.glob("conda-meta/*.json"):
            record = json.loads(path.read_text())
            installed[record["name"]] = (record["version"], record.get("sha256", ""))
        installed |= {f"{_OF_PYPI}{wheel.name}": (wheel.version, wheel.requirement) for wheel in self._wheels()}
        wanted = {package.name: (package.version, package.sha256) for package in lock.packages}
        wanted |= {f"{_OF_PYPI}{wheel.name}": (wheel.version, wheel.requirement) for wheel in lock.wheels}
        changed = {name for name, exact in wanted.items() if name in installed and installed[name][1] != exact[1]}
        missing = wanted.keys() - installed.keys()
        return Plan(
            added={name: wanted[name][0] for name in sorted(missing)},
            removed={name: installed[name][0] for name in sorted(installed.keys() - wanted.keys())},
            replaced={name: (installed[name][0], wanted[name][0]) for name in sorted(changed)},
            download=sum(package.size for package in lock.packages if package.name in changed | missing),
        )

    def _wheels(self) -> tuple[LockedWheel, ...]:
        """Return what was installed from PyPI."""
        try:
            lines = _wheels_record(self.prefix).read_text()
        except FileNotFoundError:
            return ()
        return parse_wheels(lines)

    def require_space(self, plan: Plan) -> None:
        """Refuse to begin what cannot end: a full disk also stops the students' work."""
        needed = plan.download * UNPACKED + _RESERVE
        free = shutil.disk_usage(self.prefix.parent).free
        if plan.download and free < needed:
            raise InstallError(
                f"{self.prefix.parent} has {free / 1e9:.1f} GB free, but the packages need about {needed / 1e9:.1f} GB "
                f"({plan.download / 1e9:.2f} GB to download).\n"
                "Give the machines a larger disk, or remove packages from environment.yml."
            )

    def install(
        self,
        lock: Lock,
        state: str,
        *,
        imports: Sequence[str],
        user: str | None,
        time_limit: float,
        mirror_url: str = "",
    ) -> None:
        """Make the environment that the lock names, prove that `user` can use it, and put it in place.

        `user` None is whoever runs this. `time_limit` holds for each of packages, PyPI's packages, byte code and
        imports, in seconds. PyPI's come from `simple/` below `mirror_url` if there is one.
        """
        shutil.rmtree(self._new, ignore_errors=True)
        try:
            import asyncio  # here, as it takes 10 ms to load, and each machine is only asked, mostly

            asyncio.run(asyncio.wait_for(self._link(lock), time_limit))
            if lock.wheels:
                self._install_wheels(lock.wheels, mirror_url, time_limit)
            self._compile(time_limit)
            self._require_imports(imports, user, time_limit)
        except TimeoutError as error:
            raise InstallError(
                f"The packages were not there after {time_limit:.0f} s. What was fetched is kept: run again."
            ) from error
        except subprocess.TimeoutExpired as error:
            raise InstallError(f"{' '.join(error.cmd[:3])} took more than {time_limit:.0f} s. Run again.") from error
        with _marker(self._new).open("w") as marker:
            marker.write(state)
        shutil.rmtree(self._old, ignore_errors=True)
        if self.prefix.exists():
            try:
                self.prefix.rename(self._old)
            except OSError as error:
                if error.errno != errno.EXDEV:
                    raise
                # An overlay file system cannot rename a folder that came with the image.
                shutil.rmtree(self.prefix)
        self._new.rename(self.prefix)
        shutil.rmtree(self._old, ignore_errors=True)
        self._forget_all_but(lock)

    async def _link(self, lock: Lock) -> None:
        from rattler import Client, install  # installed by now
        from rattler.exceptions import InstallerError
        from rattler.package_cache import PackageCache, PackageCacheLayer, ValidationMode

        # What earlier runs fetched is used, but only if every file in it still has its hash.
        layer = PackageCacheLayer(self._cache).with_validation_mode(ValidationMode.full())
        try:
            await install(
                to_records(lock.packages),
                self._new,
                alternative_target_prefix=self.prefix,
                package_cache=PackageCache.from_layers([layer]),
                client=Client.default_client(max_retries=5),
                execute_link_scripts=False,
                show_progress=False,
            )
        except InstallerError as error:
            lines = [line.removeprefix("Caused by: ").rstrip(".") for line in str(error).splitlines()]
            causes = "; ".join(line for line in lines if line and "package cache layer" not in line)
            raise InstallError(
                f"The packages could not be installed: {causes}.\n"
                "Run again. If it stays, the channel has changed since the packages were chosen: delete the lock and "
                "run configure.yml."
            ) from error

    def _install_wheels(self, wheels: Sequence[LockedWheel], mirror_url: str, time_limit: float) -> None:
        """Install PyPI's packages by the environment's own pip, and prove that conda's are as they were."""
        condas = {_name_of(folder) for folder in self._new.glob(_METADATA)}
        if both := sorted(wheel.name for wheel in wheels if wheel.name in condas):
            raise InstallError(
                f"pip would replace what conda has installed: {', '.join(both)}.\n"
                "Take these out of the `pip:` section of environment.yml, or conda's out of `dependencies:`."
            )
        requirements = _wheels_record(self._new)
        requirements.write_text("".join(f"{wheel.requirement}\n" for wheel in wheels))
        done = subprocess.run(
            [
                *(str(self._new / "bin/python"), "-s", "-c", _PIP, str(self.prefix / "bin/python"), "install"),
                *("--quiet", "--no-input", "--no-cache-dir", "--disable-pip-version-check", "--no-compile"),
                *("--no-warn-script-location", "--root-user-action=ignore"),
                *("--require-hashes", "--no-deps", "--only-binary=:all:", *index_options(mirror_url)),
                *("--requirement", str(requirements)),
            ],
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
            timeout=time_limit,
        )
        if done.returncode != 0:
            shutil.rmtree(self._new, ignore_errors=True)  # a disk that is full stays full otherwise
            raise InstallError(_words_of_pip(done.stderr))
        self._require_condas_files()

    def _require_condas_files(self) -> None:
        """Refuse a wheel that wrote over a file of conda's: two packages may have one under different names."""
        condas: dict[str, tuple[str, str]] = {}
        for path in self._new.glob("conda-meta/*.json"):
            record = json.loads(path.read_text())
            for file in record.get("paths_data", {}).get("paths", []):
                digest = file.get("sha256_in_prefix") or file.get("sha256") or ""
                condas[file["_path"]] = (record["name"], digest)
        for folder in self._new.glob(_METADATA):
            installer = folder / "INSTALLER"
            if not installer.is_file() or installer.read_text().strip() != "pip":
                continue
            with (folder / "RECORD").open(newline="") as listed:
                files = [os.path.normpath(folder.parent / row[0]) for row in csv.reader(listed) if row]
            for file in files:
                name, digest = condas.get(os.path.relpath(file, self._new), ("", ""))
                if name and hashlib.sha256(Path(file).read_bytes()).hexdigest() != digest:
                    raise InstallError(
                        f"{_name_of(folder)}, of the `pip:` section, would replace {os.path.relpath(file, self._new)} "
                        f"of conda's package {name}.\nTake one of the two out of environment.yml."
                    )

    def _compile(self, time_limit: float) -> None:
        """Write byte code: students may not, so each of them would compile everything at every start.

        Files that do not compile (templates, samples of broken code) are nobody's loss.
        """
        argv = [str(self._new / "bin/python"), "-c", _COMPILE, str(self._new), str(self.prefix)]
        subprocess.run(argv, capture_output=True, check=False, timeout=time_limit)

    def _require_imports(self, names: Sequence[str], user: str | None, time_limit: float) -> None:
        with tempfile.TemporaryDirectory() as home:
            if user:
                shutil.chown(home, user)
            done = subprocess.run(
                [str(self._new / "bin/python"), "-c", _IMPORT, *names],
                env={"HOME": home, "PATH": "/usr/bin:/bin", "MPLCONFIGDIR": home, "LANG": "C.UTF-8"},
                cwd=home,
                user=user,
                extra_groups=[] if user else None,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=time_limit,
            )
        if done.returncode != 0 or done.stdout.strip():
            said = done.stdout.strip().splitlines() or done.stderr.strip().splitlines()[-1:] or ["no message"]
            raise InstallError(
                f"The new environment is not put in place, because an ordinary user cannot import: "
                f"{', '.join(said[:5])}.\n"
                "Put the package into environment.yml, or take the name out of conda_imports."
            )

    def _forget_all_but(self, lock: Lock) -> None:
        kept = {".cache.lock"}
        for package in lock.packages:
            stem = package.file_name.removesuffix(".conda").removesuffix(".tar.bz2")
            kept |= {stem, f"{stem}.lock"}
        for path in self._cache.iterdir():
            if path.name in kept:
                continue
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()


def index_options(mirror_url: str) -> list[str]:
    """Return the options that have pip read the index of a mirror; none if there is no mirror."""
    if not mirror_url:
        return []
    index = mirror_url.rstrip("/") + "/simple/"
    # pip wants to hear that http is meant; the hashes hold all the same.
    return ["--index-url", index, *(["--trusted-host", urlsplit(index).netloc] if index.startswith("http://") else [])]


def _words_of_pip(said: str) -> str:
    """Say why pip installed nothing."""
    if found := re.search(r"^\s*(\S+) from (\S+).*:\s*\n\s*Expected sha256", said, re.MULTILINE):
        return (
            f"{found[1].partition('==')[0]} of PyPI has other bytes than the lock says: {found[2].partition('#')[0]}\n"
            "Run again. If it stays, the index has changed since the packages were chosen: delete the lock and run "
            "configure.yml."
        )
    errors = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")]
    words = " / ".join((errors or said.strip().splitlines() or ["pip said nothing"])[-2:])
    return f"The packages of PyPI could not be installed: {words}\nRun again."


def _name_of(metadata: Path) -> str:
    """Return the name of a Python package, as PyPI writes it, by its folder of metadata."""
    return re.sub(r"[-_.]+", "-", metadata.name.partition("-")[0]).lower()


def _wheels_record(prefix: Path) -> Path:
    return prefix / "conda-meta" / "class-wheels"


def _marker(prefix: Path) -> Path:
    return prefix / "conda-meta" / "class-lock"
