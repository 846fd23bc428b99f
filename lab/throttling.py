"""How often EC2 and Route 53 let themselves be asked.

EC2 has token buckets for each API action of a region, of the sizes in
https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-throttling.html. A request takes a token of its
action's bucket, and some take one more for each instance that they concern; buckets fill again with time.
Route 53 has one for all requests of the account, and works on one change of a zone at a time:
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/DNSLimitations.html
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lab.api_request import Refusal
from lab.route53 import CHANGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.api_request import ApiRequest


@dataclass(frozen=True)
class Size:
    """How many tokens a bucket holds, and how many are added in a second."""

    capacity: float
    refill: float


READING = Size(100, 20)
READING_EVERYTHING = Size(50, 10)
CHANGING = Size(50, 5)

# Asked without a filter and without pages, these take from smaller buckets. We take ids for no filter.
EVERYTHING = (
    "DescribeInstanceStatus",
    "DescribeInstances",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSnapshots",
    "DescribeSpotInstanceRequests",
    "DescribeVolumes",
)
# "Resource-intensive" actions have the size of all that change something. Of those with a size of their own, the ones
# that have to do with machines, their disks and images.
OWN_SIZES = {
    "CopyImage": Size(100, 1),
    "CreateNetworkInterface": Size(100, 5),
    "CreateSnapshot": Size(100, 5),
    "CreateSnapshots": Size(100, 5),
    "CreateTags": Size(100, 10),
    "CreateVolume": Size(100, 5),
    "DeleteSnapshot": Size(100, 5),
    "DeleteTags": Size(100, 10),
    "DeleteVolume": Size(100, 5),
    "DeregisterImage": Size(100, 5),
    "ModifyImageAttribute": Size(100, 5),
    "ModifyInstanceMetadataOptions": Size(100, 5),
    "RunInstances": Size(5, 2),
    "StartInstances": Size(5, 2),
    "TerminateInstances": Size(100, 5),
}
RESOURCES = {
    "RunInstances": Size(1000, 2),
    "StartInstances": Size(1000, 2),
    "StopInstances": Size(1000, 20),
    "TerminateInstances": Size(1000, 20),
}

ROUTE53 = Size(5, 5)
# How long a change of a zone is worked on. AWS does not say; the more often others may ask, the sooner they meet it.
CHANGE_SECONDS = 0.2


@dataclass
class Bucket:
    """Some tokens, as many as there were at a time in seconds."""

    size: Size
    tokens: float
    filled_at: float

    def fill(self, now: float) -> None:
        """Add what has come since."""
        self.tokens = min(self.size.capacity, self.tokens + (now - self.filled_at) * self.size.refill)
        self.filled_at = now


class Throttling:
    """The rule that refuses a request for which there is no token; `clock` returns seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin with full buckets."""
        self._clock = clock
        self._buckets: dict[tuple[str, ...], Bucket] = {}
        self._changes: dict[str, float] = {}  # when each zone of Route 53 was changed last
        self._lock = threading.Lock()

    def refusal(self, request: ApiRequest) -> Refusal | None:
        """Take the tokens of one request, or none and say which there are not."""
        if request.service == "route53":
            return self._route53(request)
        if request.service != "ec2":
            return None
        wanted = [("request", _size(request), 1)]
        if request.action in RESOURCES:
            wanted.append(("resource", RESOURCES[request.action], _instances(request)))
        with self._lock:
            taken = [(kind, self._bucket(request, kind, size), tokens) for kind, size, tokens in wanted]
            for kind, bucket, tokens in taken:
                if bucket.tokens < tokens:
                    return Refusal(
                        "RequestLimitExceeded",
                        f"Request limit exceeded. The account has been throttled on ec2:{request.action} because it "
                        f"exceeded its {kind} rate limit.",
                    )
            for _, bucket, tokens in taken:
                bucket.tokens -= tokens
        return None

    def _route53(self, request: ApiRequest) -> Refusal | None:
        with self._lock:
            now = self._clock()
            bucket = self._buckets.setdefault(("route53",), Bucket(ROUTE53, ROUTE53.capacity, now))
            bucket.fill(now)
            if bucket.tokens < 1:
                return Refusal("Throttling", "Rate exceeded")
            bucket.tokens -= 1
            if request.action != CHANGE:
                return None
            zone = request.parameters["Id"]
            if now < self._changes.get(zone, float("-inf")) + CHANGE_SECONDS:
                message = "The request was rejected because Route 53 was still processing a prior request."
                return Refusal("PriorRequestNotComplete", message)
            self._changes[zone] = now
        return None

    def _bucket(self, request: ApiRequest, kind: str, size: Size) -> Bucket:
        """Return the bucket, filled up to now. The lab is one account, whose users share it."""
        now = self._clock()
        key = (request.region, request.action, kind, str(size))
        bucket = self._buckets.setdefault(key, Bucket(size, size.capacity, now))
        bucket.fill(now)
        return bucket


def _size(request: ApiRequest) -> Size:
    if own := OWN_SIZES.get(request.action):
        return own
    if not request.reads_only:
        return CHANGING
    narrowed = any(name == "MaxResults" or name.startswith("Filter.") for name in request.parameters)
    return READING_EVERYTHING if request.action in EVERYTHING and not narrowed else READING


def _instances(request: ApiRequest) -> int:
    """Return how many instances a request concerns."""
    if request.action == "RunInstances":
        return int(request.parameters.get("MaxCount") or 1)
    return len(request.listed("InstanceId"))
