#!/usr/bin/python
"""Documentation of the action letters."""

from __future__ import annotations

DOCUMENTATION = r"""
module: letters
short_description: Write the letters of a class, and find out which of them are due
description:
  - Writes the letter of each student as an C(.eml) file that mail programs open as a draft. Only its owner may read it,
    and it is written only if it differs.
  - A letter is due if no receipt says that it was accepted, or if what the student needs to get in has changed since.
  - One task does it for all students, on the control node. No result has a password or a token.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  students:
    description:
      - The students, each with C(name), C(email), C(username), C(seat), C(address), C(port), C(password),
        C(token) and, if
        there is one, C(https_link),
        as P(machine_learning.classroom.addressees#filter) returns them.
    type: list
    elements: dict
    required: true
  template:
    description:
      - The text of the letter, as Jinja. Beside all variables it has C(student), C(fingerprint), C(https_link), which
        is empty where there is none, C(https_trouble), which says why that does not open yet, C(link), which leads
        through the C(tunnel), C(tunnel_443), which is empty where port 443 is closed to ssh, and C(hours), which is
        O(hours).
    type: path
    required: true
  state_dir:
    description:
      - Where the class is remembered. It must have the folders C(letters) and C(receipts); host keys are looked up in
        its C(known_hosts).
    type: path
    required: true
  ssh_ports:
    description: The ports that lead to sshd; without any, the letter shows no way over ssh.
    type: list
    elements: int
    required: true
  hours:
    description: When machines stop themselves, in the language of the letter; empty for a class without hours.
    type: str
    default: ""
  sender:
    description: The sender's mailbox, as C(Course <course@example.org>). May be empty.
    type: str
    required: true
  subject:
    description: The subject.
    type: str
    required: true
  again:
    description: Usernames whose letter is due in any case; C([all]) for everyone.
    type: list
    elements: str
    default: []
"""

EXAMPLES = r"""
- name: Write the students' letters
  machine_learning.classroom.letters:
    students: "{{ groups.machines | map('extract', hostvars) | machine_learning.classroom.addressees(accounts) }}"
    template: templates/email/credentials.txt.j2
    state_dir: "{{ class_state_dir }}"
    ssh_ports: [22, 443]
    sender: Course <course@example.org>
    subject: Your machine
  register: letters
"""

RETURN = r"""
changes:
  description: Whose letter was written, in words.
  type: list
  elements: str
  returned: success
  sample: [wrote the letter to ada]
due:
  description: The letters that are due, as M(machine_learning.classroom.send_letters) takes them.
  type: list
  elements: dict
  returned: success
"""
