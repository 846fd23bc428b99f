#!/usr/bin/python
"""Documentation of the action send_letter."""

from __future__ import annotations

DOCUMENTATION = r"""
module: send_letter
short_description: Send a letter and keep its receipt, as one step
description:
  - Sends a letter with M(community.general.mail), and writes the receipt the moment the server has accepted it. Ctrl-C
    in between is heeded only after that, so a letter that went out is never without its receipt, and is not sent again.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  mail:
    description: What M(community.general.mail) takes.
    type: dict
    required: true
  receipt_file:
    description: Where to keep the receipt; its directory must exist.
    type: path
    required: true
  receipt:
    description: What to keep there, as JSON.
    type: dict
    required: true
attributes:
  check_mode:
    details: Sends nothing, and so reports a letter that is not accepted.
"""

EXAMPLES = r"""
- name: Send the letter
  machine_learning.classroom.send_letter:
    mail:
      host: smtp.example.com
      to: ["{{ 'Ada Example' | machine_learning.classroom.mailbox('ada@example.com') }}"]
      subject: Your machine
      body: "{{ letter }}"
    receipt_file: "{{ class_state_dir }}/receipts/ada.json"
    receipt:
      email: ada@example.com
  no_log: true # a letter holds a password
"""

RETURN = r"""
accepted:
  description: Whether the server has accepted the letter.
  type: bool
  returned: always
msg:
  description: What M(community.general.mail) says, or that the server does not answer.
  type: str
  returned: when something was sent
"""
