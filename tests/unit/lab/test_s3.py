"""S3 at the lab: closed to the public until somebody opens it, without ACLs, and open for reading alone."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.s3control.models import s3control_backends

from lab.iam import judgeable
from tests.support import account_owner
from tests.support.desk import ACCESS_KEY, SECRET_KEY, Aws

if TYPE_CHECKING:
    from collections.abc import Iterator

BUCKET, PAGE = "class-pages-0123456789abcdef", "b7d1f0e4c2.html"
OPEN = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], False)


def s3_with(aws: Aws, key: str, secret: str) -> Any:
    """Return a client with these keys."""
    config = Config(retries={"total_max_attempts": 1})
    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret)
    return session.client("s3", "us-east-1", endpoint_url=aws.url, config=config)


@pytest.fixture
def s3(aws: Aws) -> Iterator[Any]:
    """Return a client with the owner's keys, in whose account there is one bucket with one page."""
    client = s3_with(aws, account_owner.KEY_WITHOUT_HOSTS, account_owner.SECRET_WITHOUT_HOSTS)
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key=PAGE, Body=b"<p>Off</p>", ContentType="text/html")
    yield client
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].reset()


def policy(**more: Any) -> str:
    """Return a bucket policy that lets everybody read pages."""
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [{**statement, **more}]})


def ask(aws: Aws, path: str, method: str = "GET", body: str | None = None) -> tuple[int, str]:
    """Return what a browser gets, which signs nothing."""
    connection = HTTPConnection(aws.url.removeprefix("http://"))
    connection.request(method, f"/{BUCKET}/{path}", body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def refused(call: Any, **named: Any) -> str:
    """Return the code of an error."""
    with pytest.raises(ClientError) as error:
        call(**named)
    return str(error.value.response["Error"]["Code"])


def test_a_new_bucket_is_closed_to_the_public_and_has_no_acls(aws: Aws, s3: Any) -> None:
    closed = s3.get_public_access_block(Bucket=BUCKET)["PublicAccessBlockConfiguration"]
    assert closed == dict.fromkeys(OPEN, True)
    (rule,) = s3.get_bucket_ownership_controls(Bucket=BUCKET)["OwnershipControls"]["Rules"]
    assert rule == {"ObjectOwnership": "BucketOwnerEnforced"}
    assert refused(s3.put_bucket_policy, Bucket=BUCKET, Policy=policy()) == "AccessDenied"
    status, text = ask(aws, PAGE)
    assert status == 403
    assert "<Code>AccessDenied</Code>" in text


def test_who_opens_a_bucket_opens_it_for_reading_alone(aws: Aws, s3: Any) -> None:
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=OPEN)
    assert ask(aws, PAGE)[0] == 403
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy())
    assert ask(aws, PAGE) == (200, "<p>Off</p>")
    # Neither a list, nor a word of what there is not, nor a change.
    for path in ("", "?list-type=2", "?policy", "other.html"):
        assert ask(aws, path)[0] == 403, path
    assert ask(aws, PAGE, "PUT", "mine")[0] == 403
    assert s3.get_object(Bucket=BUCKET, Key=PAGE)["Body"].read() == b"<p>Off</p>"


@pytest.mark.parametrize(
    "closed",
    [
        policy(Resource=f"arn:aws:s3:::{BUCKET}/public/*"),
        policy(Action="s3:GetBucketLocation"),
        policy(Condition={"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}),
        policy(Principal={"AWS": "arn:aws:iam::123456789012:root"}),
    ],
)
def test_a_policy_opens_what_it_names(aws: Aws, s3: Any, closed: str) -> None:
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=OPEN)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=closed)
    assert ask(aws, PAGE)[0] == 403


def test_a_bucket_that_is_closed_again_is_closed(aws: Aws, s3: Any) -> None:
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=OPEN)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy())
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration={**OPEN, "RestrictPublicBuckets": True})
    assert ask(aws, PAGE)[0] == 403


