"""Every mutant in the list applies to the roles as they are, and only a scenario that noticed it counts."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
import yaml

from tools import PROJECT, molecule_scenarios, mutants, project_copy
from tools.molecule_scenarios import Outcome
from tools.mutants import Mutant, MutantError, Trial, read_mutants

MUTANTS = read_mutants()
MUTANT = Mutant("data", 1, "lets everybody write", "some.py", "0o444", "0o666", "Fail to change one")
FAILED = """\
INFO     [data > {step}] Executing

PLAY [Use the data sets as a student] ******************************************

TASK [Read every data set, byte for byte] **************************************
ok: [molecule-data-001]

TASK [{task}] *************************************
failed: [molecule-data-001]: cp /dev/null iris.csv: It did not fail.
With -v the same command says more.

WARNING  [data > {step}] An error occurred during the test sequence action: '{step}'. Cleaning up.
INFO     [data > destroy] Executing

TASK [machines : Say what is left] *********************************************
"""
CHANGED_AGAIN = """\
TASK [mail : Send the letter] **************************************************
changed: [localhost]
CRITICAL Idempotence test failed because of the following tasks:
*  => mail : Send the letter
WARNING  [mail > idempotence] An error occurred during the test sequence action: 'idempotence'. Cleaning up.
"""


def outcome(said: str, *, passed: bool = False) -> Outcome:
    return Outcome("data", 12.0, passed, said, Path("data.log"))


def words(task_list: object) -> set[str]:
    """Return the names of all tasks in what YAML made of a file."""
    if isinstance(task_list, list):
        return set().union(*map(words, task_list))
    if isinstance(task_list, dict):
        return {str(task_list.get("name"))}.union(*map(words, task_list.values()))
    return set()


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_each_applies_and_is_a_wrong_program_not_a_broken_file(mutant: Mutant) -> None:
    broken = mutant.broken(PROJECT)
    if mutant.file.endswith(".py"):
        ast.parse(broken)
    elif mutant.file.endswith(".yml"):
        assert yaml.safe_load(broken)


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_what_is_to_catch_it_is_a_task_of_its_scenario(mutant: Mutant) -> None:
    folders = (f"molecule/{mutant.role}", "molecule/shared", f"roles/{mutant.role}/tasks")
    files = [path for folder in folders for path in (PROJECT / folder).rglob("*.yml")]
    assert mutant.caught_by in {"idempotence"}.union(*(words(yaml.safe_load(path.read_text())) for path in files))


def test_each_role_is_broken_in_two_ways_at_least() -> None:
    roles = [mutant.role for mutant in MUTANTS]
    assert {role for role in roles if roles.count(role) >= 2} == {path.name for path in (PROJECT / "roles").iterdir()}


def test_one_that_does_not_apply_is_named_and_nothing_runs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(mutants, "read_mutants", lambda: [MUTANT])
    monkeypatch.setattr(project_copy, "copy_to", lambda folder: (folder.mkdir(), (folder / "some.py").write_text("")))
    monkeypatch.setattr(molecule_scenarios, "run", lambda name, project: ran.append(f"{name} {project}"))
    monkeypatch.setattr(sys, "argv", ["mutants"])
    assert mutants.main() == 1
    assert ran == []
    assert "data, which lets everybody write: its `old` is 0 times in some.py, not once." in capsys.readouterr().err


def test_one_that_would_change_two_places_does_not_apply(tmp_path: Path) -> None:
    (tmp_path / "some.py").write_text("0o444 0o444")
    with pytest.raises(MutantError, match=r"2 times in some\.py, not once"):
        MUTANT.apply(tmp_path)


@pytest.mark.parametrize(
    ("said", "passed", "caught", "verdict"),
    [
        (FAILED.format(step="verify", task="Fail to change one"), False, True, "verify: Fail to change one"),
        (
            FAILED.format(step="converge", task="data : Fail to change one"),
            False,
            True,
            "converge: Fail to change one",
        ),
        (
            FAILED.format(step="verify", task="Find a server"),
            False,
            False,
            "NOT NOTICED, but failed at verify: Find a server",
        ),
        (
            FAILED.format(step="create", task="Fail to change one"),
            False,
            False,
            "NOT NOTICED, but failed at create: Fail to change one",
        ),
        ("molecule: command not found", False, False, "NOT NOTICED, but failed at start: "),
        ("all well", True, False, "SURVIVED"),
    ],
)
def test_only_the_task_that_looks_at_it_catches_one(said: str, passed: bool, caught: bool, verdict: str) -> None:
    trial = Trial.of(MUTANT, outcome(said, passed=passed))
    assert (trial.caught, trial.verdict) == (caught, verdict)


def test_what_failed_is_told_in_its_own_words() -> None:
    trial = Trial.of(MUTANT, outcome(FAILED.format(step="verify", task="Fail to change one")))
    assert str(trial) == (
        "data lets everybody write: verify: Fail to change one (12 s)\n  cp /dev/null iris.csv: It did not fail."
    )


def test_a_second_run_that_changes_something_catches_one_too() -> None:
    mutant = Mutant("mail", 1, "forgets", "some.py", "a", "b", "idempotence")
    trial = Trial.of(mutant, outcome(CHANGED_AGAIN))
    assert (trial.caught, trial.step, trial.words) == (True, "idempotence", " => mail : Send the letter")


@pytest.mark.parametrize(("passes", "status"), [(False, 0), (True, 1)])
def test_one_that_survives_is_a_failure(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    passes: bool,
    status: int,
) -> None:
    def copy_to(folder: Path) -> None:
        folder.mkdir()
        (folder / "some.py").write_text("chmod(path, 0o444)")

    def run(name: str, project: Path) -> Outcome:
        assert (name, (project / "some.py").read_text()) == ("data", "chmod(path, 0o666)")
        log = tmp_path / "data.log"
        log.write_text("said")
        said = "" if passes else FAILED.format(step="verify", task="Fail to change one")
        return Outcome(name, 12.0, passes, said, log)

    monkeypatch.setattr(mutants, "read_mutants", lambda: [MUTANT])
    monkeypatch.setattr(mutants, "LOGS", tmp_path / "logs")
    monkeypatch.setattr(project_copy, "copy_to", copy_to)
    monkeypatch.setattr(molecule_scenarios, "run", run)
    monkeypatch.setattr(sys, "argv", ["mutants"])
    assert mutants.main() == status
    said = capsys.readouterr().out
    assert f"Mutants: 1, caught: {1 - status}, time: " in said
    assert ("SURVIVED" in said) == passes
    assert (tmp_path / "logs" / "data-1.log").read_text() == "said"
