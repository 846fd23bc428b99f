"""From the `pip:` section to a lock: PyPI's wheels that go with conda's packages, chosen on the control node.

uv resolves, for the machines' platform and Python. What conda has locked is shown to it as wheels that have a name and
a version and nothing else: it is taken as it is, needs nothing, and is not looked for on an index.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.environment_file import (
    EnvironmentFileError,
    Mistake,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import Lock, LockedWheel
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.requirements import requirement
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.specs import match_spec

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.environment_file import (
        Dependency,
        EnvironmentFile,
    )
    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import (
        LockedPackage,
        Request,
    )

# What conda-forge and PyPI call by two names. What is missing here, a machine refuses to install over conda's.
_ON_PYPI = {
    "brotli-python": "brotli",
    "dask-core": "dask",
    "matplotlib-base": "matplotlib",
    "msgpack-python": "msgpack",
    "opencv": "opencv-python",
    "py-opencv": "opencv-python",
    "py-xgboost": "xgboost",
    "pyqt": "pyqt5",
    "pytables": "tables",
    "python-graphviz": "graphviz",
    "python-tzdata": "tzdata",
    "pytorch": "torch",
    "seaborn-base": "seaborn",
    "tensorflow-base": "tensorflow",
}
_OF_CONDA = "+conda"
"""The local version (PEP 440) of what conda has: no index has a wheel of it."""
# The oldest C library among the machines is the one that conda's solver is told of.
_PLATFORMS = {"linux-64": "x86_64-manylinux_2_36", "linux-aarch64": "aarch64-manylinux_2_36"}
_TIME_LIMIT = 900.0  # s, for one question
# For what has to be known of no Python but its being one.
_ANY_PYTHON = "3.12"
_NOT_FOUND = re.compile(r"([\w.-]+) was not found in the package registry")
_PINNED = re.compile(r"^([A-Za-z0-9._-]+)==(\S+)((?:\s+--hash=sha256:[0-9a-f]{64})+)$", re.MULTILINE)


class WheelError(Exception):
    """No wheels could be chosen; the message says why and what to do."""


def choose_wheels(environment: EnvironmentFile, lock: Lock, old: Lock | None, mirror: str) -> tuple[LockedWheel, ...]:
    """Choose the wheels that the `pip:` section asks for beside the packages of `lock`.

    Those of the `old` lock stay where nothing asks for others. Raise EnvironmentFileError with what cannot be had.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _Resolver(environment, lock, mirror, Path(folder)).resolve(old.wheels if old else ())


def unknown_wheels(environment: EnvironmentFile, wanted: Request, mirror: str) -> list[Mistake]:
    """List the lines of the `pip:` section that name what no index has, whatever conda's packages will be.

    Nothing where the index cannot be asked: it is to be told of mistakes that are known already.
    """
    with tempfile.TemporaryDirectory() as folder:
        resolver = _Resolver(environment, Lock(wanted, ()), mirror, Path(folder))
        try:
            return [mistake for dependency in environment.pip for mistake in resolver.unknown(dependency)]
        except WheelError:
            return []


