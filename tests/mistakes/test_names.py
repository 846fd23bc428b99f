"""Names of seats: refused and counted before anything costs money, given in one request, and gone with the machines."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from lab.route53 import CHANGE
from tests.support.rooms import HERE
from tests.support.zone import DOMAIN, Zone
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.desk import Desk, Screen
    from tests.support.rooms import Rooms

NAMED = {"class_access": ["https", "ssh"], "class_domain": DOMAIN}
QUICK = {"machines_timeout": 10}
ACCOUNT = "https://acme.example.com/acct/1"


@pytest.fixture
def zone(desk: Desk) -> Iterator[Zone]:
    """Return the zone of the class, whose settings name it."""
    desk.settings |= NAMED
    made = Zone(desk.aws)
    desk.aws.forget()
    yield made
    made.delete()


def orders(desk: Desk, number: int, **more: Any) -> None:
    """Let the class have ordered so many certificates just now, for other seats."""
    (desk.home / "class").mkdir(mode=0o700, exist_ok=True)
    now = datetime.now(UTC).isoformat()
    entries = [
        {"name": f"ml101-{seat}.{DOMAIN}", "time": now, "machine": "", "names": []} | more
        for seat in range(900, 900 + number)
    ]
    (desk.home / "class" / "certificates.json").write_text(json.dumps(entries))


def changes(desk: Desk) -> int:
    """Return how many requests changed the zone."""
    return [request.action for request in desk.aws.requests].count(CHANGE)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"class_domain": "class.example.net"}, "The account has no public zone for class.example.net in Route 53."),
        ({"class_domain": "classroom"}, "'classroom' is no domain."),
        ({"class_name": "ml_101"}, f"ml_101-001.{DOMAIN} is no name that DNS could have."),
    ],
)
@pytest.mark.usefixtures("zone")
def test_a_domain_below_which_no_names_can_be_is_refused_before_anything_is_made(
    desk: Desk, settings: dict[str, str], words: str
) -> None:
    shown = desk.play_tasks({"role": "machines", "tasks_from": "check_names"}, **settings)
    assert shown.failure.startswith(words)
    assert desk.aws.made == set()


@pytest.mark.timeout(900)
@pytest.mark.usefixtures("zone")
def test_every_command_that_launches_or_starts_asks_for_the_zone_first(desk: Desk, rooms: Rooms) -> None:
    machine = rooms.add("ada")
    rooms.ec2.stop_instances(InstanceIds=[machine])
    desk.aws.forget()
    for line in ("plan.yml", "provision.yml", "start.yml"):
        shown = desk.play(f"{HERE} {line}", timeout=600, class_domain="class.example.net", **QUICK)
        assert shown.failure.startswith("The account has no public zone for class.example.net"), line
    assert desk.aws.made == set()


def plan(desk: Desk, **settings: Any) -> Screen:
    """Run the part of provision that says what two machines take."""
    known = {"machines_usernames": ["ada", "grace"], "machines_found": {"instances": []}}
    return desk.play_tasks({"role": "machines", "tasks_from": "plan"}, timeout=900, **(known | settings))


@pytest.mark.usefixtures("zone")
def test_certificates_are_counted_before_a_launch_and_who_gets_none_is_warned_of(desk: Desk) -> None:
    orders(desk, 43)
    said = " ".join(plan(desk).text.split())
    assert f"For {DOMAIN} 2 certificates are ordered now, after 43 in the last seven days." in said
    assert "WARNING" not in said
    orders(desk, 44)
    said = " ".join(plan(desk).text.split())
    assert "[WARNING]: For class.example.org 1 certificate is ordered now, after 44 in the last seven days." in said
    assert "These students get links to their machines' addresses, new at every start: grace." in said
    shared = " ".join(plan(desk, class_students_per_machine=2, machines_usernames=["ada", "b", "c"]).text.split())
    assert "These students have ssh alone for now: c." in shared
    assert desk.aws.made == set()


@pytest.mark.usefixtures("zone")
def test_a_count_that_cannot_be_read_is_refused_before_a_launch(desk: Desk) -> None:
    orders(desk, 0)
    (desk.home / "class" / "certificates.json").write_text('[{"name": "x"}]')
    failure = plan(desk).failure
    assert "certificates.json: it is not known which certificates were ordered" in failure
    assert failure.endswith("Nothing was launched.")


def test_a_class_without_a_domain_asks_route_53_for_nothing(desk: Desk) -> None:
    (desk.home / "class").mkdir(mode=0o700)
    shown = plan(desk, class_access=["https", "ssh"])
    assert shown.code == 0
    checked = desk.play_tasks({"role": "machines", "tasks_from": "check_names"}, class_access=["https", "ssh"])
    assert checked.code == 0
    assert {request.service for request in desk.aws.requests} & {"route53"} == set()


@pytest.mark.timeout(1800)
def test_names_go_with_the_machines_and_those_of_others_stay(desk: Desk, rooms: Rooms, zone: Zone) -> None:
    rooms.add("ada")
    itself = rooms.add("grace")
    rooms.add("linus marta")
    zone.add_seats("ml101-001", "ml101-002", "ml101-003", "ml101-003-2", "ml102-001", "www")
    everybody = {(f"{name}.{DOMAIN}", "A") for name in ("ml101-001", "ml101-003", "ml101-003-2", "ml102-001", "www")}
    rooms.ec2.stop_instances(InstanceIds=[itself])  # as a machine does at the end of class
    desk.aws.forget()
    stop = f"{HERE} stop.yml -e student=ada"
    shown = desk.play(f"{stop} --check", class_abandon_work=["ada"], timeout=600, **QUICK)
    assert shown.code == 0, shown.text
    assert len(zone.records) == 6

    shown = desk.play(stop, class_abandon_work=["ada"], timeout=600, **QUICK)
    assert shown.code == 0, shown.text
    assert set(zone.records) == everybody - {(f"ml101-001.{DOMAIN}", "A")}
    assert changes(desk) == 1
    shown = desk.play(f"{stop} --check", class_abandon_work=["ada"], timeout=600, **QUICK)
    assert "changed=0" in shown.text

    # A machine that runs on keeps its name, also where the command fails because of it.
    shown = desk.play(f"{HERE} stop.yml", class_abandon_work=["linus"], timeout=600, **QUICK)
    assert shown.failure.startswith("These machines run on:\nml101-003")
    assert {(f"ml101-003.{DOMAIN}", "A"), (f"ml101-003-2.{DOMAIN}", "A")} < set(zone.records)

    given_up = ["ada", "grace", "linus", "marta"]
    shown = desk.play(
        f"{HERE} teardown.yml", class_confirm_teardown="ml101", class_abandon_work=given_up, timeout=600, **QUICK
    )
    assert shown.code == 0, shown.text
    assert set(zone.records) == {(f"ml102-001.{DOMAIN}", "A"), (f"www.{DOMAIN}", "A")}


def test_what_a_browser_calls_a_machine_is_known_with_the_passwords(desk: Desk, zone: Zone) -> None:
    """Also where there are not certificates enough for the names of all."""
    assert zone.records == {}
    orders(desk, 44)
    seats: list[dict[str, Any]] = [
        {"ansible.builtin.add_host": machine(number, username, address=f"127.0.0.{number}")}
        for number, username in ((1, "ada"), (2, "grace"))
    ]
    students = [{"username": name, "name": name, "email": f"{name}@example.com"} for name in ("ada", "grace")]
    role: dict[str, Any] = {
        "ansible.builtin.import_role": {"name": "credentials"},
        "vars": {"credentials_students": students},
    }
    hosts = "credentials_kept.accounts | dict2items | map(attribute='value.link_host', default='none')"
    tell = {"ansible.builtin.debug": {"msg": f"{{{{ {hosts} | join(' and ') }}}}"}}
    playbook = desk.home / "hosts.yml"
    playbook.write_text(yaml.safe_dump([{"hosts": "localhost", "tasks": [*seats, role, tell]}]))
    shown = desk.play(f"{HERE} {playbook}")
    assert shown.code == 0, shown.text
    assert f"ml101-001.{DOMAIN} and 127.0.0.2" in shown.text
    # A machine with room for others has no address that is hers alone, whatever she had before.
    assert f"ml101-001.{DOMAIN} and none" in desk.play(f"{HERE} {playbook}", class_students_per_machine=2).text


def machine(number: int, username: str, *, address: str) -> dict[str, Any]:
    """Return a machine as the inventory has it."""
    return {
        "name": f"ml101-{number:03}",
        "groups": ["machines"],
        "ansible_host": address,
        "ansible_port": 9,
        "aws_instance_id": f"i-{number}",
        "aws_ec2_tags": {"Name": f"ml101-{number:03}", "Students": username},
    }


class Ready:
    """Machines that were made ready, as far as this computer knows of them."""

    def __init__(self, desk: Desk) -> None:
        """Begin with none."""
        self.desk = desk
        self.machines: list[dict[str, Any]] = []
        (desk.home / "class").mkdir(mode=0o700, exist_ok=True)

    def add(self, number: int, username: str, *, address: str, account: str = ACCOUNT, due: bool = False) -> None:
        """Add a machine, whose front was asked about its account and certificate."""
        told = {"front": {"account": account, "certificate_until": "", "certificate_due": due}} if account else {}
        host = f"ml101-{number:03}.{DOMAIN}"
        self.machines.append(
            machine(number, username, address=address)
            | {
                "credentials_kept": {"accounts": {username: {"link_host": host}}},
                "roles_needed": {"roles": [], "returned": told},
            }
        )

    def name(self, *more: str) -> Screen:
        """Give them their names."""
        playbook = self.desk.home / "ready.yml"
        add: list[dict[str, Any]] = [{"ansible.builtin.add_host": machine} for machine in self.machines]
        plays: list[dict[str, Any]] = [
            {"hosts": "localhost", "tasks": add},
            {"import_playbook": str(PROJECT / "playbooks" / "parts" / "names.yml")},
        ]
        playbook.write_text(yaml.safe_dump(plays))
        return self.desk.play(f"{HERE} {playbook} {' '.join(more)}", timeout=600)


@pytest.fixture
def ready(desk: Desk) -> Ready:
    """Return it."""
    return Ready(desk)


@pytest.mark.timeout(1200)
def test_all_are_named_in_one_request_and_only_those_without_a_certificate_are_asked(
    desk: Desk, zone: Zone, ready: Ready
) -> None:
    zone.add_seats("ml101-003", "ml101-004", "ml102-001")
    desk.aws.forget()
    ready.add(1, "ada", address="127.0.0.1")
    ready.add(2, "grace", address="127.0.0.2", due=True)
    ready.add(3, "linus", address="127.0.0.3", account="")  # did not answer
    shown = ready.name("--check")
    assert changes(desk) == 0
    assert not (desk.home / "class" / "certificates.json").exists()

    shown = ready.name()
    assert shown.code == 0, shown.text
    assert changes(desk) == 1
    assert set(zone.records) == {
        *((f"ml101-00{number}.{DOMAIN}", kind) for number in (1, 2) for kind in ("A", "CAA")),
        (f"ml101-003.{DOMAIN}", "A"),  # as it was
        (f"ml102-001.{DOMAIN}", "A"),
    }
    assert zone.records[f"ml101-001.{DOMAIN}", "A"] == {"127.0.0.1"}
    assert (
        f'0 issue "letsencrypt.org; validationmethods=http-01; accounturi={ACCOUNT}"'
        in (zone.records[f"ml101-001.{DOMAIN}", "CAA"])
    )
    # The one without a certificate was asked to order it; that it does not answer stops nobody.
    assert "ml101-002 has no certificate yet: " in shown.text
    assert "ml101-001 has no certificate yet" not in shown.text
    noted = json.loads((desk.home / "class" / "certificates.json").read_text())
    assert [(entry["machine"], entry["names"]) for entry in noted] == [("i-1", [f"ml101-001.{DOMAIN}"])]


@pytest.mark.timeout(1200)
def test_a_check_names_what_would_be_given_also_before_a_machine_has_an_account(
    desk: Desk, zone: Zone, ready: Ready
) -> None:
    """Only the run that is checked has a front ask for an account, so until then nobody can write its records."""
    zone.add_seats("ml101-003", "ml101-004")
    before = dict(zone.records)
    desk.aws.forget()
    ready.add(1, "ada", address="127.0.0.1")
    ready.add(2, "grace", address="127.0.0.2", account="")
    # What the role front returns in check mode on a machine that has none.
    ready.machines[1]["front_state"] = {"account": "", "certificate_until": "", "certificate_due": True}
    ready.add(3, "linus", address="127.0.0.3", account="")  # did not answer, and keeps what it has
    said = " ".join(ready.name("--check").text.split())
    assert f"These names would be given: ml101-001.{DOMAIN}, ml101-002.{DOMAIN}. " in said
    assert f"These names would be taken away: ml101-004.{DOMAIN}. " in said
    assert zone.records == before

    # Where the authority has just refused it an account, the run says nothing of a name, and gives none.
    said = ready.name().text
    assert "would be" not in said
    assert not [name for name, _ in zone.records if name.startswith("ml101-002.")]
    said = ready.name("--check").text
    assert f"These names would be given: ml101-002.{DOMAIN}." in said
    assert "These names would be taken away" not in said


@pytest.mark.timeout(1200)
def test_a_new_address_changes_its_record_alone_and_nothing_is_ordered(desk: Desk, zone: Zone, ready: Ready) -> None:
    desk.settings["class_domain"] = "Class.Example.org."  # the same, as people write it, too
    ready.add(1, "ada", address="127.0.0.1")
    ready.name()
    before = dict(zone.records)
    assert set(before) == {(f"ml101-001.{DOMAIN}", kind) for kind in ("A", "CAA")}
    assert "changed=0" in ready.name().text
    ready.machines[0]["ansible_host"] = "127.0.0.9"
    desk.aws.forget()
    shown = ready.name()
    assert "no certificate yet" not in shown.text
    assert zone.records == before | {(f"ml101-001.{DOMAIN}", "A"): {"127.0.0.9"}}
    asked = Counter(request.action for request in desk.aws.requests)
    assert asked[CHANGE] == 1
    assert len(json.loads((desk.home / "class" / "certificates.json").read_text())) == 1


@pytest.mark.timeout(900)
def test_another_domain_takes_the_names_of_the_one_before_away(desk: Desk, zone: Zone, ready: Ready) -> None:
    ready.add(1, "ada", address="127.0.0.1")
    ready.name()
    assert zone.records
    desk.settings["class_domain"] = ""
    ready.machines[0]["credentials_kept"]["accounts"]["ada"]["link_host"] = "127.0.0.1"
    assert ready.name().code == 0
    assert zone.records == {}
