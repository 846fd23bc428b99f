"""Each student's password and token: made once or renewed when asked, kept at home, never printed."""

from __future__ import annotations

import json
import os
import secrets
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import write_bytes

try:
    from passlib.hash import sha512_crypt
except ImportError:
    HAS_PASSLIB = False
else:
    HAS_PASSLIB = True

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

# Read aloud or copied by hand, none of these is mistaken for another: no i, l, o, 0 or 1.
ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
# 12 characters are 59 bits, far beyond guessing through sshd; 24 characters are 119 bits.
PASSWORD_GROUPS, TOKEN_CHARACTERS = 3, 24
# Of 256 bits, for a link is never typed; the front wants 22 characters at least.
LINK_BYTES = 32
# Random passwords need no slow hash; this is what glibc uses by default.
HASH_ROUNDS = 5000

RENEWABLE = {
    # With the host that it was made for, so that it is made as for a host that is new.
    "link": ("link_secret", "link_host", "page", "page_word"),
    "password": ("password", "password_hash"),
    "token": ("token",),
}
"""What can be renewed, and what is taken out of a credential for that."""

UNDER_WAY = "renewed"
"""The key for what a run has renewed that has not come to its end yet."""


class CredentialError(ValueError):
    """The file cannot be read, or a student of the roster cannot be told from another one."""


class Link(TypedDict, total=False):
    """What a student gets in with over https, once there is a machine."""

    link_host: str
    """What the link leads to: the address of the machine, or a name."""
    link_secret: str
    page: str
    """The address of the page that stays, and leads to the machine."""
    page_word: str
    """What the machine must prove to know before the page sends anybody to it."""


class Former(TypedDict, total=False):
    """Who a student was before."""

    formerly: list[str]
    """E-mail addresses, the oldest first: work at home may still bear any of them, until it is collected again."""


class Credential(Link, Former):
    """What a student gets in with."""

    username: str
    password: str
    password_hash: str
    token: str


def linked(credential: Credential, host: str) -> Credential:
    """Return the credential with a link to `host`, whose secret is new if the link led elsewhere before.

    The address of a machine that stopped goes to a stranger, to whom browsers may have brought the old secret.
    """
    if credential.get("link_host") == host and credential.get("link_secret"):
        return credential
    return {**credential, "link_host": host, "link_secret": secrets.token_urlsafe(LINK_BYTES)}


def make_credential(username: str, kept: Mapping[str, object] | None = None) -> Credential:
    """Make a new password, its SHA-512 crypt(5) hash, and a token; parts that are `kept` stay."""
    kept = kept or {}
    password = str(kept.get("password") or "-".join(_letters(4) for _ in range(PASSWORD_GROUPS)))
    password_hash = kept.get("password_hash") if "password" in kept else None  # a hash alone is nobody's password
    made: Credential = {
        "username": username,
        "password": password,
        "password_hash": str(password_hash or sha512_crypt.using(rounds=HASH_ROUNDS).hash(password)),
        "token": str(kept.get("token") or _letters(TOKEN_CHARACTERS)),
    }
    return cast("Credential", {**kept, **made})


def read_credentials(path: str) -> dict[str, Credential]:
    """Read the credentials by e-mail address; an absent file holds none. Raises CredentialError."""
    if not os.path.exists(path):
        return {}
    try:
        kept: dict[str, Credential] = json.loads(Path(path).read_text())
    except (OSError, ValueError) as error:
        raise CredentialError(
            f"The students' passwords in {path} cannot be read: {error}.\n"
            "Restore it from your backup. Without one, move it aside: the next run makes new passwords and letters."
        ) from error
    return kept


def parts_in(given: object) -> list[str]:
    """Return what `-e renew=…` gave, a list or names with commas between, each once. Raises CredentialError."""
    names = given if isinstance(given, list | tuple) else str(given or "").split(",")
    parts = list(dict.fromkeys(name for each in names if (name := str(each).strip())))
    if unknown := [part for part in parts if part not in RENEWABLE]:
        raise CredentialError(
            f"{', '.join(unknown)} cannot be renewed; {', '.join(RENEWABLE)} can, one or several with commas between:\n"
            "ansible-playbook link.yml -e student=ada -e renew=link,token"
        )
    return parts


