"""The list of data sets."""

from __future__ import annotations

import yaml
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.datasets import read_datasets

from tools import PROJECT


def test_the_list_of_the_project_is_sound() -> None:
    entries = yaml.safe_load((PROJECT / "data" / "datasets.yml").read_text())["datasets"]
    assert len(read_datasets(entries)) >= 3
    assert all(entry["license"] and entry["source"] and entry["description"] for entry in entries)
