"""The list of data sets is checked here, with its mistakes named, before machines cost anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.datasets import DatasetError
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.datasets_file import read_datasets_file

from tools import PROJECT

if TYPE_CHECKING:
    from pathlib import Path

IRIS = f"- name: iris\n  url: https://example.org/iris.csv\n  sha256: {'a' * 64}\n"


def test_the_list_of_the_project_is_taken() -> None:
    listed = read_datasets_file(str(PROJECT / "data" / "datasets.yml"))
    assert {dataset.path for dataset in listed} >= {"iris.csv", "digits.csv.gz"}


@pytest.mark.parametrize("text", ["datasets: []\n", f"datasets:\n{IRIS}", f"terms: 2\ndatasets:\n{IRIS}  unpack: no\n"])
def test_a_list_without_a_mistake_is_taken(tmp_path: Path, text: str) -> None:
    (tmp_path / "datasets.yml").write_text(text)
    assert len(read_datasets_file(str(tmp_path / "datasets.yml"))) == text.count("name:")


REFUSED = {
    "empty": ("", "it must have a list; for no data sets write `datasets: []`."),
    "a list of nothing": ("datasets:\n", "for no data sets write `datasets: []`."),
    "another name above it": (f"data:\n{IRIS}", "below `datasets:` it must have a list"),
    "a list without a name": (IRIS, "below `datasets:` it must have a list"),
    "an address alone": ("datasets:\n- https://example.org/iris.csv\n", "entry 1 must say name, url and sha256"),
    "a misspelt line": (f"datasets:\n{IRIS}  unpacked: true\n", "(iris) has an unknown line `unpacked`.\nDid you mean"),
    "an unheard line": (
        f"datasets:\n{IRIS}  zzz: 1\n",
        "(iris) has an unknown line `zzz`.\nIt takes name, url,",
    ),
    "a dash that is missing": (
        f"datasets:\n{IRIS}{IRIS.replace('-', ' ')}",
        "line 5: `name` stands in line 2 already.\nKeep one of them, or begin another data set with `- name:`.",
    ),
    "the list twice": (f"datasets:\n{IRIS}datasets:\n{IRIS}", "line 5: `datasets` stands in line 1 already."),
    "a tab": (f"datasets:\n{IRIS}\tunpack: true\n", "line 5: not valid YAML"),
    "a month that there is not": (f"datasets:\n{IRIS}  source: 2026-13-01\n", "is no text file in YAML: month must be"),
    "lists without end": (f"datasets: {'[' * 3000}{']' * 3000}\n", "is no text file in YAML: maximum recursion"),
    "a number without end": (f"datasets:\n{IRIS}  license: {'9' * 5000}\n", "is no text file in YAML: Exceeds"),
    "a name of 300 letters": (f"datasets:\n{IRIS}  file: {'x' * 300}\n", "Give it another name, as in: file: iris.csv"),
    "an address with a login": (f"datasets:\n{IRIS.replace('//', '//ada:x@')}", "has a login in it"),
    "a file of this computer": (f"datasets:\n{IRIS.replace('https://', 'file:///')}", "must begin with https:// or"),
    "a backslash in an address": (f"datasets:\n{IRIS.replace('.org/', '.org' + chr(92))}", "because of '"),
    "the checksum of another kind": (f"datasets:\n{IRIS.replace('a' * 64, 'a' * 32)}", "64 digits"),
    "a truth value in another word": (f"datasets:\n{IRIS}  unpack: 'yes'\n", "unpack is true or false"),
    "two files of one name": (
        f"datasets:\n{IRIS}{IRIS.replace('name: iris', 'name: other').replace('a' * 64, 'b' * 64)}",
        "Data sets iris and other are both iris.csv",
    ),
    "no text": (b"\xff\xfe\x00", "is no text file in YAML"),
    "a text for a truth value": (f"datasets:\n{IRIS}  unpack: 'false'\n", "unpack is true or false"),
    "a bad port": (f"datasets:\n{IRIS.replace('.org', '.org:x')}", "has 'x' for a port"),
}


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED.keys())
def test_a_mistake_is_named_with_its_file_and_place(tmp_path: Path, text: str | bytes, said: str) -> None:
    path = tmp_path / "datasets.yml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(DatasetError) as refused:
        read_datasets_file(str(path))
    assert said in str(refused.value)
    assert str(path) in str(refused.value)
    assert len(str(refused.value).splitlines()) <= 5


def test_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"no\.yml cannot be read: No such file or directory"):
        read_datasets_file(str(tmp_path / "no.yml"))
