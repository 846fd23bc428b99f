#!/usr/bin/python
"""Documentation of the action silent_servers."""

from __future__ import annotations

DOCUMENTATION = r"""
module: silent_servers
short_description: Name the servers that a class needs and that are silent now
description:
  - Asks the servers of the data sets, or the mirror in their place, and the mail server, all at once and for five
    seconds at most. Each that is silent is a warning with the reason; it never fails because of one.
  - They are asked from this computer. Machines may reach others than it does.
  - Nobody logs in to the mail server, and nothing is fetched.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  datasets_file:
    description: The list of data sets, as data/datasets.yml is; empty to ask for mail alone.
    type: path
    default: ""
  mirror_url:
    description: A server from which machines fetch packages and data sets instead; empty for none.
    type: str
    default: ""
  smtp_host:
    description: The mail server; empty for none.
    type: str
    default: ""
  smtp_port:
    description: Its port.
    type: int
    default: 587
  smtp_security:
    description: How the connection is encrypted.
    type: str
    choices: [starttls, implicit]
    default: starttls
  smtp_ca_file:
    description: Certificates of the authorities that may have issued its own; empty for those known here.
    type: str
    default: ""
attributes:
  check_mode:
    details: It only asks.
"""

EXAMPLES = r"""
- name: Name the servers that are silent
  machine_learning.classroom.silent_servers:
    datasets_file: data/datasets.yml
    smtp_host: smtp.example.edu
"""

RETURN = r"""
silent:
  description: The servers that are silent.
  type: list
  elements: str
  returned: success
  sample: [the mail server smtp.example.edu]
"""
