"""Route 53 at the lab: changes are made whole or not at all, in time, and as often as AWS allows."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.route53.models import route53_backends

from lab import route53
from lab.api_request import ApiRequest
from lab.faults import Fault
from lab.iam import Iam, judgeable
from lab.lateness import LATENESS
from lab.throttling import CHANGE_SECONDS, Throttling
from tests.support import account_owner
from tests.support.desk import ACCESS_KEY, SECRET_KEY, Aws

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_RETRIES = Config(retries={"total_max_attempts": 1})
NAME = "ml101-001.class.example.org"
CAA = '0 issue "authority.example; validationmethods=http-01; accounturi=https://authority.example/acct/1"'


class Clock:
    """A clock that stands until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        """Return the time in seconds."""
        return self.now


class Zone:
    """A hosted zone of the account's, and who changes it."""

    def __init__(self, aws: Aws, name: str = "class.example.org") -> None:
        """Make it."""
        self._aws = aws
        keys: dict[str, Any] = {
            "aws_access_key_id": account_owner.KEY_WITHOUT_HOSTS,
            "aws_secret_access_key": account_owner.SECRET_WITHOUT_HOSTS,
        }
        self.client: Any = boto3.client("route53", "us-east-1", endpoint_url=aws.url, config=NO_RETRIES, **keys)
        self.id = self.client.create_hosted_zone(Name=name, CallerReference=f"{id(self)}")["HostedZone"]["Id"]

    def change(self, *changes: dict[str, Any], late_s: float = 0) -> dict[str, Any]:
        """Ask for changes as if it had been quiet before; return the answer."""
        self._aws.start_over()
        LATENESS.set(names_s=late_s)
        batch = {"Changes": list(changes)}
        answer = self.client.change_resource_record_sets(HostedZoneId=self.id, ChangeBatch=batch)
        return dict(answer["ChangeInfo"])

    def refused(self, *changes: dict[str, Any]) -> str:
        """Return why changes are refused."""
        with pytest.raises(ClientError) as error:
            self.change(*changes)
        return f"{error.value.response['Error']['Code']}: {error.value.response['Error']['Message']}"

    @property
    def records(self) -> dict[tuple[str, str], list[str]]:
        """What it has beside what makes it a zone."""
        found = self.client.list_resource_record_sets(HostedZoneId=self.id)["ResourceRecordSets"]
        return {
            (each["Name"], each["Type"]): [record["Value"] for record in each["ResourceRecords"]]
            for each in found
            if each["Type"] not in ("NS", "SOA")
        }


@pytest.fixture
def zone(aws: Aws) -> Iterator[Zone]:
    """Return a zone without names."""
    aws.start_over()
    yield Zone(aws)
    route53_backends[DEFAULT_ACCOUNT_ID]["aws"].zones.clear()
    aws.start_over()


def change(action: str, name: str = NAME, kind: str = "A", *values: str, ttl: int = 60) -> dict[str, Any]:
    """Return one change of a request."""
    records = [{"Value": value} for value in values or ("192.0.2.1",)]
    return {
        "Action": action,
        "ResourceRecordSet": {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": records},
    }


def test_a_name_and_who_may_certify_it(zone: Zone) -> None:
    zone.change(change("UPSERT"), change("UPSERT", NAME, "CAA", CAA))
    assert zone.records == {(f"{NAME}.", "A"): ["192.0.2.1"], (f"{NAME}.", "CAA"): [CAA]}
    zone.change(change("UPSERT", NAME, "A", "192.0.2.2"))
    zone.change(change("DELETE", NAME.upper(), "CAA", CAA))
    assert zone.records == {(f"{NAME}.", "A"): ["192.0.2.2"]}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (change("DELETE", f"b.{NAME}"), "Tried to delete resource record set [name='b.{0}.', type='A'] but it was not"),
        (change("DELETE", NAME, "A", "192.0.2.9"), "type='A'] but the values provided do not match the current values"),
        (change("DELETE", ttl=61), "type='A'] but the values provided do not match the current values"),
        (change("CREATE"), "Tried to create resource record set [name='{0}.', type='A'] but it already exists"),
        (change("UPSERT", "www.other.example.org"), "is not permitted in zone class.example.org."),
        (change("UPSERT", "subclass.example.org"), "is not permitted in zone class.example.org."),
        (change("UPSERT", f"b.{NAME}", "A", "192.0.2.256"), "encountered with '192.0.2.256'"),
        (change("UPSERT", f"b.{NAME}", "A", "192.0.2.1", "192.0.2.1"), "Duplicate Resource Record: '192.0.2.1'"),
        (change("UPSERT", f"b.{NAME}", "CAA", "issue authority.example"), "encountered with 'issue authority.example'"),
        (change("UPSERT", NAME, "CNAME", "other.example.org."), "conflicts with other records with the same DNS name"),
        (change("UPSERT", "class.example.org", "CNAME", "other.example.org."), "is not permitted at apex"),
        (change("UPSERT", ttl=2**31), "Invalid TTL"),
    ],
)
def test_one_change_that_cannot_be_made_makes_none_of_them(zone: Zone, wrong: dict[str, Any], words: str) -> None:
    zone.change(change("CREATE"))
    before = zone.records
    for several in ((change("CREATE", f"a.{NAME}"), wrong), (wrong, change("CREATE", f"a.{NAME}"))):
        refusal = zone.refused(*several)
        assert refusal.startswith("InvalidChangeBatch: [")
        assert words.format(NAME) in refusal
        assert zone.records == before


