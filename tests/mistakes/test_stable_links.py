"""Stable links: what the account forbids is said before a launch, and nothing is left of them in the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends
from moto.s3control.models import s3control_backends

from lab.iam import POLICY, judgeable
from tests.support.rooms import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.desk import Desk

# Minutes together.
pytestmark = pytest.mark.long

QUICK = {"machines_timeout": 10}
PROVISION, START = f"{HERE} provision.yml", f"{HERE} start.yml"
TEARDOWN = f"{HERE} teardown.yml -e class_confirm_teardown=ml101"
CLOSED = dict.fromkeys(["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"], True)


@pytest.fixture
def desk(desk: Desk) -> Iterator[Desk]:
    """Return the desk of a class with stable links; afterwards the account has nothing."""
    desk.settings = {"class_stable_links": True, **QUICK}
    yield desk
    desk.aws.iam.policy = None
    s3_backends[DEFAULT_ACCOUNT_ID]["aws"].reset()
    s3control_backends[DEFAULT_ACCOUNT_ID]["aws"].public_access_block = None
    desk.aws.empty()


def objects() -> dict[str, dict[str, str]]:
    """Return what is in each bucket of the account, by key."""
    buckets = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets
    return {name: {key: found.value.decode() for key, found in bucket.keys.items()} for name, bucket in buckets.items()}


def pages() -> dict[str, str]:
    """Return the pages of the class."""
    (found,) = objects().values()
    return {key: text for key, text in found.items() if key != "robots.txt"}


def credentials(desk: Desk) -> dict[str, Any]:
    """Return what is kept of each student, by username."""
    kept = json.loads((desk.home / "class/credentials.json").read_text())
    return {each["username"]: each for each in kept.values()}


def s3_actions(desk: Desk) -> list[str]:
    """Return what S3 was asked."""
    return [request.action for request in desk.aws.requests if request.service == "s3"]


def test_a_class_has_pages_from_the_first_start_to_its_teardown_and_asks_twice_where_nothing_is_new(desk: Desk) -> None:
    assert desk.play(PROVISION).code == 0
    assert desk.play(START).code == 0
    known = credentials(desk)
    assert set(pages()) == {known[name]["page"] for name in ("ada", "grace")}
    for name in ("ada", "grace"):
        page = pages()[known[name]["page"]]
        assert known[name]["page_word"] in page
        assert not [each for each in ("Ada", "ada@", "Beispiel", known[name]["token"]) if each in page]
    before = objects()
    desk.aws.forget()
    shown = desk.play(START)
    assert shown.code == 0
    assert s3_actions(desk) == ["ListObjectsV2", "GetObject"] * 2
    assert (objects(), credentials(desk)) == (before, known)
    assert "secret" not in shown.text
    assert not [word for each in known.values() for word in (each["page"], each["page_word"]) if word in shown.text]
    assert desk.play(f"{TEARDOWN} --check", class_abandon_work=["ada", "grace"]).code == 0
    assert objects() == before
    assert desk.play(TEARDOWN, class_abandon_work=["ada", "grace"]).code == 0
    assert objects() == {}


def test_a_class_without_them_asks_nothing_of_s3(desk: Desk) -> None:
    desk.settings = QUICK
    for line in (PROVISION, START):
        assert desk.play(line).code == 0
    assert desk.play(TEARDOWN, class_abandon_work=["ada", "grace"]).code == 0
    assert not [action for action in s3_actions(desk) if action != "ListBuckets"]
    assert "page" not in credentials(desk)["ada"]


def test_an_account_that_forbids_public_pages_is_told_of_before_the_launch_and_the_class_goes_on(desk: Desk) -> None:
    s3control_backends[DEFAULT_ACCOUNT_ID]["aws"].put_public_access_block(DEFAULT_ACCOUNT_ID, CLOSED)
    shown = desk.play(PROVISION)
    assert shown.code == 0, shown.text
    assert "There are no stable links, for this account lets nobody read pages of S3 without credentials" in shown.text
    asked = [request.action for request in desk.aws.requests]
    assert asked.index("PutBucketPolicy") < asked.index("RunInstances")
    assert desk.play(START).code == 0
    assert pages() == {}


def test_credentials_that_may_make_no_bucket_are_told_before_the_launch(desk: Desk) -> None:
    fewer = [each for each in json.loads(POLICY.read_text())["Statement"] if each["Sid"] != "KeepStudentsPages"]
    desk.aws.iam.policy = judgeable(json.dumps({"Statement": fewer}))
    shown = desk.play(PROVISION)
    assert shown.failure.startswith("AWS does not permit s3:CreateBucket to these credentials (AccessDenied).")
    assert "RunInstances" not in desk.aws.made


def test_a_check_makes_nothing(desk: Desk) -> None:
    shown = desk.play(f"{PROVISION} --check")
    assert shown.code == 0, shown.text
    assert (objects(), (desk.home / "class/pages.json").exists()) == ({}, False)


def test_links_that_are_not_wanted_any_more_go_with_the_next_run(desk: Desk) -> None:
    assert desk.play(PROVISION).code == 0
    assert objects() != {}
    assert desk.play(PROVISION, class_stable_links=False).code == 0
    assert objects() == {}


@pytest.mark.parametrize("action", ["CreateBucket", "PutBucketTagging", "PutBucketPolicy"])
def test_a_run_that_was_killed_leaves_no_bucket_that_a_teardown_does_not_find(desk: Desk, action: str) -> None:
    desk.play_until(lambda request: request.action == action, 1, PROVISION)
    shown = desk.play(TEARDOWN)
    assert shown.code == 0, shown.text
    assert objects() == {}