class _Resolver:
    """uv, with what conda has locked in its sight."""

    def __init__(self, environment: EnvironmentFile, lock: Lock, mirror: str, folder: Path) -> None:
        from packaging.utils import canonicalize_name
        from packaging.version import InvalidVersion, Version

        self._environment = environment
        self._lock = lock
        self._mirror = mirror
        self._folder = folder
        self._python = next((p.version for p in lock.packages if p.name == "python"), _ANY_PYTHON)
        # What conda has of PyPI's packages: its package, and the version as PyPI writes it, by PyPI's name.
        self._condas: dict[str, tuple[LockedPackage, str]] = {}
        for package in lock.packages:
            if "python" not in _needs(package):
                continue
            try:
                version = Version(package.version).public
            except InvalidVersion:  # none of PyPI's
                continue
            self._condas[canonicalize_name(_ON_PYPI.get(package.name, package.name))] = (package, version)
        self._shown_as_on_pypi: set[str] = set()

    def resolve(self, before: Iterable[LockedWheel]) -> tuple[LockedWheel, ...]:
        kept = "".join(f"{wheel.name}=={wheel.version}\n" for wheel in before)
        done = self._ask(self._environment.pip, kept)
        # An extra is known only to the package as PyPI has it.
        while new := {name for name, _ in _missing_extras(done.stderr) if _OF_CONDA in name}:
            self._shown_as_on_pypi |= {name.partition("==")[0] for name in new}
            done = self._ask(self._environment.pip, kept)
        if done.returncode != 0:
            raise EnvironmentFileError(self._environment.file, self._mistakes(done.stderr))
        self._require_extras(done.stderr)
        pinned = _PINNED.findall(re.sub(r"\s*\\\n\s*", " ", done.stdout))
        return tuple(
            LockedWheel(name, version, tuple(sorted(re.findall(r"sha256:([0-9a-f]{64})", hashes))))
            for name, version, hashes in pinned
            if name not in self._condas
        )

    def unknown(self, dependency: Dependency) -> list[Mistake]:
        """Say of a line that names what no index has that it does; nothing of any other."""
        done = self._ask([dependency], alone=True)
        found = _NOT_FOUND.search(" ".join(done.stderr.split()))
        return [self._mistake(dependency, done.stderr)] if found and found[1] == _name(dependency) else []

    def _ask(
        self, asked: Sequence[Dependency], kept: str = "", *, alone: bool = False
    ) -> subprocess.CompletedProcess[str]:
        from uv import find_uv_bin

        stubs = self._folder / "conda"
        stubs.mkdir(exist_ok=True)
        constraints = []
        for name, (_, version) in self._condas.items():
            if name in self._shown_as_on_pypi:
                constraints.append(f"{name}=={version}")
                (stubs / _stub_name(name, version)).unlink(missing_ok=True)
            else:
                constraints.append(f"{name}=={version}{_OF_CONDA}")
                _write_stub(stubs, name, version)
        for file, lines in (("pip.in", [d.spec for d in asked]), ("conda.txt", constraints)):
            (self._folder / file).write_text("".join(f"{line}\n" for line in lines))
        (self._folder / "pip.txt").write_text(kept)
        try:
            done = subprocess.run(
                [
                    *(find_uv_bin(), "pip", "compile", "pip.in", "--constraints", "conda.txt", "--find-links", "conda"),
                    *("--output-file", "pip.txt", "--generate-hashes", "--no-header", "--no-annotate"),
                    *("--python", sys.executable, "--no-python-downloads", "--python-version", self._python),
                    *("--python-platform", _PLATFORMS[self._lock.request.platform], "--only-binary", ":all:"),
                    *("--no-cache", "--color", "never"),
                    *(["--no-deps"] if alone else []),
                    *(["--default-index", f"{self._mirror.rstrip('/')}/simple/"] if self._mirror else []),
                ],
                cwd=self._folder,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
                timeout=_TIME_LIMIT,
            )
        except subprocess.TimeoutExpired as error:
            raise WheelError(
                f"The packages below `pip:` were not chosen after {_TIME_LIMIT:.0f} s. Run again."
            ) from error
        if done.returncode != 0 and "No solution found" not in done.stderr:
            said = [line.strip() for line in done.stderr.splitlines() if line.strip()] or ["uv said nothing"]
            raise WheelError(
                f"The packages below `pip:` could not be looked up: {said[0].removeprefix('error: ')} / "
                f"{said[-1].removeprefix('cause: ').removeprefix('Caused by: ')}\n"
                "Check the connection, or `class_mirror_url`, and run again."
            )
        return done

    def _mistakes(self, together: str) -> list[Mistake]:
        """Say which lines cannot be had by themselves; if all can, which do not go together."""
        asked = self._environment.pip
        alone = [(dependency, self._ask([dependency])) for dependency in asked] if len(asked) > 1 else []
        failed = [(dependency, done.stderr) for dependency, done in alone if done.returncode != 0]
        if failed or not alone:
            return [self._mistake(dependency, said) for dependency, said in failed or [(asked[0], together)]]
        names = set(re.findall(r"[\w.-]+", together))
        clashing = [d for d in asked if _name(d) in names] or list(asked)
        others = " and ".join(f"`{d.spec}` (line {d.line})" for d in clashing[1:])
        what = f"`{clashing[0].spec}` does not go together with {others or 'the others'}: {_reason(together)}."
        return [Mistake(clashing[0].line, what, "Loosen or remove one of them.")]

    def _mistake(self, dependency: Dependency, said: str) -> Mistake:
        text = " ".join(said.split())
        spec = dependency.spec
        if found := _NOT_FOUND.search(text):
            whose = "" if found[1] == _name(dependency) else f", which `{spec}` needs"
            return Mistake(
                dependency.line,
                f"PyPI has no package {found[1]}{whose}.",
                "Look its name up there; what conda-forge has stands further up, outside of `pip:`.",
            )
        if found := re.search(r"([\w.-]+?)(?:[<>=!~]=?\S+)? has no (?:usable )?wheels", text):
            return Mistake(
                dependency.line,
                f"no wheel of {found[1]} fits Python {self._python} on {self._lock.request.platform}, "
                "and nothing is built on the machines.",
                "Ask for another version, take it from conda-forge (further up, outside of `pip:`), or leave it out.",
            )
        clash = [n for n in re.findall(r"([\w.-]+)==\S+?\+conda", text) if n in self._condas]
        if clash:
            package, version = self._condas[clash[0]]
            return Mistake(
                dependency.line,
                f"`{spec}` does not go together with conda's {package.name} {version}, "
                f"which {self._asks_for(package)}.",
                "Change one of the two lines: pip replaces nothing of conda's.",
            )
        return Mistake(
            dependency.line, f"`{spec}` cannot be had: {_reason(said)}.", "Loosen the version, or leave it out."
        )

    def _asks_for(self, package: LockedPackage) -> str:
        """Say which line of `dependencies` asks for a package of conda's, by itself or by what it needs."""
        by_name = {p.name: p for p in self._lock.packages}
        asked = {match_spec(d.spec).name.normalized: d for d in self._environment.dependencies}
        if direct := asked.get(package.name):
            return f"line {direct.line} asks for (`{direct.spec}`)"
        for name, dependency in asked.items():
            reached, new = set[str](), {name}
            while new:
                reached |= new
                new = {need for n in new if n in by_name for need in _needs(by_name[n])} - reached
            if package.name in reached:
                return f"`{dependency.spec}` in line {dependency.line} brings along"
        return "the environment has in any case"

    def _require_extras(self, said: str) -> None:
        missing = {(name.partition("==")[0], extra) for name, extra in _missing_extras(said)}
        mistakes = [
            Mistake(dependency.line, f"{_name(dependency)} has no extra {extra}.", "Take it out, or mend its name.")
            for dependency in self._environment.pip
            for extra in sorted(requirement(dependency.spec).extras)
            if (_name(dependency), extra) in missing
        ]
        if mistakes:
            raise EnvironmentFileError(self._environment.file, mistakes)


def _needs(package: LockedPackage) -> set[str]:
    return {need.split()[0] for need in package.record.get("depends", [])}


def _name(dependency: Dependency) -> str:
    from packaging.utils import canonicalize_name

    return str(canonicalize_name(requirement(dependency.spec).name))


def _missing_extras(said: str) -> list[tuple[str, str]]:
    return re.findall(r"The package `(\S+)` does not have an extra named `(\S+)`", said)


def _reason(said: str) -> str:
    """Return why uv found nothing, without the steps in between."""
    text = " ".join(said.partition("cause:")[2].partition("hint:")[0].split())
    return text.partition(", we can conclude")[0].removeprefix("Because ").replace(_OF_CONDA, "")[:300]


def _stub_name(name: str, version: str) -> str:
    return f"{name.replace('-', '_')}-{version}{_OF_CONDA}-py3-none-any.whl"


def _write_stub(folder: Path, name: str, version: str) -> None:
    """Write a wheel that has nothing but a name and a version."""
    info = f"{name.replace('-', '_')}-{version}{_OF_CONDA}.dist-info"
    with zipfile.ZipFile(folder / _stub_name(name, version), "w") as wheel:
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}{_OF_CONDA}\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
