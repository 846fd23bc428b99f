#!/usr/bin/python
"""Documentation of the action credentials."""

from __future__ import annotations

DOCUMENTATION = r"""
module: credentials
short_description: Keep a password, a token and a link for every student
description:
  - Makes a password, its hash and a Jupyter token for each student who has none, and keeps them in one file.
  - What was made once stays, whatever happens to the roster. Fails if a username would come to mean another student.
  - A student whose machine is one of O(hosts) has a link there, too. Its secret is made anew for every other host, for
    the old one may be a stranger's by then.
  - With O(renew) it makes some of it anew, once; until it has run without, what a run has renewed is not renewed by
    another one, for the first may have been killed before anybody was told.
  - Run it with C(no_log), it returns what it keeps.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - libpass
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  path:
    description: The file that keeps the credentials, mode 0600; its directory must exist.
    type: path
    required: true
  students:
    description: The students of the roster, each with C(email) and C(username).
    type: list
    elements: dict
    required: true
  pages:
    description: Whether each student has the address of a page, and the word by which it knows the machine.
    type: bool
    default: false
  pages_url:
    description: Where these pages are; empty where nobody could read them.
    type: str
    default: ""
  changed_addresses:
    description: E-mail addresses of students that have changed, old to new. What they have goes along.
    type: dict
    default: {}
  renew:
    description: What is made anew, C(link), C(password) or C(token); a list, or names with commas between.
    type: raw
    default: []
  renew_for:
    description: The usernames for whom it is.
    type: list
    elements: str
    default: []
  hosts:
    description: What each student's browser calls the machine, by username, of those who get in over https.
    type: dict
    default: {}
attributes:
  check_mode:
    details: Keeps nothing; returns made-up credentials for students who have none, or whose are renewed.
"""

EXAMPLES = r"""
- name: Keep a password, a token and a link for every student
  machine_learning.classroom.credentials:
    path: "{{ class_state_dir }}/credentials.json"
    students: "{{ roster.students }}"
  register: credentials
  no_log: true

- name: Give ada another password
  machine_learning.classroom.credentials:
    path: "{{ class_state_dir }}/credentials.json"
    students: "{{ roster.students }}"
    renew: password
    renew_for: [ada]
  register: credentials
  no_log: true
"""

RETURN = r"""
accounts:
  description:
    - C(password), C(password_hash), C(token), C(name) and C(email) of each student in the roster, by username, and
      where there is a link, C(link_host) and C(link_secret).
    - C(stable_link) is the address of the student's page, or empty; what makes it is in C(page) and C(page_word).
  type: dict
  returned: success
  sample:
    ada:
      password: three-word-here
      password_hash: $6$…
      token: made-up
      name: Ada Example
      email: ada@example.com
new:
  description: Usernames of the students who got something of it in this run.
  type: list
  elements: str
  returned: success
"""
