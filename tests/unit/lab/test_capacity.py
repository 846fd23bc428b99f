"""What EC2 has left: launches get what there is, starts need all, nothing comes back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from lab.capacity import CAPACITY, Capacity, CapacityError, Pool
from lab.image import RELEASES
from tests.support.desk import ACCESS_KEY, SECRET_KEY, Aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client

A, B, LARGE, SMALL = "us-east-1a", "us-east-1b", "m5.large", "t3a.small"


@pytest.fixture
def capacity() -> Capacity:
    """Return a zone a with three machines in all, of which two may be large, and an endless zone b."""
    made = Capacity()
    made.limit(Pool(3, zone=A))
    made.limit(Pool(2, zone=A, instance_type=LARGE))
    return made


def test_a_launch_gets_what_there_is(capacity: Capacity) -> None:
    assert capacity.available(A, LARGE, 1, 9) == 2
    assert capacity.available(A, SMALL, 1, 9) == 3
    assert capacity.available(B, LARGE, 9, 9) == 9
    with pytest.raises(CapacityError, match=r"m5\.large capacity .* \(us-east-1a\)"):
        capacity.available(A, LARGE, 3, 9)
    capacity.take(A, LARGE, 2)
    assert capacity.available(A, SMALL, 1, 9) == 1
    with pytest.raises(CapacityError):
        capacity.available(A, LARGE, 1, 1)


def test_a_start_needs_all_and_takes_none_otherwise(capacity: Capacity) -> None:
    with pytest.raises(CapacityError):
        capacity.start([(A, LARGE)] * 3)
    capacity.start([(A, LARGE)] * 2 + [(B, LARGE)] * 9)
    with pytest.raises(CapacityError):
        capacity.start([(A, SMALL)] * 2)
    capacity.start([(A, SMALL)])


def test_a_new_limit_takes_the_place_of_the_old_one(capacity: Capacity) -> None:
    capacity.limit(Pool(0, zone=A))
    with pytest.raises(CapacityError):
        capacity.available(A, SMALL, 1, 1)
    capacity.clear()
    assert capacity.left() == []
    assert capacity.available(A, SMALL, 50, 50) == 50


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Return the address of an AWS without hosts."""
    aws = Aws()
    yield aws.url
    aws.close()


@pytest.fixture
def ec2(url: str) -> Iterator[EC2Client]:
    """Return a way to ask it once, without trying again."""
    yield boto3.client(
        "ec2",
        "us-east-1",
        endpoint_url=url,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        config=Config(retries={"total_max_attempts": 1}),
    )
    CAPACITY.clear()


def test_ec2_launches_and_starts_what_it_has(ec2: EC2Client) -> None:
    CAPACITY.limit(Pool(3, zone=A, instance_type=LARGE))
    order = {"ImageId": RELEASES[0].ami, "InstanceType": LARGE, "Placement": {"AvailabilityZone": A}}
    with pytest.raises(ClientError, match="InsufficientInstanceCapacity") as refused:
        ec2.run_instances(MinCount=4, MaxCount=5, **order)  # type: ignore[arg-type]  # a dict of several types
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    made = ec2.run_instances(MinCount=1, MaxCount=5, **order)["Instances"]  # type: ignore[arg-type]  # as above
    ids = [instance["InstanceId"] for instance in made]
    assert len(ids) == 3
    ec2.stop_instances(InstanceIds=ids)
    CAPACITY.limit(Pool(2, zone=A))
    CAPACITY.limit(Pool(9, zone=A, instance_type=LARGE))
    with pytest.raises(ClientError, match=r"InsufficientInstanceCapacity.*Insufficient capacity\."):
        ec2.start_instances(InstanceIds=ids)
    ec2.start_instances(InstanceIds=ids[:2])
    ec2.terminate_instances(InstanceIds=ids)
