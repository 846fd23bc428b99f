"""environment.yml: what is understood, and how each mistake is named."""

from __future__ import annotations

import re
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


CHANNEL = "channels:\n  - {}\ndependencies: [numpy]\n"
CONDA = "channels: [conda-forge]\ndependencies:\n  - {}\n"
PIP = "channels: [conda-forge]\ndependencies:\n  - pip:\n    - {}\n"


@pytest.mark.parametrize("channel", ["defaults", "main", "https://repo.anaconda.com/pkgs/main"])
def test_channels_that_a_class_may_not_use_are_refused(tmp_path: Path, channel: str) -> None:
    with pytest.raises(EnvironmentFileError, match=r"line 3: .*terms of service[^$]*conda-forge"):
        environment(tmp_path, f"channels:\n  - conda-forge\n  - {channel}\ndependencies: [numpy]\n")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CHANNEL.format("https://ada:geheim@conda.example.org/course"), "line 2: .*https://…@conda.example.org/course"),
        (CHANNEL.format("https://geheim@conda.example.org/course"), "line 2: .*https://…@conda.example.org/course"),
        (CHANNEL.format("https://ada:ge/he@geheim@conda.example.org/course"), "line 2: .*https://…@conda.example.org"),
        (CHANNEL.format("https://conda.anaconda.org/t/geheim/course"), "line 2: .*anaconda.org/t/…/course"),
        (CHANNEL.format("https://conda.anaconda.org/t/geheim/main"), "line 2: .*/t/…/main .*terms of service"),
        (CONDA.format("https://ada:geheim@conda.example.org/course::learning"), "line 3: .*a login in it"),
        (CONDA.format("https://conda.example.org/t/geheim/course::learning"), "line 3: .*a login in it"),
        (CONDA.format("learning[channel=https://ada:geheim@conda.example.org/course]"), "line 3: .*a web address"),
        (CONDA.format("https://ada:geheim@conda.example.org/c/learning-1-0.conda"), "line 3: .*address of one file"),
        (PIP.format("--index-url https://ada:geheim@pypi.example.org/simple"), "line 4: .*an option of pip"),
        (PIP.format("rich @ https://ada:geheim@pypi.example.org/rich-13-py3-none-any.whl"), "line 4: .*a web address"),
        (PIP.format("git+https://geheim@git.example.org/course.git"), "line 4: .*source code"),
        (
            CONDA.format("numpy\nvariables:\n  PIP_INDEX_URL: https://ada:geheim@pypi.example.org/simple"),
            "line 5: .*PIP_INDEX_URL has a login in it",
        ),
    ],
)
def test_an_address_with_a_login_is_refused_and_the_login_not_told(tmp_path: Path, text: str, words: str) -> None:
    """The lock would have it too, which is committed, and so would machines, where every student reads it."""
    with pytest.raises(EnvironmentFileError, match=words) as refused:
        environment(tmp_path, text)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize("channel", ["https://conda.example.org:8443/team@home", "https://conda.example.org/t"])
def test_an_address_without_a_login_is_none_that_has_one(tmp_path: Path, channel: str) -> None:
    assert environment(tmp_path, CHANNEL.format(channel)).channels == (channel,)


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


