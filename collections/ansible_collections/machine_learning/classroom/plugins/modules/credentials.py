#!/usr/bin/python
"""Keep a password and a token for every student."""

from __future__ import annotations

DOCUMENTATION = r"""
module: credentials
short_description: Keep a password and a token for every student
description:
  - Makes a password, its hash and a Jupyter token for each student who has none, and keeps them in one file.
  - What was made once stays, whatever happens to the roster. Fails if a username would come to mean another student.
  - To give a student another password, take C(password) and C(password_hash) out of the file, or C(token).
    Run it with C(no_log), it returns what it keeps.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - libpass
extends_documentation_fragment:
  - machine_learning.classroom.attributes
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
  changed_addresses:
    description: E-mail addresses of students that have changed, old to new. What they have goes along.
    type: dict
    default: {}
attributes:
  check_mode:
    details: Keeps nothing; returns made-up credentials for students who have none.
"""

EXAMPLES = r"""
- name: Keep a password and a token for every student
  machine_learning.classroom.credentials:
    path: "{{ class_state_dir }}/credentials.json"
    students: "{{ roster.students }}"
  register: credentials
  no_log: true
"""

RETURN = r"""
accounts:
  description: C(password), C(password_hash), C(token), C(name) and C(email) of each student in the roster, by username.
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
  description: Usernames of the students who got theirs in this run.
  type: list
  elements: str
  returned: success
"""

import json

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.credentials import (
    CredentialError,
    complete,
    is_private,
    read_credentials,
    write_credentials,
)


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "path": {"type": "path", "required": True},
            "students": {"type": "list", "elements": "dict", "required": True},
            "changed_addresses": {"type": "dict", "default": {}},
        },
        supports_check_mode=True,
    )
    path, students = module.params["path"], module.params["students"]
    try:
        kept = read_credentials(path)
    except (OSError, json.JSONDecodeError) as error:
        module.fail_json(
            msg=f"The students' passwords in {path} cannot be read: {error}.\n"
            "Restore it from your backup. Without one, move it aside: the next run makes new passwords and letters."
        )
    try:
        credentials, new = complete(kept, students, module.params["changed_addresses"])
    except CredentialError as error:
        module.fail_json(msg=str(error))
    changed = bool(new) or not is_private(path)
    if changed and not module.check_mode:
        write_credentials(path, credentials)
    accounts = {
        student["username"]: {
            **credentials[student["email"].casefold()],
            "name": student["name"],
            "email": student["email"],
        }
        for student in students
    }
    module.exit_json(changed=changed, accounts=accounts, new=new)


if __name__ == "__main__":
    main()
