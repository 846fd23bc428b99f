"""What a region of the lab's AWS holds in place of moto's: images, where they are published, quotas, EC2's refusals."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

import moto.ec2.urls as ec2_urls
import moto.servicequotas.urls as servicequotas_urls
import moto.ssm.urls as ssm_urls
from moto import settings
from moto.core.utils import utcnow
from moto.ec2.exceptions import (
    EC2ClientError,
    InvalidAMIIdError,
    InvalidTaggableResourceType,
    UnvailableAMIIdError,
)
from moto.ec2.models import EC2Backend, ec2_backends
from moto.ec2.models.amis import Ami
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.instances import Instance, StateReason
from moto.ec2.utils import random_ami_id
from moto.servicequotas.exceptions import NoSuchResource
from moto.servicequotas.models import ServiceQuotasBackend, servicequotas_backends
from moto.servicequotas.responses import ServiceQuotasResponse
from moto.ssm.models import Parameter, SimpleSystemManagerBackend, ssm_backends

from lab import image, metadata_options, meter, route53, s3
from lab.capacity import CAPACITY
from lab.instances import FAILED_LAUNCHES
from lab.lateness import LATENESS
from lab.launches import LaunchResponse

USER_DATA_BYTES = 16384
IMAGE_GB = 8  # as Ubuntu's images
_SERVICES = {
    "ec2": "Amazon Elastic Compute Cloud (Amazon EC2)",
    "ebs": "Amazon Elastic Block Store (Amazon EBS)",
}


@dataclass(frozen=True)
class Quota:
    """How much of something a new account may have in one region."""

    code: str
    name: str
    limit: float
    # What AWS names as the default, whatever it then gives a new account.
    default: float = 0.0
    service: str = "ec2"

    def told(self, value: float) -> dict[str, Any]:
        """Return it as Service Quotas tells it."""
        return {
            "ServiceCode": self.service,
            "ServiceName": _SERVICES[self.service],
            "QuotaCode": self.code,
            "QuotaName": self.name,
            "Value": value,
            "Unit": "None",
            "Adjustable": True,
            "GlobalQuota": False,
        }


@dataclass(frozen=True)
class VcpuQuota(Quota):
    """How many vCPUs of these families of instance types may be pending or running at once."""

    families: tuple[str, ...] = ()

    def counts(self, instance_type: str) -> bool:
        """Tell whether machines of `instance_type` count against it."""
        return re.split(r"[\d.-]", instance_type)[0] in self.families


# What a new account is allowed.
VCPU_QUOTAS = (
    VcpuQuota(
        "L-1216C47A",
        "Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances",
        64.0,
        5.0,
        families=("a", "c", "d", "h", "i", "im", "is", "m", "r", "t", "z"),
    ),
    VcpuQuota("L-DB2E81BA", "Running On-Demand G and VT instances", 0.0, families=("g", "gr", "vt")),
    VcpuQuota("L-417A185B", "Running On-Demand P instances", 0.0, families=("p",)),
)
# https://docs.aws.amazon.com/general/latest/gr/ebs-service.html
GP3_QUOTA = Quota("L-7A658B76", "Storage for General Purpose SSD (gp3) volumes, in TiB", 50.0, 50.0, "ebs")
QUOTAS: tuple[Quota, ...] = (*VCPU_QUOTAS, GP3_QUOTA)
GIB_A_TIB = 1024


class LabImage(Ami):  # type: ignore[misc]  # moto has no types
    """One of the lab's own images, or one of a machine: with its disk and the metadata service that it was made for."""

    imds_support: str | None = metadata_options.VERSION_2
    disk_gb = IMAGE_GB

    @property
    def block_device_mappings(self) -> list[dict[str, Any]]:
        """The root disk."""
        (root,) = super().block_device_mappings
        disk = {"VolumeSize": self.disk_gb, "VolumeType": "gp3", "DeleteOnTermination": True}
        return [{**root, "Ebs": {**root["Ebs"], **disk}}]


