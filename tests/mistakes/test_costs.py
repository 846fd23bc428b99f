"""What a class costs: what its commands remember, what a plan says, and what a budget refuses."""

from __future__ import annotations

import json
import resource
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import account_owner
from tests.support.rooms import HERE

if TYPE_CHECKING:
    from tests.support.desk import Desk, Screen
    from tests.support.rooms import Rooms

MACHINES = 24


def ledger(desk: Desk) -> list[dict[str, Any]]:
    """Return the lines of the ledger."""
    path = desk.home / "class/running_hours.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_each_command_remembers_which_machines_run_until_the_class_has_ended(desk: Desk, rooms: Rooms) -> None:
    machine = rooms.add("ada")
    (desk.home / "class").mkdir(mode=0o700)
    assert desk.play(f"{HERE} status.yml --check", timeout=900).code == 0
    assert ledger(desk) == []
    assert desk.play(f"{HERE} status.yml", timeout=900).code == 0
    assert [list(line["machines"]) for line in ledger(desk)] == [[machine]]
    shown = desk.play_tasks({"role": "machines", "tasks_from": "delete_resources"}, machines_timeout=10)
    assert shown.code == 0, shown.text
    assert ledger(desk) == []
    (kept,) = (desk.home / "class").glob("running_hours.until-*.jsonl")
    assert len(kept.read_text().splitlines()) == 1


def plan(desk: Desk, **settings: Any) -> Screen:
    """Run the part of provision that says what two machines cost."""
    known = {"machines_usernames": ["ada", "grace"], "machines_found": {"instances": []}}
    return desk.play_tasks({"role": "machines", "tasks_from": "plan"}, **(known | settings), timeout=900)


def test_a_launch_says_what_it_costs_and_a_budget_that_is_met_exactly_lets_it_pass(desk: Desk) -> None:
    (desk.home / "class").mkdir(mode=0o700)
    said = " ".join(plan(desk, class_budget=6.99).text.split())
    assert "2 m6a.large are launched: 2 machines for 12 hours at most: 2.19 $ a class day, disks 4.80 $ a month" in said
    asked = Counter(request.action for request in desk.aws.requests)
    assert asked["GetProducts"] == 3
    desk.aws.forget()
    failure = plan(desk, class_budget=6.98).failure
    assert failure.startswith("class_budget is 6.98 $, and this comes to 6.99 $: 0.00 $ so far (an estimate), 2.19 $")
    assert "Nothing was launched. 1 of 2 machines would fit." in failure
    assert not desk.aws.made
    assert "GetProducts" not in {request.action for request in desk.aws.requests}  # they are kept for a week


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"class_budget": "much"}, "class_budget is 'much', but an amount in USD is needed, such as 0.12."),
        ({"class_price_per_hour": -1}, "class_price_per_hour is '-1', but an amount in USD is needed, such as 0.12."),
    ],
)
def test_what_is_no_amount_is_refused(desk: Desk, settings: dict[str, Any], words: str) -> None:
    assert plan(desk, **settings).failure.startswith(words)
    assert not desk.aws.made


@pytest.mark.parametrize(
    ("instance_type", "why"),
    [
        ("m6a.large", "AWS does not permit pricing:GetProducts to these credentials (docs/aws.md, Permissions)"),
        ("m6a.large", "AWS's price list does not answer (EndpointConnectionError)"),
        ("m5.xlarge", "AWS's price list has no price in USD for m5.xlarge hour in us-east-1"),
    ],
    ids=["no permission", "no network", "a type that is not listed"],
)
def test_a_price_that_cannot_be_known_is_unknown_and_the_run_goes_on(desk: Desk, instance_type: str, why: str) -> None:
    if "permit" in why:
        desk.aws.refuse("GetProducts", "AccessDeniedException")
    if "answer" in why:  # all of AWS but this: it is in another region
        desk.environment["AWS_ENDPOINT_URL_PRICING"] = "http://127.0.0.1:9"
    shown = plan(desk, class_budget=1, class_instance_type=instance_type)
    assert shown.code == 0, shown.text
    said = " ".join(shown.text.split())
    assert f"A price is unknown: {why}. class_budget is not held against anything. Set class_price_per_hour in" in said
    assert f"2 {instance_type} are launched: 2 machines for 12 hours at most: an unknown sum a class day" in said


def test_the_plan_shows_all_that_decides_and_changes_nothing(desk: Desk, rooms: Rooms) -> None:
    rooms.add("ada")
    rooms.add("zoe")
    desk.aws.forget()
    shown = desk.play(f"{HERE} plan.yml", timeout=900)
    assert shown.code == 0, shown.text
    for words in (
        "class      ml101 in us-east-1, 2 students",
        "new seat   1: grace",
        "kept       1: ada",
        "to retire  1: zoe: retire.yml -e student=zoe",
        "launch     1 m6a.large (else m5.large, t3a.large) in us-east-1a, us-east-1b, ",
        "duration   provision.yml not known yet; configure.yml not known yet",
        "disk       30 GiB for each of 3 machines",
        "quota      L-1216C47A: 64 vCPUs; 4 in use, 2 needed, 58 left",
        "quota      L-7A658B76: 50 TiB of gp3 disks; 0.02 in use, 0.03 needed, 49.96 left",
        "an hour    m6a.large with its address: 0.0914 $",
        "an hour    t3a.large with its address: 0.0802 $",
        "class day  3 machines for 12 hours at most: 3.02 $ a class day",
        "disks      7.20 $ a month",
        "term       not known",
        "prices     AWS's price list, of ",
    ):
        assert words in shown.text, shown.text
    assert not desk.aws.made
    assert not (desk.home / "class").exists()


