"""What AWS refuses, in words: what is wrong, in what place, and what to do next. Two or three lines, never a secret."""

from __future__ import annotations

import os
import re
import shlex
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

with suppress(ImportError):  # who calls AWS says so: AnsibleAWSModule, and the inventory of amazon.aws
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConfigNotFound,
        ConfigParseError,
        ConnectionError,  # noqa: A004 - botocore's, which is not Python's
        CredentialRetrievalError,
        HTTPClientError,
        InvalidConfigError,
        LoginError,
        LoginInsufficientPermissions,
        MissingDependencyException,
        NoCredentialsError,
        PartialCredentialsError,
        ProfileNotFound,
        SSOError,
        TokenRetrievalError,
    )

# As botocore and the modules of amazon.aws word it.
_REFUSAL = re.compile(
    r"An error occurred \((?P<code>[\w.]+)\) when calling the (?P<action>\w+) operation"
    r"(?: \(reached max retries: \d+\))?: (?P<message>.*)",
    re.DOTALL,
)
# Not always the call's own: a launch that tags needs ec2:CreateTags, too.
_LACKING = re.compile(r"not authorized to perform: (?P<action>[\w-]+:\w+)")
_NOT_FREE = "not eligible for Free Tier"
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html
_NOT_PUBLIC = "S3 Block Public Access"
# What was signed at one time and came at another: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
_OUT_OF_TIME = re.compile(r"(\d{8}T\d{6}Z) is (?:now earlier|still later) than \S+ \((\d{8}T\d{6}Z) ")
# AWS takes 15 minutes; whoever is refused with less than this has another trouble.
_CLOCK_TOLERANCE = timedelta(minutes=5)
# AWS's own words are quoted so far; an encoded authorization message alone has thousands of characters.
_LONGEST_QUOTE = 240

_SETTINGS = "group_vars/all/class.yml"
_LOG_IN = "Run `aws configure`, or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and run again."
_CLOCK = (
    "This computer's clock is wrong: it says {here:%Y-%m-%d %H:%M} UTC, AWS says {there:%Y-%m-%d %H:%M} UTC, and "
    "refuses what is signed so ({code}).\n"
    "Set it: `sudo timedatectl set-ntp true` on Linux, `sudo sntp -sS time.apple.com` on macOS; then run again."
)
_CLOCK_OR_EXPIRED = (
    "AWS takes the request for an old one ({code}): the credentials have expired, or this computer's clock is wrong.\n"
    "Look at `date -u` and, if it is wrong, set the clock (`sudo timedatectl set-ntp true`); else log in again; then "
    "run again."
)
_EXPIRED = "The AWS credentials have expired. Log in again (`aws sso login`, or new keys) and run again."
_NOT_KNOWN = (
    "AWS refuses these credentials: {code}.\n"
    "Check that the keys are whole and not deleted, that this computer's clock is right, and that the region {region}"
    " is enabled for the account; then run again."
)
_NOT_PERMITTED = (
    "AWS does not permit {action} to these credentials ({code}).\n"
    "Give their user the permissions of docs/aws-policy.json (docs/aws.md, Permissions). If it has them: is the region"
    " in it yours? Then run again."
)
_QUOTA = (
    "The account may not run so many machines in {region} ({code}): {message}\n"
    "None was launched. Ask AWS for a larger quota (docs/aws.md, Quota), or stop other machines, then run again."
)
_FREE_PLAN = (
    "The account is on AWS's free plan, which has only some instance types and images ({code}): {message}\n"
    f"For a first try set class_instance_type in {_SETTINGS} to m7i-flex.large, which it has. For a class upgrade the "
    "account to the paid plan (docs/aws.md, A new account). Then run again."
)
_DISK_QUOTA = (
    "The account may not have so much disk in {region} ({code}): {message}\n"
    f"Set a smaller class_disk_gb in {_SETTINGS}, delete volumes that nobody needs, or ask AWS for a larger quota of "
    "gp3 storage (Service Quotas, EBS); then run again."
)
_PAGES_CLOSED = (
    "There are no stable links, for this account lets nobody read pages of S3 without credentials: {why}.\n"
    "Letters have the links of the day. Ask who manages the account to let one bucket be public (docs/access.md), or "
    f"set class_stable_links in {_SETTINGS} to false."
)
_TRY_LATER = "AWS asks for patience ({code} at {action}). Run the same command again in a minute: it goes on from here."

