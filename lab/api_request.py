"""A request to an AWS API, and how one is refused, in the form of each protocol."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from werkzeug.datastructures import EnvironHeaders

from lab import rest_api

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-authentication-methods.html
_SIGNED = re.compile(r"Credential=(?P<key>[^/\s]+)/\d{8}/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")
_READING = re.compile(r"Describe|Get|Head|List|Lookup|Search")

# EC2 answers these as its own fault, so that clients retry them; every other code is the caller's fault.
SERVER_ERRORS = {
    "InsufficientInstanceCapacity": 500,
    "InternalError": 500,
    "InternalFailure": 500,
    "SlowDown": 503,
    "RequestLimitExceeded": 503,
    "ServiceUnavailable": 503,
    "Unavailable": 503,
}
# Who may not, or is not who they say, is told so with another status than who asks for nonsense.
_NOT_ALLOWED = {
    "AccessDenied": 403,
    "AuthFailure": 401,
    "InvalidAccessKeyId": 403,
    "InvalidClientTokenId": 403,
    "MissingAuthenticationToken": 403,
    "RequestTimeTooSkewed": 403,
    "SignatureDoesNotMatch": 403,
    "UnauthorizedOperation": 403,
}


@dataclass(frozen=True)
class HttpRequest:
    """A request as it came, which is what was signed."""

    method: str = "POST"
    url: str = "/"
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case
    body: bytes = b""

    @classmethod
    def read(cls, environ: Mapping[str, Any], body: bytes) -> HttpRequest:
        """Read a request of a WSGI server."""
        headers = {name.lower(): value for name, value in EnvironHeaders(dict(environ))}
        url = f"http://{headers.get('host', '')}{environ.get('REQUEST_URI', '/')}"
        return cls(environ.get("REQUEST_METHOD", "POST"), url, headers, body)


@dataclass(frozen=True)
class ApiRequest:
    """What is asked, of which service and region, with whose key."""

    action: str
    service: str = ""
    region: str = ""
    access_key: str = ""
    # As the protocol has them: EC2's and STS's flat, such as `Filter.1.Value.2`, those in JSON nested; of an API in
    # REST style what stands in path and query.
    parameters: Mapping[str, Any] = field(default_factory=dict)
    json: bool = False
    http: HttpRequest = field(default_factory=HttpRequest, repr=False)

    @classmethod
    def read(cls, environ: Mapping[str, Any], body: bytes) -> ApiRequest:
        """Read a request as it came over HTTP; what is no known action has its path for one.

        S3 answers also who signs nothing: all that bears no signature and is no action of another API is for S3.
        """
        signed = _SIGNED.search(environ.get("HTTP_AUTHORIZATION", ""))
        signer = (signed["service"], signed["region"], signed["key"]) if signed else ("", "", "")
        http = HttpRequest.read(environ, body)
        if target := environ.get("HTTP_X_AMZ_TARGET"):
            return cls(target.rsplit(".", 1)[-1], *signer, json.loads(body or b"{}"), json=True, http=http)
        service, region, key = signer
        if service in rest_api.SERVICES or (not service and b"Action=" not in body):
            action, named = rest_api.read(service or "s3", http.method, http.url, http.headers)
            return cls(action, service or "s3", region, key, named, http=http)
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True)) if b"Action=" in body else {}
        return cls(form.pop("Action", environ.get("PATH_INFO", "/")), *signer, form, http=http)

    @property
    def reads_only(self) -> bool:
        """Whether it leaves everything as it is."""
        return bool(_READING.match(self.action))

    def listed(self, name: str) -> list[str]:
        """Return the values of the flat list `name`, such as of `InstanceId.1`, `InstanceId.2`, in their order."""
        numbered = re.compile(rf"{re.escape(name)}\.(\d+)")
        found = {int(match[1]): value for key, value in self.parameters.items() if (match := numbered.fullmatch(key))}
        return [found[number] for number in sorted(found)]


@dataclass(frozen=True)
class Refusal:
    """An error that AWS answers with."""

    code: str
    message: str

    @property
    def status(self) -> int:
        """The HTTP status that goes with the code."""
        return SERVER_ERRORS.get(self.code) or _NOT_ALLOWED.get(self.code, 400)

    def body(self, request: ApiRequest) -> tuple[str, str]:
        """Return the content type and the text of the answer to `request`, in the words of its protocol."""
        if request.json:
            return "application/x-amz-json-1.1", json.dumps({"__type": self.code, "message": self.message})
        error = f"<Error><Code>{escape(self.code)}</Code><Message>{escape(self.message)}</Message></Error>"
        match request.service:
            case "s3":
                body = error
            case "route53":
                body = f"<ErrorResponse>{error}<RequestId>lab</RequestId></ErrorResponse>"
            case _:
                body = f"<Response><Errors>{error}</Errors><RequestID>lab</RequestID></Response>"
        return "text/xml;charset=UTF-8", body
