#!/usr/bin/python
"""Give the seats of a class their names in Route 53, and take them away."""

from __future__ import annotations

DOCUMENTATION = r"""
module: seat_names
short_description: Give the seats of a class their names in Route 53, and take them away
description:
  - Writes an address and who may certify the name (CAA, for one account and by HTTP alone) for all seats in one
    request, which Route 53 makes whole or not at all. What is as it should be is left alone.
  - Below domains that the class had before, all its names go.
  - Then waits until Route 53's name servers know it.
  - Fails in words where the account has no zone for names that are to be given.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - machine_learning.classroom.attributes
options:
  class_name:
    description: The class; a seat is called CLASS_NAME-NNN.
    type: str
    required: true
  domain:
    description:
      - Below which names are given. The account has a public zone in Route 53 for it, or for what is above it.
      - Empty for nowhere; then Route 53 is asked for the O(former_domains) alone.
    type: str
    required: true
  former_domains:
    description: Other domains, below which no name of the class stays. One that has no zone any more is left out.
    type: list
    elements: str
    default: []
  seats:
    description: The seats that are to have a name.
    type: list
    elements: dict
    default: []
    suboptions:
      name:
        description: The name without the domain.
        type: str
        required: true
      address:
        description: The public address of the machine.
        type: str
        required: true
      account:
        description: The address of the machine's account with the certificate authority.
        type: str
        required: true
  purge:
    description: Whether all other names of the class below O(domain) go, but those in O(kept).
    type: bool
    default: false
  kept:
    description: Names without the domain whose records stay as they are.
    type: list
    elements: str
    default: []
  zone_required:
    description: Whether to fail without a zone, or with a class whose seats can have no names, also if none is given.
    type: bool
    default: false
  authority:
    description: The domain by which CAA records know the certificate authority.
    type: str
    default: letsencrypt.org
  timeout:
    description: How many seconds to wait until name servers know of a change.
    type: int
    default: 120
attributes:
  check_mode:
    details: It only asks.
"""

EXAMPLES = r"""
- name: Name the seats
  machine_learning.classroom.seat_names:
    class_name: ml101
    domain: class.example.org
    seats:
      - name: ml101-001
        address: 192.0.2.1
        account: https://acme-v02.api.letsencrypt.org/acme/acct/1234567

- name: Take all names of the class away
  machine_learning.classroom.seat_names:
    class_name: ml101
    domain: class.example.org
    purge: true

- name: Take them away below the domain that the class had before, too
  machine_learning.classroom.seat_names:
    class_name: ml101
    domain: ""
    former_domains: [old.example.org]
"""

RETURN = r"""
named:
  description: The whole names that got records, or other ones than before.
  type: list
  elements: str
  returned: success
  sample: [ml101-001.class.example.org]
removed:
  description: The whole names whose records were removed.
  type: list
  elements: str
  returned: success
"""

import time
from contextlib import suppress
from typing import Any

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.amazon.aws.plugins.module_utils.retries import AWSRetry
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import seat_names
from ansible_collections.machine_learning.classroom.plugins.module_utils.names.records import (
    NamesError,
    Seat,
    batches,
    changes,
    choose_zone,
    full_name,
    is_of_class,
    no_zone,
    require_domain,
    slot_name,
    zones_above,
)

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

# Route 53 takes five requests a second of an account, and one change of a zone at a time.
PATIENCE = ["PriorRequestNotComplete", "Throttling"]
SECONDS_BETWEEN_POLLS = 2


def main() -> None:
    """Run the module."""
    text: dict[str, Any] = {"type": "str", "required": True}
    module = AnsibleAWSModule(
        argument_spec={
            "class_name": text,
            "domain": text,
            "former_domains": {"type": "list", "elements": "str", "default": []},
            "seats": {
                "type": "list",
                "elements": "dict",
                "default": [],
                "options": {"name": text, "address": text, "account": text},
            },
            "purge": {"type": "bool", "default": False},
            "kept": {"type": "list", "elements": "str", "default": []},
            "zone_required": {"type": "bool", "default": False},
            "authority": {"type": "str", "default": "letsencrypt.org"},
            "timeout": {"type": "int", "default": 120},
        },
        supports_check_mode=True,
    )
    try:
        result = _work(module)
    except NamesError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json(msg=explain(error, module.region))
    module.exit_json(**result)


