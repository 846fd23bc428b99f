"""What the collection asks for is what it is tested with, and the same wherever it is said."""

from __future__ import annotations

import json
import tomllib
from importlib.metadata import version
from pathlib import Path
from typing import Any

import ansible
import pytest
import yaml

from tools import COLLECTION, PROJECT

GALAXY: dict[str, Any] = yaml.safe_load((COLLECTION / "galaxy.yml").read_text())
INSTALLED = Path(ansible.__file__).parents[1] / "ansible_collections"


def test_galaxy_and_requirements_ask_for_the_same_collections() -> None:
    asked = yaml.safe_load((PROJECT / "requirements.yml").read_text())["collections"]
    assert {each["name"]: each["version"] for each in asked} == GALAXY["dependencies"]


@pytest.mark.parametrize("name", GALAXY["dependencies"])
def test_asks_for_a_collection_as_new_as_the_one_it_is_tested_with(name: str) -> None:
    manifest = json.loads((INSTALLED / name.replace(".", "/") / "MANIFEST.json").read_text())
    assert GALAXY["dependencies"][name] == f">={manifest['collection_info']['version']}"


def test_asks_for_an_ansible_as_new_as_the_one_it_is_tested_with() -> None:
    major, minor, _ = version("ansible-core").split(".", 2)
    runtime = yaml.safe_load((COLLECTION / "meta" / "runtime.yml").read_text())
    assert runtime["requires_ansible"] == f">={major}.{minor}.0"


def test_project_and_collection_have_one_version() -> None:
    assert tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["version"] == GALAXY["version"]
