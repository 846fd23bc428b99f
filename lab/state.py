"""The lab's folder `lab/state`: secrets made once, the inventory that overrides class variables, who holds the lab."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
import shlex
import tempfile
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from lab import layout
from lab.shell import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator


def write_private(path: Path, content: str | bytes) -> None:
    """Write `path` at once and whole, readable for the owner of the checkout alone."""
    data = content.encode() if isinstance(content, str) else content
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        give(Path(temporary))
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def give(path: Path) -> None:
    """Give `path` to the owner of the checkout: the lab runs as root, the project's commands need not."""
    owner = layout.PROJECT.stat()
    os.chown(path, owner.st_uid, owner.st_gid)


def make_folders() -> None:
    """Make the folders of a lab."""
    for folder in (layout.STATE, layout.HOSTS, layout.MAIL, layout.INVENTORY, layout.CLASS_STATE):
        folder.mkdir(mode=0o700, exist_ok=True)
        give(folder)


@dataclass(frozen=True)
class Secrets:
    """Made once per lab. Long, because Ansible censors every value in results that equals or contains a secret."""

    access_key: str
    secret_key: str
    # The account's owner, who may do everything: for what a person does in the AWS console.
    owner_access_key: str
    owner_secret_key: str
    mail_user: str
    mail_password: str

    @classmethod
    def load(cls) -> Secrets:
        """Return this lab's secrets; what is missing, all of them or what an earlier version had not, is made now."""
        kept = json.loads(layout.SECRETS.read_text()) if layout.SECRETS.exists() else {}
        made = {
            "access_key": _access_key(),
            "secret_key": secrets.token_urlsafe(40),
            "owner_access_key": _access_key(),
            "owner_secret_key": secrets.token_urlsafe(40),
            "mail_user": "class-" + secrets.token_hex(8),
            "mail_password": secrets.token_urlsafe(32),
        }
        own = cls(**{**made, **kept})
        if asdict(own) != kept:
            write_private(layout.SECRETS, json.dumps(asdict(own)))
        return own


def _access_key() -> str:
    return "LAB" + secrets.token_hex(16).upper()


def write_environment(own: Secrets) -> None:
    """Write what `source lab/activate` exports."""
    exports = {
        "AWS_ENDPOINT_URL": layout.ENDPOINT_URL,
        "AWS_ACCESS_KEY_ID": own.access_key,
        "AWS_SECRET_ACCESS_KEY": own.secret_key,
        # This machine is no instance: no waiting for its metadata service.
        "AWS_EC2_METADATA_DISABLED": "true",
        "ANSIBLE_INVENTORY": f"{layout.PROJECT / 'inventory'},{layout.INVENTORY}",
    }
    lines = [f"export {name}={shlex.quote(value)}" for name, value in exports.items()]
    # A profile or a session of a real account would win over the keys above.
    lines.append("unset AWS_PROFILE AWS_DEFAULT_PROFILE AWS_SESSION_TOKEN")
    write_private(layout.ENVIRONMENT, "\n".join(lines) + "\n")


def write_inventory(own: Secrets, roster: Path, mirror: Path) -> None:
    """Write the group `lab`, whose variables tell the playbooks what differs here."""
    # A lock names the packages of one channel by their hashes, so a channel that was built anew wants its own.
    variables = {
        "class_roster": str(roster),
        "class_state_dir": str(layout.CLASS_STATE),
        "class_environment_lock": str(layout.STATE / f"environment-{mirror.name}.lock"),
        "class_mirror_url": layout.MIRROR_URL,
        "class_smtp_host": "127.0.0.1",
        "class_smtp_port": layout.MAIL_PORT,
        "class_smtp_username": own.mail_user,
        "class_smtp_password": own.mail_password,
        "class_smtp_ca_file": str(layout.AUTHORITY),
        "class_mail_from": "Machine learning class <class@example.com>",
        "front_acme_directory": layout.ACME_DIRECTORY,
    }
    # Variables in an inventory file lose against the project's group_vars/all; those in a group's own file win.
    groups: dict[str, Any] = {"lab": {"children": {"control": {}, "machines": {}, "baking": {}}}}
    for path, content in ((layout.INVENTORY / "lab.yml", groups), (layout.VARIABLES, variables)):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, "# Written by `python -m lab up`.\n" + yaml.safe_dump(content, sort_keys=False, width=120))


def roster_in_use() -> Path | None:
    """Return the roster that the lab was brought up with, if it is up."""
    try:
        variables = yaml.safe_load(layout.VARIABLES.read_text())
    except FileNotFoundError:
        return None
    return Path(variables["class_roster"])


@contextmanager
def alone() -> Iterator[None]:
    """Let one `up` or `down` at a time work on this machine."""
    layout.LOCK.parent.mkdir(parents=True, exist_ok=True)
    with layout.LOCK.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise LabError("Another `python -m lab up` or `down` is at work on this machine: wait for it.") from error
        yield


def holder() -> Path | None:
    """Return the checkout that holds this machine's lab, if any."""
    return Path(layout.HOLDER.read_text()) if layout.HOLDER.exists() else None


def hold() -> None:
    """Record that this checkout holds the lab."""
    layout.RUN.mkdir(mode=0o755, exist_ok=True)
    layout.HOLDER.write_text(str(layout.PROJECT))


def require_ours(checkout: Path | None) -> None:
    """Raise LabError when `checkout`, the holder of the lab or of hosts, is another one that still exists."""
    if checkout not in (None, layout.PROJECT) and (checkout / "lab").exists():
        raise LabError(
            f"The lab of {checkout} is up on this machine, and there can be only one.\n"
            f"End it first:  cd {shlex.quote(str(checkout))} && make lab-down"
        )
