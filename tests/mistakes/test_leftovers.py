"""leftovers.yml: what was planted in three regions is found with its price, and goes by the commands that are shown."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from lab.iam import POLICY, judgeable
from lab.image import RELEASES
from tests.support import account_owner, aws_command
from tests.support.desk import Desk, Screen
from tests.support.rooms import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client

# Minutes together.
pytestmark = pytest.mark.long

OWN, NEAR, FAR = "us-east-1", "eu-west-1", "ap-south-1"
LEFTOVERS = f"{HERE} leftovers.yml"
TEARDOWN = f"{HERE} teardown.yml -e class_confirm_teardown=ml101"


def tagged(kind: str, **tags: str) -> Any:
    """Return tags for something that is made, if there are any."""
    named = [{"Key": key, "Value": value} for key, value in tags.items()]
    return {"TagSpecifications": [{"ResourceType": kind, "Tags": named}]} if tags else {}


class Planted:
    """What somebody has forgotten in an account that is empty otherwise."""

    def __init__(self, desk: Desk) -> None:
        """Begin with nothing."""
        self.desk = desk
        desk.aws.empty()

    def play(self, line: str) -> Screen:
        """Run playbooks."""
        return self.desk.play(line, timeout=600)

    def ec2(self, region: str) -> EC2Client:
        """Return the owner's client."""
        return account_owner.ec2(self.desk.aws.url, region)

    def machine(self, region: str, *, stopped: bool = True, **tags: str) -> str:
        """Launch a machine with a disk of 30 GiB, and stop it."""
        disk: Any = {"DeviceName": "/dev/sda1", "Ebs": {"VolumeSize": 30}}
        id_ = self.ec2(region).run_instances(
            ImageId=RELEASES[0].ami,
            MinCount=1,
            MaxCount=1,
            InstanceType="t3a.large",
            BlockDeviceMappings=[disk],
            **tagged("instance", **tags),
        )["Instances"][0]["InstanceId"]
        if stopped:
            self.ec2(region).stop_instances(InstanceIds=[id_])
        return id_

    def disk(self, region: str, size: int, **tags: str) -> str:
        """Make a disk."""
        made = self.ec2(region).create_volume(
            AvailabilityZone=f"{region}a", Size=size, VolumeType="gp3", **tagged("volume", **tags)
        )
        return made["VolumeId"]

    def snapshot(self, region: str, size: int, **tags: str) -> str:
        """Make a snapshot of a disk that is gone."""
        disk = self.disk(region, size)
        made = self.ec2(region).create_snapshot(VolumeId=disk, **tagged("snapshot", **tags))["SnapshotId"]
        self.ec2(region).delete_volume(VolumeId=disk)
        return made

    def image(self, region: str, **tags: str) -> str:
        """Make an image of a machine that is gone, and let its snapshot have its tags."""
        machine, ec2 = self.machine(region), self.ec2(region)
        made = ec2.create_image(InstanceId=machine, Name="ml101-baked", **tagged("image", **tags))["ImageId"]
        ec2.terminate_instances(InstanceIds=[machine])
        return made

    def address(self, region: str, **tags: str) -> str:
        """Allocate an address."""
        return self.ec2(region).allocate_address(Domain="vpc", **tagged("elastic-ip", **tags))["PublicIp"]

    def remove(self, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Type the aws commands that were `shown`, as the account's owner."""
        monkeypatch.setenv("AWS_ENDPOINT_URL", self.desk.aws.url)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", account_owner.KEY_WITHOUT_HOSTS)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", account_owner.SECRET_WITHOUT_HOSTS)
        for line in re.findall(r"^ +(aws ec2 .*)$", shown, re.MULTILINE):
            for command in line.split(" && "):
                aws_command.main(*shlex.split(command)[1:])

    def deny(self, action: str, *regions: str) -> None:
        """Deny what the policy allows, as an organisation does; in these regions, or in all."""
        condition: dict[str, Any] = {"StringEquals": {"aws:RequestedRegion": [*regions]}} if regions else {}
        denied = {"Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition}
        statements = [*json.loads(POLICY.read_text())["Statement"], denied]
        self.desk.aws.iam.policy = judgeable(json.dumps({"Statement": statements}))


@pytest.fixture
def planted(desk: Desk) -> Iterator[Planted]:
    """Return an account in which nothing is left over, so far and afterwards."""
    made = Planted(desk)
    yield made
    desk.aws.iam.policy = None
    desk.aws.empty()


def costs(shown: str) -> dict[str, str]:
    """Return what each of the things costs that are listed, by region and what it is."""
    found = re.findall(r"^  (\S+): (.+?)(?:,| of 2| \().*: (.*)$\n    (?:aws|ansible)", shown, re.MULTILINE)
    return {f"{region} {what}": price for region, what, price in found}


def test_what_was_left_in_three_regions_is_found_with_its_price_and_goes_by_what_is_shown(
    planted: Planted, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted.machine(OWN, Class="ml101", Name="ml101-001")
    disk, address = planted.disk(NEAR, 10, Class="ml101"), planted.address(NEAR, Class="ml101")
    attached, bare = planted.disk(NEAR, 20, Class="ml100"), planted.snapshot(NEAR, 5)
    holder = planted.machine(NEAR, stopped=False)
    planted.ec2(NEAR).attach_volume(VolumeId=attached, InstanceId=holder, Device="/dev/sdf")
    planted.machine(FAR, Class="ml102", Name="ml102-001")
    planted.machine(FAR, stopped=False, BakedBy="ml102")
    kept, image = planted.snapshot(FAR, 10, Class="ml102", Name="work of ada"), planted.image(FAR, BakedBy="ml102")
    planted.snapshot(FAR, 1000, Project="somebody else's")
    planted.desk.aws.forget()
    kept_prices = planted.desk.home / "class/prices.json"
    kept_prices.parent.mkdir(mode=0o700)
    assert "88.08 $ a month" in planted.play(f"{LEFTOVERS} --check").text
    assert not kept_prices.exists()
    shown = planted.play(LEFTOVERS)
    assert shown.code == 0, shown.text
    assert planted.desk.aws.made == set()
    assert kept_prices.exists()
    # At the prices of the lab, a fifth more in other regions than us-east-1.
    assert costs(shown.text) == {
        f"{OWN} 1 machine": "2.40 $ a month",
        f"{NEAR} disk {disk}": "0.96 $ a month",
        f"{NEAR} address {address}": "4.38 $ a month",
        f"{NEAR} disk {attached}": "1.92 $ a month",
        f"{NEAR} snapshot {bare}": "at most 0.30 $ a month",
        f"{FAR} 1 machine": "2.88 $ a month",
        f"{FAR} 1 machine that was to become an image": "73.14 $ a month",
        f"{FAR} snapshot {kept}": "at most 0.60 $ a month",
        f"{FAR} image ml101-baked": "at most 1.80 $ a month",
    }
    assert f"({image})" in shown.text
    assert "Together at most 88.08 $ a month, in 17 regions." in shown.text
    assert shown.text.index("Perhaps yours") < shown.text.index(bare)
    assert "    ansible-playbook teardown.yml\n" in shown.text
    planted.remove(shown.text, monkeypatch)
    again = planted.play(LEFTOVERS)
    assert list(costs(again.text)) == [f"{OWN} 1 machine"], again.text
    assert "Perhaps yours" not in again.text


def test_a_region_that_may_not_be_looked_at_is_never_called_clean(planted: Planted) -> None:
    planted.disk("eu-west-3", 10, Class="ml101")
    planted.deny("ec2:*", "eu-west-3")
    shown = planted.play(LEFTOVERS)
    assert shown.failure.startswith("Not everything was looked at, as it says above: what is there may go on costing")
    not_permitted = "AWS does not permit ec2:DescribeInstances to these credentials (UnauthorizedOperation)."
    assert f"NOT LOOKED AT, so nobody knows what is there:\n  eu-west-3: {not_permitted}\n" in shown.text
    assert "Of what was looked at, nothing with a tag Class or BakedBy costs money." in shown.text
    assert "In 17 regions nothing" not in shown.text


def test_with_the_policy_of_before_a_teardown_ends_well_and_says_what_it_could_not_see(planted: Planted) -> None:
    planted.machine(OWN, Class="ml101", Name="ml101-001", Students="")
    planted.deny("ec2:DescribeRegions")
    shown = planted.play(TEARDOWN)
    assert shown.code == 0, shown.text
    assert "  all other regions: AWS does not permit ec2:DescribeRegions" in shown.text
    assert "Of what was looked at, nothing with a tag Class or BakedBy costs money." in shown.text


def test_without_a_permission_prices_are_unknown_and_nothing_fails(planted: Planted) -> None:
    disk = planted.disk(NEAR, 10, Class="ml101")
    planted.deny("pricing:GetProducts")
    shown = planted.play(LEFTOVERS)
    assert shown.code == 0, shown.text
    assert costs(shown.text) == {f"{NEAR} disk {disk}": "price unknown"}
    assert "Price unknown: AWS does not permit pricing:GetProducts to these credentials" in shown.text
    assert "$ a month" not in shown.text


def test_after_a_teardown_only_what_is_kept_is_left_with_price_and_command(planted: Planted) -> None:
    image = planted.image(OWN, BakedBy="ml101")
    kept = planted.snapshot(OWN, 30, Class="ml101", Name="ml101-001 ada")
    planted.machine(OWN, Class="ml101", Name="ml101-001", Students="")
    checked = planted.play(f"{TEARDOWN} --check")
    assert "1 machines of ml101 would be terminated." in checked.text
    assert costs(checked.text) == {}
    shown = planted.play(TEARDOWN)
    assert shown.code == 0, shown.text
    assert costs(shown.text) == {
        f"{OWN} image ml101-baked": "at most 1.50 $ a month",
        f"{OWN} snapshot {kept}": "at most 1.50 $ a month",
    }
    assert f"({image})" in shown.text
    assert "    ansible-playbook bake.yml -e bake_remove=true\n" in shown.text
    assert f"    aws ec2 delete-snapshot --snapshot-id {kept} --region {OWN}\n" in shown.text
    assert planted.play(f"{HERE} bake.yml -e bake_remove=true").code == 0
    assert list(costs(planted.play(LEFTOVERS).text)) == [f"{OWN} snapshot {kept}"]
