"""AWS's price list, which moto does not have: what a class uses, among much that only looks like it.

The Price List Query API, its answers and its regions:
https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_pricing_GetProducts.html
https://docs.aws.amazon.com/general/latest/gr/billing.html
Amounts are examples of the size of AWS's in us-east-1; elsewhere all costs a fifth more, so that nobody takes one
region's for another's.
"""

from __future__ import annotations

import functools
import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import boto3

from lab.api_request import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from lab.api_request import ApiRequest

ACTION = ("pricing", "GetProducts")
REGIONS = ("ap-south-1", "eu-central-1", "us-east-1")
MOST_RESULTS = 100

HOME = "us-east-1"  # whose usage types have no prefix
MACHINES = {
    "g4dn.xlarge": "0.5260000000",
    "m5.large": "0.0960000000",
    "m6a.large": "0.0864000000",
    "m7i-flex.large": "0.0957600000",
    "t3.large": "0.0832000000",
    "t3.micro": "0.0104000000",
    "t3a.large": "0.0752000000",
}
NOTHING = "0.0000000000"

Row = tuple[str, str, str, str, dict[str, str]]  # service, family, unit, amount, attributes


def answer(request: ApiRequest) -> Refusal | str:
    """Answer GetProducts."""
    if request.region not in REGIONS:  # where AWS has no such endpoint, and no name of one
        return Refusal("InvalidSignatureException", "Credential should be scoped to a valid region.")
    asked = request.parameters
    if asked.get("ServiceCode") not in {"AmazonEC2", "AmazonVPC"}:
        return Refusal("InvalidParameterException", "Invalid ServiceCode provided")
    filters = asked.get("Filters", [])
    if any(each["Type"] != "TERM_MATCH" for each in filters):
        return Refusal("InvalidParameterException", "The lab knows TERM_MATCH alone.")
    size = asked.get("MaxResults", MOST_RESULTS)
    if not 1 <= size <= MOST_RESULTS:
        return Refusal("InvalidParameterException", f"MaxResults is between 1 and {MOST_RESULTS}")
    found = [entry for entry in _entries(asked["ServiceCode"]) if all(_matches(entry, each) for each in filters)]
    begin = int(asked.get("NextToken") or 0)
    page: dict[str, Any] = {"FormatVersion": "aws_v1", "PriceList": list(map(json.dumps, found[begin : begin + size]))}
    if begin + size < len(found):
        page["NextToken"] = str(begin + size)
    return json.dumps(page)


def _matches(entry: Mapping[str, Any], wanted: Mapping[str, str]) -> bool:
    """Tell whether a filter lets an entry through; what it does not have is not what is wanted."""
    product = entry["product"]
    return bool(
        {"productFamily": product["productFamily"], **product["attributes"]}.get(wanted["Field"]) == wanted["Value"]
    )


@functools.cache
def _entries(service: str) -> list[dict[str, Any]]:
    """Return all that AWS sells as `service`, in all regions."""
    regions = boto3.session.Session().get_available_regions("ec2")
    rows = [(region, row) for region in regions for row in _rows() if row[0] == service]
    return [_entry(f"LAB{number:06d}", region, *row) for number, (region, row) in enumerate(rows)]


def _entry(
    sku: str, region: str, service: str, family: str, unit: str, amount: str, attributes: Mapping[str, str]
) -> dict[str, Any]:
    """Return an entry as it stands in the price list."""
    prefix = "" if region == HOME else "".join(part[:2] for part in region.split("-")).upper() + "-"
    usd = Decimal(amount) if region == HOME else Decimal(amount) * Decimal("1.2")
    term, rate = f"{sku}.JRTCKXETXF", f"{sku}.JRTCKXETXF.6YS6EN2CT7"
    dimension = {
        "unit": unit,
        "beginRange": "0",
        "endRange": "Inf",
        "description": f"{usd:.10f} USD per {unit}",
        "appliesTo": [],
        "rateCode": rate,
        "pricePerUnit": {"USD": f"{usd:.10f}"},
    }
    offer = {
        "sku": sku,
        "effectiveDate": "2026-01-01T00:00:00Z",
        "offerTermCode": "JRTCKXETXF",
        "termAttributes": {},
        "priceDimensions": {rate: dimension},
    }
    placed = {"servicecode": service, "regionCode": region, "locationType": "AWS Region"}
    return {
        "product": {
            "sku": sku,
            "productFamily": family,
            "attributes": {**placed, **attributes, "usagetype": prefix + attributes["usagetype"]},
        },
        "serviceCode": service,
        "terms": {"OnDemand": {term: offer}},
        "version": "20260101000000",
        "publicationDate": "2026-01-01T00:00:00Z",
    }