def _work(module: Any) -> dict[str, Any]:
    given = module.params
    decorator = AWSRetry.jittered_backoff(catch_extra_error_codes=PATIENCE)
    client = module.client("route53", retry_decorator=decorator)
    made = _see_to_names(module, client, require_domain(given["domain"])) if given["domain"] else []
    for domain in given["former_domains"]:
        if zone := _zone(client, domain):
            existing = _records(client, zone)
            gone = changes(existing, {}, _of_class(existing, given["class_name"], domain))
            made += _change(module, client, zone, gone)
    named = {each["ResourceRecordSet"]["Name"] for each in made if each["Action"] == "UPSERT"}
    left = {each["ResourceRecordSet"]["Name"].rstrip(".") for each in made if each["Action"] == "DELETE"}
    return {"changed": bool(made), "named": sorted(named), "removed": sorted(left - named)}


def _see_to_names(module: Any, client: Any, domain: str) -> list[dict[str, Any]]:
    """Have the names below the class's domain be as they are to be; return what was changed.

    Raises NamesError where that cannot be, before anything is asked if it is known by then.
    """
    given = module.params
    wanted: dict[tuple[str, str], frozenset[str]] = {}
    for seat in given["seats"]:
        wanted |= Seat(**seat).records(domain, given["authority"])
    if given["zone_required"]:
        full_name(slot_name(next(seat_names(given["class_name"])), 0), domain)
    zone = _zone(client, domain)
    if zone is None:
        if wanted or given["zone_required"]:
            raise NamesError(no_zone(domain))
        return []  # nothing is there that could be removed
    existing = _records(client, zone)
    kept = {full_name(name, domain) for name in given["kept"]}
    gone = _of_class(existing, given["class_name"], domain) - kept if given["purge"] else set()
    return _change(module, client, zone, changes(existing, wanted, gone))


def _of_class(existing: list[dict[str, Any]], class_name: str, domain: str) -> set[str]:
    """Return the whole names of the class's seats among the record sets of a zone."""
    names = {record["Name"].rstrip(".") for record in existing}
    return {name for name in names if is_of_class(name, class_name, domain)}


def _zone(client: Any, domain: str) -> str | None:
    """Return the id of the zone that knows names below `domain`; None where the account has none."""
    for name in zones_above(domain):
        found = client.list_hosted_zones_by_name(aws_retry=True, DNSName=name, MaxItems="10")["HostedZones"]
        if zone := choose_zone(name, found):
            return zone
    return None


def _records(client: Any, zone: str) -> list[dict[str, Any]]:
    """Return all record sets of a zone."""
    found: list[dict[str, Any]] = []
    page: dict[str, Any] = {}
    while True:
        answer = client.list_resource_record_sets(aws_retry=True, HostedZoneId=zone, **page)
        found += answer["ResourceRecordSets"]
        if not answer["IsTruncated"]:
            return found
        page = {"StartRecordName": answer["NextRecordName"], "StartRecordType": answer["NextRecordType"]}
        if "NextRecordIdentifier" in answer:
            page["StartRecordIdentifier"] = answer["NextRecordIdentifier"]


def _change(module: Any, client: Any, zone: str, made: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make changes, but not in check mode, and return them.

    Waits until name servers know them, or as long as it may at most: all the same they will.
    """
    if module.check_mode:
        return made
    waiting = [
        client.change_resource_record_sets(aws_retry=True, HostedZoneId=zone, ChangeBatch={"Changes": batch})[
            "ChangeInfo"
        ]
        for batch in batches(made)
    ]
    deadline = time.monotonic() + module.params["timeout"]
    while waiting and time.monotonic() < deadline:
        waiting = [
            info
            for info in waiting
            if client.get_change(aws_retry=True, Id=info["Id"])["ChangeInfo"]["Status"] == "PENDING"
        ]
        if waiting:
            time.sleep(SECONDS_BETWEEN_POLLS)
    return made


if __name__ == "__main__":
    main()
