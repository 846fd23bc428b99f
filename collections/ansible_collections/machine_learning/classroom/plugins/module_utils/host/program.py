"""Packs a module of ours into one file that a machine runs with its own Python, without Ansible."""

from __future__ import annotations

import inspect
import io
import re
import sys
import zipfile
from pathlib import PurePosixPath

# What is imported at the top; what only types need is not there. A parser would take a machine 20 ms for each program.
_IMPORT = re.compile(r"^from (ansible_collections\.[\w.]+) import (?:\(([^)]*)\)|([^\n(]+))$", re.MULTILINE)


def packed(name: str) -> bytes:
    """Return the module `name`, and those of ours that it imports, as one file that runs its `main`.

    `main` takes the words of the command line and returns what the shell gets. The same bytes every time.
    """
    archive = io.BytesIO()
    files = {f"{module.replace('.', '/')}.py": source for module, source in _sources(name, {}).items()}
    packages = {str(folder) for file in files for folder in PurePosixPath(file).parents[:-1]}
    files |= {f"{package}/__init__.py": "" for package in sorted(packages)}
    files["__main__.py"] = f"import sys\nfrom {name} import main\nsys.exit(main(sys.argv[1:]))\n"
    with zipfile.ZipFile(archive, "w") as zipped:
        for file, source in files.items():
            zipped.writestr(zipfile.ZipInfo(file), source)
    return archive.getvalue()


def _sources(name: str, found: dict[str, str]) -> dict[str, str]:
    """Return the text of the module `name`, and of all ours that it imports, by name, added to what was `found`."""
    found[name] = inspect.getsource(sys.modules[name])
    for origin, names in imports(found[name]):
        inside = [module for module in (f"{origin}.{each}" for each in names) if module in sys.modules]
        for needed in inside or [origin]:
            if needed not in found:
                _sources(needed, found)
    return found


def imports(source: str) -> list[tuple[str, list[str]]]:
    """Return what a module's text imports from ours at its top: from where, and which names."""
    return [(origin, re.findall(r"(?:^|,)\s*(\w+)", lines or line)) for origin, lines, line in _IMPORT.findall(source)]
