"""Stable pages in S3: two questions where nothing is due, and everybody reads what they know the address of."""

from __future__ import annotations

import json
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.pages.bucket import ROBOTS, is_name
from ansible_collections.machine_learning.classroom.plugins.modules import stable_pages
from botocore import UNSIGNED
from botocore.config import Config
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.s3control.models import s3control_backends

from lab.faults import Fault
from lab.iam import judgeable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.aws_modules import AwsModules
    from tests.support.desk import Aws

TEMPLATE = '<!doctype html><script type="application/json">WAY</script>'
PAGES = [
    {"address": f"address-{name}", "word": f"word-{name}", "host": f"192.0.2.{number}", "secret": f"secret-{name}"}
    for number, name in enumerate(["ada", "grace"])
]
CLOSED = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True)
# What docs/aws-policy.json has to allow a class with stable links.
ALLOWED = [
    *("s3:CreateBucket", "s3:DeleteBucket", "s3:DeleteObject", "s3:ListBucket", "s3:PutObject"),
    *("s3:PutBucketPolicy", "s3:PutBucketPublicAccessBlock", "s3:PutBucketTagging"),
]


class Pages:
    """An account, what runs the module, and the class's folder."""

    def __init__(self, aws: Aws, modules: AwsModules, folder: Path) -> None:
        """Begin with an account without buckets."""
        self.aws, self._modules, self.record = aws, modules, folder / "pages.json"

    def run(self, **given: Any) -> dict[str, Any]:
        """Run the module, as if nothing had been asked before."""
        self.aws.forget()
        return self._modules.run(
            stable_pages, class_name="ML101", record=str(self.record), template=TEMPLATE, timeout=0, **given
        )

    @property
    def asked(self) -> list[str]:
        """What S3 was asked by the last run."""
        return [request.action for request in self.aws.requests]

    @property
    def buckets(self) -> dict[str, Any]:
        """The buckets of the account."""
        return dict(s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets)

    def tags(self, bucket: str) -> dict[str, str]:
        """Return the tags of a bucket."""
        tagger = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].tagger
        return dict(tagger.get_tag_dict_for_resource(self.buckets[bucket].arn))

    def read(self, url: str) -> tuple[int, str]:
        """Return what a browser gets."""
        connection = HTTPConnection(self.aws.url.removeprefix("http://"))
        connection.request("GET", url.removeprefix(self.aws.url))
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


@pytest.fixture
def pages(aws: Aws, modules: AwsModules, tmp_path: Path) -> Iterator[Pages]:
    """Return it; afterwards the account has no buckets, and is open."""
    statement = {"Effect": "Allow", "Action": ALLOWED, "Resource": "arn:aws:s3:::*-pages-*"}
    before, aws.iam.policy = aws.iam.policy, judgeable(json.dumps({"Statement": [statement]}))
    yield Pages(aws, modules, tmp_path)
    aws.iam.policy = before
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].reset()
    s3control_backends[DEFAULT_ACCOUNT_ID]["aws"].public_access_block = None


def test_pages_are_there_for_whoever_knows_the_address_and_a_second_run_only_asks(pages: Pages) -> None:
    told = pages.run(pages=PAGES)
    assert (told["changed"], told["written"], told["closed"]) == (True, 2, "")
    (bucket,) = pages.buckets
    assert is_name(bucket)
    assert bucket.startswith("ml101-pages-")
    status, text = pages.read(f"{told['url']}/address-ada")
    assert status == 200
    assert '{"host": "192.0.2.0", "secret": "secret-ada", "word": "word-ada"}' in text
    assert [pages.read(f"{told['url']}{path}")[0] for path in ("", "/", "?list-type=2", "/address")] == [403] * 4
    assert pages.read(f"{told['url']}/{ROBOTS}") == (200, "User-agent: *\nDisallow: /\n")
    assert (pages.tags(bucket), pages.record.stat().st_mode & 0o777) == ({"Class": "ML101"}, 0o600)
    again = pages.run(pages=PAGES)
    assert (again["changed"], again["written"], again["url"]) == (False, 0, told["url"])
    assert pages.asked == ["ListObjectsV2", "GetObject"]


def test_what_is_read_is_never_kept_by_a_browser(pages: Pages) -> None:
    pages.run(pages=PAGES)
    (bucket,) = pages.buckets.values()
    kept = bucket.keys["address-ada"].metadata
    assert (kept["Cache-Control"], kept["Content-Type"]) == ("no-store", "text/html; charset=utf-8")


def test_only_the_page_that_changes_is_written_and_who_left_has_none(pages: Pages) -> None:
    pages.run(pages=PAGES)
    told = pages.run(pages=[{**PAGES[0], "host": "192.0.2.9", "secret": "secret-new"}])
    assert (told["written"], told["removed"], pages.asked.count("PutObject")) == (1, 1, 1)
    assert "secret-new" in pages.read(f"{told['url']}/address-ada")[1]
    assert pages.read(f"{told['url']}/address-grace")[0] == 403


def test_a_page_at_a_new_address_is_at_the_old_one_no_more(pages: Pages) -> None:
    pages.run(pages=PAGES)
    told = pages.run(pages=[{**PAGES[0], "address": "address-new"}, PAGES[1]])
    assert [pages.read(f"{told['url']}/address-{name}")[0] for name in ("ada", "new", "grace")] == [403, 200, 200]


