"""Accounts of a machine."""

from __future__ import annotations

import grp
import pwd


def primary_group(account: str) -> str:
    """Return the name of the primary group of `account`, which need not be its namesake.

    An account that does not exist (check mode: it would just have been made) has the group that `useradd` gives it.
    """
    try:
        return grp.getgrgid(pwd.getpwnam(account).pw_gid).gr_name
    except KeyError:
        return account
