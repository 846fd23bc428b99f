"""The answers that are not plain moto's: launches, and images of machines."""

from __future__ import annotations

import uuid

import pytest
from botocore.exceptions import ClientError

from tests.lab.machines import Machines, until

USER_DATA = "#cloud-config\nruncmd:\n  - [touch, /user-data-was-here]\n"


def test_a_launch_gives_hosts_like_ubuntus_once_per_token(machines: Machines) -> None:
    token = uuid.uuid4().hex
    made = machines.launch(MinCount=1, MaxCount=2, ClientToken=token, UserData=USER_DATA)
    assert len(made) == 2
    assert machines.launch(MinCount=1, MaxCount=2, ClientToken=token, UserData=USER_DATA) == made
    with pytest.raises(ClientError, match="IdempotentParameterMismatch"):
        machines.launch(MinCount=1, MaxCount=3, ClientToken=token, UserData=USER_DATA)
    assert {machines.get(each)["State"]["Name"] for each in made} <= {"pending", "running"}
    machines.wait("running", *made)
    one, other = made
    assert machines.get(one)["PublicIpAddress"] != machines.get(other)["PublicIpAddress"]
    for each in made:
        private = machines.get(each)["PrivateIpAddress"]
        assert machines.say(each, "hostname") == f"ip-{private.replace('.', '-')}"
        assert machines.say(each, "cloud-init status --wait > /dev/null; ls /user-data-was-here")
    assert machines.say(one, "id -un; sudo -n id -un; stat -c %a ~; systemctl is-active ssh.socket").split() == [
        "ubuntu",
        "root",
        "750",
        "active",
    ]
    assert machines.say(one, "sudo sshd -T | grep -i ^passwordauthentication") == "passwordauthentication no"
    assert machines.say(one, "ip route show default") == ""
    # Its own: what one writes the other does not see.
    machines.say(one, "touch mine")
    assert machines.ssh(other, "test -e mine").returncode == 1
    # Units are really confined.
    confined = "sudo systemd-run --quiet --wait --pipe -p ProtectSystem=strict -p PrivateTmp=yes -p MemoryMax=64M"
    assert machines.ssh(one, f"{confined} touch /etc/no").returncode != 0
    assert machines.ssh(one, f"{confined} python3 -c 'bytearray(200_000_000)'").returncode != 0
    machines.terminate(*made)


def test_an_image_of_a_machine_makes_machines_like_it(machines: Machines, machine: str) -> None:
    machines.say(machine, "echo baked | sudo tee /opt/baked")
    ami = machines.ec2.create_image(InstanceId=machine, Name="baked")["ImageId"]

    def available() -> bool:
        return machines.ec2.describe_images(ImageIds=[ami])["Images"][0]["State"] == "available"

    if not available():
        with pytest.raises(ClientError, match=r"InvalidAMIID\.Unavailable"):
            machines.launch(ImageId=ami)
    until("image", available)
    with pytest.raises(ClientError, match=r"InvalidAMIName\.Duplicate"):
        machines.ec2.create_image(InstanceId=machine, Name="baked")
    assert machines.get(machine)["State"]["Name"] == "running"
    (made,) = machines.launch(ImageId=ami)
    machines.wait("running", made)
    assert machines.say(made, "cat /opt/baked") == "baked"
    # A new instance has new host keys, though its image had some.
    keys = [machines.known_hosts(each).read_text().replace(each, "") for each in (machine, made)]
    assert keys[0] != keys[1]
    machines.terminate(made)
    machines.ec2.deregister_image(ImageId=ami)
    machines.say(machine, "true")
