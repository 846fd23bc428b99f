"""Wheels as conda packages: the same files where conda puts them, the same dependencies in conda's words."""

from __future__ import annotations

import configparser
import re
import zipfile
from dataclasses import dataclass
from email.parser import Parser
from functools import cached_property
from typing import TYPE_CHECKING

from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from lab.channel.package import Package

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path


_HERE = {key: str(value) for key, value in default_environment().items()}


@dataclass(frozen=True)
class Wheel:
    """A wheel on this disk, read for the running Python on this platform."""

    path: Path

    @cached_property
    def _metadata(self) -> dict[str, list[str]]:
        with zipfile.ZipFile(self.path) as archive:
            name = next(n for n in archive.namelist() if re.fullmatch(r"[^/]+\.dist-info/METADATA", n))
            message = Parser().parsestr(archive.read(name).decode())
        return {key: message.get_all(key, []) for key in ("Name", "Version", "Requires-Dist", "Requires-Python")}

    @property
    def name(self) -> str:
        """The normalised name."""
        return str(canonicalize_name(self._metadata["Name"][0]))

    def requirements(self, extras: Iterable[str] = ()) -> Iterator[Requirement]:
        """List what it needs here, with what the named `extras` add."""
        environments: list[dict[str, str]] = [{**_HERE, "extra": extra} for extra in ("", *extras)]
        for requirement in map(Requirement, self._metadata["Requires-Dist"]):
            marker = requirement.marker
            if marker is None or any(marker.evaluate(environment) for environment in environments):
                yield requirement

    def package(self, python: str, extras: Iterable[str] = ()) -> Package:
        """Make the conda package of it for Python X.Y; conda knows no extras, so they are folded in."""
        with zipfile.ZipFile(self.path) as archive:
            dist_info = next(n.split("/")[0] for n in archive.namelist() if n.endswith(".dist-info/WHEEL"))
            pure = "root-is-purelib: true" in archive.read(f"{dist_info}/WHEEL").decode().lower()
            needs = self._metadata["Requires-Python"]
            package = Package(
                name=self.name,
                version=self._metadata["Version"][0],
                build="pyhd_0" if pure else f"py{python.replace('.', '')}_0",
                depends=[f"python {needs[0].replace(' ', '')}" if needs else "python"]
                if pure
                else [f"python {python}.*"],
                noarch="python" if pure else "",
            )
            package.depends += sorted(
                f"{canonicalize_name(r.name)} {r.specifier}".strip() for r in self.requirements(extras)
            )
            site = "site-packages" if pure else f"lib/python{python}/site-packages"
            for member in archive.infolist():
                if not member.is_dir():
                    self._place(package, archive, member, site)
            package.add(f"{site}/{dist_info}/INSTALLER", b"conda\n")
            self._entry_points(package, archive, dist_info)
        package.compile()
        return package

    @staticmethod
    def _place(package: Package, archive: zipfile.ZipFile, member: zipfile.ZipInfo, site: str) -> None:
        data = archive.read(member)
        executable = bool(member.external_attr >> 16 & 0o111)
        found = re.fullmatch(r"[^/]+\.data/(\w+)/(.+)", member.filename)
        if not found:
            package.add(f"{site}/{member.filename}", data, executable=executable)
            return
        kind, path = found.groups()
        if kind == "scripts" and data.startswith(b"#!python"):
            package.add_script(path, data.decode().split("\n", 1)[1])
        elif kind == "scripts":
            package.add(f"{'python-scripts' if package.noarch else 'bin'}/{path}", data, executable=True)
        elif kind == "data":
            package.add(path, data, executable=executable)
        elif kind in ("purelib", "platlib"):
            package.add(f"{site}/{path}", data, executable=executable)
        else:  # headers, for building against: nobody compiles on a student's machine
            return

    @staticmethod
    def _entry_points(package: Package, archive: zipfile.ZipFile, dist_info: str) -> None:
        if f"{dist_info}/entry_points.txt" not in archive.namelist():
            return
        parser = configparser.ConfigParser(delimiters=("=",))
        parser.optionxform = str  # type: ignore[assignment,method-assign]  # names of programs keep their case
        parser.read_string(archive.read(f"{dist_info}/entry_points.txt").decode())
        for name, value in parser.items("console_scripts") if parser.has_section("console_scripts") else []:
            target = value.split("[")[0].strip()
            if package.noarch:
                package.entry_points.append(f"{name} = {target}")
            else:
                module, _, function = (part.strip() for part in target.partition(":"))
                first = function.split(".")[0]
                package.add_script(name, f"import sys\nfrom {module} import {first}\nsys.exit({function}())\n")


def wanted_extras(wheels: Iterable[Wheel]) -> dict[str, set[str]]:
    """Collect the extras of each package that some wheel among `wheels` asks for, by the package's name."""
    extras: dict[str, set[str]] = {}
    for wheel in wheels:
        for requirement in wheel.requirements():
            if requirement.extras:
                extras.setdefault(str(canonicalize_name(requirement.name)), set()).update(requirement.extras)
    return extras
