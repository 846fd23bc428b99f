#!/usr/bin/python
"""Documentation of the action launch_check."""

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
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  region:
    description: The region.
    type: str
    required: true
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
  only_start:
    description:
      - Hold what is to be started against the quota, and ask nothing else. Such machines have their image, subnet and
        disk already.
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
  returned: unless O(only_start)
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
