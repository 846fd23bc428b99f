"""What AWS takes: the right cent among much that looks like it, or unknown and why; asked once a week."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs import prices
from ansible_collections.machine_learning.classroom.plugins.module_utils.costs.prices import (
    Product,
    address_hour,
    ask_prices,
    disk_month,
    kept_prices,
    machine_hour,
    snapshot_month,
)

from lab.faults import Fault
from lab.iam_policy import Policy
from tests.support import account_owner
from tests.support.desk import ACCESS_KEY, SECRET_KEY, Aws

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TODAY = date(2026, 10, 12)
OF_A_MACHINE = machine_hour("m6a.large", "us-east-1")


@pytest.fixture(scope="module")
def aws() -> Iterator[Aws]:
    """Return an AWS without hosts."""
    made = Aws()
    yield made
    made.close()


@pytest.fixture(autouse=True)
def asked(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> Aws:
    """Let boto3 ask this AWS, as the owner of the account."""
    aws.start_over()
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.url)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", account_owner.KEY_WITHOUT_HOSTS)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", account_owner.SECRET_WITHOUT_HOSTS)
    monkeypatch.delenv("AWS_PROFILE", raising=False)
    return aws


def usd(product: Product, folder: Path) -> Decimal | None:
    """Return what a product costs."""
    return ask_prices([product], str(folder), today=TODAY)[product].usd


def unknown(product: Product, folder: Path, **given: Any) -> str:
    """Return why the price of a product is not known."""
    price = ask_prices([product], str(folder), today=TODAY, **given)[product]
    assert price.usd is None
    return price.unknown


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        (OF_A_MACHINE, "0.0864"),
        (machine_hour("g4dn.xlarge", "us-east-1"), "0.526"),
        (machine_hour("m6a.large", "eu-central-1"), "0.10368"),
        (disk_month("us-east-1"), "0.08"),
        (disk_month("us-east-1", "gp2"), "0.1"),
        (address_hour("us-east-1"), "0.005"),
        (address_hour("ap-south-1", idle=True), "0.006"),
        (snapshot_month("us-east-1"), "0.05"),
        (snapshot_month("eu-central-1"), "0.06"),
    ],
)
def test_the_right_price_among_all_that_look_like_it(tmp_path: Path, product: Product, expected: str) -> None:
    assert usd(product, tmp_path) == Decimal(expected)


@pytest.mark.parametrize("field", ["capacitystatus", "marketoption", "preInstalledSw", "operatingSystem", "tenancy"])
def test_the_decoys_are_there_for_whoever_leaves_a_filter_out(tmp_path: Path, field: str) -> None:
    fewer = tuple(pair for pair in OF_A_MACHINE.fields if pair[0] != field)
    loose = Product(OF_A_MACHINE.name, OF_A_MACHINE.region, OF_A_MACHINE.service, OF_A_MACHINE.unit, fewer)
    found = boto3.client("pricing", "us-east-1").get_products(ServiceCode=loose.service, Filters=loose.filters)
    assert len(found["PriceList"]) > 1
    if field != "capacitystatus":  # where the others cost nothing by themselves, or as much
        assert unknown(loose, tmp_path).startswith(
            "AWS's price list has more than one price for m6a.large hour in us-east-1: 0.0864, "
        )


@pytest.mark.parametrize("product", [machine_hour("m6a.enormous", "us-east-1"), machine_hour("m6a.large", "mars-1")])
def test_what_aws_does_not_sell_there_has_no_price(tmp_path: Path, product: Product) -> None:
    assert unknown(product, tmp_path) == f"AWS's price list has no price in USD for {product.name} in {product.region}"


def test_without_permission_it_is_unknown_and_nobody_asks_again_and_again(
    asked: Aws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCESS_KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
    monkeypatch.setattr(asked.iam, "policy", Policy(()))
    wanted = [OF_A_MACHINE, disk_month("us-east-1"), address_hour("us-east-1")]
    found = ask_prices(wanted, str(tmp_path), today=TODAY)
    assert {price.unknown for price in found.values()} == {
        "AWS does not permit pricing:GetProducts to these credentials (docs/aws.md, Permissions)"
    }
    assert len(asked.requests) == 1
    assert list(tmp_path.iterdir()) == []


def test_another_refusal_is_named(asked: Aws, tmp_path: Path) -> None:
    asked.refuse("GetProducts", "InternalErrorException")
    assert unknown(OF_A_MACHINE, tmp_path) == "AWS's price list refuses the question (InternalErrorException)"


def test_one_that_is_refused_leaves_the_others_their_price(asked: Aws, tmp_path: Path) -> None:
    asked.faults.add(Fault("GetProducts", "AccessDeniedException", after=1))
    wanted = [OF_A_MACHINE, disk_month("us-east-1"), machine_hour("m5.large", "us-east-1")]
    first, *others = ask_prices(wanted, str(tmp_path), today=TODAY).values()
    assert first.usd == Decimal("0.0864")
    assert sorted(price.usd is None for price in others) == [False, True]  # they are asked at once


def test_without_a_network_it_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert unknown(OF_A_MACHINE, tmp_path) == "AWS's price list does not answer (EndpointConnectionError)"


def test_without_credentials_it_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    assert unknown(OF_A_MACHINE, tmp_path) == "AWS's price list does not answer (NoCredentialsError)"


class Answering:
    """A client whose price list says what it is told."""

    def __init__(self, *items: Any) -> None:
        """Answer with these, in one page."""
        self._items = [item if isinstance(item, str) else json.dumps(item) for item in items]

    def get_paginator(self, _: str) -> Answering:
        """Be the paginator, too."""
        return self

    def paginate(self, **_: Any) -> Iterator[dict[str, Any]]:
        """Yield the page."""
        yield {"PriceList": self._items}


def entry(unit: str = "Hrs", **amounts: str) -> dict[str, Any]:
    """Return an entry with one amount for each currency."""
    dimensions = {"x": {"unit": unit, "pricePerUnit": amounts}}
    return {"product": {"attributes": {}}, "terms": {"OnDemand": {"x": {"priceDimensions": dimensions}}}}


@pytest.mark.parametrize(
    "said",
    ["no JSON", "[]", "{}", "null", {"product": {"attributes": {}}, "terms": []}, entry(USD="a dollar")],
)
def test_an_answer_in_another_form_is_no_price(tmp_path: Path, said: Any) -> None:
    words = unknown(OF_A_MACHINE, tmp_path, client=Answering(said))
    assert words == "AWS's price list answers in a form that is not known here"


@pytest.mark.parametrize(
    "said",
    [
        [],
        [entry(CNY="0.5")],
        [entry(USD="0.0000000000")],
        [entry(USD="-1")],
        [entry(USD="NaN")],
        [entry("Quantity", USD="0.0864")],
    ],
)
def test_nothing_is_not_taken_for_a_price(tmp_path: Path, said: list[Any]) -> None:
    assert "has no price in USD for" in unknown(OF_A_MACHINE, tmp_path, client=Answering(*said))


def test_it_is_asked_once_a_week(asked: Aws, tmp_path: Path) -> None:
    wanted = [OF_A_MACHINE, disk_month("us-east-1")]
    first = ask_prices(wanted, str(tmp_path), today=TODAY)
    assert len(asked.requests) == 2
    asked.forget()
    later = TODAY + timedelta(days=prices.KEPT_DAYS - 1)
    assert ask_prices(wanted, str(tmp_path), today=later) == first
    assert kept_prices(wanted, str(tmp_path), today=later) == first
    assert asked.requests == []
    more = ask_prices([*wanted, address_hour("us-east-1")], str(tmp_path), today=later)
    assert [(price.usd, price.asked_on) for price in more.values()] == [
        (Decimal("0.0864"), TODAY),
        (Decimal("0.08"), TODAY),
        (Decimal("0.005"), later),
    ]
    assert len(asked.requests) == 1
    old = TODAY + timedelta(days=prices.KEPT_DAYS)
    assert kept_prices(wanted, str(tmp_path), today=old)[OF_A_MACHINE].unknown == "AWS was not asked for it"
    assert ask_prices(wanted, str(tmp_path), today=old)[OF_A_MACHINE].asked_on == old


def test_a_price_of_another_region_is_another(tmp_path: Path) -> None:
    assert usd(OF_A_MACHINE, tmp_path) == Decimal("0.0864")
    assert usd(machine_hour("m6a.large", "eu-west-1"), tmp_path) == Decimal("0.10368")


@pytest.mark.parametrize(
    "kept",
    [
        "no JSON",
        json.dumps({OF_A_MACHINE.key: "0.01"}),
        json.dumps({OF_A_MACHINE.key: {"usd": "0", "asked_on": TODAY.isoformat()}}),
        json.dumps({OF_A_MACHINE.key: {"usd": "free", "asked_on": TODAY.isoformat()}}),
        json.dumps({OF_A_MACHINE.key: {"usd": "0.01", "asked_on": "tomorrow"}}),
        json.dumps({OF_A_MACHINE.key: {"usd": "0.01", "asked_on": "2026-10-13"}}),
    ],
)
def test_what_cannot_have_been_kept_is_asked_again(tmp_path: Path, kept: str) -> None:
    (tmp_path / prices.FILE).write_text(kept)
    assert usd(OF_A_MACHINE, tmp_path) == Decimal("0.0864")
    assert kept_prices([OF_A_MACHINE], str(tmp_path), today=TODAY)[OF_A_MACHINE].usd == Decimal("0.0864")


def test_nothing_is_kept_before_a_class_has_a_folder_or_by_who_may_not(tmp_path: Path) -> None:
    assert ask_prices([OF_A_MACHINE], str(tmp_path), keep=False, today=TODAY)[OF_A_MACHINE].usd
    assert usd(OF_A_MACHINE, tmp_path / "none") == Decimal("0.0864")
    assert list(tmp_path.iterdir()) == []


def test_without_a_day_it_is_today(tmp_path: Path) -> None:
    today = datetime.now(UTC).date()
    assert ask_prices([OF_A_MACHINE], str(tmp_path))[OF_A_MACHINE].asked_on - today <= timedelta(days=1)
    assert kept_prices([OF_A_MACHINE], str(tmp_path))[OF_A_MACHINE].usd == Decimal("0.0864")
