"""What AWS refuses, in words: what is wrong, in what place, and what to do next. Two or three lines, never a secret."""

from __future__ import annotations

import os
import re
from contextlib import suppress

with suppress(ImportError):  # who calls AWS says so: AnsibleAWSModule, and the inventory of amazon.aws
    from botocore.exceptions import (
        BotoCoreError,
        ClientError,
        ConfigNotFound,
        ConfigParseError,
        ConnectionError,  # noqa: A004 - botocore's, which is not Python's
        CredentialRetrievalError,
        HTTPClientError,
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
# AWS's own words are quoted so far; an encoded authorization message alone has thousands of characters.
_LONGEST_QUOTE = 240

_SETTINGS = "group_vars/all/class.yml"
_LOG_IN = "Run `aws configure`, or export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and run again."
_EXPIRED = "The AWS credentials have expired. Log in again (`aws sso login`, or new keys) and run again."
_NOT_KNOWN = (
    "AWS refuses these credentials: {code}.\n"
    "Check that the keys are whole and not deleted, that this computer's clock is right, and that the region {region}"
    " is enabled for the account; then run again."
)
_NOT_PERMITTED = (
    "AWS does not permit {action} to these credentials ({code}).\n"
    "Give their user the permissions of docs/aws-policy.json (docs/aws.md, Permissions), then run again."
)
_QUOTA = (
    "The account may not run so many machines in {region} ({code}): {message}\n"
    "None was launched. Ask AWS for a larger quota (docs/aws.md, Quota), or stop other machines, then run again."
)
_TRY_LATER = "AWS asks for patience ({code} at {action}). Run the same command again in a minute: it goes on from here."

_ADVICE = {
    "ExpiredToken": _EXPIRED,
    "ExpiredTokenException": _EXPIRED,
    "RequestExpired": _EXPIRED,
    "AuthFailure": _NOT_KNOWN,
    "InvalidAccessKeyId": _NOT_KNOWN,
    "InvalidClientTokenId": _NOT_KNOWN,
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
    "InvalidSubnetID.NotFound": (
        "There is no such subnet in {region}: {message}\n"
        f'Set class_subnet_id in {_SETTINGS} to one of that region, or to "" for a default one.'
    ),
    "ParameterNotFound": (
        "AWS knows no image under class_image_parameter in {region}.\n"
        f"Look at class_image_parameter and class_region in {_SETTINGS}, then run again."
    ),
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
_UNKNOWN = "AWS refused {action} ({code}): {message}\nWith -v the same command says more; docs/aws.md may help."


def explain(error: BotoCoreError | ClientError, region: str | None) -> str:
    """Say in words what `error` of a call to `region` means and what to do."""
    if isinstance(error, NoCredentialsError | PartialCredentialsError):
        return f"There are no AWS credentials here: {_plain(str(error))}\n{_LOG_IN}"
    if isinstance(error, ProfileNotFound | ConfigNotFound | ConfigParseError):
        return f"The AWS configuration does not fit: {_plain(str(error))}\nLook at AWS_PROFILE and ~/.aws/config."
    if isinstance(error, TokenRetrievalError | SSOError):
        return _EXPIRED
    if isinstance(error, CredentialRetrievalError):
        return f"The AWS credentials could not be fetched: {_plain(str(error))}\nLog in again, then run again."
    if isinstance(error, ConnectionError | HTTPClientError):
        where = os.environ.get("AWS_ENDPOINT_URL") or f"region {region}"
        return (
            f"AWS does not answer ({where}).\n"
            f"Look at the network, at class_region in {_SETTINGS} and, if set, at AWS_ENDPOINT_URL; then run again."
        )
    return explain_text(str(error), region) or f"AWS cannot be asked: {_plain(str(error))}"


def explain_text(text: str, region: str | None) -> str:
    """Say in words what a refusal means that some module words as botocore does; empty where `text` holds none."""
    found = _REFUSAL.search(text)
    if found is None:
        return ""
    code = found["code"].removeprefix("Client.").removeprefix("Server.")
    advice = _ADVICE.get(code) or (_IMAGE if code.startswith("InvalidAMIID") else _UNKNOWN)
    return advice.format(
        code=code, action=found["action"], message=_plain(found["message"]), region=region or "this region"
    )


def explain_refused_machine(error: ClientError) -> str:
    """Say in half a sentence why AWS does not start, stop or terminate one machine."""
    code = error.response["Error"]["Code"]
    return f"{_REFUSED_MACHINE.get(code) or _plain(error.response['Error'].get('Message', ''))} ({code})"


def concerns_all(error: ClientError) -> bool:
    """Tell whether AWS would refuse every other machine as well: for who asks, or for how often."""
    advice = _ADVICE.get(error.response["Error"]["Code"])
    return advice in (_EXPIRED, _NOT_KNOWN, _NOT_PERMITTED) or error.response["Error"]["Code"] in _THROTTLED


def is_not_permitted(error: ClientError) -> bool:
    """Tell whether AWS refused because the credentials lack a permission."""
    return _ADVICE.get(error.response["Error"]["Code"]) == _NOT_PERMITTED


def _plain(words: str) -> str:
    """Return AWS's own words on one line, without what only AWS can read."""
    words = " ".join(words.partition("Encoded authorization failure message")[0].split())
    return words if len(words) <= _LONGEST_QUOTE else words[: _LONGEST_QUOTE - 1] + "…"
