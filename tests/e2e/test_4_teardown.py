"""The end of the term: the work comes home, and then the machines go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.commands import (
    PROJECT_ON_MACHINE,
    TEARDOWN,
    command,
    mails,
    on_all_machines,
    on_machine,
    play,
    requests,
)
from tests.support.letter import read_letter

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.laptop import Laptop


def terminated() -> int:
    """Count the calls that terminated machines."""
    return sum(call["action"] == "TerminateInstances" for call in requests())


def test_teardown_without_the_name_of_the_class_touches_nothing() -> None:
    for line in ("teardown.yml", "teardown.yml -e class_confirm_teardown=another"):
        done = play(line, check=False)
        assert done.returncode != 0
        assert "Nothing was touched" in done.stdout + done.stderr
    assert terminated() == 0


def test_check_says_what_would_go_and_touches_nothing(home: Path) -> None:
    done = play(f"teardown.yml --check -e class_work_home={home}")
    assert "4 machines of ml101 would be terminated" in done.stdout
    left = play("leftovers.yml --check").stdout
    assert "us-east-1: 4 machines, running, with 120 GiB of disk: ml101-001, " in left
    assert " $ a month\n    ansible-playbook teardown.yml" in left
    assert terminated() == 0
    assert list(home.iterdir()) == []


def test_collect_keeps_every_version_and_an_earlier_one_comes_back_beside(tmp_path: Path) -> None:
    ada = read_letter(mails()[0])
    for version in ("first", "second"):
        on_all_machines(f"cd {PROJECT_ON_MACHINE} && for who in *; do echo {version} $who > $who/own.txt; done")
        done = play(f"collect.yml -e class_work_home={tmp_path}")
        assert "NOT SAFE" not in done.stdout
        assert (tmp_path / ada.username / "own.txt").read_text() == f"{version} {ada.username}\n"
    at = command(f"git -C {tmp_path}/.history/{ada.username}.git rev-parse main~1").stdout.strip()
    play(f"restore.yml -e student={ada.username} -e at={at} -e class_work_home={tmp_path}")
    shown = on_machine(ada.seat, f"cd {PROJECT_ON_MACHINE}/{ada.username} && cat own.txt restored-*/own.txt")
    assert shown.splitlines()[-2:] == [f"second {ada.username}", f"first {ada.username}"]


def test_a_machine_that_cannot_be_reached_is_named_and_kept(laptop: Laptop, home: Path) -> None:
    lost = read_letter(mails()[0])
    for number in range(4):
        letter = read_letter(mails()[number])
        laptop.log_in(letter, f"cd {PROJECT_ON_MACHINE}/{letter.username}", "echo 'my own work' > 'my work é.txt'")
    command(f".venv/bin/python -m lab cut {lost.seat}")
    count = len(requests())
    # A machine of the lab that does not answer in twenty seconds was cut.
    done = play(f"{TEARDOWN} -e class_work_home={home} -e work_reach_wait_s=20", check=False)
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert f"{lost.seat} (running; {lost.username})" in said
    assert sorted(path.name for path in home.iterdir() if not path.name.startswith(".")) == sorted(
        read_letter(mails()[number]).username for number in range(1, 4)
    )
    assert {call["action"] for call in requests()[count:]} & {"DeleteKeyPair", "DeleteSecurityGroup"} == set()


def test_the_healed_machine_gives_its_work_and_everything_goes(home: Path) -> None:
    lost = read_letter(mails()[0])
    command(f".venv/bin/python -m lab heal {lost.seat}")
    there = on_machine(lost.seat, f"cd {PROJECT_ON_MACHINE} && find {lost.username} -type f -exec sha256sum {{}} +")
    done = play(f"{TEARDOWN} -e class_work_home={home}")
    assert "In 17 regions nothing with a tag Class or BakedBy costs money." in done.stdout
    here = command(f"cd {home} && find {lost.username} -type f -exec sha256sum {{}} +").stdout
    assert set(here.splitlines()) == {line for line in there.splitlines() if f"  {lost.username}/" in line}
    assert (home / lost.username / "my work é.txt").read_text() == "my own work\n"
    assert sum(call["action"] == "DeleteSecurityGroup" for call in requests()) == 1
    assert "running" not in command(".venv/bin/python -m lab status").stdout
