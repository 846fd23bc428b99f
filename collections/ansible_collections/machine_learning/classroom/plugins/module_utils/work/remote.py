"""Copies of the histories in a git repository elsewhere, which must not be a public one."""

from __future__ import annotations

import os
import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.git_store import BRANCH
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import AUTOSAVES, History

if TYPE_CHECKING:
    from collections.abc import Mapping

ANSWER_S = 30
"""How long a server may take to say whether a repository is public."""

_SCP = re.compile(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?!/)(?P<path>[^:]+)")


class RemoteError(Exception):
    """Why nothing is pushed, in words for the instructor. It never holds the address, which may hold a secret."""


@dataclass
class Pushed:
    """What became of the histories, by the names of their branches."""

    pushed: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def check_address(remote: str) -> None:
    """Raise RemoteError for an address that is not safe to use or to show."""
    if _SCP.fullmatch(remote) or remote.startswith("/"):
        return
    parts = urlsplit(remote)
    if parts.scheme not in ("https", "ssh", "file"):
        raise RemoteError(
            "class_work_remote must be an address for https or ssh: anything else is not encrypted on the way."
        )
    if parts.password is not None or (parts.scheme == "https" and parts.username is not None):
        raise RemoteError(
            "class_work_remote holds a password or token, which process lists and logs would show.\n"
            "Take it out. Use an ssh address with your key, or git's credential helper: git help credentials"
        )


def anonymous_address(remote: str) -> str:
    """Return where everybody could read the repository, if it is public; "" if there is no such place."""
    if match := _SCP.fullmatch(remote):
        return f"https://{match['host']}/{match['path']}"
    parts = urlsplit(remote)
    if parts.scheme == "https":
        return remote
    return f"https://{parts.hostname}{parts.path}" if parts.scheme == "ssh" else ""


def is_public(remote: str) -> bool:
    """Ask the server, as somebody whom it does not know, whether it shows the repository."""
    address = anonymous_address(remote)
    if not address:
        return False
    stranger = {name: value for name, value in os.environ.items() if name in ("GIT_SSL_CAINFO", "PATH")}
    stranger |= {name: value for name, value in os.environ.items() if name.lower().endswith("_proxy")}
    stranger |= {"HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    stranger |= {"GIT_TERMINAL_PROMPT": "0", "GIT_ASKPASS": "false", "LC_ALL": "C"}
    try:
        asked = subprocess.run(
            ["git", "ls-remote", "--quiet", "--", address],
            env=stranger, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=ANSWER_S,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return False
    return asked.returncode == 0


def push(home: str, class_name: str, remote: str, *, check_mode: bool = False) -> Pushed:
    """Push the history of each student of the class to a branch CLASS/USERNAME; raise RemoteError if none can be.

    What machines saved between the collects goes to autosaved/CLASS/USERNAME. A second history of that username, in
    USERNAME~2.git, has branches called USERNAME+2.

    Nothing is ever forced: a branch that has another history stays, and is named.
    """
    check_address(remote)
    if is_public(remote):
        raise RemoteError(
            "The repository of class_work_remote is public: everybody could read the students' work.\n"
            "Nothing was pushed. Make it private, or set another one."
        )
    there = _branches(remote)
    result = Pushed()
    histories = _histories(home, class_name)
    for name, history in histories.items():
        news = _news(history, f"{class_name}/{name}", there)
        if not news:
            result.unchanged.append(name)
            continue
        if not check_mode and (reason := next(filter(None, (_push(history, remote, *new) for new in news)), "")):
            result.failed[name] = reason
            continue
        result.pushed.append(name)
    if result.pushed and not check_mode:
        there = _branches(remote)
        for name, history in histories.items():
            if name in result.pushed and _news(history, f"{class_name}/{name}", there):
                result.pushed.remove(name)
                result.failed[name] = "the server does not have what was pushed"
    return result


def _news(history: History, name: str, there: Mapping[str, str]) -> list[tuple[str, str]]:
    """Return which branches of `history` the server does not have as they are, each with its name there."""
    names = {BRANCH: f"refs/heads/{name}", AUTOSAVES: f"refs/heads/autosaved/{name}"}
    heads = [(ours, theirs, history.head(ours)) for ours, theirs in names.items()]
    return [(ours, theirs) for ours, theirs, head in heads if head and there.get(theirs) != head]


def _histories(home: str, class_name: str) -> dict[str, History]:
    """Return the histories of the class by the names of their branches.

    The first of a username has it alone, whatever number the folder bears because of another class. In a branch's name
    git takes no "~", and a username has no "+".
    """
    folder = os.path.join(home, ".history")
    names = [name for name in os.listdir(folder) if name.endswith(".git")] if os.path.isdir(folder) else []
    histories: dict[str, History] = {}
    for name in sorted(names, key=lambda name: (len(name), name)):  # ada, ada~2, ada~10
        history = History(os.path.join(folder, name))
        if (owner := history.owner()) and owner.class_name == class_name:
            username, _, number = name.removesuffix(".git").partition("~")
            histories[f"{username}+{number}" if username in histories else username] = history
    return dict(sorted(histories.items()))


def _push(history: History, remote: str, ours: str, branch: str) -> str:
    """Push `ours` to `branch`; return "" or why it did not work."""
    done = _git("push", "--quiet", "--porcelain", "--", remote, f"{ours}:{branch}", at=history.path)
    if done.returncode == 0:
        return ""
    if "non-fast-forward" in done.stdout or "fetch first" in done.stdout:
        return (
            f"the branch {branch.removeprefix('refs/heads/')} has another history. Nothing was replaced: "
            "rename it there, then run again"
        )
    return _why(done, remote)


def _branches(remote: str) -> dict[str, str]:
    done = _git("ls-remote", "--quiet", "--heads", "--", remote)
    if done.returncode != 0:
        raise RemoteError(
            f"The repository of class_work_remote cannot be reached: {_why(done, remote)}.\n"
            "The work is on this disk only. Try it yourself: git ls-remote with that address."
        )
    return {name: commit for commit, name in (line.split("\t") for line in done.stdout.splitlines())}


def _git(*arguments: str, at: str = "") -> subprocess.CompletedProcess[str]:
    """Run git with the instructor's own settings: keys and credential helpers are theirs."""
    kept: Mapping[str, str] = {name: value for name, value in os.environ.items() if not name.startswith("GIT_DIR")}
    environment = {"GIT_SSH_COMMAND": "ssh -o BatchMode=yes", **kept, "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
    if at:
        environment["GIT_DIR"] = at
    return subprocess.run(
        ["git", *arguments],
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )


def _why(done: subprocess.CompletedProcess[str], remote: str) -> str:
    lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
    return printable(" ".join(lines[-2:]).replace(remote, "it")) or "git gave no reason"
