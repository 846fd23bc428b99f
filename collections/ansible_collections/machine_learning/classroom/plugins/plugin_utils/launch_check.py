"""Whether machines can be launched: what is asked of AWS before anything is made."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import available_timezones

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import LockError, parse
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines import launch as launch_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import is_not_permitted
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.baked_images import (
    BAKED_BY,
    BakedImage,
    carried,
    choose,
    root_disk_gb,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.capacity_pools import capacity_pools

with suppress(ImportError):  # who asks says so
    from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from boto3.session import Session
    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import ImageTypeDef, InstanceTypeInfoTypeDef, SubnetTypeDef

T = TypeVar("T")


class Check:
    """The questions, to one region; `warnings` are what is to be said beside the answers."""

    def __init__(self, session: Session) -> None:
        """Ask the region of `session`."""
        self.region: str = session.region_name
        self.warnings: list[str] = []
        self._session = session
        self._ec2: EC2Client = session.client("ec2")

    def subnets(self, subnet_id: str) -> list[SubnetTypeDef]:
        """Return the subnets to choose from: `subnet_id`, if it exists, or the default one of each zone."""
        wanted: Any = [{"Name": "subnet-id" if subnet_id else "default-for-az", "Values": [subnet_id or "true"]}]
        pages = self._ec2.get_paginator("describe_subnets").paginate(Filters=wanted)
        return [subnet for page in pages for subnet in page["Subnets"]]

    def image(self, image_id: str, parameter: str) -> ImageTypeDef:
        """Return the image to launch from."""
        if not image_id:
            image_id = self._session.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
        found = self._ec2.describe_images(ImageIds=[image_id])["Images"]
        if not found:
            raise launch_module.LaunchError(
                f"There is no image {image_id} in {self.region}.\n"
                'Set class_image_id in group_vars/all/class.yml, or "" for Canonical\'s newest Ubuntu; then run again.'
            )
        return found[0]

    def baked(self, baked_by: str) -> list[BakedImage]:
        """Return the images that were baked for a class, as far as they are whole."""
        wanted: Any = [{"Name": f"tag:{BAKED_BY}", "Values": [baked_by]}, {"Name": "state", "Values": ["available"]}]
        pages = self._ec2.get_paginator("describe_images").paginate(Owners=["self"], Filters=wanted)
        return [BakedImage.of(image) for page in pages for image in page["Images"]]

    def zones(self, instance_types: list[str]) -> dict[str, list[str]]:
        """Return the zones that offer each of those `instance_types` that the region has at all."""
        wanted: Any = [{"Name": "instance-type", "Values": instance_types}]
        pages = self._ec2.get_paginator("describe_instance_type_offerings").paginate(
            LocationType="availability-zone", Filters=wanted
        )
        offers = [offer for page in pages for offer in page["InstanceTypeOfferings"]]
        zones = {
            name: sorted(offer["Location"] for offer in offers if offer["InstanceType"] == name)
            for name in instance_types
        }
        if not any(zones.values()):
            raise launch_module.refuse_type(instance_types[0], self._offered(), self.region)
        if missing := [name for name in instance_types if not zones[name]]:
            others = ", ".join(name for name in instance_types if zones[name])
            self.warnings.append(f"Region {self.region} offers no {' and no '.join(missing)}, but {others}.")
        return {name: found for name, found in zones.items() if found}

    def _offered(self) -> list[str]:
        """Return all instance types of the region."""
        pages = self._ec2.get_paginator("describe_instance_type_offerings").paginate(LocationType="region")
        return [offer["InstanceType"] for page in pages for offer in page["InstanceTypeOfferings"]]

    def running(self) -> list[str]:
        """Return the types of all on-demand machines that count against a quota now, whoever's they are."""
        states: Any = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
        pages = self._ec2.get_paginator("describe_instances").paginate(Filters=states)
        return [
            instance["InstanceType"]
            for page in pages
            for reservation in page["Reservations"]
            for instance in reservation["Instances"]
            if instance.get("InstanceLifecycle") != "spot"
        ]

    def types(self, names: set[str]) -> dict[str, InstanceTypeInfoTypeDef]:
        """Return what AWS says of the instance types `names`."""
        wanted: Any = sorted(names)
        pages = self._ec2.get_paginator("describe_instance_types").paginate(InstanceTypes=wanted)
        return {each["InstanceType"]: each for page in pages for each in page["InstanceTypes"]}

    def disks_gb(self) -> int:
        """Return how many GiB all gp3 disks have, whoever's they are."""
        wanted: Any = [{"Name": "volume-type", "Values": ["gp3"]}]
        pages = self._ec2.get_paginator("describe_volumes").paginate(Filters=wanted)
        return sum(disk["Size"] for page in pages for disk in page["Volumes"])

    def limit(self, quota: launch_module.Quota) -> tuple[float, bool]:
        """Return how much there may be, and whether that is AWS's default, as it knows none of the account."""
        client = self._session.client("service-quotas")
        try:
            answer = client.get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchResourceException":
                raise
            answer = client.get_aws_default_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
            return float(answer["Quota"]["Value"]), True
        return float(answer["Quota"]["Value"]), False

    def if_permitted(self, what: str, ask: Callable[[], T]) -> T | None:
        """Ask; None, and a warning, where AWS does not permit the question or knows no answer."""
        try:
            return ask()
        except ClientError as error:
            if not is_not_permitted(error) and error.response["Error"]["Code"] != "NoSuchResourceException":
                raise
            self.warnings.append(
                f"Not checked before the launch: {what}. AWS answers {error.operation_name} with "
                f"{error.response['Error']['Code']} (docs/aws.md, Permissions)."
            )
            return None


