"""The lock of the class's software: which packages exactly, where each comes from, and what its bytes must hash to.

It is text in conda's own @EXPLICIT format, so that conda and mamba can install it too. What that format has no place
for (dependencies, sizes, kinds of package) stands before each package in a comment, as JSON; packages of PyPI stand in
comments at the end, as pip's lists of requirements have them.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Any

UNPACKED = 5
"""Installed size and byte code, per byte of archive: conda-forge compresses about so well."""

_TITLE = """\
# Which packages every machine of the class gets. `ansible-playbook configure.yml` writes this file from environment.yml
# and only then; commit it, do not edit it. For newer packages delete it and configure again.
"""
_RECORD = "#: "
_WHEEL = "#pip: "
_URL = re.compile(r"(?P<url>[a-z]+://\S+/(?P<file>[^/\s]+))#(?P<sha256>[0-9a-f]{64})")


class LockError(Exception):
    """The lock cannot be used; the message says why and what to do."""


@dataclass(frozen=True)
class LockedPackage:
    """One package; `record` is what its channel says about it."""

    record: dict[str, Any]
    url: str
    sha256: str

    @property
    def name(self) -> str:
        """The package's name."""
        return str(self.record["name"])

    @property
    def version(self) -> str:
        """The package's version."""
        return str(self.record["version"])

    @property
    def file_name(self) -> str:
        """The archive's name."""
        return self.url.rsplit("/", 1)[1]

    @property
    def channel(self) -> str:
        """The address of the channel."""
        return self.url.rsplit("/", 2)[0] + "/"

    @property
    def size(self) -> int:
        """The archive's size in bytes, 0 where the channel does not say."""
        return int(self.record.get("size") or 0)


@dataclass(frozen=True)
class LockedWheel:
    """A package of PyPI; each of its files has one of the `hashes` (SHA-256), and a machine takes the one that fits."""

    name: str
    version: str
    hashes: tuple[str, ...]

    @property
    def requirement(self) -> str:
        """The line of pip's list of requirements."""
        return " ".join([f"{self.name}=={self.version}", *(f"--hash=sha256:{digest}" for digest in self.hashes)])


@dataclass(frozen=True)
class Request:
    """What a lock was made for: it holds as long as this stays the same."""

    environment_sha256: str
    channels: tuple[str, ...]
    platform: str
    if_offered: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    """Of the environment's shells and services; no package depends on them."""


@dataclass(frozen=True)
class Lock:
    """A request and the packages that meet it."""

    request: Request
    packages: tuple[LockedPackage, ...]
    wheels: tuple[LockedWheel, ...] = ()

    @property
    def digest(self) -> str:
        """Stands for the set of packages: two locks with the same digest are the same software."""
        lines = sorted(f"{package.url}#{package.sha256}" for package in self.packages)
        lines += sorted(wheel.requirement for wheel in self.wheels)
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    def text(self) -> str:
        """Write it as a file's content."""
        request = self.request
        lines = [
            f"# environment.yml: {request.environment_sha256}",
            f"# channels: {' '.join(request.channels)}",
            f"# if offered: {' '.join(request.if_offered)}".rstrip(),
            f"# platform: {request.platform}",
            *([f"# variables: {json.dumps(dict(request.variables))}"] if request.variables else []),
            "@EXPLICIT",
        ]
        for package in sorted(self.packages, key=lambda package: package.name):
            lines.append(_RECORD + json.dumps(package.record, separators=(",", ":"), ensure_ascii=False))
            lines.append(f"{package.url}#{package.sha256}")
        lines += sorted(_WHEEL + wheel.requirement for wheel in self.wheels)
        return _TITLE + "\n".join(lines) + "\n"


def parse(text: str, name: str) -> Lock:
    """Read a lock; `name` is the file's, for the error that names a line that no lock has."""
    header: dict[str, str] = {}
    packages: list[LockedPackage] = []
    wheels: list[LockedWheel] = []
    record: dict[str, Any] | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        try:
            if line.startswith(_RECORD):
                record = json.loads(line.removeprefix(_RECORD))
            elif line.startswith(_WHEEL):
                wheels.append(_wheel(line.removeprefix(_WHEEL)))
            elif found := _URL.fullmatch(line):
                packages.append(_package(record, found))
                record = None
            elif found := re.fullmatch(r"# (environment\.yml|channels|if offered|platform|variables):(.*)", line):
                header[found[1]] = found[2].strip()
                variables(line)
            elif line.strip() and not line.startswith("#") and line != "@EXPLICIT":
                raise _damaged(name, number)
        except ValueError as error:
            raise _damaged(name, number) from error
    if not packages or "environment.yml" not in header:
        raise LockError(f"{name} names no packages. Delete it and run configure.yml again to choose packages anew.")
    request = Request(
        environment_sha256=header["environment.yml"],
        channels=tuple(header.get("channels", "").split()),
        platform=header.get("platform", ""),
        if_offered=tuple(header.get("if offered", "").split()),
        variables=variables(text),
    )
    return Lock(request, tuple(packages), tuple(wheels))


def variables(text: str) -> tuple[tuple[str, str], ...]:
    """Read only the environment's variables from a lock; a lock from before they were read has none."""
    found = re.search(r"^# variables: (.*)$", text, re.MULTILINE)
    return tuple(json.loads(found[1]).items()) if found else ()


def _package(record: dict[str, Any] | None, found: re.Match[str]) -> LockedPackage:
    if not isinstance(record, dict) or not {"name", "version"} <= record.keys():
        raise ValueError("an address without a record before it")
    return LockedPackage(record, found["url"], found["sha256"])


def parse_wheels(text: str) -> tuple[LockedWheel, ...]:
    """Read pip's list of requirements as `LockedWheel.requirement` writes it, one a line."""
    return tuple(map(_wheel, text.splitlines()))


def _wheel(line: str) -> LockedWheel:
    found = re.fullmatch(r"([\w.-]+)==(\S+)((?: --hash=sha256:[0-9a-f]{64})+)", line)
    if not found:
        raise ValueError("not a requirement with hashes")
    return LockedWheel(found[1], found[2], tuple(found[3].replace("--hash=sha256:", "").split()))


def _damaged(name: str, number: int) -> LockError:
    return LockError(
        f"{name}, line {number}: this is not a line of a lock.\n"
        "Restore the file from git, or delete it and run configure.yml again to choose packages anew."
    )
