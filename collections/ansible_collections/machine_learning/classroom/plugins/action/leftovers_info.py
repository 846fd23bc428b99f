"""Tell what still costs money of classes, in all regions of the account.

Inside Ansible itself, where boto3 is loaded already; and whatever AWS refuses is said, so that it ends no teardown.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from ansible.plugins.action import ActionBase
from ansible_collections.amazon.aws.plugins.module_utils.botocore import HAS_BOTO3
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import ask_prices
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import read_json
from ansible_collections.machine_learning.classroom.plugins.module_utils.requirements import missing_package
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers import buckets
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.account import look
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.leftovers.resources import Home, leftovers
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.leftovers_report import (
    leftovers_report,
)

with suppress(ImportError):  # HAS_BOTO3 says so
    import boto3
    from botocore.config import Config

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ec2 import EC2Client

# A region that does not answer holds up the others no longer than this, in seconds, three times.
CONNECT_S, ANSWER_S = 5, 30
# In the class's folder: which bucket it has.
PAGES_RECORD = "pages.json"


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.leftovers_info`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "class_name": {"type": "str", "required": True},
                "region": {"type": "str", "required": True},
                "state_dir": {"type": "path", "required": True},
            }
        )
        if not HAS_BOTO3:
            return result | {"failed": True, "msg": missing_package("boto3")}
        account = look(given["region"], ec2_clients())
        home = Home(given["class_name"], given["region"])
        own_first = sorted(account.regions, key=lambda region: (region.name != home.region, region.name))
        own_bucket = str(read_json(f"{given['state_dir']}/{PAGES_RECORD}").get("bucket", ""))
        pages = buckets.look(s3_client(given["region"]), own_bucket)
        found = [each for region in own_first for each in leftovers(region, home)] + pages.leftovers
        products = {product for each in found for product, _ in each.amounts}
        prices = ask_prices(products, given["state_dir"], keep=not self._task.check_mode)
        costs = [each.usd_a_month(prices) for each in found]
        return result | {
            "changed": False,
            "leftovers": [
                {
                    "region": each.region,
                    "class_name": each.class_name,
                    "what": each.what,
                    "usd_a_month": "" if usd is None else f"{usd:.2f}",
                    "command": each.command,
                }
                for each, usd in zip(found, costs, strict=True)
            ],
            "not_looked_at": account.not_looked_at(),
            "report": leftovers_report(account, found, prices, buckets_refused=pages.refused),
        }


def ec2_clients() -> Callable[[str], EC2Client]:
    """Return what makes a client for EC2 in a region, all of them from what botocore reads once."""
    session = boto3.session.Session()
    return lambda region: session.client("ec2", region_name=region, config=patience())


def s3_client(region: str) -> Any:
    """Return a client for S3, which knows the buckets of all regions."""
    return boto3.session.Session().client("s3", region_name=region, config=patience())


def patience() -> Config:
    """Return how long an answer is waited for."""
    return Config(
        connect_timeout=CONNECT_S, read_timeout=ANSWER_S, retries={"total_max_attempts": 3, "mode": "standard"}
    )