def _rows() -> Iterator[Row]:
    """Yield what is sold in a region."""
    for instance_type, amount in MACHINES.items():
        yield from _machine(instance_type, amount)
    for kind, amount in {"gp3": "0.0800000000", "gp2": "0.1000000000"}.items():
        yield "AmazonEC2", "Storage", "GB-Mo", amount, _disk(kind, f"EBS:VolumeUsage.{kind}")
    yield "AmazonEC2", "System Operation", "IOPS-Mo", "0.0050000000", _disk("gp3", "EBS:VolumeP-IOPS.gp3")
    yield "AmazonEC2", "Provisioned Throughput", "GiBps-mo", "40.9600000000", _disk("gp3", "EBS:VolumeP-Throughput.gp3")
    for usage, amount in {
        "EBS:SnapshotUsage": "0.0500000000",
        "EBS:SnapshotUsageUnderBilling": NOTHING,
        "EBS:SnapshotArchiveStorage": "0.0125000000",
    }.items():
        yield "AmazonEC2", "Storage Snapshot", "GB-Mo", amount, {"usagetype": usage, "storageMedia": "Amazon S3"}
    for usage, amount in {
        "PublicIPv4:InUseAddress": "0.0050000000",
        "PublicIPv4:IdleAddress": "0.0050000000",
        "PublicIPv4:ContiguousBlock": "0.0080000000",
    }.items():
        yield "AmazonVPC", "VpcPublicIPv4", "Hrs", amount, {"usagetype": usage, "group": "VPCPublicIPv4Address"}


def _disk(kind: str, usage: str) -> dict[str, str]:
    return {"volumeApiName": kind, "usagetype": usage, "volumeType": "General Purpose"}


def _machine(instance_type: str, amount: str) -> Iterator[Row]:
    """Yield a machine as a class has it, and what differs from it in one respect."""
    plain = {
        "instanceType": instance_type,
        "operatingSystem": "Linux",
        "tenancy": "Shared",
        "preInstalledSw": "NA",
        "capacitystatus": "Used",
        "licenseModel": "No License required",
        "marketoption": "OnDemand",
        "operation": "RunInstances",
        "usagetype": f"BoxUsage:{instance_type}",
    }
    dearer = f"{Decimal(amount) + Decimal('0.48'):.10f}"
    for other, price in (
        ({}, amount),
        ({"preInstalledSw": "SQL Std", "operation": "RunInstances:0004"}, dearer),
        ({"operatingSystem": "Windows", "operation": "RunInstances:0002"}, dearer),
        (
            {"operatingSystem": "Windows", "licenseModel": "Bring your own license", "operation": "RunInstances:0800"},
            amount,
        ),
        ({"tenancy": "Dedicated", "usagetype": f"DedicatedUsage:{instance_type}"}, dearer),
        ({"capacitystatus": "AllocatedCapacityReservation", "usagetype": f"Reservation:{instance_type}"}, NOTHING),
        ({"capacitystatus": "UnusedCapacityReservation", "usagetype": f"UnusedBox:{instance_type}"}, amount),
        ({"marketoption": "CapacityBlock", "usagetype": f"CapacityBlockUsage:{instance_type}"}, "1.9000000000"),
    ):
        yield "AmazonEC2", "Compute Instance", "Hrs", price, plain | other