_ADVICE = {
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _CLOCK_OR_EXPIRED,
    "RequestTimeTooSkewed": _CLOCK_OR_EXPIRED,
    "AuthFailure": _NOT_KNOWN,
    "IncompleteSignature": _NOT_KNOWN,
    "InvalidAccessKeyId": _NOT_KNOWN,
    "InvalidClientTokenId": _NOT_KNOWN,
    "InvalidSignatureException": _NOT_KNOWN,
    "SignatureDoesNotMatch": _NOT_KNOWN,
    "UnrecognizedClientException": _NOT_KNOWN,
    "AccessDenied": _NOT_PERMITTED,
    "AccessDeniedException": _NOT_PERMITTED,
    "UnauthorizedOperation": _NOT_PERMITTED,
    "Blocked": "AWS has blocked this account: {message}\nLook at the account's mail and at the AWS console.",
    "OptInRequired": (
        "The account is not signed up for {action} in {region} ({code}).\n"
        f"Finish its registration in the AWS console, or choose another class_region in {_SETTINGS}."
    ),
    "PendingVerification": "AWS is still verifying this account for {region}. It takes hours at most: run again later.",
    "VcpuLimitExceeded": _QUOTA,
    "InstanceLimitExceeded": _QUOTA,
    "MaxSpotInstanceCountExceeded": _QUOTA,
    "VolumeLimitExceeded": _DISK_QUOTA,
    "MaxIOPSLimitExceeded": _DISK_QUOTA,
    "InvalidBlockDeviceMapping": (
        "AWS cannot give a machine such a disk ({code}): {message}\n"
        f"Look at class_disk_gb and class_image_id in {_SETTINGS}, then run again."
    ),
    "InsufficientVolumeCapacity": (
        "AWS has no room for so much disk in this zone now ({code}).\n"
        f"Run again later, or set class_subnet_id (another zone) in {_SETTINGS}."
    ),
    "InsufficientInstanceCapacity": (
        "AWS has no free machines of this type in this zone now ({code}).\n"
        f"Run again later, or add a type to class_instance_type in {_SETTINGS}."
    ),
    "Unsupported": (
        "AWS does not offer such machines in this zone ({code}): {message}\n"
        f"Set class_subnet_id (another zone) or class_instance_type in {_SETTINGS}, then run again."
    ),
    "InvalidInstanceType": "{message}\n" + f"Set class_instance_type in {_SETTINGS}, then run again.",
    "InsufficientFreeAddressesInSubnet": (
        "The subnet has too few free addresses ({code}): {message}\n"
        f"Set class_subnet_id in {_SETTINGS} to a larger one, then run again."
    ),
    "DependencyViolation": (
        "Something still uses what is to be removed ({code}): {message}\n"
        "Look for it in the EC2 console (Network Interfaces, with this security group), remove it, then run again."
    ),
    "InvalidSubnetID.NotFound": (
        "There is no such subnet in {region}: {message}\n"
        f'Set class_subnet_id in {_SETTINGS} to one of that region, or to "" for a default one.'
    ),
    "ParameterNotFound": (
        "AWS knows no image under class_image_parameter in {region}.\n"
        f"Look at class_image_parameter and class_region in {_SETTINGS}, then run again."
    ),
    "PriorRequestNotComplete": _TRY_LATER,
    "RequestLimitExceeded": _TRY_LATER,
    "Throttling": _TRY_LATER,
    "ThrottlingException": _TRY_LATER,
    "InternalError": _TRY_LATER,
    "InternalFailure": _TRY_LATER,
    "ServiceUnavailable": _TRY_LATER,
    "Unavailable": _TRY_LATER,
}
_THROTTLED = ("RequestLimitExceeded", "Throttling", "ThrottlingException")
_IMAGE = (
    "There is no such image in {region} ({code}): {message}\n"
    f'Set class_image_id in {_SETTINGS} to one of that region, or to "" for Canonical\'s newest Ubuntu.'
)
# Of one machine among many, in the middle of a sentence. Another error is quoted.
_REFUSED_MACHINE = {
    "InsufficientInstanceCapacity": "AWS has no free machine of its type in its zone now",
    "InstanceLimitExceeded": "the account may not run so many machines at once; see docs/aws.md, Quota",
    "VcpuLimitExceeded": "the account may not run so many vCPUs at once; see docs/aws.md, Quota",
}
# Why AWS ended a machine that it had taken on, by the code of its state reason, in the middle of a sentence. Another
# reason is quoted. https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html
_ENDED_MACHINE = {
    "Client.InternalError": (
        "as a rule because the KMS key that encrypts its disk may not be used with these credentials; see docs/aws.md, "
        "Permissions"
    ),
    "Client.InvalidSnapshot.NotFound": "a snapshot of its image is gone; look at class_image_id, or bake anew",
    "Client.VolumeLimitExceeded": (
        "the account may not have so much disk; set a smaller class_disk_gb, delete volumes that nobody needs, or ask "
        "AWS for a larger quota of gp3 storage"
    ),
    "Server.InsufficientInstanceCapacity": "AWS had no free machine of its type in its zone after all",
}
_UNKNOWN = "AWS refused {action} ({code}): {message}\nWith -v the same command says more; docs/aws.md may help."


