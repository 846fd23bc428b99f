"""The control node's own pip as a file that travels to machines, where it installs what is locked by hash."""

from __future__ import annotations

import importlib.util
import os
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible import constants

if TYPE_CHECKING:
    from collections.abc import Callable

    from ansible.plugins.action import ActionBase


def with_pip(
    action: ActionBase, arguments: dict[str, Any], execute: Callable[[dict[str, Any]], dict[str, Any]]
) -> dict[str, Any]:
    """Return the result of a module that may answer `client_missing`: then it runs again, with `pip_archive`.

    One remote execution where nothing is missing; two, and a file, on a machine that has no client yet.
    """
    done = execute(arguments)
    if not done.get("client_missing"):
        return done
    folder = action._make_tmp_path()
    try:
        archive = action._connection._shell.join_path(folder, "pip.zip")
        action._transfer_file(str(pip_archive()), archive)
        return execute({**arguments, "pip_archive": archive})
    finally:
        action._remove_tmp_path(folder)


def pip_archive() -> Path:
    """Return this control node's own pip as a zip file, the same bytes at every run; made once for all machines."""
    found = importlib.util.find_spec("pip")
    if found is None or found.origin is None:
        raise FileNotFoundError("pip is missing on the control node. Run `make setup`, then again.")
    source = Path(found.origin).parent
    archive = Path(constants.DEFAULT_LOCAL_TMP, "pip.zip")
    if archive.exists():
        return archive
    handle, beside = tempfile.mkstemp(dir=archive.parent)
    with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path in sorted(source.rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                member = zipfile.ZipInfo(str(Path("pip", path.relative_to(source))), (2000, 1, 1, 0, 0, 0))
                member.compress_type = zipfile.ZIP_DEFLATED
                zipped.writestr(member, path.read_bytes())
    os.replace(beside, archive)
    return archive
