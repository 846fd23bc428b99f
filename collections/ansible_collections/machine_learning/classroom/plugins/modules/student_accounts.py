#!/usr/bin/python
"""Give each student of a machine an account that logs in with a password and reaches only its own port."""

from __future__ import annotations

DOCUMENTATION = r"""
module: student_accounts
short_description: Give each student of a machine an account
description:
  - Makes the accounts, sets the password hashes, makes the students' folders, and installs the sshd drop-in. Opens
    accounts that M(machine_learning.classroom.student_lockout) closed.
  - Where a password changes, ssh sessions that were opened with the one of before end.
  - An account that is no student's of this project is never adopted, nor a group of a student's name; such a student
    is left out and named in RV(refused). Students are in I(group), or have a folder in I(project_directory).
  - The drop-in is checked with C(sshd -t) before sshd reads it, and taken back if it does not pass, so a mistake cannot
    lock anybody out.
  - A student's shell, jobs and services show no processes of others, as if each student were alone on the machine.
  - Where ssh is started by its socket, it becomes a plain service, because only then does sshd's own C(Port) count. If
    the service does not hold every port, the socket listens again as before, and the module fails.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - OpenSSH server
  - ss (iproute2)
  - systemd
extends_documentation_fragment:
  - machine_learning.classroom.attributes
options:
  password_hashes:
    description: The crypt(5) hash of each student's password, by username.
    type: dict
    required: true
  group:
    description: The group of all students; sshd lets its members log in with passwords.
    type: str
    default: students
  project_directory:
    description: The folder that holds C(daily_user) and C(data).
    type: path
    required: true
  sshd_config:
    description: The text of the sshd drop-in.
    type: str
    required: true
  sshd_config_file:
    description: Where the drop-in belongs. sshd takes the first value it meets, so the name must sort early.
    type: path
    required: true
  sshd_where_known:
    description: Keywords of I(sshd_config) that not every sshd knows. Where it does not, their lines are left out.
    type: list
    elements: str
    default: []
  sshd_leaves_ports_to:
    description:
      - A program that leads ssh on to another port of sshd. Ports that it holds on the machine are left out.
    type: str
    default: ""
  sshd_only_kept:
    description:
      - Keywords of I(sshd_config) whose lines stay where the drop-in has them already, and are left out where not. For
        what M(machine_learning.classroom.front) adds to it when the time has come.
    type: list
    elements: str
    default: []
attributes:
  diff_mode:
    support: full
"""

EXAMPLES = r"""
- name: Give every student an account
  machine_learning.classroom.student_accounts:
    password_hashes: {ada: $6$…}
    project_directory: /home/ubuntu/machine_learning_aws
    sshd_config: "{{ lookup('ansible.builtin.template', 'sshd.conf.j2') }}"
    sshd_config_file: /etc/ssh/sshd_config.d/10-machine-learning-class.conf
"""

RETURN = r"""
changes:
  description: What was changed, in words.
  type: list
  elements: str
  returned: always
refused:
  description: Who has no account, because the machine has one or a group of its own of that name.
  type: list
  elements: str
  returned: always
msg:
  description: What to do about it, for people.
  type: str
  returned: if somebody is refused
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.student_accounts import ARGUMENTS, work


def main() -> None:
    """Run the module."""
    module = AnsibleModule(argument_spec=ARGUMENTS, supports_check_mode=True)
    host = Host(module)
    host.done(**work(host, module.params))


if __name__ == "__main__":
    main()
