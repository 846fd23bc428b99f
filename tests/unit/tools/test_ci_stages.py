"""The stages of the tests: which are chosen, what is shown, and what is kept of each."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tools import ci_stages
from tools.ci_stages import Stage, chosen
from tools.molecule_scenarios import scenarios

AVAILABLE = [
    Stage("packages", ()),
    Stage("class", (), needs=("packages",)),
    Stage("unit", ()),
    Stage("slow", (), ci=False),
]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ci_stages, "BUILD", tmp_path)


def python(name: str, code: str, *, lab: bool = True) -> Stage:
    return Stage(name, (sys.executable, "-c", code), lab=lab)


def main(monkeypatch: pytest.MonkeyPatch, available: list[Stage], *arguments: str) -> int:
    monkeypatch.setattr(ci_stages, "stages", lambda: available)
    monkeypatch.setattr(sys, "argv", ["bin/test", *arguments])
    return ci_stages.main()


@pytest.mark.parametrize(
    ("names", "everything", "expected"),
    [
        ([], False, ["packages", "class", "unit"]),
        ([], True, ["packages", "class", "unit", "slow"]),
        (["slow", "unit"], False, ["unit", "slow"]),
        (["class"], False, ["packages", "class"]),
    ],
)
def test_stages_are_chosen_in_their_order_with_what_they_need(
    names: list[str], everything: bool, expected: list[str]
) -> None:
    assert [stage.name for stage in chosen(AVAILABLE, names, everything=everything)] == expected


def test_an_unknown_stage_is_refused_with_the_list() -> None:
    with pytest.raises(SystemExit, match=r"There is no stage units\. There are: packages, class, unit, slow"):
        chosen(AVAILABLE, ["units"], everything=False)


def test_the_real_stages_have_names_of_their_own_and_every_scenario() -> None:
    names = [stage.name for stage in ci_stages.stages()]
    assert len(set(names)) == len(names)
    assert {"lint", "unit", "molecule"} <= set(names)
    molecule = {stage.name: stage.command for stage in ci_stages.stages() if "bin/molecule" in stage.command}
    assert sorted((*molecule["molecule"][1:], *molecule["molecule long"][1:])) == sorted(scenarios())
    assert molecule["molecule debian-13"][-1] == "bin/molecule"  # all


def test_a_stage_that_fails_stops_no_other_and_is_named_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    available = [python("first one", "print('\\x1b[31mred\\x1b[0m'); exit(3)"), python("second", "print('fine')")]
    assert main(monkeypatch, available) == 1
    said = capfd.readouterr().out
    assert said.index("── first one ──") < said.index("red") < said.index("first one: FAILED in ") < said.index("fine")
    assert said.splitlines()[-1].startswith("Stages: 2, tests: 2, time: ")
    assert said.endswith(" Failed: first one\n")
    first, second = (ElementTree.parse(tmp_path / name) for name in ("first-one.xml", "second.xml"))
    assert "red" in first.findtext("testsuite/testcase/failure", "")
    assert second.find("testsuite/testcase/failure") is None


def test_a_stage_that_fails_without_a_word_has_failed_in_its_report_too(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert main(monkeypatch, [python("silent", "exit(1)")]) == 1
    suite = ElementTree.parse(tmp_path / "silent.xml").find("testsuite")
    assert suite is not None
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")


def test_what_needs_no_lab_runs_beside_and_is_shown_in_one_piece(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    meet = (
        "import pathlib, time; mine, other = pathlib.Path({mine!r}), pathlib.Path({other!r})\n"
        "print('{word} begins', flush=True); mine.touch(); end = time.monotonic() + 20\n"
        "while not other.exists() and time.monotonic() < end: time.sleep(0.02)\n"
        "print('{word} ends', flush=True); assert other.exists()"
    )
    one, two = (str(tmp_path / name) for name in ("one", "two"))
    available = [
        python("lint", meet.format(mine=one, other=two, word="lint"), lab=False),
        python("hosts", meet.format(mine=two, other=one, word="hosts")),
    ]
    assert main(monkeypatch, available) == 0
    lines = capfd.readouterr().out.splitlines()
    assert "hosts ends" in lines
    begins = lines.index("── lint ──")
    assert lines[begins + 1 : begins + 3] == ["lint begins", "lint ends"]
    assert lines[begins + 3].startswith("lint: passed in ")


def test_what_runs_beside_lets_the_hosts_go_first(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    unit = python("unit", "import os; print('nice', os.nice(0))", lab=False)
    assert main(monkeypatch, [unit, python("hosts", "")]) == 0
    assert f"nice {min(os.nice(0) + ci_stages.BESIDE, 19)}\n" in capfd.readouterr().out
    assert main(monkeypatch, [unit]) == 0
    assert f"nice {os.nice(0)}\n" in capfd.readouterr().out


def test_after_an_interrupt_no_other_stage_begins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    real_run = ci_stages.run

    def run(stage: Stage, *, live: bool = True) -> ci_stages.Outcome:
        if stage.lab:
            raise KeyboardInterrupt
        return real_run(stage, live=live)

    monkeypatch.setattr(ci_stages, "run", run)
    touch = "import pathlib, time; time.sleep(0.5); pathlib.Path({!r}).touch()"
    names = [str(tmp_path / name) for name in ("runs", "waits")]
    available = [python(name[-4:], touch.format(name), lab=False) for name in names]
    with pytest.raises(KeyboardInterrupt):
        main(monkeypatch, [*available, python("hosts", "")])
    assert [Path(name).exists() for name in names] == [True, False]


def test_ctrl_c_waits_until_a_stage_has_tidied_up(tmp_path: Path) -> None:
    stage = (
        "import time\ntry:\n    print('begun', flush=True); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    time.sleep(1); print('tidied up', flush=True)"
    )
    bin_test = (
        "import pathlib, signal, sys; from tools import ci_stages\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # also where these tests run in the background
        f"ci_stages.BUILD = pathlib.Path({str(tmp_path)!r})\n"
        f"ci_stages.stages = lambda: [ci_stages.Stage('hosts', (sys.executable, '-c', {stage!r}))]\n"
        "ci_stages.main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", bin_test], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        assert process.stdout
        while process.stdout.readline() != b"begun\n":
            assert process.poll() is None
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        said = process.stdout.read().decode().split("\n")
    assert process.returncode != 0
    assert said == ["", "hosts ends, and what it has brought up. Ctrl-C again does not wait for that.", "tidied up", ""]


def test_output_is_shown_while_a_stage_runs(capfd: pytest.CaptureFixture[str]) -> None:
    shown: list[str] = []
    real_read = os.read

    def read(descriptor: int, size: int) -> bytes:
        shown.append(capfd.readouterr().out)
        return real_read(descriptor, size)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "read", read)
        ci_stages.run(python("slow", "import time; print('.', end=''); time.sleep(0.5); print('end')"))
    assert any("." in part and "end" not in part for part in shown)


def test_a_stage_of_tests_is_counted_from_its_own_report(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "test_it.py").write_text(
        "import pytest\ndef test_a(): pass\ndef test_b(): pass\n@pytest.mark.skip('x')\ndef test_c(): pass\n"
    )
    command = (sys.executable, "-m", "pytest", "-q", f"--junitxml={tmp_path}/unit.xml", str(tmp_path / "test_it.py"))
    assert main(monkeypatch, [Stage("unit", command)]) == 0
    said = capfd.readouterr().out
    assert ", 3 tests, 1 of them skipped" in said
    assert said.endswith(" Everything passed.\n")
