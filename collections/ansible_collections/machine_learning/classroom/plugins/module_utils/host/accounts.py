"""Accounts of a machine."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from typing import Any

# The second day of 1970, in shadow(5)'s count of days: an account that ended then is closed. 0 could mean "never".
EXPIRED = "1"
# What passwd(5) says of a student's account, in the first of its fields of comment.
STUDENTS_COMMENT = "Student of machine_learning_aws"


def exists(find: Any, name: str) -> bool:
    """Say whether `find` (`pwd.getpwnam` or `grp.getgrnam`) knows `name`."""
    try:
        find(name)
    except KeyError:
        return False
    return True


def is_students(username: str, group: str, project_directory: str) -> bool:
    """Say whether the account exists and is one that this project made: no other may be changed.

    A student is in `group`, or has a folder in the project's, where only root makes any: so are those of earlier
    versions. `useradd` writes the groups last, so the account of one that was cut off is known by its comment.
    """
    if not exists(pwd.getpwnam, username):
        return False
    account = pwd.getpwnam(username)
    if account.pw_gecos.partition(",")[0] == STUDENTS_COMMENT:
        return True
    if exists(grp.getgrnam, group) and username in grp.getgrnam(group).gr_mem:
        return True
    folder = f"{project_directory}/daily_user/{username}"
    return os.path.isdir(folder) and os.stat(folder).st_uid == account.pw_uid


def primary_group(account: str) -> str:
    """Return the name of the primary group of `account`, which need not be its namesake.

    An account that does not exist (check mode: it would just have been made) has the group that `useradd` gives it.
    """
    try:
        return grp.getgrgid(pwd.getpwnam(account).pw_gid).gr_name
    except KeyError:
        return account


def shadow_hash(username: str) -> str:
    """Return the account's password hash; empty where there is no account."""
    return _shadow(username)[1]


def expiry(username: str) -> str:
    """Return the day on which the account ends, or ended; empty for never, and where there is no account."""
    return _shadow(username)[7]


def _shadow(username: str) -> list[str]:
    for line in Path("/etc/shadow").read_text().splitlines():
        fields = line.split(":")
        if fields[0] == username:
            return fields
    return [""] * 9
