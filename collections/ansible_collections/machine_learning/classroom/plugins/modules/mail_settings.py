#!/usr/bin/python
"""Documentation of the action mail_settings."""

from __future__ import annotations

DOCUMENTATION = r"""
module: mail_settings
short_description: Refuse mail settings with which no letter could be sent
description:
  - Looks at the sender, the server's name and port, the login that its provider wants, and the file of the authority.
    It speaks to nobody, so it cannot know whether a password is right.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  host:
    description: The mail server; empty if letters are written and not sent.
    type: str
    required: true
  port:
    description: Its port, a number, as it was written.
    type: str
    default: "587"
  ca_file:
    description: Certificates of the authorities that may have issued its own; empty for those known here.
    type: str
    default: ""
  username:
    description: The login; empty for none.
    type: str
    default: ""
  token_command:
    description: What prints an OAuth 2 access token; empty for none.
    type: str
    default: ""
  sender:
    description: From whom the letters are.
    type: str
    required: true
  subject:
    description: The subject of the letters.
    type: str
    required: true
attributes:
  check_mode:
    details: It only reads.
"""

EXAMPLES = r"""
- name: Refuse mail settings with which no letter could be sent
  machine_learning.classroom.mail_settings:
    host: smtp.example.edu
    sender: Course <course@example.org>
    subject: Your machine
"""

RETURN = r"""
msg:
  description: What is wrong with them, in a few lines.
  type: str
  returned: failure
"""
