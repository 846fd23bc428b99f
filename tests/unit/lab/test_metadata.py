"""The instance metadata service: who gets what, with a token and without, and how far a token travels."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends

from lab import metadata_server
from lab.image import RELEASES
from lab.metadata import VERSIONS
from tests.support import account_owner
from tests.support.desk import Aws

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

TTL, TOKEN = "X-aws-ec2-metadata-token-ttl-seconds", "X-aws-ec2-metadata-token"
USER_DATA = b"#cloud-config\n{}\n"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJUHtFuZI4nD2bfsVyv/VJKRqeX6tW0XSmJxjNNu8ZCf"
IP_MINTTL = 21  # of Linux; Python has no name for it


@dataclass
class Now:
    """A clock that is set by hand."""

    seconds: float = 1000.0

    def __call__(self) -> float:
        """Return what time it is."""
        return self.seconds


@dataclass
class Answer:
    """What came back."""

    status: int
    body: bytes
    headers: http.client.HTTPMessage

    @property
    def lines(self) -> list[str]:
        """What came back, as text."""
        return self.body.decode().splitlines()


@dataclass
class Service:
    """An AWS without hosts and its metadata service, where each instance's address is one of this computer's own."""

    ec2: EC2Client
    port: int
    clock: Now
    made: list[str] = field(default_factory=list)

    def launch(self, **more: Any) -> InstanceTypeDef:
        """Launch a machine with a public address."""
        subnet = self.ec2.describe_subnets()["Subnets"][0]["SubnetId"]
        nic: Any = {"DeviceIndex": 0, "AssociatePublicIpAddress": True, "SubnetId": subnet}
        asked = {"ImageId": RELEASES[0].ami, "InstanceType": "t3a.large", "NetworkInterfaces": [nic], **more}
        (made,) = self.ec2.run_instances(MinCount=1, MaxCount=1, **asked)["Instances"]
        self.made.append(made["InstanceId"])
        return self.describe(made["InstanceId"])

    def describe(self, instance_id: str) -> InstanceTypeDef:
        """Describe one instance."""
        return self.ec2.describe_instances(InstanceIds=[instance_id])["Reservations"][0]["Instances"][0]

    def change(self, machine: InstanceTypeDef, **options: Any) -> dict[str, Any]:
        """Change metadata options, return all that the instance has then."""
        self.ec2.modify_instance_metadata_options(InstanceId=machine["InstanceId"], **options)
        return dict(self.describe(machine["InstanceId"])["MetadataOptions"])

    def ask(
        self, address: str, path: str, method: str = "GET", *, headers: dict[str, str] | None = None, hops: int = 0
    ) -> Answer:
        """Ask from `address`, so many hops away: what travels less far does not arrive."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=2, source_address=(address, 0))
        connection.connect()
        connection.sock.setsockopt(socket.IPPROTO_IP, IP_MINTTL, hops + 1)
        try:
            connection.request(method, path, headers=headers or {})
            response = connection.getresponse()
            return Answer(response.status, response.read(), response.headers)
        finally:
            connection.close()

    def token(self, address: str, *, seconds: int = 60, hops: int = 0) -> str:
        """Begin a session."""
        answer = self.ask(address, "/latest/api/token", "PUT", headers={TTL: str(seconds)}, hops=hops)
        assert (answer.status, answer.headers[TTL]) == (200, str(seconds))
        return answer.body.decode()

    def tell(self, machine: InstanceTypeDef, path: str) -> Answer:
        """Ask for metadata with a new token."""
        address = machine["PublicIpAddress"]
        return self.ask(address, f"/latest/{path}", headers={TOKEN: self.token(address)})


