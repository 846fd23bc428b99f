"""Give each student of a machine an account that logs in with a password and reaches only its own port."""

from __future__ import annotations

import grp
import os
import pwd
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import ssh_service
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.accounts import (
    STUDENTS_COMMENT,
    exists,
    expiry,
    is_students,
    shadow_hash,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ARGUMENTS: dict[str, Any] = {
    "password_hashes": {"type": "dict", "required": True, "no_log": True},
    "group": {"type": "str", "default": "students"},
    "project_directory": {"type": "path", "required": True},
    "sshd_config": {"type": "str", "required": True},
    "sshd_config_file": {"type": "path", "required": True},
    "sshd_where_known": {"type": "list", "elements": "str", "default": []},
    "sshd_leaves_ports_to": {"type": "str", "default": ""},
    "sshd_only_kept": {"type": "list", "elements": "str", "default": []},
}

# Whatever a student's processes can start from; each gets a /proc of its own that shows no processes of others (root
# still sees them all). Not an option of /proc for the whole machine: systemd does not work well under one.
STARTERS = ["ssh.service", "user@.service", "cron.service"]
ALONE = "# Made by machine_learning_aws (role student).\n[Service]\nProtectProc=invisible\n"


def traversable(host: Host, directory: str) -> None:
    """Let everyone pass through `directory` without listing it: Ubuntu makes home directories 0750."""
    mode = os.stat(directory).st_mode & 0o7777
    if not mode & 0o001 and host.change(f"let students pass through {directory}"):
        os.chmod(directory, mode | 0o001)


def of_others(usernames: Iterable[str], group: str, project_directory: str) -> list[str]:
    """Return which of `usernames` are accounts of the machine's own, or groups.

    None is adopted: it has an owner, who would be shut out, and rights of its own.
    """
    return [
        username
        for username in usernames
        if not is_students(username, group, project_directory)
        and (exists(pwd.getpwnam, username) or exists(grp.getgrnam, username))
    ]


def refusal(others: list[str]) -> dict[str, Any]:
    """Return who has no account, and why, for the end of the run: the machine's other students wait for nobody."""
    words = (
        f"This machine has accounts or groups of its own called {', '.join(others)}. Nothing was done to them, so"
        " these students have no account.\n"
        "Give the students other usernames, as docs/customising.md says under A username, or, if nobody needs what"
        " is there, remove it from the machine (sudo userdel NAME, sudo groupdel NAME). Then run configure.yml"
        " again."
    )
    return {"refused": others, **({"msg": words} if others else {})}


def accounts(host: Host, password_hashes: dict[str, str], group: str) -> None:
    """Make the accounts, open those that were closed, and set the passwords of those whose hash differs."""
    if not exists(grp.getgrnam, group):
        host.run(["groupadd", "--system", group], what=f"made the group {group}")
    for username in password_hashes:
        if not exists(pwd.getpwnam, username):
            host.run(
                [
                    "useradd",
                    "--create-home",
                    "--key",
                    "HOME_MODE=0700",
                    "--shell",
                    "/bin/bash",
                    "--comment",
                    STUDENTS_COMMENT,
                    "--groups",
                    group,
                    username,
                ],
                what=f"made the account {username}",
            )
        elif username not in grp.getgrnam(group).gr_mem:
            host.run(["gpasswd", "--add", username, group], what=f"put {username} into the group {group}")
        if expiry(username):
            host.run(["usermod", "--expiredate", "", username], what=f"opened the account of {username}")
        if os.path.isdir(f"/home/{username}"):
            host.directory(f"/home/{username}", mode=0o700, owner=username)
    new = {username: wanted for username, wanted in password_hashes.items() if shadow_hash(username) != wanted}
    if new:  # on standard input: a process list is for everyone to read
        host.run(
            ["chpasswd", "--encrypted"],
            stdin="".join(f"{username}:{wanted}\n" for username, wanted in new.items()),
            what=f"set the password of {', '.join(new)}",
        )
        if not host.check_mode:
            end_logins(host, new)


def end_logins(host: Host, usernames: Iterable[str]) -> None:
    """End the ssh sessions of students whose password is another now, tunnels among them; Jupyter goes on.

    sshd-session is what OpenSSH calls a session's process since 9.8.
    """
    for username in usernames:
        for process in ("sshd", "sshd-session"):
            if host.probe(["pkill", "-KILL", "--euid", username, "--exact", process]).returncode == 0:
                host.change(f"ended the ssh sessions of {username}")


def folders(host: Host, usernames: Iterable[str], project_directory: str) -> None:
    """Make the project's folders; a student's own folder is closed to the others."""
    traversable(host, os.path.dirname(project_directory))
    host.directory(project_directory, mode=0o755)
    host.directory(f"{project_directory}/daily_user", mode=0o711)
    for username in usernames:
        host.directory(f"{project_directory}/daily_user/{username}", mode=0o700, owner=username)


def hide_processes(host: Host) -> bool:
    """Hide other accounts' processes from whatever starts anew; returns whether anything changed."""
    changed = False
    for unit in STARTERS:
        directory = f"/etc/systemd/system/{unit}.d"
        host.directory(directory, mode=0o755)
        changed = host.file(f"{directory}/10-machine-learning-class.conf", ALONE, mode=0o644) or changed
    return changed


def understood(host: Host, config: str, where_known: list[str]) -> str:
    """Return `config` without the lines of `where_known` whose keyword this machine's sshd does not know."""

    def stays(line: str) -> bool:
        if not line.startswith(tuple(where_known)):
            return True
        verdict = host.probe(["sshd", "-t", "-f", "/dev/null", "-o", line.strip()])
        return "Bad configuration option" not in verdict.stderr

    return "".join(line for line in config.splitlines(keepends=True) if stays(line))


def without_ports_of(host: Host, config: str, program: str) -> str:
    """Return `config` without the ports that `program` holds on this machine, which leads ssh on to sshd's others."""
    if not program:
        return config
    lines = [line for line in host.probe(["ss", "-Hltnp"]).stdout.splitlines() if f'"{program}"' in line]
    held = {f"Port {line.split()[3].rpartition(':')[2]}" for line in lines}
    return "".join(line for line in config.splitlines(keepends=True) if line.strip() not in held)


def only_kept(config: str, path: str, keywords: Sequence[str]) -> str:
    """Return `config` without the lines of `keywords` that the file at `path` has not yet: others lay them."""
    there = Path(path).read_text().splitlines(keepends=True) if os.path.exists(path) else []
    lines = config.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(tuple(keywords)) or line in there)


