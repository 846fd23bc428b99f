#!/usr/bin/python
"""Documentation of the action send_letters."""

from __future__ import annotations

DOCUMENTATION = r"""
module: send_letters
short_description: Send letters, and keep a receipt of each as one step
description:
  - Sends letters with M(community.general.mail) through a relay on this computer, which ends with the task. The relay
    verifies the server, has one connection to it, keeps to its pace, tries again what it puts off, and writes the
    receipt of each letter the moment the server has accepted it. When the run is ended no more of them begin, but one
    on its way is sent, with its receipt. So a letter that went out is never without its receipt, and is not sent again.
  - A letter that is refused holds no other up. If the server refuses the connection, the login or the sender, it is
    not asked for each letter anew.
requirements:
  - aiosmtpd
  - cryptography
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  server:
    description: The mail server.
    type: dict
    required: true
    suboptions:
      host:
        description: Its name, which its certificate has to bear.
        type: str
        required: true
      port:
        description: Its port.
        type: int
        default: 587
      security:
        description: Whether the connection is encrypted from the first byte, or by STARTTLS.
        type: str
        choices: [starttls, implicit]
        default: starttls
      ca_file:
        description: Certificates of the authorities that may have issued its own; empty for those known here.
        type: str
        default: ""
      username:
        description: The login; empty for none.
        type: str
        default: ""
      password:
        description: Its password.
        type: str
        default: ""
      token_command:
        description:
          - A line of the shell that prints an OAuth 2 access token, with which to log in (XOAUTH2) instead of the
            password. It is run again when the server takes the token no more.
        type: str
        default: ""
  sender:
    description: From whom the letters are, an address or C(NAME <ADDRESS>).
    type: str
    required: true
  letters:
    description:
      - The letters, each with C(username) and C(email), the C(.eml) file that is sent as C(file), and C(receipt), which
        is kept with the time as C(receipt_file).
    type: list
    elements: dict
    required: true
  at_once:
    description: How many are prepared at once; the server has one after the other.
    type: int
    default: 3
  per_minute:
    description: How many the server takes in a minute; 0 for what its provider is known to take.
    type: float
    default: 0
  patience_s:
    description:
      - For how many seconds a letter is tried again that the server puts off; all of them together, if it takes none.
    type: float
    default: 300
  fail_refused:
    description: Whether the task fails if a letter is refused.
    type: bool
    default: true
attributes:
  check_mode:
    details: Sends nothing, and so reports no letter as accepted.
"""

EXAMPLES = r"""
- name: Send the letters that are due
  machine_learning.classroom.send_letters:
    server:
      host: smtp.example.com
      username: course@example.org
      token_command: print-access-token
    sender: Course <course@example.org>
    letters: "{{ letters.due }}"
"""

RETURN = r"""
changes:
  description: To whom a letter was sent, in words.
  type: list
  elements: str
  returned: always
  sample: [sent the letter to ada]
accepted:
  description: The usernames whose letter the server has accepted.
  type: list
  elements: str
  returned: always
refused:
  description: Why the others were not, by username; what the server says, or why it was not asked.
  type: dict
  returned: always
msg:
  description: Which letters were not accepted and why, in a few lines.
  type: str
  returned: when there are any
"""