class Instances:
    """All of moto's instances, by their public addresses."""

    lock = threading.RLock()

    def instance_at(self, address: str) -> Any:
        """Return the one that has `address`."""
        known = ec2_backends[DEFAULT_ACCOUNT_ID][account_owner.REGION].all_instances()
        return next((each for each in known if each.public_ip == address), None)


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Serve."""
    aws, clock = Aws(), Now()
    ec2 = account_owner.ec2(aws.url)
    ec2.import_key_pair(KeyName="a-class", PublicKeyMaterial=f"{KEY} ada@example.com\n".encode())
    server = metadata_server.make(Instances(), metadata_server.Tokens(clock), "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    running = Service(ec2, server.server_address[1], clock)
    yield running
    ec2.terminate_instances(InstanceIds=running.made)
    ec2.delete_key_pair(KeyName="a-class")
    server.shutdown()
    server.server_close()
    aws.close()


@pytest.fixture(scope="module")
def machine(service: Service) -> InstanceTypeDef:
    """One machine, launched as a class's are."""
    return service.launch(
        MetadataOptions={"HttpEndpoint": "enabled", "HttpTokens": "required", "HttpPutResponseHopLimit": 1},
        UserData=USER_DATA.decode(),
        KeyName="a-class",
        TagSpecifications=[{"ResourceType": "instance", "Tags": [{"Key": "Class", "Value": "a-class"}]}],
    )


def test_without_a_token_nothing_is_told_where_version_2_is_required(
    service: Service, machine: InstanceTypeDef
) -> None:
    address = machine["PublicIpAddress"]
    for path in ("/", "/latest/meta-data/instance-id", "/latest/user-data", "/latest/nothing"):
        assert service.ask(address, path).status == 401
        assert service.ask(address, path, headers={TOKEN: "made-up"}).status == 401
        assert service.ask(address, path, headers={TOKEN: "ä"}).status == 401
    told = service.tell(machine, "meta-data/instance-id")
    assert (told.status, told.body, told.headers["Content-Type"]) == (200, machine["InstanceId"].encode(), "text/plain")
    assert told.headers["Server"] == "EC2ws"


def test_a_token_serves_no_other_machine_and_ends(service: Service, machine: InstanceTypeDef) -> None:
    address, other = machine["PublicIpAddress"], service.launch()["PublicIpAddress"]
    token = service.token(address, seconds=21600)
    assert service.ask(other, "/latest/meta-data/", headers={TOKEN: token}).status == 401
    service.clock.seconds += 21599
    assert service.ask(address, "/latest/meta-data/", headers={TOKEN: token}).status == 200
    service.clock.seconds += 1
    assert service.ask(address, "/latest/meta-data/", headers={TOKEN: token}).status == 401


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/latest/api/token", {TTL: "1"}, 200),
        ("/latest/api/token", {TTL: "21600"}, 200),
        ("/latest/api/token", {TTL: "0"}, 400),
        ("/latest/api/token", {TTL: "21601"}, 400),
        ("/latest/api/token", {TTL: "9" * 5000}, 400),
        ("/latest/api/token", {TTL: "-1"}, 400),
        ("/latest/api/token", {}, 400),
        ("/latest/api/token", {TTL: "60", "X-Forwarded-For": "192.0.2.1"}, 403),
        ("/latest/api/token/", {TTL: "60"}, 403),
        ("/2021-03-23/api/token", {TTL: "60"}, 403),
    ],
)
def test_what_begins_a_session(
    service: Service, machine: InstanceTypeDef, path: str, headers: dict[str, str], status: int
) -> None:
    assert service.ask(machine["PublicIpAddress"], path, "PUT", headers=headers).status == status


def test_a_token_travels_as_far_as_the_hop_limit_says(service: Service, machine: InstanceTypeDef) -> None:
    address = machine["PublicIpAddress"]
    service.token(address, hops=0)
    with pytest.raises(TimeoutError):
        service.token(address, hops=1)
    # A refusal is an answer to PUT, too.
    with pytest.raises(TimeoutError):
        service.ask(address, "/latest/api/token", "PUT", hops=1)
    # Everything else travels on.
    assert service.ask(address, "/latest/meta-data/", hops=10, headers={TOKEN: service.token(address)}).status == 200
    further = service.launch()  # as the image has it
    assert further["MetadataOptions"]["HttpPutResponseHopLimit"] == 2
    service.token(further["PublicIpAddress"], hops=1)
    with pytest.raises(TimeoutError):
        service.token(further["PublicIpAddress"], hops=2)


