"""Who may knock at which port of which host: rules of security groups, as made and as changed."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from typing import TYPE_CHECKING, Any

from lab import layout

if TYPE_CHECKING:
    from tests.lab.machines import Machines

SERVE = "sudo systemd-run --quiet --unit=serve python3 -m http.server 8000; sleep 1"
KNOCK = "python3 -c 'import socket; socket.create_connection((\"{}\", 8000), 3)'"


def rule(**more: Any) -> Any:
    """Return a rule for port 8000."""
    return {"IpPermissions": [{"IpProtocol": "tcp", "FromPort": 8000, "ToPort": 8000, **more}]}


def opens(address: str) -> bool:
    """Say whether something answers on port 8000 there."""
    with contextlib.suppress(TimeoutError), socket.create_connection((address, 8000), timeout=2):
        return True
    return False


def test_packets_pass_as_the_groups_say(machines: Machines) -> None:
    one, other = machines.launch(2)
    machines.wait("running", one, other)
    address = machines.get(one)["PublicIpAddress"]
    from_here: Any = {"IpRanges": [{"CidrIp": f"{layout.GATEWAY}/32"}]}
    machines.say(one, SERVE)
    machines.say(other, "true")
    assert not opens(address)
    machines.ec2.authorize_security_group_ingress(GroupId=machines.group, **rule(**from_here))
    assert opens(address)
    # From here, but not from another host.
    assert machines.ssh(other, KNOCK.format(address)).returncode == 1
    among: Any = {"UserIdGroupPairs": [{"GroupId": machines.group}]}
    machines.ec2.authorize_security_group_ingress(GroupId=machines.group, **rule(**among))
    assert machines.ssh(other, KNOCK.format(address)).returncode == 0

    with socket.create_connection((address, 8000)) as opened:
        machines.ec2.revoke_security_group_ingress(GroupId=machines.group, **rule(**from_here))
        assert not opens(address)
        opened.sendall(b"GET / HTTP/1.0\r\n\r\n")  # whoever is connected stays so
        assert opened.recv(4) == b"HTTP"
    machines.ec2.revoke_security_group_ingress(GroupId=machines.group, **rule(**among))
    assert machines.ssh(other, KNOCK.format(address)).returncode == 1

    # A machine moves to another group with all that the other one lets in, and no more.
    moved = machines.ec2.create_security_group(GroupName="moved", Description="8000 alone")["GroupId"]
    machines.ec2.authorize_security_group_ingress(GroupId=moved, **rule(**from_here))
    machines.ec2.modify_instance_attribute(InstanceId=one, Groups=[moved])
    assert opens(address)
    assert machines.ssh(one, "true").returncode == 255
    # Nothing may leave any more.
    machines.ec2.modify_instance_attribute(InstanceId=one, Groups=[machines.group])
    everything: Any = [{"IpProtocol": "-1", "IpRanges": [{"CidrIp": "0.0.0.0/0"}]}]
    machines.say(one, KNOCK.format(layout.GATEWAY).replace("8000", str(layout.MIRROR_PORT)))
    machines.ec2.revoke_security_group_egress(GroupId=machines.group, IpPermissions=everything)
    try:
        assert machines.ssh(one, KNOCK.format(layout.GATEWAY).replace("8000", str(layout.MIRROR_PORT))).returncode == 1
    finally:
        machines.ec2.authorize_security_group_egress(GroupId=machines.group, IpPermissions=everything)
    machines.terminate(one, other)
    machines.ec2.delete_security_group(GroupId=moved)


def test_the_rules_are_there_for_whoever_looks() -> None:
    shown = subprocess.run(
        ["nft", "list", "table", "inet", "machine_learning_aws"], check=True, capture_output=True, text=True
    ).stdout
    assert "chain ingress" in shown