def test_what_was_deleted_is_gone_and_what_is_there_cannot_be_created_again(zone: Zone) -> None:
    """It goes by what is there, not by what was asked for once."""
    zone.change(change("UPSERT"))
    assert "already exists" in zone.refused(change("CREATE"))
    zone.change(change("DELETE"))
    assert "not found" in zone.refused(change("DELETE"))
    zone.change(change("CREATE"))


def test_one_set_may_be_deleted_and_made_anew_but_not_changed_twice(zone: Zone) -> None:
    zone.change(change("CREATE"))
    zone.change(change("DELETE"), change("CREATE", NAME, "A", "192.0.2.7"))
    assert zone.records == {(f"{NAME}.", "A"): ["192.0.2.7"]}
    assert "invalid set of changes" in zone.refused(change("UPSERT"), change("UPSERT", NAME, "A", "192.0.2.8"))


@pytest.mark.parametrize(("action", "most"), [("CREATE", 1000), ("UPSERT", 500)])
def test_a_request_has_a_thousand_records_at_most_and_an_upsert_counts_twice(
    zone: Zone, action: str, most: int
) -> None:
    many = [change(action, f"s{number}.class.example.org") for number in range(most + 1)]
    assert zone.refused(*many) == "InvalidChangeBatch: [Number of records limit of 1000 exceeded.]"
    zone.change(*many[:most])
    listed = zone.client.list_resource_record_sets(HostedZoneId=zone.id, MaxItems="1000")
    assert len(listed["ResourceRecordSets"]) == 300


