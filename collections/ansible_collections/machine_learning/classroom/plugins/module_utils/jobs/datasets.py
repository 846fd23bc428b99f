"""Put the data sets of a class on a machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.data.datasets import (
    DatasetDirectory,
    DatasetError,
    read_datasets,
)

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ENTRY = {
    "name": {"type": "str", "required": True},
    "url": {"type": "str", "required": True},
    "sha256": {"type": "str", "required": True},
    "file": {"type": "str"},
    "unpack": {"type": "raw", "default": False},  # not bool, which takes many a text for one
    "description": {"type": "str"},
    "source": {"type": "str"},
    "license": {"type": "str"},
}
ARGUMENTS: dict[str, Any] = {
    "datasets": {"type": "list", "elements": "dict", "required": True, "options": ENTRY},
    "directory": {"type": "path", "required": True},
    "mirror_url": {"type": "str", "default": ""},
    "attempts": {"type": "int", "default": 5},
    "timeout": {"type": "float", "default": 30.0},
    "parallel": {"type": "int", "default": 4},
    "record": {"type": "path", "default": "/var/lib/machine_learning_aws/data.json"},
    "owner": {"type": "str", "default": "root"},
}


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`."""
    try:
        datasets = read_datasets(given["datasets"])
    except DatasetError as error:
        host.fail(str(error))
    directory = DatasetDirectory(host, given["directory"], record=given["record"], owner=given["owner"])
    failures = directory.sync(
        datasets,
        mirror_url=given["mirror_url"],
        attempts=max(1, given["attempts"]),
        parallel=max(1, given["parallel"]),
        timeout=given["timeout"],
    )
    if failures:
        shown = "\n".join(failures[:2])
        more = f"And {len(failures) - 2} more. " if len(failures) > 2 else ""
        host.fail(
            f"{shown}\n{more}The rest is in place. Check url and sha256 in data/datasets.yml, then run configure.yml"
            " again: it goes on where it stopped."
        )
    return {}
