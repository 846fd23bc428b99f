"""Which regions the account may use: those that every account may, and others once somebody has enabled them.

https://docs.aws.amazon.com/accounts/latest/reference/manage-acct-regions.html
"""

from __future__ import annotations

import functools
import threading
from typing import TYPE_CHECKING

import botocore.session

from lab.shell import LabError
from lab.signatures import UNKNOWN_KEY

if TYPE_CHECKING:
    from lab.api_request import ApiRequest, Refusal

# Those that AWS launched before the 20th of March 2019. Nobody can disable them.
DEFAULT = (
    *("ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2"),
    *("ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1"),
    *("us-east-1", "us-east-2", "us-west-1", "us-west-2"),
)


@functools.cache
def all_regions() -> tuple[str, ...]:
    """Return the regions of AWS itself, without those of China and of governments, which have accounts of their own."""
    return tuple(botocore.session.get_session().get_available_regions("ec2"))


class Regions:
    """The account's regions, and the rule that lets nobody into one that is not enabled."""

    def __init__(self) -> None:
        """Begin as a new account does."""
        self._opted_in: set[str] = set()
        self._lock = threading.Lock()

    @property
    def opted_in(self) -> list[str]:
        """Those that somebody enabled."""
        with self._lock:
            return sorted(self._opted_in)

    def enable(self, *names: str) -> None:
        """Enable regions, beside the others. Raises LabError for what is none, or always enabled."""
        for name in names:
            if name not in all_regions() or name in DEFAULT:
                known = ", ".join(sorted({*all_regions()} - {*DEFAULT}))
                raise LabError(f"{name} is no region that has to be enabled. Those are: {known}.")
        with self._lock:
            self._opted_in.update(names)

    def clear(self) -> None:
        """Be as in a new account again."""
        with self._lock:
            self._opted_in.clear()

    def status(self, name: str) -> str:
        """Return the opt-in status of a region, in the words of DescribeRegions."""
        if name in DEFAULT:
            return "opt-in-not-required"
        return "opted-in" if name in self._opted_in else "not-opted-in"

    def refusal(self, request: ApiRequest) -> Refusal | None:
        """Return what AWS says in a region that is not enabled: it does not know the key there."""
        if not request.region or self.status(request.region) != "not-opted-in":
            return None
        return UNKNOWN_KEY.refusal(request)


# The same for all: the account has them.
REGIONS = Regions()
