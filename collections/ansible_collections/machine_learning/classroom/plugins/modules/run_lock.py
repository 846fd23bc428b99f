#!/usr/bin/python
"""Documentation of the action run_lock."""

from __future__ import annotations

DOCUMENTATION = r"""
module: run_lock
short_description: Keep other runs out until this one has ended
description:
  - Locks a file for the whole run of Ansible, not only for this task. The lock is gone when the run and all of its
    tasks have ended, whichever way they end.
  - A run that has the lock already keeps it.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  path:
    description: The file to lock; its directory must exist. It says in words which run has the lock.
    type: path
    required: true
  wait_s:
    description: How many seconds to wait for another run to end.
    type: int
    default: 60
attributes:
  check_mode:
    details: Locks nothing.
"""

EXAMPLES = r"""
- name: Lock the class
  machine_learning.classroom.run_lock:
    path: "{{ class_state_dir }}/run.lock"
"""

RETURN = r"""
begun:
  description: When this run went on with the lock, in seconds since 1970.
  type: float
  returned: success
  sample: 1767225600.25
waited:
  description: Whether another run had to end first, which may have changed what this one has read before.
  type: bool
  returned: success
  sample: false
msg:
  description: Which run has the lock, and since when.
  type: str
  returned: when another run did not end in time
  sample: "Another run is at work on this class: provision.yml, begun 02 Mar 14:30 UTC, process 4711."
"""
