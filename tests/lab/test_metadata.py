"""The metadata service as programs on a machine find it: at its address, with what their own instance may know."""

from __future__ import annotations

from typing import Any

from lab import layout
from lab.shell import attempt, run
from tests.lab.machines import Machines, until

URL = f"http://{layout.METADATA_ADDRESS}/latest"
TTL, TOKEN = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
STATUS = "-s -m 5 -o /dev/null -w '%{http_code}'"
# A client so many hops behind the machine, as a container on it is: what travels less far does not arrive.
HOPS_AWAY = """
import http.client, socket, sys
connection = http.client.HTTPConnection("{address}", timeout=3)
connection.connect()
connection.sock.setsockopt(socket.IPPROTO_IP, 21, 1 + {hops})  # IP_MINTTL
connection.request("PUT", "/latest/api/token", headers={{"{ttl}": "60"}})
try:
    print(connection.getresponse().status)
except TimeoutError:
    print("nothing")
"""
LIKE_A_CLASS = {"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1}


def token(machines: Machines, machine: str) -> str:
    """Begin a session on the machine."""
    return machines.say(machine, f"curl -sf -m 5 -X PUT -H '{TTL}: 60' {URL}/api/token")


def tell(machines: Machines, machine: str, path: str) -> str:
    """Return what the machine is told with a token."""
    return machines.say(machine, f"curl -sf -m 5 -H '{TOKEN}: {token(machines, machine)}' {URL}/{path}")


def status(machines: Machines, machine: str, path: str, more: str = "") -> str:
    """Return the HTTP status that the machine is answered with."""
    return machines.say(machine, f"curl {STATUS} {more} {URL}/{path}")


def launch(machines: Machines, options: dict[str, Any], **more: Any) -> str:
    """Launch one machine with these metadata options, and wait until it is up."""
    (made,) = machines.launch(MetadataOptions=options, **more)
    machines.wait("running", made)
    return made


def test_a_machine_learns_about_itself_by_version_2_alone(machines: Machines, machine: str) -> None:
    user_data = "#cloud-config\n# the class's\n{}\n"
    made = launch(machines, LIKE_A_CLASS, UserData=user_data)
    try:
        assert status(machines, made, "meta-data/instance-id") == "401"
        assert status(machines, made, "user-data") == "401"
        assert tell(machines, made, "meta-data/instance-id") == made
        assert tell(machines, made, "user-data") == user_data.strip()
        # No role: nothing that AWS would take for somebody.
        with_token = f"-H '{TOKEN}: {token(machines, made)}'"
        assert status(machines, made, "meta-data/iam/", with_token) == "404"
        # A token is good for the machine alone that asked for it.
        assert status(machines, made, "meta-data/instance-id", with_token) == "200"
        assert status(machines, machine, "meta-data/instance-id", with_token) == "401"
        assert tell(machines, machine, "meta-data/instance-id") == machine
    finally:
        machines.terminate(made)


def test_a_token_travels_as_far_as_the_hop_limit_says(machines: Machines) -> None:
    def put(hops: int) -> str:
        client = HOPS_AWAY.format(address=layout.METADATA_ADDRESS, hops=hops, ttl=TTL)
        return machines.say(made, f"python3 -c '{client}'")

    made = launch(machines, LIKE_A_CLASS)
    try:
        assert [put(hops) for hops in (0, 1)] == ["200", "nothing"]
        machines.ec2.modify_instance_metadata_options(InstanceId=made, HttpPutResponseHopLimit=2)
        assert [put(hops) for hops in (1, 2)] == ["200", "nothing"]
    finally:
        machines.terminate(made)


def test_version_1_and_no_service_at_all_where_that_is_asked_for(machines: Machines) -> None:
    made = launch(machines, {"HttpTokens": "optional"})
    try:
        assert machines.say(made, f"curl -sf -m 5 {URL}/meta-data/instance-id") == made
        machines.ec2.modify_instance_metadata_options(InstanceId=made, HttpEndpoint="disabled")
        assert status(machines, made, "meta-data/instance-id") == "403"
        assert status(machines, made, "api/token", f"-X PUT -H '{TTL}: 60'") == "403"
    finally:
        machines.terminate(made)


def test_the_service_is_there_again_after_reboot_and_start(machines: Machines) -> None:
    made = launch(machines, LIKE_A_CLASS)
    try:
        interface = "cat /sys/class/net/eth0/address"
        assert tell(machines, made, "meta-data/mac") == machines.say(made, interface)
        machines.say(made, "sudo touch /run/not-rebooted-yet")
        machines.ec2.reboot_instances(InstanceIds=[made])
        until("rebooted", lambda: machines.ssh(made, "test ! -e /run/not-rebooted-yet").returncode == 0)
        assert tell(machines, made, "meta-data/instance-id") == made
        machines.ec2.stop_instances(InstanceIds=[made])
        machines.wait("stopped", made)
        machines.ec2.start_instances(InstanceIds=[made])
        machines.wait("running", made)
        found = machines.get(made)
        assert tell(machines, made, "meta-data/public-ipv4") == found["PublicIpAddress"]
        assert found["NetworkInterfaces"][0]["MacAddress"] == machines.say(made, interface)
        assert tell(machines, made, "meta-data/mac") == machines.say(made, interface)
    finally:
        machines.terminate(made)


def test_this_machine_has_nothing_of_it(machine: str) -> None:  # noqa: ARG001 - while a host has
    # It may be a cloud's, with a metadata service of its own at that address.
    assert layout.METADATA_ADDRESS not in run("ip", "-json", "address")
    assert layout.BRIDGE not in attempt("ip", "route", "get", layout.METADATA_ADDRESS).stdout