class LabEC2(EC2Backend):  # type: ignore[misc]  # moto has no types
    """EC2 in one region: the lab's images in place of moto's samples, and EC2's refusals where moto has none."""

    _url_module = ec2_urls  # moto derives it from the module's name

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """Start a region without instances."""
        super().__init__(*arguments, **named)
        # Client token -> its reservation and the parameters that it came with.
        self.client_tokens: dict[str, tuple[str, str]] = {}
        # Quotas that are not those of a new account, by their code; at first there were those of vCPUs alone.
        self.vcpu_limits: dict[str, float] = {}

    def modify_instance_security_groups(self, instance_id: str, new_group_id_list: list[str]) -> None:
        """ModifyInstanceAttribute: an instance's groups are its interface's, which keeps its first ones in moto."""
        super().modify_instance_security_groups(instance_id, new_group_id_list)
        instance = self.get_instance(instance_id)
        for interface in instance.nics.values():
            interface._group_set = list(instance.security_groups)

    def limit(self, quota: Quota) -> float:
        """Return how much there may be at once."""
        # A state that an earlier version saved has none.
        return float(vars(self).get("vcpu_limits", {}).get(quota.code, quota.limit))

    def set_limit(self, code: str, limit: float) -> None:
        """Grant the account another quota; raise ValueError for a code that is not known."""
        if code not in {quota.code for quota in QUOTAS}:
            known = ", ".join(f"{quota.code} ({quota.name})" for quota in QUOTAS)
            raise ValueError(f"There is no quota {code}. There are: {known}.")
        self.vcpu_limits = {**vars(self).get("vcpu_limits", {}), code: limit}

    def _load_amis(self) -> None:
        """Know the lab's images, also those that came with a newer recipe."""
        for release in image.RELEASES:
            if release.ami not in self.amis:
                self.amis[release.ami] = LabImage(
                    self,
                    release.ami,
                    name=release.ami_name,
                    description=f"{release.name}, standing in for {release.ami_name}",
                    owner_id=release.owner,
                    public=True,
                    virtualization_type="hvm",
                    architecture="x86_64",
                    hypervisor="xen",
                    root_device_type="ebs",
                    root_device_name="/dev/sda1",
                    region_name=f"{self.region_name}a",
                )

    def run_instances(self, image_id: str, count: int, user_data: Any, *arguments: Any, **named: Any) -> Any:
        """Launch, unless the image or the user data would be refused by EC2."""
        if image_id not in self.amis:
            raise InvalidAMIIdError(image_id)
        if self.amis[image_id].state != "available":
            raise UnvailableAMIIdError(image_id)
        if user_data and len(base64.b64decode(str(user_data))) > USER_DATA_BYTES:
            raise EC2ClientError("InvalidParameterValue", f"User data is limited to {USER_DATA_BYTES} bytes")
        if not named["subnet_id"] and not any("SubnetId" in nic for nic in named["nics"]):
            # moto would launch into EC2-Classic, which is no more.
            subnet = self.get_default_subnets()[named["placement"] or f"{self.region_name}a"]
            if named["nics"]:
                named["nics"][0]["SubnetId"] = subnet.id
            else:
                named["subnet_id"] = subnet.id
        named["metadata_options"] = metadata_options.at_launch(named["metadata_options"], self.amis[image_id])
        named["block_device_mappings"] = _with_root(self.amis[image_id], named.get("block_device_mappings") or [])
        self._require_zone(named["instance_type"], named["subnet_id"])
        self._require_vcpus([named["instance_type"]] * count)
        reservation = super().run_instances(image_id, count, user_data, *arguments, **named)
        for instance in reservation.instances:  # moto knows only those that were not given for the interface
            instance.security_groups = list(instance.nics[0].group_set)
        LATENESS.launched(instance.id for instance in reservation.instances)
        self._end_without_storage(reservation.instances)
        return reservation

    def terminate_instances(self, instance_ids: list[str]) -> Any:
        """Begin to end: it takes its time."""
        for instance_id in instance_ids:
            LATENESS.ending(instance_id)
        return super().terminate_instances(instance_ids)

    def start_instances(self, instance_ids: list[str]) -> Any:
        """Start, unless the quota is used up or there are no such machines left."""
        stopped = [each for each in self.get_multi_instances_by_id(instance_ids) if each.state == "stopped"]
        self._require_vcpus([instance.instance_type for instance in stopped])
        CAPACITY.start((instance.placement.zone, instance.instance_type) for instance in stopped)
        return super().start_instances(instance_ids)

    def _require_zone(self, instance_type: str, subnet_id: str) -> None:
        if subnet_id and instance_type in INSTANCE_TYPES:
            zone = self.get_subnet(subnet_id).availability_zone
            wanted = {"instance-type": [instance_type], "location": [zone]}
            if not self.describe_instance_type_offerings("availability-zone", wanted):
                raise EC2ClientError(
                    "Unsupported",
                    f"Your requested instance type ({instance_type}) is not supported in your requested Availability "
                    f"Zone ({zone}).",
                )

    def _require_vcpus(self, starting: list[str]) -> None:
        if not INSTANCE_TYPES.keys() >= set(starting):
            return  # moto refuses unknown types in EC2's words
        running = [each.instance_type for each in self.all_instances() if each.state in ("pending", "running")]
        for quota in VCPU_QUOTAS:
            more, taken = (
                sum(int(INSTANCE_TYPES[kind]["VCpuInfo"]["DefaultVCpus"]) for kind in kinds if quota.counts(kind))
                for kinds in (starting, running)
            )
            limit = self.limit(quota)
            if more and more + taken > limit:
                raise EC2ClientError(
                    "VcpuLimitExceeded",
                    f"You have requested more vCPU capacity than your current vCPU limit of {limit:.0f} allows "
                    "for the instance bucket that the specified instance type belongs to.",
                )

    def _end_without_storage(self, launched: list[Instance]) -> None:
        """End those of the `launched` for whose disks the quota has no room: EC2 takes such a launch, and ends it then.

        https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/troubleshooting-launch.html
        """
        limit = self.limit(GP3_QUOTA) * GIB_A_TIB
        for instance in reversed(launched):
            if sum(int(volume.size) for volume in self.volumes.values() if volume.volume_type == "gp3") <= limit:
                return
            instance.terminate()
            code = "Client.VolumeLimitExceeded"
            instance.state_reason = StateReason(f"{code}: {FAILED_LAUNCHES[code]}", code)

    def create_image(
        self, instance_id: str, name: str, description: str, tag_specifications: list[dict[str, Any]]
    ) -> LabImage:
        """Begin an image of the size of the machine's disk: pending until its host was copied.

        moto would call it a disk of its own size, and cannot tag the snapshot.
        """
        if any(ami.name == name and ami.owner_id == self.account_id for ami in self.amis.values()):
            raise EC2ClientError("InvalidAMIName.Duplicate", f"AMI name {name} is already in use")
        ami_id = random_ami_id()
        ami = LabImage(
            self,
            ami_id,
            instance=self.get_instance(instance_id),
            name=name,
            description=description,
            state="pending",
            snapshot_description=f"Created by CreateImage({instance_id}) for {ami_id}",
        )
        ami.imds_support = metadata_options.imds_support(self.amis.get(ami.instance.image_id))
        ami.root_device_name = ami.instance.root_device_name
        ami.disk_gb = ami.instance.block_device_mapping[ami.root_device_name].size
        ami.ebs_snapshot.volume.size = ami.disk_gb
        tagged = {"image": ami, "snapshot": ami.ebs_snapshot}
        for specification in tag_specifications:
            if specification["ResourceType"] not in tagged:
                raise InvalidTaggableResourceType(specification["ResourceType"])
            tagged[specification["ResourceType"]].add_tags({tag["Key"]: tag["Value"] for tag in specification["Tags"]})
        self.amis[ami.id] = ami
        return ami

    def delete_security_group(self, name: str | None = None, group_id: str | None = None) -> None:
        """Delete the group, unless an instance still has it."""
        for instance in self.all_instances():
            groups = {value for group in instance.security_groups for value in (group.id, group.name)}
            if instance.state != "terminated" and groups & {name, group_id}:
                raise EC2ClientError("DependencyViolation", f"resource {group_id or name} has a dependent object")
        super().delete_security_group(name, group_id)