def explain(error: BotoCoreError | ClientError, region: str | None) -> str:
    """Say in words what `error` of a call to `region` means and what to do."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return f"There are no AWS credentials here: {_plain(str(error))}\n{_LOG_IN}"
    if isinstance(error, ProfileNotFound | ConfigNotFound | ConfigParseError | InvalidConfigError):
        return f"The AWS configuration does not fit: {_plain(str(error))}\nLook at AWS_PROFILE and ~/.aws/config."
    if isinstance(error, TokenRetrievalError | SSOError):
        return (
            f"The SSO session of profile {profile_in_use()} has expired, or there is none: {_plain(str(error))}\n"
            f"Run `{with_profile('aws sso login')}`, then run again."
        )
    if isinstance(error, LoginInsufficientPermissions):
        return (
            f"The login of profile {profile_in_use()} cannot be renewed: {_plain(str(error))}\n"
            f"Have signin:CreateOAuth2Token permitted, or run `{with_profile('aws login')}`; then run again."
        )
    if isinstance(error, LoginError):
        return (
            f"The login of profile {profile_in_use()} has ended, or there is none: {_plain(str(error))}\n"
            f"Run `{with_profile('aws login')}`, then run again."
        )
    if isinstance(error, MissingDependencyException):
        return (
            f"Profile {profile_in_use()} was made by `aws login`, for which the Python package awscrt is missing.\n"
            "Run `make setup`, then run again."
        )
    if isinstance(error, CredentialRetrievalError):
        return not_fetched(str(error))
    if isinstance(error, ConnectionError | HTTPClientError):
        where = os.environ.get("AWS_ENDPOINT_URL") or f"region {region}"
        return (
            f"AWS does not answer ({where}).\n"
            f"Look at the network, at class_region in {_SETTINGS} and, if set, at AWS_ENDPOINT_URL; then run again."
        )
    if isinstance(error, ClientError) and (answered := _answered_at(error)):
        code, now = error.response["Error"]["Code"], datetime.now(UTC)
        if _ADVICE.get(code) in (_CLOCK_OR_EXPIRED, _NOT_KNOWN) and abs(now - answered) > _CLOCK_TOLERANCE:
            return _CLOCK.format(code=code, here=now, there=answered)
    return explain_text(str(error), region) or f"AWS cannot be asked: {_plain(str(error))}"


def explain_text(text: str, region: str | None) -> str:
    """Say in words what a refusal means that some module words as botocore does; empty where `text` holds none."""
    found = _REFUSAL.search(text)
    if found is None:
        return ""
    code = found["code"].removeprefix("Client.").removeprefix("Server.")
    if times := _OUT_OF_TIME.search(found["message"]):
        here, there = (datetime.strptime(each, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) for each in times.groups())
        return _CLOCK.format(code=code, here=here, there=there)
    advice = _ADVICE.get(code) or (_IMAGE if code.startswith("InvalidAMIID") else _UNKNOWN)
    lacking = _LACKING.search(found["message"]) if advice == _NOT_PERMITTED else None
    if _NOT_FREE in found["message"]:  # its code says no more than that something does not fit
        advice = _FREE_PLAN
    return advice.format(
        code=code, action=(lacking or found)["action"], message=_plain(found["message"]), region=region or "this region"
    )


def explain_refused_machine(error: ClientError) -> str:
    """Say in half a sentence why AWS does not start, stop or terminate one machine."""
    code = error.response["Error"]["Code"]
    return f"{_REFUSED_MACHINE.get(code) or _plain(error.response['Error'].get('Message', ''))} ({code})"


def is_closed_to_the_public(error: ClientError) -> bool:
    """Tell whether S3 refused because the account lets no bucket be public."""
    return _NOT_PUBLIC in error.response["Error"].get("Message", "")


def pages_closed(why: str) -> str:
    """Say that nobody could read a stable page, and what to do."""
    return _PAGES_CLOSED.format(why=why)


def explain_state(state: str, code: str, message: str) -> str:
    """Say in half a sentence that a machine is in `state`, and why, by the `code` and `message` of its state reason."""
    if code in _ENDED_MACHINE:
        return f"it is {state}, {_ENDED_MACHINE[code]} ({code})"
    return f"it is {state}" + (f" ({_plain(message)})" if message else "")


def launch_failed(code: str) -> bool:
    """Tell whether the `code` of a state reason says that a start came to nothing, whoever's fault that was."""
    return code.startswith("Server.") or code in _ENDED_MACHINE


