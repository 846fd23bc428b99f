"""Keep a password, a token and a link for every student."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.machine_learning.classroom.plugins.module_utils.credentials import (
    HAS_PASSLIB,
    Credential,
    CredentialError,
    complete,
    is_private,
    parts_in,
    read_credentials,
    settled,
    taken_out,
    write_credentials,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.pages.page import give_pages, stable_link
from ansible_collections.machine_learning.classroom.plugins.module_utils.requirements import missing_package


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.credentials`."""

    _requires_connection = False

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run once for a class."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, given = self.validate_argument_spec(
            {
                "path": {"type": "path", "required": True},
                "students": {"type": "list", "elements": "dict", "required": True},
                "pages": {"type": "bool", "default": False},
                "pages_url": {"type": "str", "default": ""},
                "changed_addresses": {"type": "dict", "default": {}},
                "renew": {"type": "raw", "default": []},
                "renew_for": {"type": "list", "elements": "str", "default": []},
                "hosts": {"type": "dict", "default": {}},
            }
        )
        if not HAS_PASSLIB:
            return result | {"failed": True, "msg": missing_package("libpass")}
        path, students = given["path"], given["students"]
        try:
            parts, kept = parts_in(given["renew"]), read_credentials(path)
            begun = taken_out(kept, given["renew_for"], parts) if parts else settled(kept)
            credentials, new = complete(begun, students, given["changed_addresses"], given["hosts"])
        except CredentialError as error:
            return result | {"failed": True, "msg": str(error)}
        if given["pages"]:
            give_pages(credentials, students)
        changed = credentials != kept or not is_private(path)
        if changed and not self._task.check_mode:
            write_credentials(path, credentials)
        accounts = {
            student["username"]: {
                **_told(credentials[student["email"].casefold()], given["hosts"].get(student["username"])),
                "name": student["name"],
                "email": student["email"],
                "stable_link": stable_link(given["pages_url"], credentials[student["email"].casefold()]),
            }
            for student in students
        }
        return result | {"changed": changed, "accounts": accounts, "new": new}


def _told(credential: Credential, host: str | None) -> dict[str, Any]:
    """Return what is told of a credential: no link where the student has no `host`, which is "" then.

    It is kept, for one whose machine does not run, of whom no host is known, has it again.
    """
    return {name: value for name, value in credential.items() if host != "" or not name.startswith("link_")}
