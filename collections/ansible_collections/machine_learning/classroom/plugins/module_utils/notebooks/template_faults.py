"""Why a template must not be given to a class: mistakes that make a file useless to everybody, with line or cell.

Whatever Jupyter opens is in order, also what the notebook format's schema forbids. Not by nbformat, which the control
node need not have.
"""

from __future__ import annotations

import ast
import codecs
import json
import re
import warnings
from typing import Any

CONFLICT = re.compile(r"^<{7}(?: |$).*?^>{7}(?: |$)", re.MULTILINE | re.DOTALL)
"""What git leaves where it could not merge: from the first of its marks to the last."""
CONFLICT_MARK = re.compile(r"^(?:<{7}|>{7})(?: |$)", re.MULTILINE)
"""One of them alone, as half-done work leaves it: in JSON it can be nothing else."""
FENCED = re.compile(r"^ *(```+|~~~+).*?(?:^ *\1|\Z)", re.MULTILINE | re.DOTALL)
LFS_POINTER = b"version https://git-lfs.github.com/spec/"
ANNEX_POINTER = re.compile(rb"[./]*(git/)?annex/objects/")
FORMATS = (1, 2, 3, 4)
"""The notebook formats that Jupyter opens."""


def fault(path: str, content: bytes) -> str:
    """Return why nobody is to get the template `path` with `content`; nothing if it is in order."""
    if content.startswith(LFS_POINTER):
        return "it is a pointer of Git LFS, not the file. Run git lfs pull"
    if ANNEX_POINTER.match(content):
        return "it is a pointer of git-annex, not the file. Run git annex get"
    if path.endswith(".py"):
        return _script_fault(content.decode(errors="replace"))
    if not path.endswith(".ipynb"):
        return ""
    if not content.strip():
        return "it is empty"
    if content.startswith((codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "it begins with a byte order mark, with which Jupyter opens no notebook. Save it as UTF-8 without one"
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        return f"its line {_line(content[: error.start].decode(errors='replace'))} is not UTF-8"
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        return _why_no_json(text, error)
    except (ValueError, RecursionError):  # numbers without end, brackets without end
        return "it is not JSON that can be read"
    return _notebook_fault(notebook)


def _script_fault(text: str) -> str:
    """Say of a script that it is torn, which no student can run; whatever else is in it is the course's affair."""
    conflict = CONFLICT_MARK.search(text)
    return _conflict_in_line(text, conflict) if conflict and not _is_python(text) else ""


def _conflict_in_line(text: str, conflict: re.Match[str]) -> str:
    line, mark = _line(text[: conflict.start()]), conflict[0][:7]
    return f"its line {line} {'begins' if mark[0] == '<' else 'ends'} a conflict that git could not merge ({mark})"


def _line(before: str) -> int:
    return before.count("\n") + 1


def _why_no_json(text: str, error: json.JSONDecodeError) -> str:
    if conflict := CONFLICT_MARK.search(text):
        return _conflict_in_line(text, conflict)
    if text.lstrip().startswith("<"):
        return "it is a web page, not a notebook"
    return f"it is not JSON, because of its line {error.lineno} ({error.msg})"


def _notebook_fault(notebook: Any) -> str:
    if not isinstance(notebook, dict):
        return "it is JSON, but not a notebook"
    if "nbformat" not in notebook:
        return "it is JSON, but does not say which notebook format it has (nbformat)"
    if type(notebook["nbformat"]) is not int or notebook["nbformat"] not in FORMATS:
        return f"it is in notebook format {json.dumps(notebook['nbformat'])[:20]}, which Jupyter does not open"
    if notebook["nbformat"] < 4:
        place = "worksheets" if notebook["nbformat"] > 1 else "cells"
        return "" if isinstance(notebook.get(place), list) else f"it has no {place}"
    if not isinstance(notebook.get("nbformat_minor", 0), int):
        return "its nbformat_minor is not a number"
    if not isinstance(notebook.get("metadata"), dict):
        return "it has no metadata"
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        return "it has no cells"
    faults = ((number, _cell_fault(cell)) for number, cell in enumerate(cells, 1))
    return next((f"its cell {number} {why}" for number, why in faults if why), "")


def _cell_fault(cell: Any) -> str:
    if not isinstance(cell, dict):
        return "is none"
    if not isinstance(cell.get("cell_type"), str):
        return "does not say its kind (cell_type)"
    if not isinstance(cell.get("metadata"), dict):
        return "has no metadata"
    source = cell.get("source", "")
    lines = source if isinstance(source, list) else [source]
    if not all(isinstance(line, str) for line in lines):
        return "has a source that is no text"
    outputs = cell.get("outputs", [])
    if not isinstance(outputs, list) or not all(
        isinstance(output, dict) and "output_type" in output for output in outputs
    ):
        return "has outputs that are none"
    attachments = cell.get("attachments", {})
    if not isinstance(attachments, dict) or not all(isinstance(each, dict) for each in attachments.values()):
        return "has attachments that are none"
    return "has a conflict that git could not merge (<<<<<<<)" if _is_torn(cell["cell_type"], "".join(lines)) else ""


def _is_torn(kind: str, source: str) -> bool:
    """Say whether a cell holds a conflict, and does not only show one: a course may be about git."""
    if not CONFLICT.search(source):
        return False
    if kind == "markdown":
        return bool(CONFLICT.search(FENCED.sub("", source)))
    return kind == "code" and not source.startswith("%%") and not _is_python(source)


def _is_python(source: str) -> bool:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            ast.parse(source)
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        return False
    return True
