"""What the modules and actions about the students' work take: where it is at home and on machines, and whose it is."""

from __future__ import annotations


class ModuleDocFragment:
    """The fragments `machine_learning.classroom.student_work.PART`, each PART an attribute in small letters."""

    HOME = r"""
options:
  home:
    description: The folder on the control node that holds one folder per student, with its history.
    type: path
    required: true
  class_name:
    description: The class. With the e-mail address it says who a student is.
    type: str
    required: true
requirements:
  - git on the control node
"""

    ADDRESSES = r"""
options:
  addresses:
    description: The students' e-mail addresses, by username.
    type: dict
    required: true
  former_addresses:
    description: The e-mail addresses that students had before, a list for each username.
    type: dict
    default: {}
"""

    WRITER = r"""
options:
  lock_wait_s:
    description: How many seconds to wait for another run that works with the same student's folder.
    type: int
    default: 60
"""

    MACHINE = r"""
options:
  source:
    description: The folder on the machine that holds one folder per student.
    type: path
    required: true
  store:
    description: Where root remembers things on the machine.
    type: path
    required: true
"""

    INSTANCE = r"""
options:
  machine:
    description:
      - The machine's instance id. Home remembers on which machine a student's work goes on. If that is another one,
        what the student's folder on this one lacks was not deleted there, and it gets what home has.
      - Empty if it is not known; then only the machine says whether it got what home has.
    type: str
    default: ""
"""
