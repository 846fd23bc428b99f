"""EC2's answers where moto's differ: a launch gets what there is, and once for a client token; rules are described."""

from __future__ import annotations

import hashlib
from typing import Any

from moto.core.responses import ActionResult
from moto.core.types import Base64EncodedString
from moto.core.utils import utcnow
from moto.ec2.exceptions import EC2ClientError
from moto.ec2.models.instance_types import INSTANCE_TYPES

from lab import metadata_options
from lab.capacity import CAPACITY
from lab.lateness import LATENESS
from lab.pages import PagedResponse
from lab.regions import REGIONS, all_regions


class LaunchResponse(PagedResponse):
    """EC2's actions, with launches as they are there."""

    def run_instances(self) -> Any:
        """RunInstances with MinCount and MaxCount, and with a client token that launches once."""
        token = self._get_param("ClientToken")
        parameters = hashlib.sha256(repr(sorted(self.querystring.items())).encode()).hexdigest()
        if token in self.ec2_backend.client_tokens:
            reservation, same = self.ec2_backend.client_tokens[token]
            if parameters != same:
                message = "The client token you have provided was used with different parameters."
                raise EC2ClientError("IdempotentParameterMismatch", message)
            return ActionResult(self.ec2_backend.reservations[reservation])
        least, most = int(self._get_param("MinCount", 1)), int(self._get_param("MaxCount", 1))
        if not 1 <= least <= most:
            raise EC2ClientError("InvalidParameterValue", "MinCount must be at least 1 and at most MaxCount.")
        kind, zone = self._get_param("InstanceType", "m1.small"), self._zone()
        # moto launches as many as MinCount says.
        self.params["MinCount"] = CAPACITY.available(zone, kind, least, self.most(least, most))
        before = set(self.ec2_backend.reservations)
        result = super().run_instances()
        (made,) = set(self.ec2_backend.reservations) - before
        CAPACITY.take(zone, kind, self.params["MinCount"])
        if token:
            self.ec2_backend.client_tokens[token] = (made, parameters)
        return result

    def _parse_block_device_mapping(self) -> list[dict[str, Any]]:
        """Return the disks of a launch; whether one ends with the machine stays open where the launch does not say."""
        disks: list[dict[str, Any]] = super()._parse_block_device_mapping()
        for disk, asked in zip(disks, self._get_param("BlockDeviceMappings", []), strict=True):
            disk["Ebs"]["DeleteOnTermination"] = asked.get("Ebs", {}).get("DeleteOnTermination")
        return disks

    def get_console_output(self) -> Any:
        """GetConsoleOutput; the latest of it only where the hypervisor is Nitro."""
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        xen = INSTANCE_TYPES.get(instance.instance_type, {}).get("Hypervisor") == "xen"
        if self._get_bool_param("Latest", False) and xen:
            message = "This instance type does not support retrieving the latest console logs"
            raise EC2ClientError("UnsupportedOperation", message)
        written = "" if LATENESS.silent(instance.id) else self.console(instance.id)
        # Where there is none, the answer lacks the element: https://github.com/boto/botocore/pull/675
        output = Base64EncodedString.from_raw_string(written) if written else None
        return ActionResult({"InstanceId": instance.id, "Timestamp": utcnow(), "Output": output})

    def console(self, instance_id: str) -> str:  # noqa: ARG002 - what has hosts shows theirs
        """Return what the machine wrote to its console."""
        return ""

    def most(self, least: int, most: int) -> int:  # noqa: ARG002 - what has hosts has fewer, and says so
        """Return how many of `least` to `most` machines there is room for."""
        return most

    def modify_instance_metadata_options(self) -> Any:
        """ModifyInstanceMetadataOptions: what is not asked for stays; moto forgets it."""
        self.error_on_dryrun()
        instance = self.ec2_backend.get_instance(self._get_param("InstanceId"))
        instance.metadata_options = metadata_options.changed(instance.metadata_options, self.params)
        return ActionResult({"InstanceId": instance.id, "InstanceMetadataOptions": instance.metadata_options})

    def _zone(self) -> str:
        """Return the zone that is asked for, or EC2's choice."""
        nics = self._get_param("NetworkInterfaces", [])
        subnet_id = self._get_param("SubnetId") or next((nic["SubnetId"] for nic in nics if "SubnetId" in nic), None)
        if subnet_id:
            return str(self.ec2_backend.get_subnet(subnet_id).availability_zone)
        return str(self._get_param("Placement.AvailabilityZone") or f"{self.region}a")

    def describe_regions(self) -> Any:
        """DescribeRegions: those that the account may use, or all of AWS's own; moto adds those of China.

        No filter is heeded.
        """
        self.error_on_dryrun()
        named = self._get_param("RegionNames", []) or all_regions()
        if unknown := [name for name in named if name not in all_regions()]:
            raise EC2ClientError("InvalidParameterValue", f"Invalid region: {', '.join(unknown)}")
        found = [
            {"RegionName": name, "Endpoint": f"ec2.{name}.amazonaws.com", "OptInStatus": REGIONS.status(name)}
            for name in named
        ]
        every = self._get_bool_param("AllRegions", False)
        return ActionResult({"Regions": [each for each in found if every or each["OptInStatus"] != "not-opted-in"]})

    def describe_snapshots(self) -> Any:
        """DescribeSnapshots: of the owners that are asked for; moto answers with everybody's."""
        asked = self._get_param("OwnerIds", [])
        owners = {self.ec2_backend.account_id if owner == "self" else owner for owner in asked}
        wanted = {"snapshot_ids": self._get_param("SnapshotIds", []), "filters": self._filters_from_querystring()}
        found = self.ec2_backend.describe_snapshots(**wanted)
        return self.paged("Snapshots", [each for each in found if not owners or each.owner_id in owners])

    def detach_volume(self) -> Any:
        """DetachVolume: from the machine that has the disk; moto wants it named."""
        volume = self.ec2_backend.get_volume(self._get_param("VolumeId"))
        if not volume.attachment:
            raise EC2ClientError("IncorrectState", f"Volume '{volume.id}' is in the 'available' state.")
        self.params.setdefault("InstanceId", volume.attachment.instance.id)
        return super().detach_volume()

    def describe_volumes(self) -> Any:
        """DescribeVolumes, in pages, and by their type, which moto does not know as a filter."""
        filters = self._filters_from_querystring()
        types = filters.pop("volume-type", None)
        found = self.ec2_backend.describe_volumes(volume_ids=self._get_param("VolumeIds", []), filters=filters)
        return self.paged("Volumes", [each for each in found if types is None or each.volume_type in types])

    def update_security_group_rule_descriptions_ingress(self) -> Any:
        """UpdateSecurityGroupRuleDescriptionsIngress: EC2 says that it was done, moto does not."""
        super().update_security_group_rule_descriptions_ingress()
        return ActionResult({"Return": True})
