#!/usr/bin/python
"""Find out whether machines can be launched, before anything is made."""

from __future__ import annotations

DOCUMENTATION = r"""
module: launch_check
short_description: Find out whether machines can be launched, before anything is made
description:
  - Asks AWS for the subnets to launch into, whether the image exists, which zones offer the instance types, and
    whether disk, vCPU quota and the quota of gp3 disks suffice; says in words what does not fit. With nothing to launch
    or start it asks for the subnets alone, unless told to look at the quotas.
  - Asks nobody where the time zone does not exist, as far as this computer knows time zones.
  - Where an image was baked for the class that carries what its machines are to carry, machines are launched from it.
  - What AWS does not permit to ask is said and taken for good.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - amazon.aws.common.modules
  - amazon.aws.region.modules
  - amazon.aws.boto3
  - machine_learning.classroom.attributes
options:
  launch:
    description: How many machines are to be launched.
    type: int
    required: true
  starting:
    description: The instance types of the machines that are to be started.
    type: list
    elements: str
    default: []
  instance_types:
    description: The instance types for those to be launched, in the order of preference.
    type: list
    elements: str
    required: true
  image_id:
    description: Their image; empty for the one that O(image_parameter) names.
    type: str
    default: ""
  image_parameter:
    description: A public SSM parameter that names an image.
    type: str
    required: true
  subnet_id:
    description: The subnet to launch into; empty for those that are their zone's default.
    type: str
    default: ""
  disk_gb:
    description: The size of each machine's disk, in GiB.
    type: int
    required: true
  environment_lock:
    description: The lock of the conda environment, for its size; it need not exist yet.
    type: path
    required: true
  time_zone:
    description: The time zone in which the machines are to upgrade themselves at night.
    type: str
    required: true
  quota:
    description: Look at the quota also where nothing is to be launched or started.
    type: bool
    default: false
  baked_by:
    description: The class whose baked images may be used; empty for none.
    type: str
    default: ""
  baked_content:
    description: What a baked image carries on top of the other image. Files and folders, by the name of the part.
    type: dict
    default: {}
attributes:
  check_mode:
    details: It only asks.
"""

EXAMPLES = r"""
- name: Find out whether the machines can be launched
  machine_learning.classroom.launch_check:
    region: us-east-1
    launch: 30
    instance_types: [m6a.large, t3a.large]
    image_parameter: /aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id
    disk_gb: 30
    environment_lock: environment.lock
    time_zone: America/New_York
"""

RETURN = r"""
capacity_pools:
  description: Where machines may be launched, in the order in which it is to be tried.
  type: list
  elements: dict
  returned: when something is to be launched
  contains:
    instance_type:
      description: The instance type.
      type: str
    subnet_id:
      description: The subnet.
      type: str
    zone:
      description: The subnet's zone.
      type: str
    burstable:
      description: Whether such machines have CPU credits.
      type: bool
vpc_id:
  description: The network that the subnets are a part of.
  type: str
  returned: success
image_id:
  description: The image to launch from.
  type: str
  returned: when something is to be launched
image_created:
  description: When that image was made, as EC2 says it.
  type: str
  returned: when something is to be launched
  sample: "2026-03-02T09:15:00.000Z"
base_image_id:
  description: The image that RV(image_id) is, or was baked from.
  type: str
  returned: when something is to be launched
root_device:
  description: The device name of the image's root disk, for another size of it.
  type: str
  returned: when something is to be launched
  sample: /dev/sda1
quotas:
  description: The quotas that the machines count against, as far as AWS says what they are.
  type: list
  elements: dict
  returned: when something is to be launched or started, or with O(quota)
  contains:
    code:
      description: Its code.
      type: str
    service:
      description: The code of the service that it is a quota of.
      type: str
    unit:
      description: What is counted.
      type: str
      sample: vCPUs
    limit:
      description: How much there may be.
      type: float
    by_default:
      description: Whether that is AWS's default, since it names none of the account.
      type: bool
    used:
      description: How much is used already.
      type: float
    needed:
      description: How much what is to be launched and started needs.
      type: float
    request:
      description: The command that asks AWS for as much as is missing.
      type: str
carries:
  description: What a machine of the class is to carry, as the tag of a baked image.
  type: str
  returned: when something is to be launched
baked:
  description: The baked image that fits.
  type: dict
  returned: when something is to be launched
  contains:
    image_id:
      description: Its id; empty if none fits.
      type: str
    fresh:
      description: Whether it is young enough not to be made anew.
      type: bool
    said:
      description: What is to be said of it, or of one that does not fit any more; empty if there is none.
      type: str
"""

from contextlib import suppress
from dataclasses import asdict
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import available_timezones

