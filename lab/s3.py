"""S3 as AWS has it: a new bucket is closed to the public and knows no ACLs, and who signs nothing is anybody.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html

The account may close itself, too, and then no bucket is open, whatever the bucket says.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import moto.s3.urls as s3_urls
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import FakeBucket, PublicAccessBlock, S3Backend, s3_backends
from moto.s3control.models import s3control_backends

from lab.api_request import Refusal
from lab.iam import USER
from lab.iam_policy import matches

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.api_request import ApiRequest

NO_ACLS = "BucketOwnerEnforced"
OWNER_S_ACL = "bucket-owner-full-control"  # which says no more than that there are none
EVERYBODY = ("*", ["*"], {"AWS": "*"}, {"AWS": ["*"]})


class LabS3(S3Backend):  # type: ignore[misc]  # moto has no types
    """S3 of the account."""

    _url_module = s3_urls  # moto derives it from the module's name

    def create_bucket(self, *arguments: Any, **named: Any) -> FakeBucket:
        """CreateBucket: closed, as all that were made since April 2023."""
        bucket = super().create_bucket(*arguments, **named)
        bucket.public_access_block = PublicAccessBlock(*["true"] * 4)
        bucket.ownership_rule = NO_ACLS
        return bucket


class S3Access:
    """The rule that refuses what a bucket does not let happen, whatever IAM says."""

    def refusal(self, request: ApiRequest) -> Refusal | None:
        """Return why S3 refuses `request`; None lets it through."""
        if request.service != "s3":
            return None
        bucket = _bucket(request)
        if not request.access_key:
            return None if bucket and _everybody_may(request, bucket) else Refusal("AccessDenied", "Access Denied")
        if request.action == "CreateBucket":
            return _refuse_acls_of_a_new_bucket(request)
        if bucket is None:
            return None  # which moto says
        if _sets_acl(request) and bucket.ownership_rule == NO_ACLS:
            return Refusal("AccessControlListNotSupported", "The bucket does not allow ACLs")
        if request.action != "PutBucketPolicy":
            return None
        if refusal := _refuse_foreign_resources(request, bucket):
            return refusal
        if _blocks(bucket, "block_public_policy") and any(_public_statements(request.http.body)):
            return Refusal(
                "AccessDenied",
                f'User: {USER} is not authorized to perform: s3:PutBucketPolicy on resource: "{bucket.arn}" because '
                "public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
            )
        return None


def install() -> None:
    """Put it in the place of moto's."""
    s3_backends.backend = LabS3


def _bucket(request: ApiRequest) -> FakeBucket | None:
    return s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets.get(request.parameters.get("Bucket"))


def _refuse_acls_of_a_new_bucket(request: ApiRequest) -> Refusal | None:
    if _sets_acl(request) and request.http.headers.get("x-amz-object-ownership", NO_ACLS) == NO_ACLS:
        message = "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting"
        return Refusal("InvalidBucketAclWithObjectOwnership", message)
    return None


def _refuse_foreign_resources(request: ApiRequest, bucket: FakeBucket) -> Refusal | None:
    """Return why a policy is refused: it is none, or speaks of something else than the bucket and its objects."""
    try:
        named = {
            resource for each in json.loads(request.http.body)["Statement"] for resource in _listed(each["Resource"])
        }
    except (ValueError, KeyError, TypeError):
        return Refusal("MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
    own = all(name == bucket.arn or name.startswith(f"{bucket.arn}/") for name in named)
    return None if own else Refusal("MalformedPolicy", "Policy has invalid resource")


def _sets_acl(request: ApiRequest) -> bool:
    headers = request.http.headers
    grants = any(name.startswith("x-amz-grant-") for name in headers)
    named = headers.get("x-amz-acl", OWNER_S_ACL) != OWNER_S_ACL
    return grants or named or request.action in ("PutBucketAcl", "PutObjectAcl")


def _blocks(bucket: FakeBucket, setting: str) -> bool:
    """Tell whether the bucket or its account is closed in this way: the more restrictive of the two counts."""
    both = (bucket.public_access_block, s3control_backends[DEFAULT_ACCOUNT_ID]["aws"].public_access_block)
    return any(str(getattr(closed, setting)).lower() == "true" for closed in both if closed)


def _everybody_may(request: ApiRequest, bucket: FakeBucket) -> bool:
    """Tell whether the bucket's policy lets everybody do what is asked, which is reading at most.

    A missing page is refused as well: only who may list a bucket is told what there is not.
    """
    if request.action not in ("GetObject", "HeadObject") or bucket.policy is None:
        return False
    if _blocks(bucket, "restrict_public_buckets") or request.parameters["Key"] not in bucket.keys:
        return False
    asked = ("s3:GetObject", f"{bucket.arn}/{request.parameters['Key']}")
    denied = any(_speaks_of(statement, *asked) for statement in _statements(bucket.policy, "Deny"))
    return not denied and any(_speaks_of(statement, *asked) for statement in _public_statements(bucket.policy))


def _public_statements(policy: bytes) -> Iterator[Mapping[str, Any]]:
    """Yield the statements that allow everybody something, wherever they ask from."""
    return (statement for statement in _statements(policy, "Allow") if not statement.get("Condition"))


def _statements(policy: bytes, effect: str) -> Iterator[Mapping[str, Any]]:
    """Yield the statements of this effect that concern everybody."""
    for statement in _listed(json.loads(policy)["Statement"]):
        if statement["Effect"] == effect and statement.get("Principal") in EVERYBODY:
            yield statement


def _speaks_of(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    return any(matches(pattern.lower(), action.lower()) for pattern in _listed(statement["Action"])) and any(
        matches(pattern, resource) for pattern in _listed(statement["Resource"])
    )


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
