"""The list of data sets."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.datasets import (
    Dataset,
    DatasetError,
    read_datasets,
)

from tools import PROJECT

CASES = {
    entry["name"]: entry
    for entry in yaml.safe_load((Path(__file__).with_name("cases") / "datasets.yml").read_text())["datasets"]
}


def test_the_list_of_the_project_is_sound() -> None:
    entries = yaml.safe_load((PROJECT / "data" / "datasets.yml").read_text())["datasets"]
    assert len(read_datasets(entries)) >= 3
    assert all(entry["license"] and entry["source"] and entry["description"] for entry in entries)


@pytest.mark.parametrize(("name", "asked"), [("blank", "my%20data.csv"), ("umlaut", "%C3%9C.csv")])
def test_a_blank_and_an_umlaut_are_encoded(name: str, asked: str) -> None:
    assert Dataset.of(CASES[name]).url == f"https://example.com/{asked}"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("port", "Data set port: its url has 'x' for a port, which is a number from 1 to 65535."),
        ("text", "Data set text: unpack is true or false, without quotation marks, not 'false'."),
    ],
)
def test_a_bad_port_and_a_text_for_a_truth_value_are_refused(name: str, said: str) -> None:
    with pytest.raises(DatasetError) as refused:
        Dataset.of(CASES[name])
    assert str(refused.value) == said


def test_a_mirror_has_a_name_with_a_blank_encoded_once() -> None:
    for url in ("https://example.com/my data.csv", "https://example.com/my%20data.csv"):
        dataset = Dataset.of({**CASES["blank"], "url": url})
        assert dataset.source("https://mirror.example.edu/") == (
            f"https://mirror.example.edu/data/{'a' * 64}/my%20data.csv"
        )
