"""A conda channel of a few packages on this disk, for tests that let the real client solve and install."""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

from rattler.index import index_fs

from lab.channel.package import PLACEHOLDER, Package

if TYPE_CHECKING:
    from pathlib import Path

# Runs this test's own interpreter with the environment's packages: a real one would cost each test 20 MB.
PYTHON = f"""#!/bin/sh
# made for {PLACEHOLDER}
PYTHONPATH=$(dirname "$0")/../lib/python3.12/site-packages exec {sys.executable} "$@"
"""


def python(version: str = "3.12.1", build: str = "0") -> Package:
    """Make what behaves like the package python as far as installers and imports go."""
    package = Package("python", version, build, ["__glibc >=2.17"], site_packages="lib/python3.12/site-packages")
    package.add("bin/python", PYTHON.encode(), executable=True, placeholder=True)
    return package


def library(name: str, version: str, *depends: str, source: str = "") -> Package:
    """Make a pure Python package with one module."""
    package = Package(name, version, "pyh_0", ["python >=3.9", *depends], noarch="python")
    package.add(f"site-packages/{name}.py", (source or f"version = {version!r}\n").encode())
    return package


def write_channel(folder: Path, *packages: Package) -> Path:
    """Write a channel; returns its folder."""
    for subdir in ("linux-64", "noarch"):
        (folder / subdir).mkdir(parents=True, exist_ok=True)
    for package in packages:
        package.write(folder)
    asyncio.run(index_fs(folder, write_shards=False, force=True))
    return folder


def write_class_channel(folder: Path) -> Path:
    """Write the channel that most tests use: numbers 1 and 2, and learning, which needs numbers."""
    return write_channel(
        folder,
        python(),
        library("numbers_", "1.0"),
        library("numbers_", "2.0"),
        library("learning", "1.5", "numbers_ >=1"),
        library("plots", "0.9", "numbers_ <2"),
    )
