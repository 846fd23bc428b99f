"""docs/aws-policy.json: it allows what the playbooks call and no more, and a gap in it is named."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from lab.faults import Fault
from lab.iam import POLICY, action_of, checks, judgeable
from lab.image import RELEASES
from tests.support import account_owner
from tests.support.desk import ACCESS_KEY, Aws, Desk
from tests.support.rooms import HERE
from tests.support.zone import DOMAIN, Zone
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from lab.iam_policy import Policy

NOBODY = "http://127.0.0.1:9"
QUICK = {"machines_timeout": 10}

OF_A_CLASS = {"Condition": {"StringLike": {"ec2:ResourceTag/Class": "*"}}}

# What the policy allows although no run below calls it, and why.
UNCALLED: dict[str, str] = {}


def statements() -> list[dict[str, Any]]:
    """Return the statements of the policy."""
    found: list[dict[str, Any]] = json.loads(POLICY.read_text())["Statement"]
    return found


def listed(value: str | list[str]) -> list[str]:
    """Return one or several as a list."""
    return [value] if isinstance(value, str) else value


def permitted() -> set[str]:
    """Return the actions that the policy allows."""
    return {action for statement in statements() for action in listed(statement["Action"])}


def without(action: str) -> Policy:
    """Return the policy with one action less."""
    fewer = [
        {**each, "Action": [named for named in listed(each["Action"]) if named != action]} for each in statements()
    ]
    assert fewer != [{**each, "Action": listed(each["Action"])} for each in statements()]
    return judgeable(json.dumps({"Statement": fewer}))


@dataclass
class Term:
    """A class from its first day to its last, on an AWS without hosts."""

    desk: Desk

    def __post_init__(self) -> None:
        """Know the account's owner, who has a zone for the names."""
        self.owner = account_owner.ec2(self.desk.aws.url)
        self.zone = Zone(self.desk.aws)
        self.desk.settings |= {"class_access": ["https", "ssh"], "class_domain": DOMAIN}
        self.played: set[str] = set()
        self.actions: set[str] = set()

    def play(self, playbook: str, *, code: int = 0, **settings: Any) -> str:
        """Run a playbook; return what it said."""
        self.played.add(playbook)
        shown = self.desk.play(f"{HERE} {playbook}", timeout=300, **QUICK, **settings)
        assert shown.code == code, shown.text
        assert "AWS does not permit" not in shown.text
        assert "Not checked before the launch" not in shown.text
        return shown.text

    def machines(self) -> dict[str, str]:
        """Return the ids of the machines that there are, by seat."""
        wanted: Any = [{"Name": "instance-state-name", "Values": ["pending", "running", "stopping", "stopped"]}]
        found = [
            each for one in self.owner.describe_instances(Filters=wanted)["Reservations"] for each in one["Instances"]
        ]
        tags = [({tag["Key"]: tag["Value"] for tag in each["Tags"]}, each["InstanceId"]) for each in found]
        return {named["Name"]: instance_id for named, instance_id in tags if named.get("Class") == "ml101"}

    def change_the_group_by_hand(self) -> None:
        """Describe a rule of the security group and tag it, as people do in the console."""
        (group,) = self.owner.describe_security_groups(GroupNames=["ml101"])["SecurityGroups"]
        self.owner.create_tags(Resources=[group["GroupId"]], Tags=[{"Key": "CostCentre", "Value": "4711"}])
        ssh: Any = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}
        ssh["IpRanges"][0]["Description"] = "ssh"
        self.owner.update_security_group_rule_descriptions_ingress(GroupId=group["GroupId"], IpPermissions=[ssh])

    def group_tags(self) -> dict[str, str]:
        """Return the tags of the security group."""
        (group,) = self.owner.describe_security_groups(GroupNames=["ml101"])["SecurityGroups"]
        return {tag["Key"]: tag["Value"] for tag in group["Tags"]}

    def make_an_image(self, instance_id: str) -> None:
        """Make an image of a machine and let it and its snapshot belong to the class."""
        image = self.owner.create_image(InstanceId=instance_id, Name="ml101")["ImageId"]
        disks = self.owner.describe_images(ImageIds=[image])["Images"][0]["BlockDeviceMappings"]
        snapshots = [disk["Ebs"]["SnapshotId"] for disk in disks]
        self.owner.create_tags(Resources=[image, *snapshots], Tags=[{"Key": "Class", "Value": "ml101"}])

    def bake(self) -> None:
        """Make an image of a machine on which nothing can be installed, and leave the machine as a killed run does."""
        tags: Any = [{"Key": "BakedBy", "Value": "ml101"}, {"Key": "Name", "Value": "ml101-bake"}]
        named: Any = [{"ResourceType": "instance", "Tags": tags}]
        launched = self.owner.run_instances(
            ImageId=RELEASES[0].ami, MinCount=1, MaxCount=1, InstanceType="t3a.large", TagSpecifications=named
        )
        given = {
            "machines_bake_instance_id": launched["Instances"][0]["InstanceId"],
            "machines_bake_carries": "image=x",
        }
        shown = self.desk.play_tasks({"role": "machines", "tasks_from": "bake_image"}, **given)
        assert shown.code == 0, shown.text

    def run(self) -> None:
        """Run every playbook, in all ways in which it calls something that the others do not."""
        self.desk.aws.faults.add(Fault("GetServiceQuota", "NoSuchResourceException"))  # so the default one is asked for
        self.play("plan.yml")
        self.play("provision.yml")
        self.change_the_group_by_hand()
        self.play("provision.yml")
        assert self.group_tags() == {"Class": "ml101", "CostCentre": "4711"}
        self.play("provision.yml", class_ssh_cidrs=["192.0.2.0/24"], class_spare_machines=1)
        self.play("status.yml")
        self.play("leftovers.yml")
        everyone = ["ada", "grace"]
        self.zone.add_seats("ml101-001")  # as a run leaves it that gave the machine's seat its name
        # She has her new machine by then, but this AWS has nothing on which to configure anything.
        self.play("replace.yml", code=2, student="ada", class_abandon_work=["ada"], class_mirror_url=NOBODY)
        self.play("stop.yml", class_abandon_work=everyone)
        self.play("start.yml")
        (self.desk.home / "students.csv").write_text("name,email\nAda Beispiel,ada@example.com\n")
        self.play("retire.yml", student="grace", class_snapshot_work=["grace"])
        self.make_an_image(next(iter(self.machines().values())))
        self.bake()
        self.play("teardown.yml", class_confirm_teardown="ml101", class_abandon_work=["ada"])
        self.play("bake.yml", bake_remove=True)
        assert self.machines() == {}
        self.actions = actions(self.desk.aws)


