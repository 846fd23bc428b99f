#!/usr/bin/python
"""Documentation of the action send_letters."""

from __future__ import annotations

DOCUMENTATION = r"""
module: send_letters
short_description: Send letters, and keep a receipt of each as one step
description:
  - Sends letters with M(community.general.mail), some at once, and writes the receipt of each the moment the server has
    accepted it. After Ctrl-C no more of them begin, but those on their way are sent, with their receipts. So a letter
    that went out is never without its receipt, and is not sent again.
  - A letter that is refused holds no other up.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  mail:
    description: What M(community.general.mail) takes, but for recipient, subject and body, which the letter has.
    type: dict
    required: true
  letters:
    description:
      - The letters, each with C(username) and C(email), the C(.eml) file that is sent as C(file), and C(receipt), which
        is kept with the time as C(receipt_file).
    type: list
    elements: dict
    required: true
  at_once:
    description: How many are sent at once.
    type: int
    default: 3
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
    mail:
      host: smtp.example.com
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
  description: Why the others were not, by username; what the server says, or that it does not answer.
  type: dict
  returned: always
msg:
  description: Which letters were not accepted and why, in a few lines.
  type: str
  returned: when there are any
"""