def test_an_image_made_for_version_2_asks_for_it_unless_the_launch_says_otherwise(service: Service) -> None:
    (image,) = service.ec2.describe_images(ImageIds=[RELEASES[0].ami])["Images"]
    assert image["ImdsSupport"] == "v2.0"
    options = service.launch()["MetadataOptions"]
    assert options == {
        "State": "applied",
        "HttpTokens": "required",
        "HttpPutResponseHopLimit": 2,
        "HttpEndpoint": "enabled",
        "HttpProtocolIpv6": "disabled",
        "InstanceMetadataTags": "disabled",
    }
    kinder = service.launch(MetadataOptions={"HttpTokens": "optional"})
    assert service.ask(kinder["PublicIpAddress"], "/latest/meta-data/").status == 200
    # An invalid token is refused even there.
    assert service.ask(kinder["PublicIpAddress"], "/latest/meta-data/", headers={TOKEN: "made-up"}).status == 401
    clone = service.ec2.create_image(InstanceId=kinder["InstanceId"], Name="a-clone")["ImageId"]
    assert service.ec2.describe_images(ImageIds=[clone])["Images"][0]["ImdsSupport"] == "v2.0"


def test_options_that_are_not_asked_for_stay_as_they_are(service: Service) -> None:
    machine = service.launch(MetadataOptions={"HttpTokens": "required", "HttpPutResponseHopLimit": 3})
    address = machine["PublicIpAddress"]
    options = service.change(machine, HttpEndpoint="disabled")
    assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 3)
    assert service.ask(address, "/latest/api/token", "PUT", headers={TTL: "60"}).status == 403
    assert service.ask(address, "/latest/meta-data/").status == 403
    service.change(machine, HttpEndpoint="enabled", HttpTokens="optional")
    assert service.ask(address, "/latest/meta-data/").status == 200
    for wrong in ({"HttpPutResponseHopLimit": 65}, {"HttpPutResponseHopLimit": 0}, {"HttpTokens": "maybe"}):
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            service.change(machine, **wrong)
        with pytest.raises(ClientError, match="InvalidParameterValue"):
            service.launch(MetadataOptions=wrong)
    with pytest.raises(ClientError, match="DryRunOperation"):
        service.change(machine, HttpEndpoint="disabled", DryRun=True)
    assert dict(service.describe(machine["InstanceId"])["MetadataOptions"])["HttpEndpoint"] == "enabled"


def test_a_machine_is_told_what_describe_instances_tells(service: Service, machine: InstanceTypeDef) -> None:
    (nic,) = machine["NetworkInterfaces"]
    interface = f"network/interfaces/macs/{nic['MacAddress']}"
    expected = {
        "ami-id": machine["ImageId"],
        "ami-launch-index": "0",
        "block-device-mapping/root": machine["RootDeviceName"],
        "instance-type": "t3a.large",
        "local-hostname": machine["PrivateDnsName"],
        "local-ipv4": machine["PrivateIpAddress"],
        "mac": nic["MacAddress"],
        f"{interface}/device-number": "0",
        f"{interface}/interface-id": nic["NetworkInterfaceId"],
        f"{interface}/ipv4-associations/{machine['PublicIpAddress']}": machine["PrivateIpAddress"],
        f"{interface}/public-ipv4s": machine["PublicIpAddress"],
        f"{interface}/security-group-ids": nic["Groups"][0]["GroupId"],
        f"{interface}/subnet-id": machine["SubnetId"],
        f"{interface}/vpc-id": machine["VpcId"],
        "placement/availability-zone": machine["Placement"]["AvailabilityZone"],
        "placement/region": account_owner.REGION,
        "public-hostname": machine["PublicDnsName"],
        "public-ipv4": machine["PublicIpAddress"],
        "public-keys/0/openssh-key": f"{KEY} a-class",
        "security-groups": nic["Groups"][0]["GroupName"],
        "services/domain": "amazonaws.com",
    }
    for path, value in expected.items():
        assert (path, service.tell(machine, f"meta-data/{path}").body.decode()) == (path, value)
    answer = service.ec2.describe_instances(InstanceIds=[machine["InstanceId"]])
    reservation = answer["Reservations"][0]["ReservationId"]
    assert service.tell(machine, "meta-data/reservation-id").body.decode() == reservation
    document = json.loads(service.tell(machine, "dynamic/instance-identity/document").body)
    told = {document[name] for name in ("instanceId", "imageId", "privateIp", "region", "accountId", "pendingTime")}
    assert told == {
        *(machine["InstanceId"], machine["ImageId"], machine["PrivateIpAddress"], account_owner.REGION),
        *(DEFAULT_ACCOUNT_ID, f"{machine['LaunchTime']:%Y-%m-%dT%H:%M:%SZ}"),
    }


