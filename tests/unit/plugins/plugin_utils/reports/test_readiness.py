"""What a configure run achieved, student by student."""

from __future__ import annotations

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.readiness import readiness


def test_everybody_is_named_with_the_cause() -> None:
    report = readiness(
        [
            {
                "inventory_hostname": "ml-001",
                "machine_slots": ["ada", "-", "grace", "gone"],
                "configure_outcome": "ready",
            },
            {
                "inventory_hostname": "ml-002",
                "machine_slots": ["emmy"],
                "configure_outcome": "Install the environment: the disk is full\nand more",
            },
            {"inventory_hostname": "ml-003", "machine_slots": ["mary"]},
            {"inventory_hostname": "ml-004", "machine_slots": [], "configure_outcome": "ready"},
        ],
        ["ada", "grace", "emmy", "mary"],
    )
    assert report["table"].splitlines() == [
        "ml-001  ada    ready",
        "ml-001  grace  ready",
        "ml-002  emmy   Install the environment: the disk is full",
        "ml-003  mary   unreachable: the connection was lost",
    ]
    assert report["all"] == ["ada", "grace", "emmy", "mary"]
    assert report["waiting"] == ["emmy", "mary"]


def test_a_long_cause_is_cut() -> None:
    machine = {"inventory_hostname": "m", "machine_slots": ["ada"], "configure_outcome": "x" * 500}
    assert max(map(len, readiness([machine], ["ada"])["table"].splitlines())) < 120


def test_a_class_without_machines_has_a_table_too() -> None:
    assert readiness([], []) == {"table": "No machine runs.", "all": [], "waiting": [], "refusals": [], "warnings": []}


def test_a_machine_that_did_not_answer_says_so_in_our_words() -> None:
    failed = "Wait for the machine: no answer over ssh: Data could not be sent to remote host"
    machine = {"inventory_hostname": "m", "machine_slots": ["ada"], "configure_outcome": failed}
    table = readiness([machine], ["ada"])["table"]
    assert table == "m  ada  Wait for the machine: no answer over ssh; look at the machine in the EC2 console"


def test_who_is_ready_without_a_letter_is_told_apart() -> None:
    sent = {"refused": {"grace": "no such mailbox"}, "msg": "The letter to grace was not accepted"}
    ready = {"configure_outcome": "ready", "mail_sent": sent}
    report = readiness(
        [
            ready | {"inventory_hostname": "ml-001", "machine_slots": ["ada", "grace"]},
            ready | {"inventory_hostname": "ml-002", "machine_slots": ["emmy"], "mail_sent": {"skipped": True}},
        ],
        ["ada", "grace", "emmy"],
    )
    assert report["table"].splitlines() == [
        "ml-001  ada    ready",
        "ml-001  grace  ready, but the letter was not accepted",
        "ml-002  emmy   ready",
    ]
    assert (report["waiting"], report["refusals"]) == ([], [sent["msg"]])


def test_whose_name_the_machine_has_for_itself_waits_alone() -> None:
    given = {"refused": ["docker"], "msg": "This machine has accounts of its own called docker.\nGive others."}
    machine = {"inventory_hostname": "ml-001", "machine_slots": ["ada", "docker"], "configure_outcome": "ready"}
    report = readiness(
        [machine | {"student_given": given}, machine | {"student_given": {"skipped": True}}], ["ada", "docker"]
    )
    assert report["table"].splitlines()[:2] == [
        "ml-001  ada     ready",
        "ml-001  docker  no account: the machine has one of this name for itself",
    ]
    assert report["waiting"] == ["docker"]
    assert report["refusals"] == [f"ml-001: {given['msg']}"]


def test_without_a_certificate_ssh_is_a_way_in_and_what_mends_it_is_said_once_for_all() -> None:
    def machine(number: int, **front: str) -> dict[str, object]:
        return {
            "inventory_hostname": f"ml-00{number}",
            "machine_slots": [f"student{number}"],
            "configure_outcome": "ready",
            "front_state": front,
        }

    shut = "192.0.2.7: Fetching http://192.0.2.7/.well-known/acme-challenge/x: Timeout during connect"
    machines = [
        machine(1, certificate_until="2126-03-08T10:00:00+00:00", certificate_trouble="no newer one yet"),
        machine(2, certificate_until="", certificate_trouble=shut, certificate_again="2026-03-02T11:00:00+00:00"),
        machine(3, certificate_until="2026-03-01T10:00:00+00:00", certificate_trouble=shut),
        machine(4),
        machine(5, skipped="true") | {"roles_needed": {"returned": {"front": {"certificate_until": ""}}}},
    ]
    report = readiness(machines, [f"student{number}" for number in range(1, 6)])
    assert [row.partition("  student")[2][3:] for row in report["table"].splitlines()] == [
        "ready",
        "ready over ssh, but links open nothing: port 80 is shut",
        "ready over ssh, but links open nothing: port 80 is shut",
        "ready",
        "ready over ssh, but links open nothing: none was asked for yet",
    ]
    assert report["waiting"] == []
    port, none = report["warnings"]
    assert port.splitlines()[:2] == [
        "No certificate on ml-002, ml-003, so links open nothing yet: port 80 is shut.",
        f"ml-002: '{shut}'. It asks again at 11:00 UTC.",
    ]
    assert port.endswith("\nansible-playbook provision.yml configure.yml")
    assert none.startswith("No certificate on ml-005, so links open nothing yet: none was asked for yet.\nThe machine ")
    # Where the link is the only way in, nobody comes in without it.
    alone = readiness(machines, [f"student{number}" for number in range(1, 6)], ssh_works=False)
    assert alone["waiting"] == ["student2", "student3", "student5"]


def test_where_https_could_not_be_set_up_students_are_ready_and_one_refusal_names_the_machines_and_a_cause() -> None:
    machines = [
        {
            "inventory_hostname": f"ml-{number:03}",
            "machine_slots": [f"s{number}"] if number < 12 else [],
            "configure_outcome": "ready",
            "front_state": {"msg": f"haproxy could not be installed: E: {number}\nRun again."},
            # Asked before, it had no certificate either.
            "roles_needed": {"returned": {"front": {"certificate_until": ""}}},
        }
        for number in range(1, 13)  # the last is a spare
    ]
    report = readiness(machines, [f"s{number}" for number in range(1, 12)])
    assert report["table"].splitlines()[0] == (
        "ml-001  s1   ready over ssh, but links open nothing: haproxy could not be installed: E: 1"
    )
    assert (report["waiting"], report["warnings"]) == ([], [])
    (refusal,) = report["refusals"]
    first_eight = ", ".join(f"ml-{number:03}" for number in range(1, 9))
    assert refusal.splitlines()[:2] == [
        f"Links to {first_eight} and 3 more open nothing yet, for https could not be set up there.",
        "ml-001: haproxy could not be installed: E: 1",
    ]
    assert len(refusal.splitlines()) <= 5
