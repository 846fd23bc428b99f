"""What AWS refuses, in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

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
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidConfigError,
    LoginError,
    LoginInsufficientPermissions,
    LoginRefreshRequired,
    LoginTokenLoadError,
    MissingDependencyException,
    NoCredentialsError,
    ProfileNotFound,
    SSLError,
    SSOTokenLoadError,
    TokenRetrievalError,
    UnauthorizedSSOTokenError,
)

SETTINGS = "group_vars/all/class.yml"


def refusal(code: str, message: str = "Words of AWS.", action: str = "RunInstances") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, action)


@pytest.mark.parametrize(
    ("code", "first", "then"),
    [
        ("ExpiredToken", "The AWS credentials have expired.", "aws sso login"),
        ("RequestExpired", "AWS takes the request for an old one (RequestExpired)", "timedatectl"),
        ("RequestTimeTooSkewed", "AWS takes the request for an old one (RequestTimeTooSkewed)", "log in again"),
        ("AuthFailure", "AWS refuses these credentials: AuthFailure.", "clock is right"),
        ("SignatureDoesNotMatch", "AWS refuses these credentials: SignatureDoesNotMatch.", "keys are whole"),
        ("UnauthorizedOperation", "AWS does not permit RunInstances", "docs/aws-policy.json"),
        ("AccessDeniedException", "AWS does not permit RunInstances", "is the region in it yours?"),
        ("OptInRequired", "The account is not signed up for RunInstances in eu-west-1", "class_region"),
        ("PendingVerification", "AWS is still verifying this account for eu-west-1.", "run again later"),
        ("VcpuLimitExceeded", "The account may not run so many machines in eu-west-1", "docs/aws.md, Quota"),
        ("VolumeLimitExceeded", "The account may not have so much disk in eu-west-1", "class_disk_gb"),
        ("MaxIOPSLimitExceeded", "The account may not have so much disk in eu-west-1", "Service Quotas, EBS"),
        ("InvalidBlockDeviceMapping", "AWS cannot give a machine such a disk", "class_disk_gb"),
        ("InsufficientVolumeCapacity", "AWS has no room for so much disk in this zone now", "class_subnet_id"),
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
        (UnauthorizedSSOTokenError(), "The SSO session of profile teacher has expired, or there is none: "),
        (SSOTokenLoadError(error_msg="x"), "The SSO session of profile teacher has expired, or there is none: "),
        (TokenRetrievalError(provider="sso", error_msg="x"), "The SSO session of profile teacher has expired"),
        (LoginError(), "The login of profile teacher has ended, or there is none: "),
        (LoginRefreshRequired(), "The login of profile teacher has ended, or there is none: "),
        (LoginTokenLoadError(error_msg="x"), "The login of profile teacher has ended, or there is none: "),
        (LoginInsufficientPermissions(), "The login of profile teacher cannot be renewed: "),
        (MissingDependencyException(msg="x"), "Profile teacher was made by `aws login`, for which"),
        (CredentialRetrievalError(provider="x", error_msg="y"), "The AWS credentials of profile teacher could not be"),
        (InvalidConfigError(error_msg="x"), "The AWS configuration does not fit: x"),
        (EndpointConnectionError(endpoint_url="https://x"), "AWS does not answer (region eu-west-1)."),
        (ConnectTimeoutError(endpoint_url="https://x"), "AWS does not answer (region eu-west-1)."),
        (SSLError(endpoint_url="https://x", error=OSError("bad")), "AWS does not answer (region eu-west-1)."),
        (BotoCoreError(), "AWS cannot be asked: An unspecified error occurred"),
    ],
)
def test_what_never_reached_aws(error: BotoCoreError, first: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("AWS_PROFILE", "teacher")
    assert explain(error, "eu-west-1").startswith(first)


@pytest.mark.parametrize("code", ["AuthFailure", "RequestExpired", "RequestTimeTooSkewed", "SignatureDoesNotMatch"])
@pytest.mark.parametrize(("minutes", "wrong"), [(-20, True), (20, True), (1, False)])
def test_the_time_of_the_answer_tells_whether_the_clock_is_wrong(code: str, minutes: int, wrong: bool) -> None:
    answered = datetime.now(UTC) + timedelta(minutes=minutes)
    answer = {"HTTPHeaders": {"date": format_datetime(answered, usegmt=True)}}
    error = ClientError({"Error": {"Code": code, "Message": "No."}, "ResponseMetadata": answer}, "DescribeInstances")  # type: ignore[typeddict-item]  # the rest is not looked at
    words = explain(error, "eu-west-1")
    assert words.startswith("This computer's clock is wrong: it says ") is wrong
    assert (f"AWS says {answered:%Y-%m-%d %H:%M} UTC" in words) is wrong


def test_a_permission_that_is_missing_has_nothing_to_do_with_the_clock() -> None:
    answer = {"HTTPHeaders": {"date": "Sun, 29 Nov 2020 12:00:00 GMT"}}
    error = ClientError({"Error": {"Code": "AccessDenied", "Message": "No."}, "ResponseMetadata": answer}, "Whatever")  # type: ignore[typeddict-item]  # the rest is not looked at
    assert explain(error, None).startswith("AWS does not permit Whatever")


@pytest.mark.parametrize(
    "said",
    [
        "Signature expired: 20261129T100000Z is now earlier than 20261129T114500Z (20261129T120000Z - 15 min.)",
        "Signature not yet current: 20261129T100000Z is still later than 20261129T094500Z (20261129T120000Z + 15 min.)",
    ],
)
def test_the_words_of_a_refusal_tell_that_the_clock_is_wrong(said: str) -> None:
    for code in ("SignatureDoesNotMatch", "InvalidSignatureException"):
        assert explain_text(str(refusal(code, said)), None).startswith(
            "This computer's clock is wrong: it says 2026-11-29 10:00 UTC, AWS says 2026-11-29 12:00 UTC, and"
        )


def test_walls_are_not_quoted() -> None:
    walled = refusal("Whatever", f"Not so. Encoded authorization failure message: {'x' * 3000}")
    assert "xxx" not in explain(walled, None)
    assert len(explain(refusal("Whatever", "{no} " * 1000), None)) < 500


def test_what_is_no_refusal_is_left_alone() -> None:
    assert explain_text("An error occurred, but not at AWS", "eu-west-1") == ""


def test_the_permission_is_named_that_is_lacking() -> None:
    """A launch that tags is refused as RunInstances for want of another action."""
    said = "Not so. User: arn:aws:iam::1:user/x is not authorized to perform: ec2:CreateTags on resource: y"
    assert explain(refusal("UnauthorizedOperation", said), None).startswith("AWS does not permit ec2:CreateTags to")
    assert explain(refusal("VcpuLimitExceeded", said), None).startswith("The account may not run so many")


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
