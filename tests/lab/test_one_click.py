"""What a link over https needs on hosts: names, packages by apt, and an authority that they trust."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from lab import acme, layout
from tests.lab.command import lab
from tests.lab.machines import until

if TYPE_CHECKING:
    import boto3

    from tests.lab.machines import Machines

NAME = "seat.lab-test.example.org"


@pytest.fixture(scope="module")
def name(machine: str, machines: Machines, session: boto3.Session, environment: dict[str, str]) -> str:
    """Give the machine a name."""
    client: Any = session.client("route53", endpoint_url=environment["AWS_ENDPOINT_URL"])
    zone = client.create_hosted_zone(Name="lab-test.example.org", CallerReference="lab-test")["HostedZone"]["Id"]
    address = machines.get(machine)["PublicIpAddress"]
    records = {"Name": NAME, "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": address}]}
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": records}]}
    client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
    return NAME


def test_a_host_resolves_what_route_53_has_and_nothing_else(machine: str, machines: Machines, name: str) -> None:
    address = machines.get(machine)["PublicIpAddress"]
    assert machines.say(machine, f"getent ahostsv4 {name} | head -n 1 | cut -d ' ' -f 1") == address
    for nobody in (f"nobody-{name}", "www.example.net"):
        assert machines.ssh(machine, f"getent ahostsv4 {nobody}").returncode == 2


def test_apt_installs_what_roles_ask_for(machines: Machines) -> None:
    (made,) = machines.launch()
    machines.wait("running", made)
    try:
        apt = "sudo DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=60"
        machines.say(made, f"{apt} update && {apt} --yes --no-install-recommends install haproxy")
        assert machines.say(made, "/usr/sbin/haproxy -v").startswith("HAProxy version")
    finally:
        machines.terminate(made)


def test_a_host_trusts_the_authority_which_may_start_anew(machine: str, machines: Machines) -> None:
    def directory() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(machines.say(machine, f"curl -sf -m 5 {layout.ACME_DIRECTORY}"))
        return found

    assert set(directory()["meta"]["profiles"]) == set(acme.PROFILES)
    root = layout.ACME_ROOT.read_bytes()
    try:
        assert lab("acme", "stop").returncode == 0
        down = f"curl -s -m 5 -o /dev/null -w '%{{http_code}}' {layout.ACME_DIRECTORY}"
        assert machines.say(machine, down) == "503"
    finally:
        started = lab("acme", "start", "--valid-for", "90")
    assert started.returncode == 0, started.stderr
    until("the authority", lambda: "newOrder" in directory())
    assert layout.ACME_ROOT.read_bytes() != root
    settings = json.loads((layout.ACME / "pebble.json").read_text())
    assert {each["validityPeriod"] for each in settings["pebble"]["profiles"].values()} == {90}