@pytest.mark.parametrize(
    ("text", "words"),
    [
        # Keys that conda does not know, and whoever wrote them meant another.
        ("channel: [conda-forge]\ndependencies: [numpy]\n", "line 1: .*no `channel:`.*mean `channels:`"),
        ("channels: [conda-forge]\ndependancies: [numpy]\n", "line 2: .*no `dependancies:`.*mean `dependencies:`"),
        ("channels: [conda-forge]\nDependencies: [numpy]\n", "line 2: .*no `Dependencies:`"),
        ("b: &b {dependencies: [numpy]}\n<<: *b\nchannels: [conda-forge]\n", "line 2: `<<:` takes over"),
        # Channels where no machine comes, and what is none.
        ("channels: ['file:///home/ada/x']\ndependencies: [numpy]\n", "file:///home/ada/x is on your computer"),
        ("channels: [../mine]\ndependencies: [numpy]\n", "../mine is on your computer"),
        ("channels: [local, conda-forge]\ndependencies: [numpy]\n", "channel local is on your computer"),
        ("channels: ['conda-forge, bioconda']\ndependencies: [numpy]\n", "line 1: .*more than one channel"),
        ("channels: [conda-forge/linux-64]\ndependencies: [numpy]\n", "folder of a channel.*Write `conda-forge`"),
        (CHANNEL.format("https://conda.example.org/c/noarch/"), "line 2: .*Write `https://conda.example.org/c`"),
        # Files of other programs.
        ("# platform: linux\n@EXPLICIT\nhttps://x.example.org/x-1-0.conda\n", "line 2: .*--explicit.*--from-history"),
        ("numpy==2.1\npandas>=2\n", "line 1: a list of packages alone.*`- pip:`"),
        ("{% set v = 2 %}\nchannels: [conda-forge]\ndependencies: [numpy]\n", "line 1: .*is to be filled in"),
        (CONDA.format("{% if x %}"), "line 3: .*is to be filled in"),
        ("channels:\n  - name: conda-forge\ndependencies: [numpy]\n", "line 2: a channel is a name"),
        ("channels: [conda-forge]\ndependencies: " + "[" * 2000 + "]" * 2000, "lists in lists"),
        (CONDA.format("'::numpy'"), "line 3: `::numpy` names no channel.*Write `numpy`"),
        # Templates of other programs.
        (CONDA.format("{{ numpy }}"), "line 3: `{{ … }}` is to be filled in"),
        (CONDA.format("'numpy={{ version }}'"), "line 3: .*is to be filled in"),
        (CONDA.format("numpy=$VERSION"), "line 3: .*is to be filled in"),
        (PIP.format("{{ rich }}"), "line 4: `{{ … }}` is to be filled in"),
        (PIP.format("rich==${VERSION}"), "line 4: .*is to be filled in"),
        # What a document makes of the keyboard's characters.
        (CONDA.format("\u201cnumpy\u201d"), r"holds \u201c \(U\+201C\)"),
        (CONDA.format("numpy \u22652"), r"holds \u2265 \(U\+2265\)"),
        (CONDA.format("numpy\u200b"), r"holds a character that nobody sees \(U\+200B\)"),
        (PIP.format("rich \u2013\u2013pre"), r"holds \u2013 \(U\+2013\)"),
        # Below pip:, by what each is.
        (PIP.format("-e git+https://git.example.com/x#egg=x"), "line 4: .*repository of source code"),
        (PIP.format("x @ file:///home/ada/x"), "line 4: .*file or folder of your computer"),
        (PIP.format("rich==13 --hash=sha256:00"), "line 4: .*hashes, too.*Write `rich==13`"),
        (PIP.format("rich --index-url https://example.com/x"), "line 4: .*has options.*Write `rich`"),
        (PIP.format("rich@14"), "line 4: .*Write `rich==14`"),
        (PIP.format("rich @ 14.0"), "line 4: .*Write `rich==14.0`"),
        (PIP.format("rich=>13"), "line 4: `rich=>13` is not understood.*`rich>=13`"),
        (PIP.format("rich: 13.0"), "line 4: .*because of the colon.*Write `rich==13.0`"),
        (PIP.format("--no-binary :all:"), "line 4: .*option of pip"),
        (PIP.format("rich 13.0"), "line 4: .*lacks an `==`.*Write `rich==13.0`"),
        (PIP.format("13.0"), "line 4: .*version without a package"),
        (PIP.format(""), "line 4: nothing stands behind"),
        (PIP.format("[rich]"), "line 4: a line below `pip:` is one text"),
    ],
)
def test_what_is_neither_conda_s_nor_pip_s_is_told_by_what_it_is(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(EnvironmentFileError) as refused:
        environment(tmp_path, text)
    message = str(refused.value)
    assert re.search(words, message, re.DOTALL), message
    assert "Node(" not in message


def test_comments_are_no_part_of_a_line(tmp_path: Path) -> None:
    text = CONDA.format("numpy  # [linux]") + "  - pip:\n    - 'rich>=13  # for tables'\n    - idna # [py>312]\n"
    found = environment(tmp_path, text)
    assert [d.spec for d in (*found.dependencies, *found.pip)] == ["numpy", "rich>=13", "idna"]


def test_lists_may_be_shared_within_the_file(tmp_path: Path) -> None:
    text = "channels: [conda-forge]\n? [odd, key]\n: &d [numpy]\ndependencies: *d\n"
    found = environment(tmp_path, text)
    assert [d.spec for d in found.dependencies] == ["numpy"]
    assert found.notes == ("environment.yml, line 2: conda knows no `[…]:`, and nothing here does: it has no effect.",)


def test_a_key_that_nobody_reads_is_named(tmp_path: Path) -> None:
    found = environment(tmp_path, "channels: [conda-forge]\ndependencies: [numpy]\nplatforms: [linux-64]\n")
    assert found.notes == (
        "environment.yml, line 3: conda knows no `platforms:`, and nothing here does: it has no effect.",
    )
