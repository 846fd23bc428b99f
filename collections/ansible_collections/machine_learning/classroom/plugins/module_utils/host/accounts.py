"""Accounts of a machine."""

from __future__ import annotations

import grp
import pwd
from pathlib import Path

# The second day of 1970, in shadow(5)'s count of days: an account that ended then is closed. 0 could mean "never".
EXPIRED = "1"


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