from ansible_collections.amazon.aws.plugins.module_utils.modules import AnsibleAWSModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import LockError, parse
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines import launch as launch_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import (
    explain,
    is_not_permitted,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.baked_images import (
    BAKED_BY,
    BakedImage,
    carried,
    choose,
    root_disk_gb,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.capacity_pools import capacity_pools

with suppress(ImportError):  # AnsibleAWSModule says so
    from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_ec2 import EC2Client
    from mypy_boto3_ec2.type_defs import ImageTypeDef, InstanceTypeInfoTypeDef, SubnetTypeDef

T = TypeVar("T")


class Check:
    """The questions, to one region."""

    def __init__(self, module: AnsibleAWSModule) -> None:
        """Ask as `module` is told to."""
        self._module = module
        self._region: str = module.region
        self._ec2: EC2Client = module.client("ec2")

    def subnets(self, subnet_id: str) -> list[SubnetTypeDef]:
        """Return the subnets to choose from: `subnet_id`, if it exists, or the default one of each zone."""
        wanted: Any = [{"Name": "subnet-id" if subnet_id else "default-for-az", "Values": [subnet_id or "true"]}]
        pages = self._ec2.get_paginator("describe_subnets").paginate(Filters=wanted)
        return [subnet for page in pages for subnet in page["Subnets"]]

    def image(self, image_id: str, parameter: str) -> ImageTypeDef:
        """Return the image to launch from."""
        if not image_id:
            image_id = self._module.client("ssm").get_parameter(Name=parameter)["Parameter"]["Value"]
        found = self._ec2.describe_images(ImageIds=[image_id])["Images"]
        if not found:
            raise launch_module.LaunchError(
                f"There is no image {image_id} in {self._region}.\n"
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
            raise launch_module.refuse_type(instance_types[0], self._offered(), self._region)
        if missing := [name for name in instance_types if not zones[name]]:
            others = ", ".join(name for name in instance_types if zones[name])
            self._module.warn(f"Region {self._region} offers no {' and no '.join(missing)}, but {others}.")
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
        client = self._module.client("service-quotas")
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
            self._module.warn(
                f"Not checked before the launch: {what}. AWS answers {error.operation_name} with "
                f"{error.response['Error']['Code']} (docs/aws.md, Permissions)."
            )
            return None


def check(module: AnsibleAWSModule) -> dict[str, Any]:
    """Ask everything; return what to launch from and into."""
    given, region = module.params, module.region
    count = given["launch"]
    launch_module.require_time_zone(given["time_zone"], available_timezones())
    ask = Check(module)
    subnets = launch_module.usable_subnets(ask.subnets(given["subnet_id"]), region, given["subnet_id"])
    chosen: dict[str, Any] = {"vpc_id": subnets[0]["VpcId"]}
    if not count and not given["starting"] and not given["quota"]:
        return chosen
    names: list[str] = given["instance_types"]
    if count:
        zones = ask.if_permitted("the instance types", partial(ask.zones, names))
        pools = capacity_pools(names, subnets, zones)
        names = list(dict.fromkeys(pool.instance_type for pool in pools))
    wanted = [names[0]] * count + given["starting"]
    running = ask.running()
    types = ask.if_permitted("the vCPU quota", partial(ask.types, {*names, *wanted, *running}))
    if count:
        image = ask.image(given["image_id"], given["image_parameter"])
        baked = ask.baked(given["baked_by"]) if given["baked_by"] else []
        chosen |= _image_of(module, image["ImageId"], baked)
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
        launch_module.require_quota(use, wanted, region)
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


def _image_of(module: AnsibleAWSModule, base_image_id: str, baked: list[BakedImage]) -> dict[str, Any]:
    """Return the image to launch from: the one that was baked from the given one, if it fits."""
    given = module.params
    carries = carried(base_image_id, given["baked_content"])
    choice = choose(baked, carries, given["disk_gb"], datetime.now(UTC).date())
    if choice.warning:
        module.warn(choice.warning)
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


def main() -> None:
    """Run the module."""
    module = AnsibleAWSModule(
        argument_spec={
            "launch": {"type": "int", "required": True},
            "starting": {"type": "list", "elements": "str", "default": []},
            "instance_types": {"type": "list", "elements": "str", "required": True},
            "image_id": {"default": ""},
            "image_parameter": {"required": True},
            "subnet_id": {"default": ""},
            "disk_gb": {"type": "int", "required": True},
            "environment_lock": {"type": "path", "required": True},
            "time_zone": {"required": True},
            "quota": {"type": "bool", "default": False},
            "baked_by": {"default": ""},
            "baked_content": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    try:
        chosen = check(module)
    except launch_module.LaunchError as error:
        module.fail_json(msg=str(error))
    except (BotoCoreError, ClientError) as error:
        module.fail_json(msg=explain(error, module.region))
    module.exit_json(changed=False, **chosen)


if __name__ == "__main__":
    main()
