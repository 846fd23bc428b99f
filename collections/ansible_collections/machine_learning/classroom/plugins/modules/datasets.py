#!/usr/bin/python
"""Put the data sets of a class on a machine."""

from __future__ import annotations

DOCUMENTATION = r"""
module: datasets
short_description: Put the data sets of a class on a machine, verified and read-only
description:
  - Downloads what is missing or was changed, side by side, and goes on where an earlier run stopped.
  - Nothing is put in place before its sha256 is right. A run that finds everything in place changes nothing.
  - Removes a data set that is no longer listed, if this module put it there.
  - Folders are 0755, files 0444, all of them the owner's.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
options:
  datasets:
    description: The data sets, as in data/datasets.yml.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description: What the data set is called; the name of its folder if it is unpacked.
        type: str
        required: true
      url:
        description: Where its bytes are, over https or http.
        type: str
        required: true
      sha256:
        description: The sha256 of the bytes at O(datasets[].url).
        type: str
        required: true
      file:
        description: Its name on the machine; by default the last component of O(datasets[].url). Not for unpacked ones.
        type: str
      unpack:
        description: Whether to unpack it, a zip or tar archive, into a folder of its name; V(true) or V(false).
        type: raw
        default: false
      description:
        description: What it is about, for the reader of the list.
        type: str
      source:
        description: Whose work it is, for the reader of the list.
        type: str
      license:
        description: What may be done with it, for the reader of the list.
        type: str
  directory:
    description: Where the students find the data sets. Its parent is made too, but nothing above it.
    type: path
    required: true
  mirror_url:
    description:
      - An instructor's own mirror, used instead of every url if given.
      - It has each data set at C(MIRROR/data/SHA256/NAME), NAME being the last component of its url.
    type: str
    default: ""
  attempts:
    description: How often a download is tried, with pauses from 1 to 30 seconds between.
    type: int
    default: 5
  timeout:
    description: How long a server may be silent, in seconds.
    type: float
    default: 30.0
  parallel:
    description: How many data sets are downloaded side by side.
    type: int
    default: 4
  record:
    description: Where it is remembered what was placed; its folder is made for root alone.
    type: path
    default: /var/lib/machine_learning_aws/data.json
  owner:
    description: Who owns what is placed.
    type: str
    default: root
attributes:
  check_mode:
    details: Says what would be placed and removed, downloads nothing.
"""

EXAMPLES = r"""
- name: Put the data sets of the class where students read them
  become: true
  machine_learning.classroom.datasets:
    directory: /home/ubuntu/machine_learning_aws/data
    datasets:
      - name: iris
        url: https://example.org/data/iris.csv
        sha256: f13ffa8fdd56fd8e6c8d16d4081a3fbd3114bcd0aae4256c43205169cd9d1449
"""

RETURN = r"""
changes:
  description: What was done, or in check mode would be done, in words.
  type: list
  elements: str
  returned: always
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.datasets import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