@pytest.fixture
def closed_account(s3: Any) -> Iterator[Any]:
    """Return the client; the account lets no bucket be public, as many organisations have it."""
    control = s3control_backends[DEFAULT_ACCOUNT_ID]["aws"]
    control.put_public_access_block(DEFAULT_ACCOUNT_ID, dict.fromkeys(OPEN, True))
    yield s3
    control.delete_public_access_block(DEFAULT_ACCOUNT_ID)


def test_a_closed_account_lets_no_bucket_be_open(closed_account: Any) -> None:
    closed_account.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=OPEN)
    with pytest.raises(ClientError, match="prevented by the BlockPublicPolicy setting in S3 Block Public Access"):
        closed_account.put_bucket_policy(Bucket=BUCKET, Policy=policy())


def test_an_account_that_closes_itself_later_closes_its_buckets(aws: Aws, s3: Any) -> None:
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=OPEN)
    s3.put_bucket_policy(Bucket=BUCKET, Policy=policy())
    control = s3control_backends[DEFAULT_ACCOUNT_ID]["aws"]
    control.put_public_access_block(DEFAULT_ACCOUNT_ID, {**OPEN, "RestrictPublicBuckets": True})
    assert ask(aws, PAGE)[0] == 403
    control.delete_public_access_block(DEFAULT_ACCOUNT_ID)
    assert ask(aws, PAGE)[0] == 200


@pytest.mark.parametrize("resource", ["*", "arn:aws:s3:::another-bucket/*", f"arn:aws:s3:::{BUCKET}-more/*"])
def test_a_policy_speaks_of_its_own_bucket_alone(s3: Any, resource: str) -> None:
    s3.put_public_access_block(Bucket=BUCKET, PublicAccessBlockConfiguration=OPEN)
    assert refused(s3.put_bucket_policy, Bucket=BUCKET, Policy=policy(Resource=resource)) == "MalformedPolicy"


def test_acls_are_refused(s3: Any) -> None:
    page = {"Bucket": BUCKET, "Key": PAGE}
    assert refused(s3.put_object, **page, ACL="public-read") == "AccessControlListNotSupported"
    assert refused(s3.put_object_acl, **page, ACL="public-read") == "AccessControlListNotSupported"
    assert refused(s3.put_bucket_acl, Bucket=BUCKET, ACL="public-read") == "AccessControlListNotSupported"
    assert refused(s3.create_bucket, Bucket="more", ACL="public-read") == "InvalidBucketAclWithObjectOwnership"
    s3.put_object(**page, ACL="bucket-owner-full-control")


@pytest.mark.usefixtures("s3")
def test_each_request_with_a_key_has_to_be_signed_and_allowed(aws: Aws) -> None:
    page = {"Bucket": BUCKET, "Key": PAGE}
    assert refused(s3_with(aws, "AKIANOBODY0000000000", SECRET_KEY).get_object, **page) == "InvalidAccessKeyId"
    assert refused(s3_with(aws, ACCESS_KEY, SECRET_KEY[:-1]).get_object, **page) == "SignatureDoesNotMatch"
    statement = {
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
    }
    before, aws.iam.policy = aws.iam.policy, judgeable(json.dumps({"Statement": [statement]}))
    user = s3_with(aws, ACCESS_KEY, SECRET_KEY)
    try:
        assert user.get_object(**page)["Body"].read() == b"<p>Off</p>"
        assert [each["Key"] for each in user.list_objects_v2(Bucket=BUCKET)["Contents"]] == [PAGE]
        user.head_bucket(Bucket=BUCKET)
        assert refused(user.put_object, **page, Body=b"mine") == "AccessDenied"
        assert refused(user.delete_bucket, Bucket=BUCKET) == "AccessDenied"
        assert refused(user.list_buckets) == "AccessDenied"
    finally:
        aws.iam.policy = before
