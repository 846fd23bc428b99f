"""The templates of a class: the files in the instructor's folder, as the control node reads them.

Whatever else lies in that folder is named with its reason, and holds nothing up: the rest is given all the same.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import (
    composed,
    printable,
    text,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.notebooks.template_faults import fault

if TYPE_CHECKING:
    from collections.abc import Mapping

# All templates together travel in one message to each machine.
LARGEST = 32 << 20
# Bytes of a file's name. Beside it lie, for a while, files whose names are longer: .STEM.new-VERSION.ENDING.RANDOM.part
LONGEST_NAME = 255 - len("..new-") - 8 - len(".") - 16 - len(".part")
KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket", stat.S_IFCHR: "a device", stat.S_IFBLK: "a device"}


class NotebooksError(Exception):
    """Why a student cannot be given the notebooks, in words for the user."""


@dataclass(frozen=True)
class Templates:
    """What was found in the instructor's folder. Paths are relative to it."""

    contents: dict[str, bytes] = field(default_factory=dict)
    """What students are given, by path; its letters are composed (NFC), as Linux and the web write them."""
    withheld: dict[str, str] = field(default_factory=dict)
    """Why students are not given something, by path: of a folder nothing that is in it."""

    @property
    def sentences(self) -> list[str]:
        """What is withheld and why, a sentence for each."""
        return [f"{printable(path)} is given to nobody: {why}." for path, why in self.withheld.items()]

    @property
    def held(self) -> list[str]:
        """The paths that are withheld, as far as students may have been given them before."""
        return [path for path in self.withheld if _is_utf8(path)]


def read_templates(source: str) -> Templates:
    """Read the files below the folder `source`.

    Hidden ones and __pycache__ are left out: editors and Jupyter's checkpoints leave them behind. NotebooksError if
    there is no such folder, or if there is more in it than is good to send to every machine.
    """
    if not os.path.isdir(source):
        raise NotebooksError(f"There is no folder {source}. Correct class_notebooks_directory.")
    found = Templates()
    _read_folder(source, "", found)
    return found


def _read_folder(source: str, below: str, found: Templates) -> None:
    try:
        names = sorted(map(text, os.listdir(os.path.join(source, below))))
    except OSError as error:
        found.withheld[below or "."] = f"it cannot be read ({error.strerror})"
        return
    for name in names:
        if name.startswith(".") or name == "__pycache__":
            continue
        path = os.path.join(below, name)
        try:
            why = _read_entry(source, path, found)
        except OSError as error:
            why = f"it cannot be read ({error.strerror})"
        if why:
            found.withheld[path] = why
        if sum(map(len, found.contents.values())) > LARGEST:
            raise NotebooksError(
                f"{source} holds more than {LARGEST >> 20} MiB. Big files belong into data/datasets.yml, where"
                " students share one copy."
            )


def _read_entry(source: str, path: str, found: Templates) -> str:
    """Take what lies at `path` over into `found`, or return why not; raise OSError if it cannot be read."""
    if not _is_utf8(path):
        return "its name is not UTF-8. Rename it"
    place = os.path.join(source, path)
    try:
        kind = stat.S_IFMT(os.stat(place).st_mode)
    except FileNotFoundError:
        return f"it is a link to {printable(os.readlink(place))}, where nothing is. Put the file itself there"
    if kind == stat.S_IFDIR:
        if os.path.islink(place):
            return "it is a link to a folder. Put the folder itself there"
        _read_folder(source, path, found)
        return ""
    if kind != stat.S_IFREG:
        return f"it is {KINDS.get(kind, 'no file')}, not a file. Take it away"
    length = len(os.path.basename(path).encode())
    if length > LONGEST_NAME:
        return f"its name has {length} bytes, and {LONGEST_NAME} are the most. Give it a shorter one"
    name = composed(path)
    if name in found.contents or name in found.withheld:
        return "another file has the same name, written with other code points. Take one of them away"
    # Not waiting for whoever put a pipe there meanwhile.
    with open(os.open(place, os.O_RDONLY | os.O_NONBLOCK), "rb") as template:
        content = template.read(LARGEST + 1)
    why = fault(path, content)
    if not why:
        found.contents[name] = content
    return why


def _is_utf8(path: str) -> bool:
    return path.isascii() or not any("\udc80" <= character <= "\udcff" for character in path)


def digests(contents: Mapping[str, bytes]) -> dict[str, str]:
    """Return the sha256 of each template by its path."""
    return {path: hashlib.sha256(content).hexdigest() for path, content in contents.items()}
