#!/usr/bin/python
"""Push the histories of the students' work to a git repository that is not public."""

from __future__ import annotations

DOCUMENTATION = r"""
module: work_push
short_description: Push the histories of the students' work to a private git repository
description:
  - Pushes the history of each student of the class to the branch C(CLASS/USERNAME), and what machines saved between
    the collects to C(autosaved/CLASS/USERNAME), where it is not there yet, and checks that the server has it. Nothing
    is forced. A second history of that username, in C(USERNAME~2.git), has branches called C(USERNAME+2).
  - Refuses a repository that the server shows to strangers, an address that is not encrypted, and one with a password.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - machine_learning.classroom.student_work.home
  - machine_learning.classroom.attributes
options:
  remote:
    description: The address of the repository.
    type: str
    required: true
"""

EXAMPLES = r"""
- name: Push every student's history
  machine_learning.classroom.work_push:
    home: daily_user
    class_name: ml101
    remote: git@git.example.edu:ml101/work.git
"""

RETURN = r"""
pushed:
  description: The usernames whose history was pushed, as their branches are called.
  type: list
  elements: str
  returned: success
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import HistoryError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.remote import RemoteError, push


def main() -> None:
    """Run the module."""
    module = AnsibleModule(
        argument_spec={
            "home": {"type": "path", "required": True},
            "class_name": {"type": "str", "required": True},
            "remote": {"type": "str", "required": True, "no_log": True},
        },
        supports_check_mode=True,
    )
    given = module.params
    try:
        result = push(given["home"], given["class_name"], given["remote"], check_mode=module.check_mode)
    except (RemoteError, HistoryError) as error:
        module.fail_json(msg=str(error))
    if result.failed:
        reasons = "\n".join(f"{username}: {reason}" for username, reason in list(result.failed.items())[:4])
        module.fail_json(msg=f"Not pushed, so only on this disk:\n{reasons}", pushed=result.pushed)
    done = "would be pushed" if module.check_mode else "pushed"
    module.exit_json(
        changed=bool(result.pushed),
        pushed=result.pushed,
        msg=f"{len(result.pushed)} histories {done} to class_work_remote; {len(result.unchanged)} were there already.",
    )


if __name__ == "__main__":
    main()
