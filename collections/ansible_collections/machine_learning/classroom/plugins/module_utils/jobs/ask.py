"""Ask jobs what they would change: each in check mode, all in one process."""

from __future__ import annotations

import shutil
import tempfile
from typing import Any, NoReturn, Protocol

from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.module_utils.common.parameters import remove_values
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs import (
    class_hours,
    conda_environment,
    datasets,
    front,
    front_certificate,
    jupyter_services,
    notebooks,
    student_accounts,
    system_services,
    work_autosave,
    work_restore,
)

# A role's module and its files want that much; what has none fails in words that nobody understands.
ROOM = 1 << 20  # bytes


class Job(Protocol):
    """What a file of this folder has: the arguments that the job takes, as in a module, and its work."""

    ARGUMENTS: dict[str, Any]

    def work(self, host: Host, given: dict[str, Any]) -> dict[str, Any]:
        """Do the job on this machine, or in check mode say what it would do."""


JOBS: dict[str, Job] = {
    "system_services": system_services,
    "class_hours": class_hours,
    "student_accounts": student_accounts,
    "work_restore": work_restore,
    "conda_environment": conda_environment,
    "datasets": datasets,
    "notebooks": notebooks,
    "work_autosave": work_autosave,
    "jupyter_services": jupyter_services,
    "front": front,
    "front_certificate": front_certificate,
}


class FailedError(Exception):
    """What the job says stands in its way."""


class Question:
    """Stands for AnsibleModule in front of a job that is only asked: its end is not that of the process."""

    check_mode = True
    _diff = False

    def fail_json(self, *, msg: str, **_: object) -> NoReturn:
        """End the job."""
        raise FailedError(msg)


def no_room() -> list[str]:
    """Say that the disk on which Ansible works is full, so that a role must be: wait_for_machine then tells."""
    return [] if shutil.disk_usage(tempfile.gettempdir()).free > ROOM else ["its disk is full"]


def reasons(name: str, arguments: dict[str, Any]) -> list[str]:
    """Return why this machine needs the job, in words that hold nothing secret; `asked` has the rule."""
    return asked(name, arguments)[0]


def asked(name: str, arguments: dict[str, Any]) -> tuple[list[str], dict[str, Any]]:
    """Return why this machine needs the job, and what it returned, but for lists and dictionaries.

    There are no reasons only if the job came to its end and found that there is nothing to do. Neither holds anything
    secret.
    """
    valid = ArgumentSpecValidator(JOBS[name].ARGUMENTS).validate(arguments)
    if valid.error_messages:  # which may hold any argument
        return ["it does not take its arguments"], {}
    host, returned = Host(Question()), {}
    said = []
    try:
        returned = JOBS[name].work(host, valid.validated_parameters)
    except FailedError as error:
        said = [str(error)]
    except Exception as error:  # noqa: BLE001 - whatever it is, the role meets it too, and then says it
        said = [f"{type(error).__name__}: {error}"]
    brief = {key: value for key, value in returned.items() if isinstance(value, str | int)}
    words: tuple[list[str], dict[str, Any]] = (
        remove_values([*host.changes, *host.needs, *said], valid._no_log_values),
        remove_values(brief, valid._no_log_values),
    )
    return words
