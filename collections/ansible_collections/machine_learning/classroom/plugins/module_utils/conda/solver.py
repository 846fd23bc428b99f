"""From environment.yml to a lock: the exact packages for the machines, chosen on the control node."""

from __future__ import annotations

import asyncio
import difflib
import json
import tempfile
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import (
    Lock,
    LockedPackage,
    Request,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.rattler_records import to_records

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.environment_file import (
        EnvironmentFile,
    )

# The oldest C library among the machines: Debian 12's. The control node may be a Mac, so nothing is asked of it.
_GLIBC = "2.36"
# Not about the package itself: where and when it was seen.
_NOT_OF_THE_PACKAGE = {"url", "fn", "channel", "sha256", "indexed_timestamp"}
_TIME_LIMIT = 900.0  # s


class SolveError(Exception):
    """There is no such environment; the message says why and what to change."""


def channel_address(name: str, mirror: str) -> str:
    """Where the channel `name` is fetched from: below `mirror` if there is one."""
    if "://" in name:
        return name.rstrip("/") + "/"
    if mirror:
        return f"{mirror.rstrip('/')}/{name}/"
    from rattler import Channel

    return str(Channel(name).base_url)


def request(environment: EnvironmentFile, mirror: str, platform: str, if_offered: Sequence[str]) -> Request:
    """Say what a lock for `environment` must have been made for."""
    channels = tuple(channel_address(name, mirror) for name in environment.channels)
    return Request(environment.sha256, channels, platform, tuple(if_offered))


def solve(environment: EnvironmentFile, wanted: Request, old: Lock | None) -> Lock:
    """Choose packages; those of the `old` lock stay where nothing asks for others."""
    try:
        return asyncio.run(asyncio.wait_for(_solve(environment, wanted, old), _TIME_LIMIT))
    except TimeoutError as error:
        raise SolveError(f"No solution after {_TIME_LIMIT:.0f} s. Name versions in environment.yml.") from error


async def _solve(environment: EnvironmentFile, wanted: Request, old: Lock | None) -> Lock:
    from rattler import Channel, Gateway, GenericVirtualPackage, PackageName, Subdir, Version
    from rattler import solve as rattler_solve
    from rattler.exceptions import GatewayError, SolverError
    from rattler.package import BuildString

    channels = [Channel(address) for address in wanted.channels]
    subdirs = [Subdir(wanted.platform), Subdir("noarch")]
    with tempfile.TemporaryDirectory() as cache:
        gateway = Gateway(cache_dir=cache, show_progress=False)
        try:
            offered = {name.normalized for name in await gateway.names(channels, subdirs)}
            _refuse_unknown(environment, offered, wanted)
            records = await rattler_solve(
                sources=channels,
                specs=[d.spec for d in environment.dependencies] + [n for n in wanted.if_offered if n in offered],
                gateway=gateway,
                platforms=subdirs,
                locked_packages=to_records(old.packages) if old else None,
                virtual_packages=[
                    GenericVirtualPackage(PackageName(name), Version(version), BuildString(build))
                    for name, version, build in _machine(wanted.platform)
                ],
            )
        except GatewayError as error:
            raise SolveError(
                f"The channels {' '.join(wanted.channels)} cannot be read: {_last_cause(error)}.\n"
                "Check the connection and the names under `channels:` in environment.yml, then run again."
            ) from error
        except SolverError as error:
            raise SolveError(
                f"environment.yml asks for packages that do not go together:\n{_shortened(str(error))}\n"
                "Loosen or remove one of the versions named here."
            ) from error
    return Lock(wanted, tuple(_locked(record) for record in records))


def _machine(platform: str) -> list[tuple[str, str, str]]:
    """List what conda calls virtual packages: what a package may ask of the machine itself."""
    architecture = {"linux-64": "x86_64", "linux-aarch64": "aarch64"}[platform]
    return [
        ("__unix", "0", "0"),
        ("__linux", "6.1", "0"),
        ("__glibc", _GLIBC, "0"),
        ("__archspec", "1", architecture),
    ]


def _refuse_unknown(environment: EnvironmentFile, offered: set[str], wanted: Request) -> None:
    from rattler import MatchSpec
    from rattler.exceptions import InvalidMatchSpecError

    for dependency in environment.dependencies:
        try:
            name = MatchSpec(dependency.spec).name.normalized
        except InvalidMatchSpecError as error:
            raise SolveError(
                f"environment.yml, line {dependency.line}: `{dependency.spec}` is not understood: {error}.\n"
                "Write it like `numpy`, `numpy >=2`, `numpy 2.1.*` or `numpy >=2,<3`."
            ) from error
        if name not in offered:
            near = difflib.get_close_matches(name, offered, n=3, cutoff=0.6)
            hint = f"Did you mean {' or '.join(near)}?" if near else "Look the name up on the channel's web site."
            raise SolveError(
                f"environment.yml, line {dependency.line}: {' '.join(wanted.channels)} has no package {name}.\n{hint}"
            )


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