def taken_out(
    kept: Mapping[str, Credential], usernames: Collection[str], parts: Sequence[str]
) -> dict[str, Credential]:
    """Take `parts` out of the credentials of `usernames`, for `complete` to make them anew.

    What a run that was killed has renewed already stays: it is noted in the same file, until `settled`. Raises
    CredentialError where there is no link to renew.
    """
    credentials = dict(kept)
    for email, credential in kept.items():
        if credential["username"] not in usernames:
            continue
        under_way: list[str] = list(cast("Mapping[str, Any]", credential).get(UNDER_WAY, []))
        due = [part for part in parts if part not in under_way]
        if "link" in due and "link_secret" not in credential:
            who = credential["username"]
            raise CredentialError(
                f"{who} has no link: in a class with https it is made when the machine is configured.\n"
                f"A password and a token are renewed so:\n"
                f"ansible-playbook link.yml -e student={who} -e renew=password,token"
            )
        gone = {key for part in due for key in RENEWABLE[part]}
        stays = {key: value for key, value in credential.items() if key not in gone}
        credentials[email] = cast("Credential", {**stays, UNDER_WAY: [*under_way, *due]})
    return credentials


def settled(kept: Mapping[str, Credential]) -> dict[str, Credential]:
    """Forget which renewals were under way: whoever asks again after this means another one."""
    return {
        email: cast("Credential", {key: value for key, value in credential.items() if key != UNDER_WAY})
        for email, credential in kept.items()
    }


def usernames(kept: Mapping[str, Credential], changed_addresses: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return who is called what, by e-mail address; `changed_addresses` as for `complete`."""
    credentials, _ = _moved(kept, changed_addresses or {})
    return {email: credential["username"] for email, credential in credentials.items()}


def former_addresses(kept: Mapping[str, Credential], changed_addresses: Mapping[str, str]) -> dict[str, list[str]]:
    """Return, by username, the addresses that students had before; `changed_addresses` as for `complete`."""
    credentials, _ = _moved(kept, changed_addresses)
    return {each["username"]: each["formerly"] for each in credentials.values() if "formerly" in each}


def complete(
    kept: Mapping[str, Credential],
    students: Iterable[Mapping[str, str]],
    changed_addresses: Mapping[str, str] | None = None,
    hosts: Mapping[str, str] | None = None,
) -> tuple[dict[str, Credential], list[str]]:
    """Give a credential to each student who has none, and a link to each of `hosts`, by username.

    A student is an e-mail address; `changed_addresses` (old: new) says whose has changed. Returns all credentials,
    including those of students who left, and the usernames whose are new, mended, moved or lead elsewhere. Raises
    CredentialError if a username would come to mean another student, or a student another username: account, seat and
    work bear it.
    """
    credentials, new = _moved(kept, changed_addresses or {})
    mistakes = []
    owners = {credential["username"]: email for email, credential in credentials.items()}
    for student in students:
        email, username = student["email"].casefold(), student["username"]
        if email in credentials:
            if (former := credentials[email]["username"]) != username:
                mistakes.append(f"{email} has been {former} so far: write {former} into the column username.")
            elif not Credential.__required_keys__ <= credentials[email].keys():  # taken out by hand
                credentials[email] = make_credential(username, credentials[email])
                new.append(username)
        elif username in owners:
            same = json.dumps({"class_changed_addresses": {owners[username]: email}})
            mistakes.append(
                f"{email} cannot be {username}, who is {owners[username]}: write another name into the column username."
                f" If this is the same person: -e '{same}'"
            )
        else:
            credentials[email] = make_credential(username)
            new.append(username)
        if email in credentials and (host := (hosts or {}).get(username)):
            before, credentials[email] = credentials[email], linked(credentials[email], host)
            new += [username] if credentials[email] != before and username not in new else []
    if mistakes:
        raise CredentialError("\n".join(mistakes))
    return credentials, new


def _moved(
    kept: Mapping[str, Credential], changed_addresses: Mapping[str, str]
) -> tuple[dict[str, Credential], list[str]]:
    """Return the credentials by the addresses of today, and the usernames whose address has changed.

    Each remembers the addresses before, also one that changed when an earlier version did not remember any.
    """
    credentials, moved = dict(kept), []
    for former, address in changed_addresses.items():
        old, new = former.casefold(), address.casefold()
        if old in credentials and new not in credentials:
            credentials[new] = credentials.pop(old)
            moved.append(credentials[new]["username"])
        if old not in credentials and new in credentials:
            formerly = credentials[new].get("formerly", [])
            credentials[new] = {**credentials[new], "formerly": [*dict.fromkeys([*formerly, old])]}
    return credentials, moved


def is_private(path: str) -> bool:
    """Say whether nobody but its owner may read the file at `path`; an absent one is."""
    return not os.path.exists(path) or stat.S_IMODE(os.stat(path).st_mode) == 0o600


def write_credentials(path: str, credentials: Mapping[str, Credential]) -> None:
    """Replace the file at `path` atomically; it is readable by its owner alone from the first byte on."""
    write_bytes(path, json.dumps(credentials, indent=1, sort_keys=True).encode())


def _letters(count: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(count))