IN_ZONE_E = "the default subnet of us-east-1e"
# What stops plan.yml and provision.yml alike: settings, and words of what is said.
RED: dict[str, tuple[dict[str, Any], str]] = {
    "quota": ({"class_spare_machines": 31}, "need 66 vCPUs in us-east-1"),
    "quota of disks": ({"class_disk_gb": 16384, "class_spare_machines": 2}, "are 64.00 TiB of gp3 in us-east-1"),
    "budget": ({"class_budget": 1}, "class_budget is 1.00 $, and this comes to"),
    "type": ({"class_instance_type": "m6a.larg"}, "offers no instance type m6a.larg"),
    "zone": ({"class_subnet_id": IN_ZONE_E}, "offers no m6a.large and no m5.large and no t3a.large"),
    "architecture": ({"class_instance_type": "t4g.large"}, "t4g.large runs arm64, but the image"),
    "image": ({"class_image_id": "ami-00000000000000000"}, "There is no such image in us-east-1"),
    "disk": ({"class_disk_gb": 9}, "a machine needs 11 GB"),
    "roster": ({"class_roster": "none.csv"}, "none.csv"),
    "environment": ({"class_environment_file": "none.yml"}, "none.yml"),
}


@pytest.mark.long
@pytest.mark.parametrize("verb", ["plan.yml", "provision.yml"])
@pytest.mark.parametrize("red", RED)
def test_what_is_red_stops_plan_and_provision_before_anything_is_made(desk: Desk, red: str, verb: str) -> None:
    settings, words = RED[red]
    if red == "zone":
        settings = {"class_subnet_id": account_owner.default_subnet(desk.aws.url, "us-east-1e")}
    failure = desk.play(f"{HERE} {verb}", timeout=900, **settings).failure  # which has five lines at most
    assert words in failure
    assert not desk.aws.made


@pytest.mark.long
def test_plan_and_status_cost_this_computer_little(desk: Desk, rooms: Rooms) -> None:
    """`python -m benchmarks loopback` has the same with a connection to each machine, and with 400."""
    desk.roster = "name,email\n" + "".join(f"Student {n},student{n:03d}@example.com\n" for n in range(MACHINES))
    (desk.home / "class").mkdir(mode=0o700)
    for number in range(MACHINES):
        rooms.add(f"student{number:03d}")
        time.sleep(0.6)  # EC2 takes no more launches
    for verb in ("plan.yml", "status.yml"):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        shown = desk.play(f"{HERE} {verb}", timeout=900)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        assert shown.code == 0, shown.text
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        assert used <= 5 + 0.2 * MACHINES, f"{verb}: {used:.1f} s"


@pytest.mark.long
def test_how_long_it_takes_is_known_from_runs_that_are_remembered(desk: Desk) -> None:
    """Those that launched nothing, or only looked, tell nothing."""
    path = desk.home / "class/run_durations.jsonl"

    def said() -> str:
        shown = desk.play(f"{HERE} plan.yml", class_spare_machines=2, timeout=900)
        return next(line for line in shown.text.splitlines() if "duration" in line).strip().strip('"')

    try:
        assert desk.play(f"{HERE} provision.yml --check", timeout=900).code == 0
        assert said().endswith("provision.yml not known yet; configure.yml not known yet")
        assert desk.play(f"{HERE} provision.yml", timeout=900).code == 0
        (line,) = path.read_text().splitlines()
        run = json.loads(line)
        assert (run["command"], run["machines"], run["baked"]) == ("provision.yml", 2, False)
        assert 0 < run["seconds"] < 900
        assert desk.play(f"{HERE} provision.yml", timeout=900).code == 0
        assert path.read_text().splitlines() == [line]
        assert ", from 1 recorded run with 2 machines; configure.yml not known yet" in said()
    finally:
        desk.aws.end_machines()


def test_a_start_that_the_quota_has_no_room_for_is_refused_before_any_machine_starts(desk: Desk, rooms: Rooms) -> None:
    for name in ("ada", "grace", "mary"):
        rooms.add(name)
    rooms.ec2.stop_instances(InstanceIds=rooms.ids)
    desk.aws.set_quota("L-1216C47A", 5)  # AWS's default: two of three would start
    desk.aws.forget()
    try:
        failure = desk.play(f"{HERE} start.yml", timeout=900).failure
    finally:
        desk.aws.set_quota("L-1216C47A", 64)
    assert failure == (
        "3 machines (t3a.large) need 6 vCPUs in us-east-1. The account may run 5 there, and 0 run already.\n"
        "Nothing was started. Stop other machines, start some alone (start.yml -e student=ada,grace), or ask AWS for "
        "more, which takes days (docs/aws.md, Quota); then run again:\n"
        "aws service-quotas request-service-quota-increase --service-code ec2 --quota-code L-1216C47A "
        "--desired-value 6 --region us-east-1"
    )
    assert not desk.aws.made


def test_a_start_above_the_budget_is_refused(desk: Desk, rooms: Rooms) -> None:
    rooms.add("ada")
    rooms.ec2.stop_instances(InstanceIds=rooms.ids)
    desk.aws.forget()
    failure = desk.play(f"{HERE} start.yml", class_budget=0.5, timeout=900).failure
    assert "Nothing was started. None of 1 machines would fit." in failure
    assert not desk.aws.made
