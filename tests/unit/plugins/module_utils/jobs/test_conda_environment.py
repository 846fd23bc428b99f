"""The module as it meets a machine: what one look costs, what is asked for, and what shells find afterwards."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.installer import Environment
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import (
    Lock,
    LockedPackage,
    Request,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs import conda_environment
from ansible_collections.machine_learning.classroom.plugins.modules import conda_environment as module

if TYPE_CHECKING:
    from pathlib import Path

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="files on a machine belong to root")
LOCK = Lock(
    Request("0" * 64, ("https://channel.example.org/x/",), "linux-64"),
    (LockedPackage({"name": "numbers_", "version": "1"}, "https://channel.example.org/x/noarch/a.conda", "1" * 64),),
)


@pytest.fixture
def hook_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """Let the module write its shell files below `tmp_path`."""
    hook, bashrc = tmp_path / "conda_env.sh", tmp_path / "bash.bashrc"
    bashrc.write_text('# Debian\'s\n[ -z "$PS1" ] && return')
    monkeypatch.setattr(conda_environment, "HOOK", str(hook))
    monkeypatch.setattr(conda_environment, "BASHRC", str(bashrc))
    monkeypatch.setattr(conda_environment, "SOURCE_HOOK", f". {hook}\n")
    return hook, bashrc


def run(prefix: Path, capsys: pytest.CaptureFixture[str], *, check: bool = False, lock: str = "") -> dict[str, Any]:
    """Run the module; returns its result."""
    arguments = {
        "lock_file": "environment.lock",
        "lock": lock or LOCK.text(),
        "prefix": str(prefix),
        "client_requirements": "client==1",
        "_ansible_check_mode": check,
    }
    with patch_module_args(arguments), pytest.raises(SystemExit):
        module.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


def test_without_client_the_module_asks_for_pip_and_touches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result = run(tmp_path / "conda/envs/conda_env", capsys)
    assert result["client_missing"]
    assert result["changed"] is False
    assert not (tmp_path / "conda").exists()


@needs_root
@pytest.mark.usefixtures("hook_files")
def test_check_mode_says_what_would_be_installed_and_touches_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.iterdir())
    result = run(tmp_path / "conda/envs/conda_env", capsys, check=True)
    assert {"installed the conda client", "installed numbers_ 1"} <= set(result["changes"])
    assert sorted(tmp_path.iterdir()) == before


@needs_root
def test_an_unchanged_lock_needs_no_client_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], hook_files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Environment, "is_at", lambda _self, _state: True)
    assert run(tmp_path / "envs/conda_env", capsys)["changed"]  # the shells' files
    assert run(tmp_path / "envs/conda_env", capsys)["changed"] is False
    assert hook_files[1].read_text().splitlines()[-1] == f". {hook_files[0]}"


def test_a_damaged_lock_is_refused_before_anything_happens(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    result = run(tmp_path / "envs/conda_env", capsys, lock="@EXPLICIT\nhttps://channel.example.org/a.conda\n")
    assert "environment.lock, line 2" in result["msg"]


def shell(
    tmp_path: Path,
    commands: str,
    *,
    user: int = 1000,
    name: str = "sh",
    variables: tuple[tuple[str, str], ...] = (),
) -> list[str]:
    """Run `commands` in a shell that has read the hook; returns what it printed, line by line."""
    prefix = tmp_path / "envs/conda_env"
    hook = tmp_path / "hook.sh"
    hook.write_text(conda_environment.shell_hook(prefix, variables))
    script = f"id() {{ echo {user}; }}\n. {hook}\n{commands}"
    environment = {"PATH": "/usr/bin:/bin", "HOME": "/home/amy"}
    return subprocess.check_output([name, "-euc", script], env=environment, text=True).splitlines()


@pytest.mark.parametrize("name", ["sh", "bash"])
def test_every_shell_but_roots_finds_the_environment_first_and_once(tmp_path: Path, name: str) -> None:
    prefix = tmp_path / "envs/conda_env"
    again = f". {tmp_path}/hook.sh; echo $PATH; echo $CONDA_PREFIX $CONDA_DEFAULT_ENV"
    assert shell(tmp_path, again, name=name) == [f"{prefix}/bin:/usr/bin:/bin", f"{prefix} conda_env"]
    assert shell(tmp_path, "echo $PATH ${CONDA_PREFIX:-none}", user=0, name=name) == ["/usr/bin:/bin none"]


def test_variables_of_the_environment_are_set_as_they_are_written(tmp_path: Path) -> None:
    values = (("SEED", "007"), ("WORDS", 'it\'s $HOME 100% `x` "y"'))
    said = shell(tmp_path, "env | grep -e ^SEED= -e ^WORDS=", variables=values)
    assert sorted(said) == [f"{name}={value}" for name, value in values]
    assert shell(tmp_path, "echo ${SEED:-none}", user=0, variables=values) == ["none"]
    assert shell(tmp_path, "echo ${SEED:-none}") == ["none"]


def test_a_login_shell_that_resets_the_path_finds_it_again_and_another_environment_stays(tmp_path: Path) -> None:
    reset = f"PATH=/usr/bin:/bin; . {tmp_path}/hook.sh; echo $PATH"
    assert shell(tmp_path, reset) == [f"{tmp_path}/envs/conda_env/bin:/usr/bin:/bin"]
    other = f"PATH=/mine/bin:/bin CONDA_PREFIX=/mine; . {tmp_path}/hook.sh; echo $PATH $CONDA_PREFIX"
    assert shell(tmp_path, other) == ["/mine/bin:/bin /mine"]


def test_where_the_environment_has_conda_its_command_works_and_finds_the_name(tmp_path: Path) -> None:
    profile = tmp_path / "envs/conda_env/etc/profile.d"
    profile.mkdir(parents=True)
    (profile / "conda.sh").write_text('conda() { echo "$@" in "$CONDA_ENVS_DIRS"; }\n')
    said = shell(tmp_path, "conda activate conda_env")
    assert said == [f"activate conda_env in /home/amy/.conda/envs:{tmp_path}/envs"]
