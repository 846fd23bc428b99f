"""The templates of a class: the files in the instructor's folder, as the control node reads them."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

# All templates together travel in one message to each machine.
LARGEST = 32 << 20


class NotebooksError(Exception):
    """Why a student cannot be given the notebooks, in words for the user."""


def read_templates(source: str) -> dict[str, bytes]:
    """Return the files below the folder `source` by their paths in it.

    Hidden ones and __pycache__ are left out: editors and Jupyter's checkpoints leave them behind. NotebooksError if
    there is no such folder, or if there is more in it than is good to send to every machine.
    """
    if not os.path.isdir(source):
        raise NotebooksError(f"There is no folder {source}. Correct class_notebooks_directory.")
    templates: dict[str, bytes] = {}
    for folder, folders, names in os.walk(source):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        for name in sorted(name for name in names if not name.startswith(".")):
            path = os.path.join(folder, name)
            with open(path, "rb") as template:
                templates[os.path.relpath(path, source)] = template.read(LARGEST + 1)
            if sum(map(len, templates.values())) > LARGEST:
                raise NotebooksError(
                    f"{source} holds more than {LARGEST >> 20} MiB. Big files belong into data/datasets.yml, where"
                    " students share one copy."
                )
    return templates


def digests(templates: Mapping[str, bytes]) -> dict[str, str]:
    """Return the sha256 of each template by its path."""
    return {path: hashlib.sha256(content).hexdigest() for path, content in templates.items()}
