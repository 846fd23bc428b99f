"""What the instance metadata service tells a machine about itself: the categories of EC2's documentation.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instancedata-data-categories.html
"""

from __future__ import annotations

import base64
import json
from typing import Any

# The documentation's list goes on with "...": these are followed by those that cloud-init asks for.
VERSIONS = (
    *("1.0", "2007-01-19", "2007-03-01", "2007-08-29", "2007-10-10", "2007-12-15", "2008-02-01", "2008-09-01"),
    *("2009-04-04", "2011-01-01", "2011-05-01", "2012-01-12", "2014-02-25", "2014-11-05", "2015-10-20", "2016-04-19"),
    *("2016-09-02", "2018-09-24", "2021-03-23", "latest"),
)


def read(instance: Any, path: str) -> bytes | None:
    """Return what `instance` finds at `path`, of a folder the list of what is in it; None where there is nothing."""
    version, _, below = path.removeprefix("/").partition("/")
    if not version:
        return "\n".join(VERSIONS).encode()
    if version not in VERSIONS:
        return None
    found = _categories(instance)
    folder = f"{below.rstrip('/')}/" if below else ""
    for exactly in (below, folder):
        if exactly in found:
            return found[exactly]
    inside = (name.removeprefix(folder).partition("/") for name in found if name.startswith(folder))
    return "\n".join(sorted({name + slash for name, slash, _ in inside})).encode() or None


def _categories(instance: Any) -> dict[str, bytes]:
    """Return everything by its path below the version. What ends with a slash is a folder's list, where AWS's differs.

    All is what DescribeInstances tells; moto's instances have no types.
    """
    found = {f"meta-data/{name}": value for name, value in _meta_data(instance).items()}
    found["dynamic/fws/instance-monitoring"] = instance.monitoring_state
    found["dynamic/instance-identity/document"] = _identity(instance)
    told = {name: value.encode() for name, value in found.items() if value is not None}
    if instance.user_data:
        told["user-data"] = base64.b64decode(str(instance.user_data))
    return {"": "\n".join(sorted({name.partition("/")[0] for name in told})).encode(), **told}


def _meta_data(instance: Any) -> dict[str, str | None]:
    """Return the categories of meta-data; those whose value is None are not there."""
    network = _network(instance)
    mac = network["mac"]
    reservations = instance.ec2_backend.reservations.values()
    return {
        "ami-id": instance.image_id,
        "ami-launch-index": str(instance.ami_launch_index),
        "ami-manifest-path": "(unknown)",
        "block-device-mapping/ami": instance.root_device_name,
        "block-device-mapping/root": instance.root_device_name,
        "hostname": instance.private_dns_name,
        "instance-action": "none",
        "instance-id": instance.id,
        "instance-life-cycle": instance.lifecycle or "on-demand",
        "instance-type": instance.instance_type,
        "local-hostname": instance.private_dns_name,
        "local-ipv4": instance.private_ip,
        "mac": mac,
        **{f"network/interfaces/macs/{mac}/{name}": value for name, value in network.items()},
        "placement/availability-zone": instance.availability_zone,
        "placement/availability-zone-id": instance.nics[0].subnet.availability_zone_id,
        "placement/region": instance.region_name,
        "profile": f"default-{instance.virtualization_type}",
        "public-hostname": instance.public_dns_name,
        "public-ipv4": instance.public_ip,
        **_public_keys(instance),
        "reservation-id": next((each.id for each in reservations if instance in each.instances), None),
        "security-groups": network["security-groups"],
        "services/domain": "amazonaws.com",
        "services/partition": "aws",
        **_tags(instance),
    }


def _network(instance: Any) -> dict[str, str | None]:
    """Return the categories of its network interface."""
    nic = instance.nics[0]
    groups = sorted(nic.group_set, key=lambda group: str(group.name))
    vpc = instance.ec2_backend.get_vpc(nic.subnet.vpc_id)
    return {
        "device-number": str(nic.device_index),
        "interface-id": nic.id,
        **({f"ipv4-associations/{nic.public_ip}": nic.private_ip_address} if nic.public_ip else {}),
        "local-hostname": instance.private_dns_name,
        "local-ipv4s": nic.private_ip_address,
        "mac": nic.mac_address,
        "owner-id": nic.owner_id,
        "public-hostname": instance.public_dns_name,
        "public-ipv4s": nic.public_ip,
        "security-group-ids": "\n".join(group.id for group in groups),
        "security-groups": "\n".join(group.name for group in groups),
        "subnet-id": nic.subnet.id,
        "subnet-ipv4-cidr-block": nic.subnet.cidr_block,
        "vpc-id": vpc.id,
        "vpc-ipv4-cidr-block": vpc.cidr_block,
    }


def _public_keys(instance: Any) -> dict[str, str]:
    """Return the key of the launch, named as its pair is."""
    pair = instance.ec2_backend.key_pairs.get(instance.key_name)
    if pair is None:
        return {}
    key = " ".join([*pair.public_key.split()[:2], instance.key_name])
    return {"public-keys/": f"0={instance.key_name}", "public-keys/0/openssh-key": key}


def _tags(instance: Any) -> dict[str, str]:
    """Return the tags, where the instance may read them."""
    if instance.metadata_options.instance_metadata_tags != "enabled":
        return {}
    return {f"tags/instance/{tag['key']}": tag["value"] for tag in instance.get_tags()}


def _identity(instance: Any) -> str:
    """Return the instance identity document.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/instance-identity-documents.html
    """
    document = {
        "accountId": instance.owner_id,
        "architecture": instance.architecture,
        "availabilityZone": instance.availability_zone,
        "billingProducts": None,
        "devpayProductCodes": None,
        "marketplaceProductCodes": None,
        "imageId": instance.image_id,
        "instanceId": instance.id,
        "instanceType": instance.instance_type,
        "kernelId": None,
        "pendingTime": f"{instance.launch_time:%Y-%m-%dT%H:%M:%SZ}",
        "privateIp": instance.private_ip,
        "ramdiskId": None,
        "region": instance.region_name,
        "version": "2017-09-30",
    }
    return json.dumps(document, indent=2, separators=(",", " : "))
