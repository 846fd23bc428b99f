"""One conda package in the making: its files, its metadata, and how both become a `.conda` archive."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import json
import marshal
import struct
import tarfile
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from conda_package_streaming.create import conda_builder

if TYPE_CHECKING:
    from pathlib import Path

PLACEHOLDER = "/opt/placehold_placehold_placehold"
"""Stands in text files for the environment's own path, which the installer writes in its place."""

_TIME = 946_684_800  # 2000-01-01: a package made twice is the same package
_COMPRESSION = 1  # zstd; a build that waits costs more than a loopback transfer


@dataclass(frozen=True)
class _Member:
    data: bytes
    mode: int = 0o644
    link: str = ""
    placeholder: bool = False


@dataclass
class Package:
    """A conda package; `depends` are conda match specifications.

    `noarch` is "python" for a package that every Python can use and "" for one that is bound to linux-64.
    """

    name: str
    version: str
    build: str
    depends: list[str]
    noarch: str = ""
    license: str = "see the upstream project"
    entry_points: list[str] = field(default_factory=list)
    site_packages: str = ""
    _members: dict[str, _Member] = field(default_factory=dict)

    @property
    def subdir(self) -> str:
        """The channel's folder for it."""
        return "noarch" if self.noarch else "linux-64"

    def add(self, path: str, data: bytes, *, executable: bool = False, placeholder: bool = False) -> None:
        """Put a file at `path`, relative to the environment; `placeholder` says that it contains `PLACEHOLDER`."""
        self._members[path] = _Member(data, 0o755 if executable else 0o644, placeholder=placeholder)

    def link(self, path: str, target: str) -> None:
        """Put a symbolic link at `path`."""
        self._members[path] = _Member(b"", link=target)

    def add_script(self, name: str, body: str) -> None:
        """Put a Python program on the environment's PATH."""
        folder = "python-scripts" if self.noarch else "bin"
        self.add(f"{folder}/{name}", f"#!{PLACEHOLDER}/bin/python\n{body}".encode(), executable=True, placeholder=True)

    def compile(self) -> None:
        """Add byte code of the running Python beside the sources.

        conda-build does so for packages that are bound to one Python. Here it is done for all: the channel has no other
        Python, and a dozen hosts would each compile the same. Tests are left out: nobody imports them, and
        they are half of the work.
        """
        for path, member in list(self._members.items()):
            if not path.endswith(".py") or "/tests/" in path or not path.startswith(("lib/python", "site-packages/")):
                continue
            try:
                code = compile(member.data, path, "exec", dont_inherit=True)
            except (SyntaxError, ValueError):  # templates and deliberately broken samples
                continue
            folder, _, name = path.rpartition("/")
            header = importlib.util.MAGIC_NUMBER + struct.pack("<III", 0, _TIME, len(member.data))
            cached = importlib.util.cache_from_source(name)
            self.add(f"{folder}/{cached}", header + marshal.dumps(code))

    def write(self, channel: Path) -> None:
        """Write the archive into the channel's folder for it."""
        folder = channel / self.subdir
        folder.mkdir(parents=True, exist_ok=True)
        paths = [self._path_entry(path, member) for path, member in sorted(self._members.items())]
        info: dict[str, Any] = {
            "index.json": self._index(),
            "paths.json": {"paths": paths, "paths_version": 1},
            "about.json": {},
        }
        if self.noarch == "python":
            info["link.json"] = {
                "noarch": {"type": "python", "entry_points": self.entry_points},
                "package_metadata_version": 1,
            }
        stem = f"{self.name}-{self.version}-{self.build}"
        with conda_builder(stem, folder, compression_level=_COMPRESSION) as tar:
            for path, member in sorted(self._members.items()):
                tar.addfile(*_tar_entry(path, member))
            for name, content in info.items():
                tar.addfile(*_tar_entry(f"info/{name}", _Member(json.dumps(content, indent=1).encode())))

    def _index(self) -> dict[str, Any]:
        index: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": 0,
            "depends": self.depends,
            "subdir": self.subdir,
            "arch": None if self.noarch else "x86_64",
            "platform": None if self.noarch else "linux",
            "license": self.license,
            "timestamp": _TIME * 1000,
        }
        if self.noarch:
            index["noarch"] = self.noarch
        if self.site_packages:
            index["python_site_packages_path"] = self.site_packages
        return index

    @staticmethod
    def _path_entry(path: str, member: _Member) -> dict[str, Any]:
        entry: dict[str, Any] = {
            "_path": path,
            "path_type": "softlink" if member.link else "hardlink",
            "sha256": hashlib.sha256(member.data).hexdigest(),
            "size_in_bytes": len(member.data),
        }
        if member.placeholder:
            entry |= {"file_mode": "text", "prefix_placeholder": PLACEHOLDER}
        return entry


def _tar_entry(path: str, member: _Member) -> tuple[tarfile.TarInfo, io.BytesIO]:
    entry = tarfile.TarInfo(path)
    entry.mtime, entry.mode, entry.size = _TIME, member.mode, len(member.data)
    if member.link:
        entry.type, entry.linkname = tarfile.SYMTYPE, member.link
    return entry, io.BytesIO(member.data)
