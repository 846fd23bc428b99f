"""Signatures: AWS answers only who has a key that it knows, signs with its secret, and has a clock that is right.

What each service says, and which clocks are close enough:
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html
https://docs.aws.amazon.com/AWSEC2/latest/APIReference/errors-overview.html
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from botocore.auth import SIGV4_TIMESTAMP, S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from lab.api_request import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from lab.api_request import ApiRequest

TOLERANCE = timedelta(minutes=15)

_SIGNATURE = re.compile(r"SignedHeaders=(?P<names>[^,\s]+),\s*Signature=(?P<signature>[0-9a-f]+)")


@dataclass(frozen=True)
class Disbelief:
    """A reason, in the codes of EC2, of services that speak JSON, of S3, and of STS and Route 53."""

    ec2: str
    json: str
    s3: str
    sts: str
    message: str
    ec2_message: str = "AWS was not able to validate the provided access credentials"

    def refusal(self, request: ApiRequest, message: str = "") -> Refusal:
        """Return what the service answers that `request` asks; `message` in place of the usual one, where it has it."""
        if request.service == "ec2":
            return Refusal(self.ec2, self.ec2_message)
        if request.service == "s3":
            return Refusal(self.s3, self.message)
        return Refusal(self.json if request.json else self.sts, message or self.message)


UNSIGNED = Disbelief(
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "AccessDenied",
    "MissingAuthenticationToken",
    "Request is missing Authentication Token",
)
UNKNOWN_KEY = Disbelief(
    "AuthFailure",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "The security token included in the request is invalid.",
)
WRONG_SIGNATURE = Disbelief(
    "AuthFailure",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "SignatureDoesNotMatch",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details.",
)
OUT_OF_TIME = Disbelief(
    "RequestExpired",
    "InvalidSignatureException",
    "RequestTimeTooSkewed",
    "SignatureDoesNotMatch",
    "Signature expired",
    "Request has expired.",
)


def right_clock() -> datetime:
    """Return what time it is."""
    return datetime.now(UTC)


class Signatures:
    """The keys that exist, with their secrets."""

    def __init__(self, secrets: Mapping[str, str], now: Callable[[], datetime] = right_clock) -> None:
        """Know `secrets` by access key; `now` is AWS's clock."""
        self._secrets = secrets
        self._now = now

    def refusal(self, request: ApiRequest) -> Refusal | None:
        """Return why AWS would not believe the sender of `request`; S3 believes that who signs nothing is anybody."""
        if not request.access_key:
            return None if request.service == "s3" else UNSIGNED.refusal(request)
        secret = self._secrets.get(request.access_key)
        if secret is None:
            return UNKNOWN_KEY.refusal(request)
        stamp = request.http.headers.get("x-amz-date", "")
        if late := self._out_of_time(stamp):
            return OUT_OF_TIME.refusal(request, late)
        if not _signed_with(secret, request, stamp):
            return WRONG_SIGNATURE.refusal(request)
        return None

    def _out_of_time(self, stamp: str) -> str:
        """Say how far the time of a request is from AWS's clock; empty if that is not too far."""
        sent, now = datetime.strptime(stamp, SIGV4_TIMESTAMP).replace(tzinfo=UTC), self._now()
        first, last = (time.strftime(SIGV4_TIMESTAMP) for time in (now - TOLERANCE, now + TOLERANCE))
        clock = now.strftime(SIGV4_TIMESTAMP)
        if sent < now - TOLERANCE:
            return f"Signature expired: {stamp} is now earlier than {first} ({clock} - 15 min.)"
        if sent > now + TOLERANCE:
            return f"Signature not yet current: {stamp} is still later than {last} ({clock} + 15 min.)"
        return ""


def _signed_with(secret: str, request: ApiRequest, stamp: str) -> bool:
    """Tell whether `secret` makes the signature that `request` bears, from what it says that it signed."""
    said = _SIGNATURE.search(request.http.headers["authorization"])
    if said is None:
        return False
    headers = {name: request.http.headers.get(name, "") for name in said["names"].split(";")}
    again = AWSRequest(request.http.method, request.http.url, headers, request.http.body)
    again.context["timestamp"] = stamp
    kind = S3SigV4Auth if request.service == "s3" else SigV4Auth  # S3 takes a path as it is
    signer = kind(Credentials(request.access_key, secret), request.service, request.region)
    signature = signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again)
    return hmac.compare_digest(signature, said["signature"])