def test_folders_are_listed(service: Service, machine: InstanceTypeDef) -> None:
    top = service.tell(machine, "meta-data/").lines
    assert {"ami-id", "block-device-mapping/", "network/", "public-keys/", "services/"} <= set(top)
    assert top == sorted(top)
    assert service.tell(machine, "meta-data").lines == top
    assert service.tell(machine, "").lines == ["dynamic", "meta-data", "user-data"]
    assert service.tell(machine, "meta-data/services/").lines == ["domain", "partition"]
    assert service.tell(machine, "meta-data/public-keys/").lines == ["0=a-class"]
    assert service.tell(machine, "meta-data/public-keys/0/").lines == ["openssh-key"]
    address = machine["PublicIpAddress"]
    token = {TOKEN: service.token(address)}
    assert service.ask(address, "/", headers=token).lines == list(VERSIONS)
    assert service.ask(address, "/2021-03-23/meta-data/instance-id", headers=token).lines == [machine["InstanceId"]]
    head = service.ask(address, "/latest/meta-data/", "HEAD", headers=token)
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(len("\n".join(top))))


@pytest.mark.parametrize("path", ["meta-data/iam/", "meta-data/iam/info", "meta-data/instance-id/", "nothing"])
def test_what_is_not_there(service: Service, machine: InstanceTypeDef, path: str) -> None:
    assert service.tell(machine, path).status == 404
    address = machine["PublicIpAddress"]
    assert service.ask(address, f"/1999-01-01/{path}", headers={TOKEN: service.token(address)}).status == 404


def test_user_data_is_told_as_it_was_given(service: Service, machine: InstanceTypeDef) -> None:
    told = service.tell(machine, "user-data")
    assert (told.status, told.body, told.headers["Content-Type"]) == (200, USER_DATA, "application/octet-stream")
    bare = service.launch()
    assert service.tell(bare, "user-data").status == 404
    assert service.tell(bare, "").lines == ["dynamic", "meta-data"]
    assert service.tell(bare, "meta-data/public-keys/").status == 404


def test_tags_are_told_where_that_is_enabled(service: Service, machine: InstanceTypeDef) -> None:
    assert service.tell(machine, "meta-data/tags/instance").status == 404
    service.change(machine, InstanceMetadataTags="enabled")
    try:
        assert service.tell(machine, "meta-data/tags/").lines == ["instance/"]
        assert service.tell(machine, "meta-data/tags/instance").lines == ["Class"]
        assert service.tell(machine, "meta-data/tags/instance/Class").body == b"a-class"
    finally:
        service.change(machine, InstanceMetadataTags="disabled")


def test_who_is_no_machine_is_told_nothing(service: Service) -> None:
    for method in ("GET", "PUT"):
        assert service.ask("127.0.0.1", "/latest/api/token", method, headers={TTL: "60"}).status == 404