def check(ask: Check, given: Mapping[str, Any]) -> dict[str, Any]:
    """Ask all that there is to ask, `given` the arguments of the action; return what to launch from and into.

    :raises LaunchError: something does not fit, in words.
    :raises BotoCoreError, ClientError: AWS does not answer, or refuses.
    """
    region, count = ask.region, given["launch"]
    chosen: dict[str, Any] = {}
    if not given["only_start"]:
        launch_module.require_time_zone(given["time_zone"], available_timezones())
        subnets = launch_module.usable_subnets(ask.subnets(given["subnet_id"]), region, given["subnet_id"])
        chosen["vpc_id"] = subnets[0]["VpcId"]
    if not count and not given["starting"] and not given["quota"]:
        return chosen
    names: list[str] = given["instance_types"]
    if count:
        zones = ask.if_permitted("the instance types", partial(ask.zones, names))
        pools = capacity_pools(names, subnets, zones)
        names = list(dict.fromkeys(pool.instance_type for pool in pools))
    wanted = [names[0]] * count + given["starting"]
    running = ask.running()
    offered = names if count or given["quota"] else []  # of those that are only started, the setting says nothing
    types = ask.if_permitted("the vCPU quota", partial(ask.types, {*offered, *wanted, *running}))
    if count:
        image = ask.image(given["image_id"], given["image_parameter"])
        baked = ask.baked(given["baked_by"]) if given["baked_by"] else []
        chosen |= _image_of(ask, given, image["ImageId"], baked)
        chosen["image_created"] = image.get("CreationDate", "")
        chosen["root_device"] = image["RootDeviceName"]  # of a baked image, too: it keeps the name
        for name, kind in (types or {}).items():
            if name in names:
                launch_module.require_nitro(name, kind.get("Hypervisor"))  # bare metal has none
                supported = kind["ProcessorInfo"]["SupportedArchitectures"]
                launch_module.require_architecture(name, supported, image["ImageId"], image["Architecture"])
        launch_module.require_disk(given["disk_gb"], root_disk_gb(image), _archives(Path(given["environment_lock"])))
        burstable = {name for name, kind in (types or {}).items() if kind["BurstablePerformanceSupported"]}
        chosen["capacity_pools"] = [{**asdict(pool), "burstable": pool.instance_type in burstable} for pool in pools]
    vcpus = {name: each["VCpuInfo"]["DefaultVCpus"] for name, each in (types or {}).items()}
    chosen["quotas"] = []
    for quota in {quota for each in wanted or names[:1] if types and (quota := launch_module.quota_of(each))}:
        if (found := ask.if_permitted("the vCPU quota", partial(ask.limit, quota))) is None:
            continue
        limit, by_default = found
        use = launch_module.quota_use(wanted, running, vcpus, quota, limit, by_default=by_default)
        launch_module.require_quota(use, wanted, region, launch=count)
        chosen["quotas"].append(asdict(use) | {"request": use.request(region)})
    if count or given["quota"]:
        chosen["quotas"] += _storage(ask, count, given["disk_gb"], region)
    return chosen


def _storage(ask: Check, count: int, disk_gb: int, region: str) -> list[dict[str, Any]]:
    """Hold the disks of `count` machines against the quota; return how much of it is used, if AWS permits to ask."""
    disks = ask.if_permitted("the quota of gp3 disks", ask.disks_gb)
    found = ask.if_permitted("the quota of gp3 disks", partial(ask.limit, launch_module.STORAGE))
    if disks is None or found is None:
        return []
    limit, by_default = found
    use = launch_module.storage_use(count, disk_gb, disks, limit, by_default=by_default)
    launch_module.require_storage(use, count, disk_gb, region)
    return [asdict(use) | {"request": use.request(region)}]


def _image_of(ask: Check, given: Mapping[str, Any], base_image_id: str, baked: list[BakedImage]) -> dict[str, Any]:
    """Return the image to launch from: the one that was baked from the given one, if it fits."""
    carries = carried(base_image_id, given["baked_content"])
    choice = choose(baked, carries, given["disk_gb"], datetime.now(UTC).date())
    if choice.warning:
        ask.warnings.append(choice.warning)
    image_id = choice.image.image_id if choice.image else ""
    return {
        "image_id": image_id or base_image_id,
        "base_image_id": base_image_id,
        "carries": carries,
        "baked": {"image_id": image_id, "fresh": choice.fresh, "said": choice.said},
    }


def _archives(lock_file: Path) -> int | None:
    """Return how many bytes the packages of the lock are to download; None where there is no lock yet."""
    try:
        return sum(package.size for package in parse(lock_file.read_text(), lock_file.name).packages)
    except (FileNotFoundError, LockError):  # configure.yml says what is wrong with a lock
        return None
