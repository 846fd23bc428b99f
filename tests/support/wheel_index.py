"""A Python package index on this disk, of small wheels that tests make, as a mirror has it below `simple/`."""

from __future__ import annotations

import hashlib
import re
import zipfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


def write_wheel(
    simple: Path,
    name: str,
    version: str,
    *requires: str,
    tag: str = "py3-none-any",
    extras: Sequence[str] = (),
    files: Mapping[str, str] | None = None,
    entry_point: str = "",
) -> Path:
    """Write a wheel of one module `NAME.py` that knows its version into the index; returns the wheel."""
    module = name.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    metadata = [f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}"]
    metadata += [f"Provides-Extra: {extra}" for extra in extras] + [f"Requires-Dist: {r}" for r in requires]
    content = {
        f"{module}.py": f"version = {version!r}\n\n\ndef main():\n    print(version)\n",
        f"{info}/METADATA": "\n".join(metadata) + "\n",
        f"{info}/WHEEL": f"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: {tag}\n",
        **(files or {}),
    }
    if entry_point:
        content[f"{info}/entry_points.txt"] = f"[console_scripts]\n{entry_point} = {module}:main\n"
    content[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*content, f"{info}/RECORD"))
    folder = simple / re.sub(r"[-_.]+", "-", name).lower()
    folder.mkdir(parents=True, exist_ok=True)
    wheel = folder / f"{module}-{version}-{tag}.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in content.items():
            archive.writestr(zipfile.ZipInfo(path), text)
    _list(folder)
    return wheel


def write_source(simple: Path, name: str, version: str) -> None:
    """Write a package into the index that has no wheel."""
    folder = simple / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}-{version}.tar.gz").write_bytes(b"source")
    _list(folder)


def _list(folder: Path) -> None:
    files = [path for path in sorted(folder.iterdir()) if path.name != "index.html"]
    links = (
        f'<a href="{path.name}#sha256={hashlib.sha256(path.read_bytes()).hexdigest()}">{path.name}</a>'
        for path in files
    )
    (folder / "index.html").write_text(f"<!DOCTYPE html>\n<html><body>\n{'<br>'.join(links)}\n</body></html>\n")