def _with_root(ami: Ami, disks: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the disks that a launch asks for, and the root disk, which is as the image has it where they do not say.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/block-device-mapping-concepts.html
    """
    (root,) = ami.block_device_mappings
    of_image = {key: root["Ebs"][key] for key in ("VolumeSize", "VolumeType", "DeleteOnTermination")}
    if all(disk["DeviceName"] != ami.root_device_name for disk in disks):
        return [{"DeviceName": ami.root_device_name, "Ebs": of_image}, *disks]
    for disk in disks:
        if disk["DeviceName"] == ami.root_device_name:
            disk["Ebs"] = of_image | {key: value for key, value in disk["Ebs"].items() if value is not None}
    return disks


class LabParameters(SimpleSystemManagerBackend):  # type: ignore[misc]  # moto has no types
    """SSM with the public parameters in which vendors publish their images."""

    _url_module = ssm_urls  # moto derives it from the module's name

    def __init__(self, region_name: str, account_id: str) -> None:
        """Start with the parameters of the lab's images."""
        super().__init__(region_name, account_id)
        for release in image.RELEASES:
            self._parameters[release.parameter] = [
                Parameter(
                    account_id=account_id,
                    name=release.parameter,
                    value=release.ami,
                    parameter_type="String",
                    description=None,
                    allowed_pattern=None,
                    keyid=None,
                    last_modified_date=utcnow(),
                    version=1,
                    data_type="aws:ec2:image",
                )
            ]


class LabQuotas(ServiceQuotasBackend):  # type: ignore[misc]  # moto has no types
    """Service Quotas with those that a class runs into."""

    _url_module = servicequotas_urls

    def get_service_quota(self, service_code: str, quota_code: str) -> dict[str, Any]:
        """Answer GetServiceQuota."""
        if known := _quota(service_code, quota_code):
            return known.told(ec2_backends[self.account_id][self.region_name].limit(known))
        quota: dict[str, Any] = super().get_service_quota(service_code, quota_code)
        return quota

    def default_quota(self, service_code: str, quota_code: str) -> dict[str, Any]:
        """Answer GetAWSDefaultServiceQuota, which moto does not know."""
        if known := _quota(service_code, quota_code):
            return known.told(known.default)
        raise NoSuchResource


def _quota(service_code: str, quota_code: str) -> Quota | None:
    return next((each for each in QUOTAS if (service_code, quota_code) == (each.service, each.code)), None)


class QuotasResponse(ServiceQuotasResponse):  # type: ignore[misc]  # moto has no types
    """The actions of Service Quotas."""

    def get_aws_default_service_quota(self) -> str:
        """GetAWSDefaultServiceQuota."""
        asked = json.loads(self.body)
        return json.dumps({"Quota": self.backend.default_quota(asked["ServiceCode"], asked["QuotaCode"])})


def install() -> None:
    """Put the lab's backends in moto's place, without hosts. Before moto answers its first request."""
    settings.ENABLE_KEYPAIR_VALIDATION = True
    settings.EC2_ENABLE_INSTANCE_TYPE_VALIDATION = True
    ec2_backends.backend = LabEC2
    ec2_urls.url_paths = {"{0}/": LaunchResponse.dispatch}
    ssm_backends.backend = LabParameters
    servicequotas_backends.backend = LabQuotas
    servicequotas_urls.url_paths = {"{0}/$": QuotasResponse.dispatch}
    meter.install()
    route53.install()
    s3.install()


def instance_name(instance_id: str) -> str:
    """Return the Name tag of an instance of any region, or nothing."""
    backends = [backend for regions in list(ec2_backends.values()) for backend in list(regions.values())]
    return next((backend.tags[instance_id].get("Name", "") for backend in backends if instance_id in backend.tags), "")