@pytest.fixture(scope="module")
def term(endpoint: Aws, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Term]:
    """Return a class with names that is over."""
    endpoint.start_over()
    made = Term(Desk(tmp_path_factory.mktemp("term"), endpoint, settings={"class_stable_links": True}))
    with suppress(ClientError):  # the class makes its own, whatever tests before it have left
        made.owner.delete_security_group(GroupName="ml101")
    made.run()
    yield made
    made.zone.delete()


@pytest.fixture(scope="module")
def called(term: Term) -> set[str]:
    """Return the actions that the playbooks needed from the first day of a class to its last."""
    return term.actions


def actions(aws: Aws) -> set[str]:
    """Return the actions that the requests made with the class's keys need."""
    made = [request for request in aws.requests if request.access_key == ACCESS_KEY]
    return {check.action for request in made for check in checks(request)}


@pytest.mark.long
def test_the_policy_allows_what_the_playbooks_call_and_nothing_else(called: set[str]) -> None:
    assert called - permitted() == set(), "the policy lacks these"
    assert permitted() - called == set(UNCALLED), "the policy has these, and no playbook calls them"


@pytest.mark.long
def test_no_playbook_that_asks_aws_was_left_out(term: Term) -> None:
    """The others ask in the play that all have in common, parts/look_up_class.yml, and that is status.yml's, too."""
    asking = {path.name for path in (PROJECT / "playbooks").glob("*.yml") if "name: machines\n" in path.read_text()}
    assert "teardown.yml" in asking
    assert asking <= term.played


def test_every_action_and_condition_key_of_the_policy_is_one_that_aws_knows() -> None:
    assert unknown(statements()) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"Action": "ec2:StopInstance"}, "ec2:StopInstance: AWS has no such action"),
        ({"Action": "ec2:RunInstances"} | OF_A_CLASS, "ec2:RunInstances does not know ec2:ResourceTag/Class"),
        ({"Action": "ec2:DescribeTags"} | OF_A_CLASS, "ec2:DescribeTags does not know ec2:ResourceTag/Class"),
        ({"Condition": {"StringEquals": {"ec2:Regoin": "us-east-1"}}}, "ec2:Regoin"),
        ({"Condition": {"StringEquals": {"aws:RequestTag/Class": "ml101"}}}, "aws:RequestTag/Class"),
    ],
)
def test_a_condition_that_its_action_does_not_know_is_found(change: dict[str, Any], found: str) -> None:
    """IAM takes such a policy; what it was meant to allow is then refused, or what it was meant to deny allowed."""
    (words,) = unknown([{"Effect": "Allow", "Action": "ec2:StopInstances", "Resource": "*"} | change])
    assert found in words


def unknown(policy: list[dict[str, Any]]) -> list[str]:
    """Return, in words, the actions that AWS's reference does not have and the conditions that they do not know.

    A condition has to be known to each resource that the action must be allowed for.
    """
    found: list[str] = []
    for statement in policy:
        keys = {key for wanted in statement.get("Condition", {}).values() for key in wanted}
        for name in listed(statement["Action"]):
            action = action_of(name)
            if action is None:
                found.append(f"{name}: AWS has no such action")
                continue
            kinds = action.required or ("",)
            found += [
                f"{name} does not know {key}" for key in keys if not all(action.knows(key, kind) for kind in kinds)
            ]
    return found


@pytest.mark.parametrize("action", ["ec2:RunInstances", "ec2:CreateTags"])
def test_an_action_that_is_missing_is_named(desk: Desk, action: str) -> None:
    desk.aws.iam.policy = without(action)
    try:
        shown = desk.play(f"{HERE} provision.yml", **QUICK)
    finally:
        desk.aws.iam.policy = None
    assert shown.failure == (
        f"AWS does not permit {action} to these credentials (UnauthorizedOperation).\n"
        "Give their user the permissions of docs/aws-policy.json (docs/aws.md, Permissions). If it has them: is the "
        "region in it yours? Then run again."
    )
