#!/usr/bin/python
"""Documentation of the action timetable_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: timetable_info
short_description: Refuse a timetable that machines could not keep
description:
  - Reads the hours of a class and names all that is wrong with them. Time zones are those of this computer; what a
    machine knows of them, it is asked later.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.attributes
  - machine_learning.classroom.attributes.action
options:
  timetable:
    description: The hours of the class, as V(class_timetable) has them. Empty for none.
    type: raw
    required: true
attributes:
  check_mode:
    details: It only reads.
"""

EXAMPLES = r"""
- name: Refuse a timetable that machines could not keep
  machine_learning.classroom.timetable_info:
    timetable: {zone: Europe/Berlin, hours: ["Mon,Wed 08:00-18:00"], last_day: 2027-02-12}
"""

RETURN = r"""
stops:
  description: When machines stop themselves, in words; empty for a class without hours.
  type: str
  returned: success
  sample: Mon, Wed 18:00 (Europe/Berlin)
left:
  description: How much class there is from now to the end of the last day.
  type: dict
  returned: success, for a class with hours
  contains:
    days:
      description: On how many days.
      type: int
    hours:
      description: For how many hours, as they pass and not as clocks show them.
      type: float
msg:
  description: What is wrong with it, in five lines at most.
  type: str
  returned: failure
"""
