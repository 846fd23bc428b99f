"""Buckets with students' pages are found wherever they are, each with the class that its tag names."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from ansible_collections.machine_learning.classroom.plugins.action.leftovers_info import s3_client
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.buckets import look
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from lab.iam import POLICY, judgeable
from tests.support import account_owner
from tests.support.desk import ACCESS_KEY, SECRET_KEY, Aws

if TYPE_CHECKING:
    from collections.abc import Iterator

OWN, OTHER, KILLED = (f"{name}-pages-0123456789abcdef" for name in ("ml101", "ml102", "ml103"))
REGION = "us-east-1"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Aws]:
    """Return an AWS whose account has the pages of three classes and something else; boto3 asks it with our policy."""
    made = Aws()
    monkeypatch.setenv("AWS_ENDPOINT_URL", made.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    owner: Any = boto3.client(
        "s3",
        REGION,
        endpoint_url=made.url,
        aws_access_key_id=account_owner.KEY_WITHOUT_HOSTS,
        aws_secret_access_key=account_owner.SECRET_WITHOUT_HOSTS,
    )
    for name in (OWN, OTHER, KILLED, "somebody-elses-pages"):
        owner.create_bucket(Bucket=name)
    for name, class_name in ((OWN, "ml101"), (OTHER, "ML102")):
        owner.put_bucket_tagging(Bucket=name, Tagging={"TagSet": [{"Key": "Class", "Value": class_name}]})
    yield made
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].reset()
    made.close()


@pytest.mark.usefixtures("aws")
def test_each_is_of_a_class_and_goes_by_what_is_shown() -> None:
    found = look(s3_client(REGION), OWN)
    assert [(each.class_name, each.command) for each in found.leftovers] == [
        ("ml101", "ansible-playbook teardown.yml"),
        ("ML102", f"aws s3 rb s3://{OTHER} --force"),
        ("ml103", f"aws s3 rb s3://{KILLED} --force"),
    ]
    assert {each.usd_a_month({}) for each in found.leftovers} == {0}
    assert found.refused == ""


@pytest.mark.usefixtures("aws")
def test_one_that_nobody_remembers_is_removed_by_hand() -> None:
    assert look(s3_client(REGION), "").leftovers[0].command == f"aws s3 rb s3://{OWN} --force"


def test_with_a_policy_of_before_it_is_said_why_none_were_looked_for(aws: Aws) -> None:
    fewer = [{"Effect": "Allow", "Action": "ec2:Describe*", "Resource": "*"}]
    assert "ListAllMyBuckets" in POLICY.read_text()
    aws.iam.policy = judgeable(json.dumps({"Statement": fewer}))
    found = look(s3_client(REGION), OWN)
    assert found.leftovers == []
    assert found.refused == "AWS does not permit s3:ListAllMyBuckets to these credentials (AccessDenied)."
