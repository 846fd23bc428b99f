"""From environment.yml to a lock: the exact packages for the machines, chosen on the control node."""

from __future__ import annotations

import asyncio
import difflib
import json
import re
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda import channels
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.environment_file import (
    EnvironmentFileError,
    Mistake,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import (
    Lock,
    LockedPackage,
    Request,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.rattler_records import to_records
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.specs import match_spec
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.wheels import (
    choose_wheels,
    unknown_wheels,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.environment_file import (
        Dependency,
        EnvironmentFile,
    )
    from rattler import Gateway, MatchSpec, RepoDataRecord

# The oldest C library among the machines: Debian 12's. The control node may be a Mac, so nothing is asked of it.
_GLIBC = "2.36"
# Not about the package itself: where and when it was seen.
_NOT_OF_THE_PACKAGE = {"url", "fn", "channel", "sha256", "indexed_timestamp"}
_TIME_LIMIT = 900.0  # s


class SolveError(Exception):
    """There is no such environment; the message says why and what to change."""


def request(environment: EnvironmentFile, mirror: str, platform: str, if_offered: Sequence[str]) -> Request:
    """Say what a lock for `environment` must have been made for; raise SolveError for a mirror with a login."""
    if channels.without_login(mirror) != mirror:
        raise SolveError(
            "class_mirror_url has a login in it, which everybody could read: in the lock and on the machines.\n"
            "Set it in group_vars/all/class.yml to a server that asks for none, then run again."
        )
    addresses = tuple(channels.address(name, mirror) for name in environment.channels)
    return Request(environment.sha256, addresses, platform, tuple(if_offered), environment.variables)


def solve(environment: EnvironmentFile, wanted: Request, old: Lock | None, mirror: str) -> Lock:
    """Choose packages; those of the `old` lock stay where nothing asks for others.

    Raise EnvironmentFileError with all mistakes of the file, those that only the channels know among them.
    """
    try:
        lock = asyncio.run(asyncio.wait_for(_Channels(wanted, mirror).solve(environment, old), _TIME_LIMIT))
    except EnvironmentFileError as error:  # there is nothing to choose wheels for, but their names can be looked up
        raise EnvironmentFileError(
            environment.file, sorted({*error.mistakes, *unknown_wheels(environment, wanted, mirror)})
        ) from error
    except TimeoutError as error:
        raise SolveError(f"No solution after {_TIME_LIMIT:.0f} s. Name versions in environment.yml.") from error
    return replace(lock, wheels=choose_wheels(environment, lock, old, mirror)) if environment.pip else lock


class _Channels:
    """The channels of a request while they are asked."""

    def __init__(self, wanted: Request, mirror: str) -> None:
        from rattler import Channel, Subdir

        self._wanted = wanted
        self._mirror = mirror
        self._channels = [Channel(address) for address in wanted.channels]
        self._subdirs = [Subdir(wanted.platform), Subdir("noarch")]

    async def solve(self, environment: EnvironmentFile, old: Lock | None) -> Lock:
        from rattler import Gateway, GenericVirtualPackage, PackageName, Version
        from rattler import solve as rattler_solve
        from rattler.exceptions import GatewayError, SolverError
        from rattler.package import BuildString

        with tempfile.TemporaryDirectory() as cache:
            gateway = Gateway(cache_dir=cache, show_progress=False)
            try:
                offered = {name.normalized for name in await gateway.names(self._channels, self._subdirs)}
                offered |= {name for name, _, _ in _machine(self._wanted.platform)}
                mistakes = [*environment.mistakes, *await self._mistakes(gateway, environment, offered)]
                if mistakes:
                    raise EnvironmentFileError(environment.file, sorted(mistakes))
                records = await rattler_solve(
                    sources=self._channels,
                    specs=[
                        *(match_spec(dependency.spec, self._mirror) for dependency in environment.dependencies),
                        *(name for name in self._wanted.if_offered if name in offered),
                        *(["pip"] if environment.pip else []),  # conda brings it only where it is asked for
                    ],
                    gateway=gateway,
                    platforms=self._subdirs,
                    locked_packages=to_records(old.packages) if old else None,
                    virtual_packages=[
                        GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
                        for name, version, build in _machine(self._wanted.platform)
                    ],
                )
            except GatewayError as error:
                if environment.mistakes:  # they are to be mended in any case
                    raise EnvironmentFileError(environment.file, environment.mistakes) from error
                raise SolveError(
                    f"The channels {self._named} cannot be read: {_last_cause(error)}.\n"
                    "Check the connection and the names under `channels:` in environment.yml, then run again."
                ) from error
            except SolverError as error:
                raise SolveError(
                    f"{environment.file} asks for packages that do not go together"
                    f"{_lines_named(environment, str(error))}:\n{_shortened(str(error))}\n"
                    "Loosen or remove one of the versions named here."
                ) from error
        return Lock(self._wanted, tuple(_locked(record) for record in records))

    @property
    def _named(self) -> str:
        return " ".join(self._wanted.channels)

    async def _mistakes(self, gateway: Gateway, environment: EnvironmentFile, offered: set[str]) -> list[Mistake]:
        """List what no channel has, whatever else is asked for."""
        asked = [(d, match_spec(d.spec, self._mirror)) for d in environment.dependencies]
        unknown = [(d, s.name.normalized) for d, s in asked if s.name.normalized not in offered]
        elsewhere = await self._of_other_systems(gateway) if unknown else {}
        mistakes = []
        for dependency, name in unknown:
            if name.startswith("__"):
                what = f"the machines have no {name}, as conda calls what a package may ask of a computer."
                mistakes.append(Mistake(dependency.line, what, "Take this line out."))
                continue
            near = difflib.get_close_matches(name, offered, n=3, cutoff=0.6)
            remedy = f"Did you mean {' or '.join(near)}?" if near else "Look the name up on the channel's web site."
            if name in elsewhere:
                remedy = f"It has one for {elsewhere[name]}: take out what an export from there brought along."
            mistakes.append(Mistake(dependency.line, f"{self._named} has no package {name}.", remedy))
        known = [(d, s) for d, s in asked if s.name.normalized in offered and not s.name.normalized.startswith("__")]
        names = sorted({spec.name.normalized for _, spec in known})
        answer = await gateway.query(self._channels, self._subdirs, names, recursive=False) if names else []
        records = [record for of_folder in answer for record in of_folder]
        for dependency, spec in known:
            if not any(spec.matches(record) for record in records):
                mistakes.append(self._unfitting(dependency, spec, records))
        return mistakes

    async def _of_other_systems(self, gateway: Gateway) -> dict[str, str]:
        """Return for which system a channel has a package, by name, of those that have few others."""
        from rattler import Subdir
        from rattler.exceptions import GatewayError

        found: dict[str, str] = {}
        for subdir, system in (("win-64", "Windows"), ("osx-arm64", "macOS")):
            try:
                names = await gateway.names(self._channels, [Subdir(subdir)])
            except GatewayError:  # a mirror need not have it
                continue
            found |= {name.normalized: system for name in names}
        return found

    def _unfitting(self, dependency: Dependency, spec: MatchSpec, records: Sequence[RepoDataRecord]) -> Mistake:
        name = spec.name.normalized
        there = [record for record in records if record.name.normalized == name]
        same = [record for record in there if spec.version and _matches(f"{name} {spec.version}", record)]
        if spec.build and (same or not spec.version):
            version = str(spec.version or "").removeprefix("==")
            loose = f"{name}{'=' if version[:1].isdigit() else ''}{version}"
            return Mistake(
                dependency.line,
                f"{self._named} has no build of {name} that fits `{dependency.spec}`.",
                f"Builds are for one kind of machine and are renewed: write `{loose}`.",
            )
        versions = [str(version) for version in sorted({record.version for record in there}, reverse=True)]
        newest = ", ".join(versions[:5]) + (", …" if len(versions) > 5 else "")
        return Mistake(
            dependency.line,
            f"{self._named} has no version of {name} that fits `{dependency.spec}`.",
            f"It has {newest}. Ask for one of these, or for none.",
        )


def _machine(platform: str) -> list[tuple[str, str, str]]:
    """List what conda calls virtual packages: what a package may ask of the machine itself."""
    architecture = {"linux-64": "x86_64", "linux-aarch64": "aarch64"}[platform]
    return [
        ("__unix", "0", "0"),
        ("__linux", "6.1", "0"),
        ("__glibc", _GLIBC, "0"),
        ("__archspec", "1", architecture),
    ]


def _matches(spec: str, record: RepoDataRecord) -> bool:
    from rattler import MatchSpec

    return bool(MatchSpec(spec).matches(record))


def _lines_named(environment: EnvironmentFile, reason: str) -> str:
    """Name the lines of which the solver speaks, such as " (lines 4 and 6)"."""
    words = set(re.findall(r"[\w.-]+", reason))
    lines = sorted({d.line for d in environment.dependencies if match_spec(d.spec).name.normalized in words})
    return f" (line{'s' * (len(lines) > 1)} {' and '.join(map(str, lines))})" if lines else ""


def _locked(record: Any) -> LockedPackage:
    fields = json.loads(record.to_json())
    if "sha256" not in fields:
        raise SolveError(
            f"The channel gives no sha256 for {fields['name']}, so it cannot be locked: use another channel."
        )
    kept = {key: value for key, value in fields.items() if key not in _NOT_OF_THE_PACKAGE and value is not None}
    front = {key: kept.pop(key) for key in ("name", "version", "build")}
    return LockedPackage({**front, **kept}, fields["url"], fields["sha256"])


def _shortened(reason: str) -> str:
    """Keep the beginning and the end of the solver's tree: who asks, and what stands against it."""
    lines = [line for line in reason.strip().splitlines() if line.strip()]
    return "\n".join(lines if len(lines) <= 3 else [lines[0], lines[-2], lines[-1]])


def _last_cause(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].removeprefix("Caused by: ").rstrip(".")
