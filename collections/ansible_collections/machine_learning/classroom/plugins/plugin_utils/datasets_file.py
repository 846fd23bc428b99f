"""data/datasets.yml as the instructor writes it, read and checked on the control node before anything costs money."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.datasets import (
    DatasetError,
    read_datasets,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.datasets import ENTRY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ansible_collections.machine_learning.classroom.plugins.module_utils.data.datasets import Dataset


def read_datasets_file(path: str) -> list[Dataset]:
    """Return the data sets that the file at `path` lists; DatasetError names what is wrong with it."""
    try:
        text = Path(path).read_text(encoding="utf-8")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content = yaml.safe_load(text)
    except OSError as error:
        raise DatasetError(
            f"{path} cannot be read: {error.strerror}.\nclass_datasets_file names the list of data sets."
        ) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise DatasetError(f"{path}, line {line}: not valid YAML: {error.problem}.") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # a 13th month, lists without end
        raise DatasetError(f"{path} is no text file in YAML: {error}.") from error
    if mistake := next(_written_twice(root), None):
        raise DatasetError(f"{path}, {mistake}")
    entries = content.get("datasets") if isinstance(content, dict) else None
    if not isinstance(entries, list):
        raise DatasetError(f"{path}: below `datasets:` it must have a list; for no data sets write `datasets: []`.")
    for number, entry in enumerate(entries, 1):
        _check_keys(number, entry, path)
    return read_datasets(entries, path)


def _written_twice(node: yaml.Node | None) -> Iterator[str]:
    """Name each key that stands twice, of which YAML would keep the last: most often a `-` is missing."""
    if isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            if key.value in seen:
                yield (
                    f"line {key.start_mark.line + 1}: `{key.value}` stands in line {seen[key.value]} already.\n"
                    "Keep one of them, or begin another data set with `- name:`."
                )
            seen[str(key.value)] = key.start_mark.line + 1
            yield from _written_twice(value)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            yield from _written_twice(value)


def _check_keys(number: int, entry: Any, path: str) -> None:
    """Refuse what is no entry, or says what nobody reads."""
    if not isinstance(entry, dict):
        raise DatasetError(f"{path}: entry {number} must say name, url and sha256, each in a line, not {entry!r}.")
    for key in entry:
        if key not in ENTRY:
            near = difflib.get_close_matches(str(key), ENTRY, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"It takes {', '.join(ENTRY)}."
            raise DatasetError(f"{path}: entry {number} ({entry.get('name')}) has an unknown line `{key}`.\n{hint}")
