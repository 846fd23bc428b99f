"""What AWS refuses, in words."""

from __future__ import annotations

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import (
    concerns_all,
    explain,
    explain_refused_machine,
    explain_text,
)
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ProfileNotFound,
    SSLError,
    UnauthorizedSSOTokenError,
)

SETTINGS = "group_vars/all/class.yml"


def refusal(code: str, message: str = "Words of AWS.", action: str = "RunInstances") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, action)


@pytest.mark.parametrize(
    ("code", "first", "then"),
    [
        ("ExpiredToken", "The AWS credentials have expired.", "aws sso login"),
        ("RequestExpired", "The AWS credentials have expired.", "run again"),
        ("AuthFailure", "AWS refuses these credentials: AuthFailure.", "clock is right"),
        ("SignatureDoesNotMatch", "AWS refuses these credentials: SignatureDoesNotMatch.", "keys are whole"),
        ("UnauthorizedOperation", "AWS does not permit RunInstances", "docs/aws-policy.json"),
        ("AccessDeniedException", "AWS does not permit RunInstances", "docs/aws-policy.json"),
        ("OptInRequired", "The account is not signed up for RunInstances in eu-west-1", "class_region"),
        ("PendingVerification", "AWS is still verifying this account for eu-west-1.", "run again later"),
        ("VcpuLimitExceeded", "The account may not run so many machines in eu-west-1", "docs/aws.md, Quota"),
        ("InsufficientInstanceCapacity", "AWS has no free machines of this type", "class_instance_type"),
        ("Unsupported", "AWS does not offer such machines in this zone", "class_instance_type"),
        ("InvalidInstanceType", "Words of AWS.", "class_instance_type"),
        ("InvalidAMIID.NotFound", "There is no such image in eu-west-1", "class_image_id"),
        ("InvalidAMIID.Malformed", "There is no such image in eu-west-1", "class_image_id"),
        ("InvalidSubnetID.NotFound", "There is no such subnet in eu-west-1", "class_subnet_id"),
        ("ParameterNotFound", "AWS knows no image under class_image_parameter in eu-west-1.", "class_region"),
        ("RequestLimitExceeded", "AWS asks for patience", "goes on from here"),
        ("Client.AuthFailure", "AWS refuses these credentials: AuthFailure.", "run again"),
        ("SomethingNew", "AWS refused RunInstances (SomethingNew): Words of AWS.", "With -v"),
    ],
)
def test_a_refusal_says_what_where_and_what_next(code: str, first: str, then: str) -> None:
    words = explain(refusal(code), "eu-west-1")
    assert words.startswith(first)
    assert then in words
    assert len(words.splitlines()) <= 3
    assert words == explain_text(f"Failed to do it: {refusal(code)}", "eu-west-1")


@pytest.mark.parametrize(
    ("error", "first"),
    [
        (NoCredentialsError(), "There are no AWS credentials here: Unable to locate credentials"),
        (ProfileNotFound(profile="x"), "The AWS configuration does not fit: The config profile (x)"),
        (UnauthorizedSSOTokenError(), "The AWS credentials have expired."),
        (EndpointConnectionError(endpoint_url="https://x"), "AWS does not answer (region eu-west-1)."),
        (ConnectTimeoutError(endpoint_url="https://x"), "AWS does not answer (region eu-west-1)."),
        (SSLError(endpoint_url="https://x", error=OSError("bad")), "AWS does not answer (region eu-west-1)."),
        (BotoCoreError(), "AWS cannot be asked: An unspecified error occurred"),
    ],
)
def test_what_never_reached_aws(error: BotoCoreError, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    assert explain(error, "eu-west-1").startswith(first)


def test_walls_are_not_quoted() -> None:
    walled = refusal("Whatever", f"Not so. Encoded authorization failure message: {'x' * 3000}")
    assert "xxx" not in explain(walled, None)
    assert len(explain(refusal("Whatever", "{no} " * 1000), None)) < 500


def test_what_is_no_refusal_is_left_alone() -> None:
    assert explain_text("An error occurred, but not at AWS", "eu-west-1") == ""


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("InsufficientInstanceCapacity", "AWS has no free machine of its type in its zone now"),
        ("VcpuLimitExceeded", "the account may not run so many vCPUs at once; see docs/aws.md, Quota"),
        ("IncorrectInstanceState", "Words of AWS."),
        ("InternalError", "Words of AWS."),
    ],
)
def test_one_machine_of_many_is_refused_in_half_a_sentence(code: str, words: str) -> None:
    error = refusal(code, action="StartInstances")
    assert explain_refused_machine(error) == f"{words} ({code})"
    assert not concerns_all(error)


@pytest.mark.parametrize("code", ["UnauthorizedOperation", "ExpiredToken", "AuthFailure", "RequestLimitExceeded"])
def test_what_would_be_refused_for_every_machine_is_not_tried_for_each(code: str) -> None:
    assert concerns_all(refusal(code, action="StartInstances"))
