"""Packages of Debian for a lab without a way out: fetched, checked by Debian's signatures, offered as a repository."""

from __future__ import annotations

import hashlib
import re
import shlex
from email.utils import formatdate
from typing import TYPE_CHECKING

from lab.shell import run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def fetch(suite: str, packages: Sequence[str], folder: Path, *options: str) -> None:
    """Put `packages` of the release `suite`, and all that they need, into `folder`. `options` are mmdebstrap's."""
    run(
        *("setpriv", "--pdeathsig=TERM", "mmdebstrap", "--quiet"),
        # Nothing is installed, and next to nothing unpacked: it downloads, with their dependencies.
        *("--mode=root", "--variant=extract", "--format=null", "--dpkgopt=path-exclude=*"),
        *("--aptopt=Acquire::Languages none", f"--include={','.join(packages)}", *options),
        f'--extract-hook=cp "$1"/var/cache/apt/archives/*.deb {shlex.quote(str(folder))}',
        *(suite, "-"),
        timeout=1800,
    )


def write_index(folder: Path) -> None:
    """Make a flat repository of the packages in `folder`.

    https://wiki.debian.org/DebianRepository/Format#Flat_Repository_Format
    """
    for package in folder.glob("*%3a*.deb"):  # apt's way to write an epoch, which no address of a file has
        package.rename(folder / re.sub(r"_\d+%3a", "_", package.name))
    entries = []
    for package in sorted(folder.glob("*.deb")):
        about = run("dpkg-deb", "--field", str(package))
        data = package.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        entries.append(f"{about}\nFilename: ./{package.name}\nSize: {len(data)}\nSHA256: {digest}\n")
    index = "\n".join(entries).encode()
    (folder / "Packages").write_bytes(index)
    listed = f" {hashlib.sha256(index).hexdigest()} {len(index)} Packages"
    (folder / "Release").write_text(f"Date: {formatdate(usegmt=True)}\nSHA256:\n{listed}\n")
