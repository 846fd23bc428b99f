"""Which AWS credentials a run uses: one set of them, and such as its many processes can use without asking anybody."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import (
    not_fetched,
    profile_in_use,
    with_profile,
)

with suppress(ImportError):  # who calls AWS says so
    import botocore.session
    from botocore.exceptions import NoCredentialsError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_PROFILES = ("AWS_PROFILE", "AWS_DEFAULT_PROFILE")
_KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


class CredentialsError(ValueError):
    """Why a run cannot use the credentials that it finds; the message says what to do."""


def require_credentials() -> None:
    """Refuse where there are no credentials, or two sets, or such that somebody would have to type a code for.

    :raises CredentialsError: they cannot be used.
    :raises BotoCoreError: there are none, or botocore cannot fetch them.
    """
    keys, profiles = ([name for name in names if os.environ.get(name)] for names in (_KEYS, _PROFILES))
    session = botocore.session.Session(profile=profile_in_use() if profiles else None)
    session.get_scoped_config()  # refuses a profile that is not there
    if keys and profiles:
        # botocore would take the keys in one place and the profile in another, amazon.aws refuses both.
        raise CredentialsError(
            f"{profiles[0]} ({profile_in_use()}) and {keys[0]} are both set: which account is meant?\n"
            f"For the profile run `unset {' '.join(keys)}`, for the keys `unset {' '.join(profiles)}`; then run again."
        )
    if not keys:
        _refuse_codes(session.full_config["profiles"])
    try:
        found = session.get_credentials()
    except (OSError, ValueError) as error:  # of a credential_process that is not there, or does not answer in JSON
        raise CredentialsError(not_fetched(str(error))) from error
    if found is None:
        raise NoCredentialsError


def _refuse_codes(profiles: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a profile whose role, or the role that it comes from, wants the code of an MFA device.

    botocore would ask for the code at the terminal, in each process anew.
    """
    name, seen = profile_in_use(), set()
    while name not in seen and "role_arn" in (settings := profiles.get(name, {})):
        if "mfa_serial" in settings:
            export = with_profile("aws configure export-credentials")
            raise CredentialsError(
                f"Profile {name} wants the code of an MFA device ({settings['mfa_serial']}). A run cannot ask you for "
                "it: it consists of many processes.\n"
                f'Run `eval "$({export} --format env)"` and `unset {" ".join(_PROFILES)}`, then run again. What this '
                "exports is good for an hour, unless the profile says duration_seconds."
            )
        seen.add(name)
        name = settings.get("source_profile", "")