def concerns_all(error: ClientError) -> bool:
    """Tell whether AWS would refuse every other machine as well: for who asks, or for how often."""
    advice = _ADVICE.get(error.response["Error"]["Code"])
    return advice in (_EXPIRED, _NOT_KNOWN, _NOT_PERMITTED) or error.response["Error"]["Code"] in _THROTTLED


def not_fetched(why: str) -> str:
    """Say that a profile's credentials could not be fetched, from a program of its own for instance."""
    return (
        f"The AWS credentials of profile {profile_in_use()} could not be fetched: {_plain(why)}\n"
        f"When `{with_profile('aws sts get-caller-identity')}` answers, run again."
    )


def profile_in_use() -> str:
    """Return the name of the AWS profile that a run uses if no keys are exported."""
    return os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE") or "default"


def with_profile(command: str) -> str:
    """Return the aws `command` as it is to be typed for the profile in use."""
    return f"{command} --profile {shlex.quote(profile_in_use())}"


def is_not_permitted(error: ClientError) -> bool:
    """Tell whether AWS refused because the credentials lack a permission."""
    return _ADVICE.get(error.response["Error"]["Code"]) == _NOT_PERMITTED


def _answered_at(error: ClientError) -> datetime | None:
    """Return what time it was at AWS when it refused; None where the answer does not say."""
    said = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", "")
    with suppress(ValueError):
        return parsedate_to_datetime(said)
    return None


def _plain(words: str) -> str:
    """Return AWS's own words on one line, without what only AWS can read."""
    words = " ".join(words.partition("Encoded authorization failure message")[0].split())
    return words if len(words) <= _LONGEST_QUOTE else words[: _LONGEST_QUOTE - 1] + "…"