def test_before_a_launch_the_bucket_is_made_and_no_page_touched(pages: Pages) -> None:
    told = pages.run()
    assert (told["changed"], told["written"]) == (True, 0)
    assert pages.read(f"{told['url']}/{ROBOTS}")[0] == 200
    pages.run(pages=PAGES)
    told = pages.run()
    assert (told["changed"], pages.read(f"{told['url']}/address-ada")[0]) == (False, 200)


def test_a_check_says_what_would_be_done(pages: Pages) -> None:
    told = pages.run(pages=PAGES, _ansible_check_mode=True)
    assert (told["changed"], told["written"], pages.buckets, pages.record.exists()) == (True, 2, {}, False)
    pages.run(pages=PAGES)
    told = pages.run(pages=PAGES, _ansible_check_mode=True)
    assert (told["changed"], told["url"] != "") == (False, True)
    told = pages.run(pages=PAGES[:1], _ansible_check_mode=True)
    assert (told["changed"], told["removed"]) == (True, 1)
    assert pages.run(state="absent", _ansible_check_mode=True)["changed"] is True
    assert pages.read(f"{told['url']}/address-grace")[0] == 200


def test_teardown_leaves_nothing_and_asks_nothing_of_a_class_without_pages(pages: Pages) -> None:
    assert (pages.run(state="absent")["changed"], pages.asked) == (False, [])
    pages.run(pages=PAGES)
    told = pages.run(state="absent")
    assert (told["changed"], told["removed"], pages.buckets, pages.record.exists()) == (True, 2, {}, False)
    assert pages.run(state="absent")["changed"] is False


@pytest.mark.parametrize("action", ["CreateBucket", "PutObject", "PutBucketTagging", "PutBucketPolicy"])
def test_a_run_that_ended_anywhere_is_gone_on_with_and_goes_whole(pages: Pages, action: str) -> None:
    pages.aws.faults.add(Fault(action, "InvalidRequest", times=1, message="Ended by the test."))
    assert pages.run(pages=PAGES)["failed"]
    name = json.loads(pages.record.read_text())["bucket"]
    told = pages.run(pages=PAGES)
    assert (told["changed"], list(pages.buckets)) == (True, [name])
    assert pages.read(f"{told['url']}/address-ada")[0] == 200
    assert pages.tags(name) == {"Class": "ML101"}
    assert pages.run(state="absent")["changed"]
    assert pages.buckets == {}


def test_a_bucket_that_never_came_is_forgotten(pages: Pages) -> None:
    pages.aws.faults.add(Fault("CreateBucket", "InvalidRequest", times=1, message="Ended by the test."))
    assert pages.run(pages=PAGES)["failed"]
    assert pages.run(state="absent")["changed"]
    assert not pages.record.exists()


def test_an_account_that_forbids_public_pages_is_told_of_and_nothing_fails(pages: Pages) -> None:
    s3control_backends[DEFAULT_ACCOUNT_ID]["aws"].put_public_access_block(DEFAULT_ACCOUNT_ID, CLOSED)
    told = pages.run()
    assert (told["url"], told.get("failed")) == ("", None)
    assert told["closed"] == (
        "There are no stable links, for this account lets nobody read pages of S3 without credentials: "
        "S3 Block Public Access is set for the whole account.\n"
        "Letters have the links of the day. Ask who manages the account to let one bucket be public (docs/access.md), "
        "or set class_stable_links in group_vars/all/class.yml to false."
    )
    again = pages.run(pages=PAGES)
    assert again["url"] == ""
    s3control_backends[DEFAULT_ACCOUNT_ID]["aws"].public_access_block = None
    told = pages.run(pages=PAGES)
    assert (told["closed"], pages.read(f"{told['url']}/address-ada")[0], len(pages.buckets)) == ("", 200, 1)


def test_an_organisation_that_refuses_readers_above_all_policies_is_noticed(pages: Pages) -> None:
    pages.run(pages=PAGES)
    s3control_backends[DEFAULT_ACCOUNT_ID]["aws"].put_public_access_block(
        DEFAULT_ACCOUNT_ID, {**CLOSED, "BlockPublicPolicy": False}
    )
    told = pages.run(pages=PAGES)
    assert (told["changed"], told["url"]) == (True, "")
    assert "S3 refuses readers without credentials" in told["closed"]


def test_an_account_that_may_not_is_named_with_the_action(pages: Pages) -> None:
    pages.aws.iam.policy = judgeable(json.dumps({"Statement": []}))
    told = pages.run()
    assert told["msg"].startswith("AWS does not permit s3:CreateBucket to these credentials (AccessDenied).")


def test_no_secret_is_in_what_it_says(pages: Pages) -> None:
    told = json.dumps(pages.run(pages=PAGES))
    secrets = [page[part] for page in PAGES for part in ("address", "word", "secret")]
    assert not [secret for secret in secrets if secret in told]


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1"])
def test_pages_are_at_an_address_that_never_sends_browsers_on(region: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    config: Any = Config(signature_version=UNSIGNED, s3=cast("Any", stable_pages.ADDRESSES))
    s3 = boto3.client("s3", region, config=config)
    url = s3.generate_presigned_url("get_object", {"Bucket": "ml101-pages-0", "Key": "robots.txt"})
    assert url == f"https://ml101-pages-0.s3.{region}.amazonaws.com/robots.txt"


def test_in_another_region_the_bucket_is_there(pages: Pages) -> None:
    told = pages.run(region="eu-west-1")
    (bucket,) = pages.buckets.values()
    assert (bucket.region_name, told["closed"]) == ("eu-west-1", "")
