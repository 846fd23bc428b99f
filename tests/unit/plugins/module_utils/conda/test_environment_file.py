"""environment.yml: what is understood, and how each mistake is named."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.environment_file import (
    EnvironmentFile,
    EnvironmentFileError,
    read,
)

if TYPE_CHECKING:
    from pathlib import Path


def environment(tmp_path: Path, text: str) -> EnvironmentFile:
    file = tmp_path / "environment.yml"
    file.write_text(text)
    return read(file)


def test_channels_and_dependencies_are_read_and_an_exported_prefix_ignored(tmp_path: Path) -> None:
    text = (
        "name: mine\nchannels: [conda-forge, nodefaults]\n"
        "dependencies:\n  - numpy\n  - python >=3.12\nprefix: /home/someone/env\n"
    )
    found = environment(tmp_path, text)
    assert found.name == "mine"
    assert found.channels == ("conda-forge",)
    assert [(d.spec, d.line) for d in found.dependencies] == [("numpy", 4), ("python >=3.12", 5)]


@pytest.mark.parametrize("channel", ["defaults", "main", "https://repo.anaconda.com/pkgs/main"])
def test_channels_that_a_class_may_not_use_are_refused(tmp_path: Path, channel: str) -> None:
    with pytest.raises(EnvironmentFileError, match=r"line 3: .*terms of service[^$]*conda-forge"):
        environment(tmp_path, f"channels:\n  - conda-forge\n  - {channel}\ndependencies: [numpy]\n")


def test_no_channels_do_not_mean_anacondas(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFileError, match="names no channels"):
        environment(tmp_path, "dependencies: [numpy]\n")


def test_a_pip_section_is_read_with_its_lines(tmp_path: Path) -> None:
    text = "channels: [conda-forge]\ndependencies:\n  - numpy\n  - pip:\n    - torch\n    - rich==13\n"
    assert [(d.spec, d.line) for d in environment(tmp_path, text).pip] == [("torch", 5), ("rich==13", 6)]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("channels: [conda-forge]\ndependencies:\n  - numpy\n\t- pandas\n", "line 4"),
        ("channels: [conda-forge]\ndependencies: numpy\n", "line 2"),
        ("channels: [conda-forge]\ndependencies:\n  - numpy\n  - [a]\n", "line 4"),
        ("channels: [conda-forge]\n", "dependencies"),
        ("", "empty"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(EnvironmentFileError, match=named):
        environment(tmp_path, text)


def test_a_key_that_nobody_reads_is_named(tmp_path: Path) -> None:
    found = environment(tmp_path, "channels: [conda-forge]\ndependencies: [numpy]\nplatforms: [linux-64]\n")
    assert found.notes == (
        "environment.yml, line 3: conda knows no `platforms:`, and nothing here does: it has no effect.",
    )
