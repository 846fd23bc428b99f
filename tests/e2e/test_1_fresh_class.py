"""A roster becomes a class: what `--check` promises, what `make lab` does, and that a second run does nothing."""

from __future__ import annotations

import json
import re

import pytest

from tests.support.commands import STATE, bring_lab_up, command, mails, on_all_machines, play, recap, requests

READS = re.compile(r"Describe|Get|List")
# Everything on a machine that configure may write to, by name, time, owner, mode and size.
LISTING = (
    "find /etc /home /opt /usr/local /var/lib/machine_learning_aws "
    "-not -path '*/.ansible*' -printf '%p %u %m %T@ %s\\n' 2>/dev/null || true; "
    "systemctl list-unit-files --no-legend --no-pager | grep -v transient"  # as each login's session is
)


def test_check_on_a_fresh_class_calls_nothing_that_changes_anything(before: dict[str, set[str]]) -> None:
    assert not before["control groups"]
    bring_lab_up()
    done = play("provision.yml configure.yml status.yml --check")
    assert recap(done.stdout)["localhost"]["failed"] == 0
    calls = {call["action"] for call in requests()}
    assert "DescribeInstances" in calls
    assert {call for call in calls if not READS.match(call)} == set()
    assert not list((STATE / "class").iterdir())


def test_check_on_a_fresh_machine_changes_nothing_there() -> None:
    play("provision.yml")
    on_all_machines("cloud-init status --wait")  # it writes too, until it has done
    before = on_all_machines(LISTING)
    count = len(requests())
    done = play("configure.yml --check")
    assert all(host["changed"] for name, host in recap(done.stdout).items() if name != "localhost")
    # As sets: the order in which a folder lists its files means nothing.
    assert set(on_all_machines(LISTING).splitlines()) ^ set(before.splitlines()) == set()
    assert all(READS.match(call["action"]) for call in requests()[count:])
    assert mails() == []


def test_make_lab_ends_with_the_table_and_the_way_to_the_letters() -> None:
    done = command("make lab")
    rows = re.findall(r"^\s*(ml101-\d+) +(\w+) +running +.* UTC +(\S+) +answers +.*accepted", done.stdout, re.MULTILINE)
    assert [row[1] for row in rows] == ["ada", "emileexemple", "gracesample", "marta"]
    assert re.findall(r"^\s*(ml101-\d+) +(\w+) +ready$", done.stdout, re.MULTILINE) == [row[:2] for row in rows]
    assert "lab/state/class/letters" in done.stdout
    assert len(mails()) == len(rows) == 4
    assert sorted(path.name for path in (STATE / "class/letters").iterdir()) == [f"{row[1]}.eml" for row in rows]


@pytest.fixture(scope="module")
def everything_said() -> list[str]:
    """What runs that tell all they know have said."""
    return []


def test_a_second_run_changes_nothing_and_mails_nobody(everything_said: list[str]) -> None:
    done = play("provision.yml configure.yml mail.yml status.yml -vvv")
    assert {host["changed"] for host in recap(done.stdout).values()} == {0}
    assert len(mails()) == 4
    everything_said += [done.stdout, done.stderr]


def test_how_long_new_machines_took_is_remembered_and_nothing_of_runs_that_made_none() -> None:
    lines = (STATE / "class/run_durations.jsonl").read_text().splitlines()
    runs = [json.loads(line) for line in lines]
    assert [run["command"] for run in runs] == ["provision.yml", "configure.yml"]
    assert runs[0]["machines"] == runs[1]["machines"] > 0
    assert all(run["seconds"] > 0 and not run["baked"] for run in runs)


def test_mail_goes_again_to_whom_the_instructor_names(everything_said: list[str]) -> None:
    count = len(mails())
    done = play("mail.yml -e student=ada,marta -vvv")
    assert len(mails()) == count + 2
    everything_said += [done.stdout, done.stderr]
    done = play("mail.yml -e student=nobody", check=False)
    assert done.returncode != 0
    assert "Not in the roster: nobody" in done.stdout + done.stderr
    assert len(mails()) == count + 2


def test_no_secret_is_on_the_screen_or_in_a_log(everything_said: list[str]) -> None:
    secrets = re.findall(
        r'"(?:password|password_hash|token|link_secret)": "([^"]+)"', (STATE / "class/credentials.json").read_text()
    )
    assert len(secrets) == 16
    assert "ml101-001" in everything_said[0]
    shown = "".join([*everything_said, on_all_machines("journalctl --no-pager; ps -ef")])
    assert [secret for secret in secrets if secret in shown] == []
