"""Requests to AWS APIs: what is asked, by whom and where, and how a refusal is worded."""

from __future__ import annotations

import json
from xml.etree import ElementTree

import pytest

from lab.api_request import ApiRequest, Refusal
from lab.route53 import CHANGE

SIGNED = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261129/eu-west-1/ec2/aws4_request, SignedHeaders=host, Signature=0"
ROUTE53 = SIGNED.replace("eu-west-1/ec2", "us-east-1/route53")


@pytest.mark.parametrize(
    ("environ", "body", "action"),
    [
        ({"PATH_INFO": "/"}, b"Action=RunInstances&Version=2016-11-15&MinCount=1", "RunInstances"),
        ({"PATH_INFO": "/"}, b"Version=2011-06-15&Action=GetCallerIdentity", "GetCallerIdentity"),
        ({"HTTP_X_AMZ_TARGET": "AmazonSSM.GetParameter"}, b'{"Name": "Action=Evil"}', "GetParameter"),
        ({"REQUEST_URI": "/some/bucket", "REQUEST_METHOD": "GET"}, b"", "GetObject"),
        ({"REQUEST_URI": "/some?list-type=2", "REQUEST_METHOD": "GET"}, b"", "ListObjectsV2"),
        ({"REQUEST_URI": "/no/action", "REQUEST_METHOD": "PATCH"}, b"", "/no/action"),
        ({"REQUEST_URI": "/2013-04-01/hostedzone/Z1/rrset/", "HTTP_AUTHORIZATION": ROUTE53}, b"<a/>", CHANGE),
    ],
)
def test_the_action_of_a_request(environ: dict[str, str], body: bytes, action: str) -> None:
    assert ApiRequest.read(environ, body).action == action


def test_a_signature_tells_who_asks_which_service_where() -> None:
    request = ApiRequest.read({"HTTP_AUTHORIZATION": SIGNED}, b"Action=DescribeTags&Empty=")
    assert (request.access_key, request.region, request.service) == ("AKIAEXAMPLE", "eu-west-1", "ec2")
    assert request.parameters == {"Empty": ""}


def test_a_flat_list_comes_in_its_order() -> None:
    body = "Action=StartInstances&" + "&".join(f"InstanceId.{n}=i-{n}" for n in (10, 2, 1)) + "&InstanceIdX.1=no"
    assert ApiRequest.read({}, body.encode()).listed("InstanceId") == ["i-1", "i-2", "i-10"]


def test_reading_actions_change_nothing() -> None:
    reading = ("DescribeInstances", "GetConsoleOutput", "ListServiceQuotas")
    assert all(ApiRequest(action).reads_only for action in reading)
    assert not any(ApiRequest(action).reads_only for action in ("RunInstances", "CreateTags", "ImportKeyPair"))


def test_a_refusal_speaks_each_protocol() -> None:
    refusal = Refusal("RequestLimitExceeded", "a < b")
    assert refusal.status == 503
    kind, text = refusal.body(ApiRequest("RunInstances"))
    assert "xml" in kind
    assert ElementTree.fromstring(text).findtext("Errors/Error/Message") == "a < b"
    kind, text = refusal.body(ApiRequest("GetParameter", json=True))
    assert "json" in kind
    assert json.loads(text) == {"__type": "RequestLimitExceeded", "message": "a < b"}


def test_a_request_in_rest_style_names_things_in_its_path_and_query() -> None:
    def read(method: str, url: str) -> ApiRequest:
        return ApiRequest.read({"REQUEST_METHOD": method, "REQUEST_URI": url}, b"")

    asked = read("GET", "/bucket/a%20folder/page.html?versionId=7")
    assert (asked.service, asked.access_key) == ("s3", "")
    assert asked.parameters == {"Bucket": "bucket", "Key": "a folder/page.html", "versionId": "7"}
    assert [read("PUT", url).action for url in ("/b", "/b?policy", "/b/k", "/b/k?partNumber=1&uploadId=2")] == [
        "CreateBucket",
        "PutBucketPolicy",
        "PutObject",
        "UploadPart",
    ]
    assert read("HEAD", "/b/k").reads_only
    assert not read("DELETE", "/b/k").reads_only


def test_a_refusal_in_rest_style_is_read_by_botocore() -> None:
    refusal = Refusal("AccessDenied", "a < b")
    for service, path in (("s3", "Message"), ("route53", "Error/Message")):
        _, text = refusal.body(ApiRequest("Any", service))
        assert ElementTree.fromstring(text).findtext(path) == "a < b"
