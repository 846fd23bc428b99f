"""What AWS takes for what a class uses, in USD, as its price list says: asked, kept for a week, and never invented.

The Price List Query API: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-price-list-query-api.html
A price is known if just one amount that is not zero is left of what AWS answers. Else it is unknown, with the reason.
Taxes, discounts and credits of an account are not in it.
"""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import read_json, write_json

with suppress(ImportError):  # who asks AWS says so
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Iterable

# Few regions answer for all: https://docs.aws.amazon.com/general/latest/gr/billing.html
ENDPOINT_REGION = "us-east-1"
# A kept price is asked for again after so many days.
KEPT_DAYS = 7
# In the folder in which a class remembers.
FILE = "prices.json"
HOURS_A_MONTH = 730  # by which AWS divides what it names per month

_AT_ONCE = 8
_NOT_PERMITTED = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation")


@dataclass(frozen=True)
class Product:
    """Something that has one price in a region."""

    name: str
    region: str
    service: str
    unit: str  # of the price, as the price list calls it: Hrs, GB-Mo
    fields: tuple[tuple[str, str], ...]
    usage: str = ""  # what its usage type ends in, behind the region's prefix

    @property
    def key(self) -> str:
        """What it is called where its price is kept."""
        return f"{self.region} {self.name}"

    @property
    def filters(self) -> list[dict[str, str]]:
        """What to ask for."""
        wanted = (("regionCode", self.region), *self.fields)
        return [{"Type": "TERM_MATCH", "Field": field, "Value": value} for field, value in wanted]


@dataclass(frozen=True)
class Price:
    """A price in USD, and when AWS said so; or why it is unknown."""

    usd: Decimal | None
    asked_on: date
    unknown: str = ""


def machine_hour(instance_type: str, region: str) -> Product:
    """Return an hour of a machine with Linux that runs on demand: neither reserved nor dedicated, without licences."""
    fields = {
        "instanceType": instance_type,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",  # without it, what is reserved is there, too, and costs nothing by itself
        "licenseModel": "No License required",
        "marketoption": "OnDemand",  # without it, Capacity Blocks are there, too
    }
    return Product(f"{instance_type} hour", region, "AmazonEC2", "Hrs", tuple(fields.items()))


def address_hour(region: str, *, idle: bool = False) -> Product:
    """Return an hour of a public IPv4 address that a machine uses; or of one that is `idle`."""
    usage = "PublicIPv4:IdleAddress" if idle else "PublicIPv4:InUseAddress"
    name = "idle IPv4 address hour" if idle else "IPv4 address hour"
    return Product(name, region, "AmazonVPC", "Hrs", (("group", "VPCPublicIPv4Address"),), usage)


def disk_month(region: str, volume_type: str = "gp3") -> Product:
    """Return a GiB of a disk for a month."""
    fields = (("productFamily", "Storage"), ("volumeApiName", volume_type))
    return Product(f"{volume_type} GB-month", region, "AmazonEC2", "GB-Mo", fields)


def snapshot_month(region: str) -> Product:
    """Return a GiB that snapshots and images hold, for a month."""
    fields = (("productFamily", "Storage Snapshot"),)
    return Product("snapshot GB-month", region, "AmazonEC2", "GB-Mo", fields, "EBS:SnapshotUsage")


def ask_prices(
    products: Iterable[Product], state_dir: str, *, keep: bool = True, client: Any = None, today: date | None = None
) -> dict[Product, Price]:
    """Return the price of each of `products`: as kept in `state_dir`, or as AWS says now. Nothing is raised.

    With `keep`, what AWS said is kept, if there is such a folder. `client` is boto3's for `pricing`; as a rule one with
    the credentials of the run.
    """
    today = today or datetime.now(UTC).date()
    path = os.path.join(state_dir, FILE)
    prices = kept_prices(products, state_dir, today=today)
    unasked = [product for product, price in prices.items() if price.usd is None]
    if not unasked:
        return prices
    try:
        asked = _ask_all(unasked, client or _client(), today)
    except (BotoCoreError, ClientError) as error:  # nobody to ask, or an answer that holds for all of them
        return prices | dict.fromkeys(unasked, Price(None, today, _reason(error)))
    known = {
        product.key: {"usd": str(price.usd), "asked_on": price.asked_on.isoformat()}
        for product, price in asked.items()
        if price.usd is not None
    }
    if keep and known and os.path.isdir(state_dir):
        with suppress(OSError):  # then it is asked again
            write_json(path, read_json(path) | known)
    return prices | asked


