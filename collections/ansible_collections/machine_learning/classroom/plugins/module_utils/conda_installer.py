"""Bring one conda environment on this machine to a lock.

rattler (the engine of pixi) verifies, unpacks and links the packages. What it leaves to others is done here: byte code,
a proof that the packages can be imported, and repair of an installation that was cut off.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .conda_rattler import to_records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from .conda_lockfile import Lock

# Installed size and byte code, per byte of archive: conda-forge compresses about so well.
_UNPACKED = 5
_RESERVE = 200 * 1024**2  # B; the rest of the machine must go on working

_IMPORT = """\
import importlib, sys
for name in sys.argv[1:]:
    try:
        importlib.import_module(name)
    except BaseException as error:
        print(f"{name} ({type(error).__name__}: {error})")
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

    def words(self) -> list[str]:
        """Say what will be done; a first installation in one line."""
        if len(self.added) > 10 and not self.removed and not self.replaced:
            return [f"installed {len(self.added)} conda packages"]
        return [
            *(f"installed {name} {version}" for name, version in self.added.items()),
            *(f"removed {name} {version}" for name, version in self.removed.items()),
            *(f"replaced {name} {old} by {new}" for name, (old, new) in self.replaced.items()),
        ]


class Environment:
    """One conda environment of this machine, with the archives' cache that lies beside it while it changes."""

    def __init__(self, prefix: Path) -> None:
        """Name the environment that lies, or will lie, at `prefix`; the folder above it must exist."""
        self.prefix = prefix
        self._cache = prefix.parent / ".packages"
        # Outside the prefix, so that it stays when an unfinished prefix is removed.
        self._unfinished = prefix.parent / f".{prefix.name}.unfinished"
        self._marker = prefix / "conda-meta" / "class-lock"

    @property
    def python(self) -> Path:
        """The environment's interpreter."""
        return self.prefix / "bin" / "python"

    def is_at(self, state: str) -> bool:
        """Tell whether the environment was finished for `state` and not touched by another run since."""
        try:
            return self._marker.read_text() == state and self.python.exists() and not self._unfinished.exists()
        except FileNotFoundError:
            return False

    def is_unfinished(self) -> bool:
        """Tell whether a run was cut off in the middle."""
        return self._unfinished.exists()

    def plan(self, lock: Lock) -> Plan:
        """Compare what is installed with the lock, without a network."""
        installed: dict[str, tuple[str, str]] = {}
        if not self.is_unfinished():
            for path in self.prefix.glob("conda-meta/*.json"):
                record = json.loads(path.read_text())
                installed[record["name"]] = (record["version"], record.get("sha256", ""))
        wanted = {package.name: package for package in lock.packages}
        changed = {n for n, p in wanted.items() if n in installed and installed[n][1] != p.sha256}
        return Plan(
            added={name: wanted[name].version for name in sorted(wanted.keys() - installed.keys())},
            removed={name: installed[name][0] for name in sorted(installed.keys() - wanted.keys())},
            replaced={name: (installed[name][0], wanted[name].version) for name in sorted(changed)},
            download=sum(p.size for n, p in wanted.items() if n in changed or n not in installed),
        )

    def require_space(self, plan: Plan) -> None:
        """Refuse to begin what cannot end: a full disk also stops the students' work."""
        needed = plan.download * _UNPACKED + _RESERVE
        free = shutil.disk_usage(self.prefix.parent).free
        if plan.download and free < needed:
            raise InstallError(
                f"{self.prefix.parent} has {free / 1e9:.1f} GB free, but the packages need about {needed / 1e9:.1f} GB "
                f"({plan.download / 1e9:.2f} GB to download).\n"
                "Give the machines a larger disk, or remove packages from environment.yml."
            )

    def install(self, lock: Lock, *, time_limit: float) -> None:
        """Fetch, verify and link what the lock names and unlink the rest; anew after a run that was cut off."""
        if self.is_unfinished():
            shutil.rmtree(self.prefix, ignore_errors=True)
        self._unfinished.touch()
        self._marker.unlink(missing_ok=True)
        try:
            asyncio.run(asyncio.wait_for(self._link(lock), time_limit))
        except TimeoutError as error:
            raise InstallError(
                f"The packages were not there after {time_limit:.0f} s. What was fetched is kept: run again."
            ) from error

    async def _link(self, lock: Lock) -> None:
        from rattler import Client, install  # installed by now
        from rattler.exceptions import InstallerError
        from rattler.package_cache import PackageCache, PackageCacheLayer, ValidationMode

        # What an earlier run left is used, but only if every file in it still has its hash.
        layer = PackageCacheLayer(self._cache).with_validation_mode(ValidationMode.full())
        try:
            await install(
                to_records(lock.packages),
                self.prefix,
                package_cache=PackageCache.from_layers([layer]),
                client=Client.default_client(max_retries=5),
                execute_link_scripts=False,
                show_progress=False,
            )
        except InstallerError as error:
            causes = [line.removeprefix("Caused by: ") for line in str(error).splitlines() if line.strip()]
            raise InstallError(
                f"The packages could not be installed: {'; '.join(causes)}.\n"
                "Run again; if it stays, delete environment.lock to choose packages anew."
            ) from error

    def compile(self, *, time_limit: float) -> None:
        """Write byte code: students may not, so each of them would compile everything at every start.

        Files that do not compile (templates, samples of broken code) are nobody's loss.
        """
        libraries = sorted(self.prefix.glob("lib/python3.*"))
        argv = [str(self.python), "-m", "compileall", "-q", "-q", "-j", "0", "-x", r"/tests?/", *map(str, libraries)]
        try:
            subprocess.run(argv, capture_output=True, check=False, timeout=time_limit)
        except subprocess.TimeoutExpired as error:
            raise InstallError(f"Compiling the packages took more than {time_limit:.0f} s. Run again.") from error

    def require_imports(self, names: Sequence[str], *, user: str | None, time_limit: float) -> None:
        """Prove that `user` (None: whoever runs this) can import `names`."""
        with tempfile.TemporaryDirectory() as home:
            if user:
                shutil.chown(home, user)
            environment = {"HOME": home, "PATH": "/usr/bin:/bin", "MPLCONFIGDIR": home, "LANG": "C.UTF-8"}
            try:
                done = subprocess.run(
                    [self.python, "-c", _IMPORT, *names],
                    env=environment,
                    cwd=home,
                    user=user,
                    extra_groups=[] if user else None,
                    capture_output=True,
                    text=True,
                    errors="replace",
                    check=False,
                    timeout=time_limit,
                )
            except subprocess.TimeoutExpired as error:
                raise InstallError(f"Importing {', '.join(names)} took more than {time_limit:.0f} s.") from error
        if done.returncode != 0 or done.stdout.strip():
            failed = (
                done.stdout.strip().splitlines() or done.stderr.strip().splitlines()[-1:] or [f"exit {done.returncode}"]
            )
            raise InstallError(
                f"The environment is installed, but {user or 'nobody'} cannot import: {', '.join(failed[:5])}.\n"
                "Put the package into environment.yml, or take the name out of conda_imports."
            )

    def finish(self, state: str) -> None:
        """Say that the environment is whole; the last step of an installation."""
        shutil.rmtree(self._cache, ignore_errors=True)
        with self._marker.open("w") as marker:
            marker.write(state)
            marker.flush()
            os.fsync(marker.fileno())
        self._unfinished.unlink(missing_ok=True)