def test_a_request_has_so_many_characters_at_most(zone: Zone) -> None:
    long = f'"{"x" * 200}"'
    many = [change("UPSERT", f"s{number}.class.example.org", "TXT", long) for number in range(80)]
    assert "Number of characters limit of 32000" in zone.refused(*many)
    zone.change(*many[: 32000 // (2 * len(long))])


def test_a_zone_is_made_once_for_each_reference(zone: Zone) -> None:
    wanted = {"Name": "once.example.org", "CallerReference": "the same"}
    zone.client.create_hosted_zone(**wanted)
    with pytest.raises(ClientError, match="HostedZoneAlreadyExists"):
        zone.client.create_hosted_zone(**wanted)


def test_zones_are_listed_from_a_name_on(aws: Aws, zone: Zone) -> None:
    """Whoever asks for one has to look whether the first is it."""
    Zone(aws, "zz.example.org")
    for asked, found in {
        "class.example.org": 2,
        "no.example.org": 1,
        "zz.example.org.": 1,
        "zzz.example.org": 0,
    }.items():
        aws.start_over()
        answer = zone.client.list_hosted_zones_by_name(DNSName=asked)
        assert len(answer["HostedZones"]) == found
    aws.start_over()
    first = zone.client.list_hosted_zones_by_name(MaxItems="1")
    assert (first["IsTruncated"], first["NextDNSName"]) == (True, "zz.example.org.")


def test_name_servers_know_later(zone: Zone, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    monkeypatch.setattr(LATENESS, "clock", clock)
    zone.change(change("CREATE"), late_s=60)
    clock.now += 60
    answer = zone.change(change("CREATE", f"late.{NAME}"), change("DELETE"), late_s=60)
    assert answer["Status"] == zone.client.get_change(Id=answer["Id"])["ChangeInfo"]["Status"] == "PENDING"

    def names() -> list[str]:
        return [each.name for each in route53.published()["class.example.org."] if each.type == "A"]

    assert names() == [f"{NAME}."]
    clock.now += 60
    assert zone.client.get_change(Id=answer["Id"])["ChangeInfo"]["Status"] == "INSYNC"
    assert names() == [f"late.{NAME}."]


def test_five_requests_a_second_for_the_account() -> None:
    clock = Clock()
    rule = Throttling(clock)
    asked = ApiRequest("GetHostedZone", "route53", "us-east-1", parameters={"Id": "Z1"})
    assert [rule.refusal(asked) for _ in range(5)] == [None] * 5
    refused = rule.refusal(asked)
    assert refused
    assert (refused.code, refused.status) == ("Throttling", 400)
    clock.now += 0.2
    assert rule.refusal(asked) is None
    assert rule.refusal(asked)


def test_a_zone_is_changed_by_one_request_at_a_time() -> None:
    clock = Clock()
    rule = Throttling(clock)
    first, other = (ApiRequest(route53.CHANGE, "route53", parameters={"Id": zone}) for zone in ("Z1", "Z2"))
    assert rule.refusal(first) is None
    assert rule.refusal(other) is None
    refused = rule.refusal(first)
    assert refused
    assert (refused.code, refused.status) == ("PriorRequestNotComplete", 400)
    assert "ErrorResponse" in refused.body(first)[1]
    clock.now += CHANGE_SECONDS
    assert rule.refusal(first) is None


def test_boto3_asks_again_while_a_change_is_worked_on(aws: Aws, zone: Zone) -> None:
    aws.start_over()
    patient: Any = boto3.client(
        "route53",
        "us-east-1",
        endpoint_url=aws.url,
        aws_access_key_id=account_owner.KEY_WITHOUT_HOSTS,
        aws_secret_access_key=account_owner.SECRET_WITHOUT_HOSTS,
    )
    aws.faults.add(Fault(route53.CHANGE, "PriorRequestNotComplete"))
    patient.change_resource_record_sets(HostedZoneId=zone.id, ChangeBatch={"Changes": [change("CREATE")]})
    # It may have asked more than once: a change that is refused for another reason is worked on as well.
    assert {refusal.code for refusal in aws.refusals} == {"PriorRequestNotComplete"}


@pytest.mark.parametrize(
    ("changes", "allowed"),
    [
        ([change("UPSERT"), change("UPSERT", NAME, "CAA", CAA)], True),
        ([change("UPSERT"), change("UPSERT", NAME, "MX", "10 mail.example.org.")], False),
        ([change("UPSERT"), change("UPSERT", "www.class.example.org")], False),
    ],
)
def test_a_policy_may_bind_the_names_and_types_of_records(
    aws: Aws, zone: Zone, changes: list[dict[str, Any]], allowed: bool
) -> None:
    key = "route53:ChangeResourceRecordSets"
    statement = {
        "Effect": "Allow",
        "Action": "route53:ChangeResourceRecordSets",
        "Resource": f"arn:aws:route53:::{zone.id.strip('/')}",
        "Condition": {
            "ForAllValues:StringEquals": {f"{key}RecordTypes": ["A", "CAA"]},
            "ForAllValues:StringLike": {f"{key}NormalizedRecordNames": "ml101-*.class.example.org"},
        },
    }
    aws.start_over()
    before, aws.iam.policy = aws.iam.policy, judgeable(json.dumps({"Statement": [statement]}))
    user: Any = boto3.client(
        "route53",
        "us-east-1",
        endpoint_url=aws.url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=NO_RETRIES,
    )
    try:
        with nullcontext() if allowed else pytest.raises(ClientError, match="AccessDenied"):
            user.change_resource_record_sets(HostedZoneId=zone.id, ChangeBatch={"Changes": changes})
    finally:
        aws.iam.policy = before


def test_the_class_s_keys_need_a_word_of_the_policy() -> None:
    statement = {"Effect": "Allow", "Action": "route53:GetChange", "Resource": "arn:aws:route53:::change/*"}
    rule = Iam("", judgeable(json.dumps({"Statement": [statement]})))
    assert rule.refusal(ApiRequest("GetChange", "route53", "us-east-1", "KEY", {"Id": "C1"})) is None
    refused = rule.refusal(ApiRequest("GetHostedZone", "route53", "us-east-1", "KEY", {"Id": "Z1"}))
    assert refused
    assert "route53:GetHostedZone on resource: arn:aws:route53:::hostedzone/Z1" in refused.message
