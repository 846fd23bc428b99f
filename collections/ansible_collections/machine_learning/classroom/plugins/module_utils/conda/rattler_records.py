"""The lock's packages in the words of rattler, the engine that solves and installs them."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import LockedPackage


def to_records(packages: Iterable[LockedPackage]) -> list[Any]:
    """Turn locked packages into rattler's records, complete with hash, address and dependencies."""
    from rattler import PackageRecord, RepoDataRecord  # on machines it appears while the module runs

    records = []
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "index.json")
        for package in packages:
            file.write_text(json.dumps(package.record))
            record = PackageRecord.from_index_json(file)
            record.sha256 = bytes.fromhex(package.sha256)
            if package.size:
                record.size = package.size
            records.append(RepoDataRecord(record, package.file_name, package.url, package.channel))
    return records
