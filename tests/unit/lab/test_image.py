"""The host images: which there are, when they change, when they are built."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING

import yaml

from lab import image, layout

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_the_first_image_is_the_one_that_the_project_launches_and_no_two_are_the_same() -> None:
    ours = yaml.safe_load((layout.PROJECT / "group_vars/all/class.yml").read_text())
    assert image.RELEASES[0].parameter == ours["class_image_parameter"]
    for what in ("name", "suite", "ami", "ami_name", "parameter"):
        assert len({getattr(release, what) for release in image.RELEASES}) == len(image.RELEASES), what


def test_an_ami_is_another_with_whatever_goes_into_it() -> None:
    release = image.RELEASES[0]
    assert release.ami == replace(release).ami
    assert release.ami != replace(release, packages=(*release.packages, "acl")).ami


def test_the_scripts_of_an_image_can_be_run() -> None:
    scripts = {script for release in image.RELEASES for script in release.scripts}
    assert scripts == {path.name for path in layout.RECIPE.iterdir() if path.is_file()}
    assert all(os.access(layout.RECIPE / script, os.X_OK) for script in scripts)


def test_an_image_is_built_for_the_first_host_that_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[str] = []
    monkeypatch.setattr(image, "CACHE", tmp_path)
    monkeypatch.setattr(image, "exists", lambda ami: ami in built)
    monkeypatch.setattr(image, "_build", lambda release, _archive: built.append(release.ami))
    monkeypatch.setattr(image, "podman", lambda *_: "")
    other = image.RELEASES[1]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(image.provide, [other.ami] * 4))
    image.provide("ami-of-a-host")
    assert built == [other.ami]


def test_scenarios_can_choose_every_image_by_its_name() -> None:
    chosen = {
        path.stem: yaml.safe_load(path.read_text()) for path in layout.PROJECT.glob("molecule/shared/images/*.yml")
    }
    assert chosen == {release.name: {"class_image_parameter": release.parameter} for release in image.RELEASES}