def without_others(config: str, others: Iterable[str]) -> str:
    """Return sshd's `config` without what is only for the accounts of `others`: the block of each."""
    for username in others:
        config = re.sub(rf"\nMatch User {re.escape(username)}\n(?:[ \t].*\n?)*", "", config)
    return config


def sshd_accepts(host: Host, path: str, config: str) -> bool:
    """Install the drop-in and let sshd check it, or take it back and fail; returns whether it changed."""
    before = Path(path).read_text() if os.path.exists(path) else None
    changed = host.file(path, config, mode=0o644)
    if changed and not host.check_mode:
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)  # `sshd -t` wants it; a socket makes it only later
        verdict = host.probe(["sshd", "-t"])
        if verdict.returncode != 0:
            if before is None:
                os.unlink(path)
            else:
                Path(path).write_text(before)
            host.fail(f"sshd does not accept {path}, so it was taken back: {verdict.stderr.strip()}")
    return changed


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`, as `ARGUMENTS` says what is `given`."""
    others = of_others(given["password_hashes"], given["group"], given["project_directory"])
    for username in others:
        host.need(f"{username} is an account or a group of the machine's own")
    hashes = {username: wanted for username, wanted in given["password_hashes"].items() if username not in others}
    accounts(host, hashes, given["group"])
    folders(host, hashes, given["project_directory"])
    with host.renewing("sshd") as is_due:
        units = hide_processes(host)
        text = understood(host, without_others(given["sshd_config"], others), given["sshd_where_known"])
        text = without_ports_of(host, text, given["sshd_leaves_ports_to"])
        text = only_kept(text, given["sshd_config_file"], given["sshd_only_kept"])
        changed = sshd_accepts(host, given["sshd_config_file"], text) or is_due
        ssh_service.listen(host, given["sshd_config_file"], changed=changed, units=units)
    return refusal(others)
