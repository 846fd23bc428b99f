"""What is found to be wrong in a class, and what mends it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.status_table import laid_out
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.totals import class_totals, in_words
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.troubles import in_lines, worst_first

from tests.support.status_class import NO_ANSWER, NO_ROOM, NOW, StatusClass, six_kinds_of_trouble


def found(made: StatusClass, **options: Any) -> dict[str, str]:
    """Return the command of each trouble by its title."""
    return {trouble.title: trouble.command for trouble in made.troubles(**options)}


def test_a_class_that_works_is_in_no_trouble(tmp_path: Path) -> None:
    made = StatusClass(tmp_path)
    assert found(made) == {}
    assert in_lines(made.troubles()) == ""
    assert in_words(class_totals(made.lines(), [])) == (
        "in trouble: 0 · students: 40 · machines: 40 · running: 40 · spare: 0 · Jupyter works: 40"
    )


def test_six_kinds_of_trouble_come_first_each_with_its_command(tmp_path: Path) -> None:
    made, worst = six_kinds_of_trouble(tmp_path)
    lines, troubles = made.lines(), made.troubles()
    assert [line.username for line in worst_first(lines, troubles)][:7] == [*worst, "student01"]
    assert [(trouble.urgent, trouble.whose.split()[0], trouble.command) for trouble in troubles] == [
        (True, "student33", f"ssh-keygen -l -f {tmp_path}/known_hosts"),
        (True, "student21", "ansible-playbook replace.yml -e student=student21"),
        (True, "student14", "ansible-playbook configure.yml --limit ml101-014"),
        (True, "student40", "ansible-playbook replace.yml -e student=student40"),
        (True, "student05", "ansible-playbook replace.yml -e student=student05"),
        (True, "student28", "ansible-playbook mail.yml"),
        (False, "student17", "ansible-playbook start.yml"),
        (False, "student09", "ansible-playbook collect.yml"),
    ]
    assert class_totals(lines, troubles)["in trouble"] == 6
    said = in_lines(troubles)
    assert said.index("In trouble:") < said.index("student28") < said.index("Not urgent:") < said.index("student17")


def test_if_nobody_can_be_reached_it_is_the_network_here(tmp_path: Path) -> None:
    made = StatusClass(tmp_path, size=3)
    made.machines = dict.fromkeys(made.machines, NO_ANSWER)
    assert found(made) == {"No machine can be reached": "ansible-playbook status.yml"}
    made.instances["student03"]["state"]["name"] = "stopped"
    made.instances["student02"]["state"]["name"] = "stopped"
    assert found(made) == {
        "No answer over ssh": "ansible-playbook replace.yml -e student=student01",
        "Stopped, while others run": "ansible-playbook start.yml",
    }


def test_a_night_in_which_all_are_stopped_is_no_trouble(tmp_path: Path) -> None:
    made = StatusClass(tmp_path, size=3)
    for instance in made.instances.values():
        instance["state"]["name"] = "stopped"
    assert found(made) == {}


def test_who_shares_a_machine_shares_what_is_wrong_with_it(tmp_path: Path) -> None:
    made = StatusClass(tmp_path, size=2)
    made.instances["student01"]["tags"]["Students"] = "student01 - student02"
    del made.instances["student02"]
    made.machines = {"ml101-001": NO_ROOM}
    (trouble,) = (trouble for trouble in made.troubles() if "disk" in trouble.title)
    assert trouble.whose == "student01 on ml101-001, student02 on ml101-001"
    assert trouble.command == "ansible-playbook replace.yml -e student=student01,student02"


@pytest.mark.parametrize(
    ("seen", "title", "command"),
    [
        (
            {"locked_out": ["student01"], "answering": {"student01": False}},
            "Runs, but",
            "start.yml -e student=student01",
        ),
        ({"answering": {"student01": False}}, "Jupyter is silent", "configure.yml --limit ml101-001"),
        ({"disk_percent": 90}, "The disk", "replace.yml -e student=student01"),
        ({"ended_for_memory": {"student01": 1}}, "Memory", "replace.yml -e student=student01"),
        ({"seconds_since_boot": 11 * 3600 + 60}, "Stops", "ansible.builtin.reboot --limit ml101-001"),
    ],
)
def test_what_a_machine_says_is_one_trouble(seen: dict[str, Any], title: str, command: str, tmp_path: Path) -> None:
    made = StatusClass(tmp_path, size=3)
    made.seen("student01").update(seen)
    ((named, mends),) = found(made).items()
    assert named.startswith(title)
    assert mends.endswith(command)


def test_what_keeps_certificates_away_is_said_for_each_cause_with_the_authoritys_words(tmp_path: Path) -> None:
    made = StatusClass(tmp_path, size=8)
    made.open_https()
    assert found(made) == {}
    shut = "192.0.2.{0}: Fetching http://192.0.2.{0}/.well-known/acme-challenge/x: Timeout during connect"
    made.refuse_certificate("student01", "too many certificates (5) already issued for this exact set of identifiers")
    made.refuse_certificate("student02", shut.format(2))
    made.refuse_certificate("student03", shut.format(3), until=NOW - timedelta(hours=1))
    made.refuse_certificate("student04", "the authority gave no answer in 300 s", until=NOW + timedelta(days=1))
    made.seen("student05")["front"]["certificate_until"] = ""
    made.seen("student06")["front"] |= {"open": False, "certificate_until": ""}
    made.seen("student07")["front"] = {}
    made.seen("student08")["front"] = {}
    made.hosts["student08"] = ""  # ssh alone, by design
    assert found(made) == {
        "Links open nothing since the machine has another address": "ansible-playbook configure.yml --limit ml101-006",
        "No https on the machine, so links open nothing": "ansible-playbook configure.yml --limit ml101-007",
        "No certificate, so links open nothing: too many were ordered": "ansible-playbook configure.yml "
        "--limit ml101-001",
        "No certificate, so links open nothing: port 80 is shut": "ansible-playbook provision.yml configure.yml",
        "No certificate, so links open nothing: none was asked for yet": "ansible-playbook configure.yml "
        "--limit ml101-005",
        "No newer one yet: the authority does not answer": "ansible-playbook configure.yml --limit ml101-004",
    }
    said = in_lines(made.troubles())
    assert "port 80 is shut: student02 on ml101-002, student03 on ml101-003\n" in said
    assert f"    ml101-002: '{shut.format(2)}', since 02 Mar 07:00 UTC. It asks again at 10:20 UTC. The " in said
    assert said.index("Not urgent:") < said.index("does not answer: student04")
    assert [line.certificate for line in made.lines()][:5] == [
        "none",
        "none",
        "expired 02 Mar",
        "03 Mar 10:00 UTC",
        "none",
    ]
    made.instances["student02"]["state"]["name"] = made.instances["student03"]["state"]["name"] = "stopped"
    assert "port 80" not in in_lines(made.troubles())


def test_the_certificate_and_who_came_by_the_link_are_columns_where_there_are_links(tmp_path: Path) -> None:
    made = StatusClass(tmp_path, size=3)
    assert not {"OPENED", "CERTIFICATE"} & set(laid_out(made.lines()).split())
    made.open_https()
    made.machines["ml101-003"] |= {"front": {}, "opened_seconds": {}}
    made.machines["ml101-001"]["opened_seconds"] = {"student01": 86400 * 2}
    heading, *rows = (" ".join(line.split()) for line in laid_out(made.lines()).splitlines())
    assert heading == ("SEAT STUDENT STATE TYPE STOPS ADDRESS JUPYTER DISK IDLE OPENED CERTIFICATE COLLECTED LETTER")
    assert [row.partition(" min ")[2].partition(" 2 d ago accepted")[0] for row in rows] == [
        "2 d ago 07 Mar 10:00 UTC",
        "1 h ago 07 Mar 10:00 UTC",
        "- -",
    ]


def test_when_class_ends_a_reboot_would_not_help(tmp_path: Path) -> None:
    made = StatusClass(tmp_path, size=2)
    made.timetable = {"zone": "Etc/UTC", "hours": ["Mon 08:00-10:30"], "last_day": "2026-06-01"}
    assert found(made) == {"Class ends within the hour": "ansible-playbook configure.yml"}
    made.seen("student01")["seconds_since_boot"] = 11.75 * 3600  # its own clock is first
    assert found(made) == {
        "Class ends within the hour": "ansible-playbook configure.yml",
        "Stops within the hour": "ansible machines -m ansible.builtin.reboot --limit ml101-001",
    }


def test_what_comes_from_roster_letters_and_keys(tmp_path: Path) -> None:
    made = StatusClass(tmp_path, size=6)
    del made.instances["student01"]  # a walk-in
    del made.accounts["student02"]  # left
    made.receipt("student03", "of another address")
    for name in ("student04", "student05"):
        (tmp_path / "receipts" / f"{name}.json").unlink()
    (tmp_path / "letters/student04.eml").touch()
    made.machines["ml101-006"] = {"msg": "Host key verification failed."}
    assert found(made) == {
        "The host key is not known yet": "ansible-playbook provision.yml configure.yml",
        "No machine yet": "ansible-playbook provision.yml configure.yml",
        "No letter yet": "ansible-playbook configure.yml --limit ml101-005",
        "The letter is out of date or was not accepted": "ansible-playbook mail.yml",
        "Not in the roster any more": "ansible-playbook retire.yml -e student=student02",
    }
    # Without a mail server what is written waits for the instructor to send it.
    (tmp_path / "receipts/student03.json").unlink()
    (tmp_path / "letters/student03.eml").touch()
    assert "The letter is out of date or was not accepted" not in found(made, sends_letters=False)


def test_a_command_for_all_names_nobody_and_a_sentence_not_everybody(tmp_path: Path) -> None:
    made = StatusClass(tmp_path)
    for username in made.accounts:
        made.seen(username)["answering"] = {username: False}
    (trouble,) = made.troubles()
    assert trouble.command == "ansible-playbook configure.yml"
    assert trouble.whose.endswith("student08 on ml101-008 and 32 more")


def test_the_table_shows_what_is_known_of_disk_idleness_and_collects(tmp_path: Path) -> None:
    made = StatusClass(tmp_path, size=3)
    made.collected["student02"] = None
    made.seen("student03")["idle_seconds"] = {}
    made.seen("student03")["seconds_since_boot"] = 3600  # it was rebooted, so it stops later
    rows = [" ".join(line.split()) for line in laid_out(made.lines()).splitlines()]
    assert rows == [
        "SEAT STUDENT STATE TYPE STOPS ADDRESS JUPYTER DISK IDLE COLLECTED LETTER",
        "ml101-001 student01 running m6a.large 02 Mar 19:30 UTC 192.0.2.1 answers 41% 1 min 2 d ago "
        "accepted 2026-03-02 07:41 UTC",
        "ml101-002 student02 running m6a.large 02 Mar 19:30 UTC 192.0.2.2 answers 42% 2 min - "
        "accepted 2026-03-02 07:41 UTC",
        "ml101-003 student03 running m6a.large 02 Mar 21:00 UTC 192.0.2.3 answers 43% - 2 d ago "
        "accepted 2026-03-02 07:41 UTC",
    ]
