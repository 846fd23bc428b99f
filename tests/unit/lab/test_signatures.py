"""Whom the lab's AWS believes: who signs with a key that it knows, at about the right time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.api_request import ApiRequest
from lab.signatures import Signatures
from tests.support import account_owner
from tests.support.desk import ACCESS_KEY, SECRET_KEY, Aws

if TYPE_CHECKING:
    pass

ASKS = {
    "ec2": lambda client: client.describe_instances(MaxResults=5),
    "sts": lambda client: client.get_caller_identity(),
    "ssm": lambda client: client.get_parameters(Names=["/some/name & more"]),
}
NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.fixture
def aws(aws: Aws) -> Aws:
    """Return the AWS, whose clock is right."""
    aws.ahead = timedelta()
    return aws


def ask(aws: Aws, service: str, key: str = ACCESS_KEY, secret: str = SECRET_KEY) -> Any:
    """Ask `service` something."""
    client = boto3.client(
        service,  # type: ignore[call-overload]  # the stubs want it literal
        "us-east-1",
        endpoint_url=aws.url,
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"max_attempts": 0}),
    )
    return ASKS[service](client)


def refused(aws: Aws, service: str, **keys: str) -> tuple[str, int]:
    """Return the code and the HTTP status with which `service` refuses."""
    with pytest.raises(ClientError) as error:
        ask(aws, service, **keys)
    return error.value.response["Error"]["Code"], error.value.response["ResponseMetadata"]["HTTPStatusCode"]


@pytest.mark.parametrize("service", ASKS)
def test_who_signs_with_a_known_key_is_answered(aws: Aws, service: str) -> None:
    ask(aws, service, account_owner.KEY_WITHOUT_HOSTS, account_owner.SECRET_WITHOUT_HOSTS)  # who may ask everything


@pytest.mark.parametrize(
    ("service", "unknown", "wrong", "late"),
    [
        ("ec2", ("AuthFailure", 401), ("AuthFailure", 401), ("RequestExpired", 400)),
        ("sts", ("InvalidClientTokenId", 403), ("SignatureDoesNotMatch", 403), ("SignatureDoesNotMatch", 403)),
        (
            "ssm",
            ("UnrecognizedClientException", 400),
            ("InvalidSignatureException", 400),
            ("InvalidSignatureException", 400),
        ),
    ],
)
def test_each_service_refuses_in_its_own_words(
    aws: Aws, service: str, unknown: tuple[str, int], wrong: tuple[str, int], late: tuple[str, int]
) -> None:
    assert refused(aws, service, key="AKIANOBODY0000000000") == unknown
    assert refused(aws, service, secret=SECRET_KEY[:-1]) == wrong
    aws.ahead = timedelta(minutes=16)
    assert refused(aws, service) == late
    aws.ahead = -timedelta(minutes=16)
    assert refused(aws, service) == late


@pytest.mark.parametrize("minutes", [14, -14])
def test_a_clock_may_be_a_quarter_of_an_hour_off(aws: Aws, minutes: int) -> None:
    aws.ahead = timedelta(minutes=minutes)
    ask(aws, "ec2")


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ("20261129T114459Z", "Signature expired: 20261129T114459Z is now earlier than 20261129T114500Z"),
        ("20261129T121501Z", "Signature not yet current: 20261129T121501Z is still later than 20261129T121500Z"),
    ],
)
def test_sts_says_what_time_it_is(sent: str, words: str) -> None:
    environ = {
        "HTTP_AUTHORIZATION": f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/20261129/us-east-1/sts/aws4_request, "
        "SignedHeaders=host;x-amz-date, Signature=0",
        "HTTP_X_AMZ_DATE": sent,
    }
    refusal = Signatures({ACCESS_KEY: SECRET_KEY}, lambda: NOW).refusal(
        ApiRequest.read(environ, b"Action=GetCallerIdentity")
    )
    assert refusal is not None
    assert refusal.message.startswith(f"{words} (20261129T120000Z ")


def test_an_api_call_needs_a_signature_and_another_path_does_not() -> None:
    rule = Signatures({})
    refusal = rule.refusal(ApiRequest.read({"PATH_INFO": "/"}, b"Action=GetCallerIdentity"))
    assert refusal is not None
    assert refusal.code == "MissingAuthenticationToken"
    assert rule.refusal(ApiRequest.read({"PATH_INFO": "/federation/credentials"}, b"")) is None