def kept_prices(products: Iterable[Product], state_dir: str, *, today: date | None = None) -> dict[Product, Price]:
    """Return the price of each of `products` as far as it is kept in `state_dir`. AWS is not asked."""
    today = today or datetime.now(UTC).date()
    kept = read_json(os.path.join(state_dir, FILE))
    return {product: _kept(kept.get(product.key), today) for product in products}


def _kept(entry: Any, today: date) -> Price:
    """Return a price as it was kept, unless that is too long ago or cannot be read."""
    with suppress(ArithmeticError, KeyError, TypeError, ValueError):
        asked_on, usd = date.fromisoformat(entry["asked_on"]), Decimal(entry["usd"])
        if 0 <= (today - asked_on).days < KEPT_DAYS and usd.is_finite() and usd > 0:
            return Price(usd, asked_on)
    return Price(None, today, "AWS was not asked for it")


def _client() -> Any:
    """Return a client that gives up soon: a price is good to know, and nothing waits for it."""
    patience = Config(connect_timeout=5, read_timeout=10, retries={"total_max_attempts": 2, "mode": "standard"})
    return boto3.session.Session().client("pricing", region_name=ENDPOINT_REGION, config=patience)


def _ask_all(products: list[Product], client: Any, today: date) -> dict[Product, Price]:
    """Ask for one, and if AWS answers that for the others at once.

    :raises BotoCoreError, ClientError: the first question was not answered, and nor would the others be.
    """

    def ask(product: Product) -> Price:
        try:
            return _ask(product, client, today)
        except (BotoCoreError, ClientError) as error:
            return Price(None, today, _reason(error))

    first, *others = products
    prices = {first: _ask(first, client, today)}
    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return prices | dict(zip(others, threads.map(ask, others), strict=True))


def _ask(product: Product, client: Any, today: date) -> Price:
    """Ask AWS for one price.

    :raises BotoCoreError, ClientError: AWS does not answer, or refuses.
    """
    pages = client.get_paginator("get_products").paginate(ServiceCode=product.service, Filters=product.filters)
    try:
        amounts = {usd for page in pages for item in page["PriceList"] for usd in _amounts(json.loads(item), product)}
    except (ArithmeticError, AttributeError, KeyError, TypeError, ValueError):
        return Price(None, today, "AWS's price list answers in a form that is not known here")
    if len(amounts) == 1:
        return Price(amounts.pop(), today)
    what = f"{product.name} in {product.region}"
    if not amounts:
        return Price(None, today, f"AWS's price list has no price in USD for {what}")
    several = ", ".join(f"{usd.normalize():f}" for usd in sorted(amounts))
    return Price(None, today, f"AWS's price list has more than one price for {what}: {several} USD")


def _amounts(item: Any, product: Product) -> set[Decimal]:
    """Return what an entry of the price list says, in USD; nothing of another use than that of `product`."""
    if not item["product"]["attributes"].get("usagetype", "").endswith(product.usage):
        return set()
    dimensions = [
        dimension
        for term in item["terms"].get("OnDemand", {}).values()
        for dimension in term["priceDimensions"].values()
        if dimension["unit"] == product.unit
    ]
    amounts = {Decimal(dimension["pricePerUnit"].get("USD", "0")) for dimension in dimensions}
    return {usd for usd in amounts if usd.is_finite() and usd > 0}


def _reason(error: BotoCoreError | ClientError) -> str:
    """Say why AWS did not say a price."""
    if not isinstance(error, ClientError):
        return f"AWS's price list does not answer ({type(error).__name__})"
    code = error.response["Error"]["Code"]
    if code in _NOT_PERMITTED:
        return "AWS does not permit pricing:GetProducts to these credentials (docs/aws.md, Permissions)"
    return f"AWS's price list refuses the question ({code})"
