"""Files, accounts and commands of one machine, changed step by step and reported.

A module that does one whole job uses a `Host` for every step. The host compares before it writes, does nothing in
check mode, and collects what it changed (or would change), so that `changed`, `--check` and `--diff` tell the truth.
"""

from __future__ import annotations

import grp
import os
import pwd
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ansible.module_utils.basic import AnsibleModule

# Where systemd looks for what was decided on this machine: for good, and until it boots.
UNITS = ("/etc/systemd/system", "/run/systemd/system")
# What changed and was not taken up yet, an empty file for each. A machine that boots takes up everything.
RENEWED = "/run/machine_learning_aws/renewed"


class Host:
    """One machine under configuration.

    `changes` lists, in words, every step that was taken, or in check mode would be taken. `needs` lists why else a job
    should be done that in check mode would change nothing.
    """

    def __init__(self, module: AnsibleModule) -> None:
        """Start with nothing changed; `module` tells check mode and ends the run."""
        self.module = module
        self.check_mode: bool = module.check_mode
        self.changes: list[str] = []
        self.needs: list[str] = []
        self._before: list[str] = []
        self._after: list[str] = []
        self._mark: Path | None = None

    def change(self, what: str) -> bool:
        """Record the step `what` and say whether it may really be taken."""
        self.changes.append(what)
        return not self.check_mode

    @contextmanager
    def renewing(self, what: str) -> Iterator[bool]:
        """Enclose changes of files and the restart of `what` reads them; yield whether that is due from an earlier run.

        It is where the block of an earlier run wrote a file and did not come to its end: then the files are right,
        and nothing else would tell that they were never read.
        """
        mark = Path(RENEWED, what)
        is_due, self._mark = mark.exists(), mark
        yield is_due
        self._mark = None
        if not self.check_mode:
            mark.unlink(missing_ok=True)

    def need(self, why: str) -> None:
        """Record `why` this job should be done, though as far as check mode can see it would change nothing."""
        self.needs.append(why)

    def directory(self, path: str, *, mode: int, owner: str = "root", group: str | None = None) -> bool:
        """Make sure that `path` is a directory with this owner and mode; parents must exist.

        Returns whether anything changed.
        """
        if os.path.lexists(path) and not os.path.isdir(path):
            self.fail(f"{path} is in the way: it is not a directory. Move it aside, then run again.")
        if os.path.isdir(path):
            return self._attributes(path, mode=mode, owner=owner, group=group)
        if self.change(f"made {path}"):
            os.mkdir(path, 0o700)
            shutil.chown(path, owner, group or owner)
            os.chmod(path, mode)
        return True

    def file(
        self,
        path: str,
        content: str | bytes,
        *,
        mode: int,
        owner: str = "root",
        group: str | None = None,
        secret: bool = False,
    ) -> bool:
        """Make sure that `path` holds exactly `content`, written atomically.

        A `secret` file is named in the changes but never shown in the diff. Returns whether anything changed.
        """
        wanted = content.encode() if isinstance(content, str) else content
        current = Path(path).read_bytes() if os.path.isfile(path) else None
        changed = current != wanted
        if changed:
            if not secret:
                self._before.append(f"--- {path}\n{(current or b'').decode(errors='replace')}")
                self._after.append(f"--- {path}\n{wanted.decode(errors='replace')}")
            if self.change(f"wrote {path}"):
                if self._mark:
                    self._mark.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                    self._mark.touch()
                self._replace(path, wanted, mode=mode, owner=owner, group=group)
        return self._attributes(path, mode=mode, owner=owner, group=group) or changed

    def run(self, argv: Sequence[str], *, what: str, stdin: str | None = None) -> str:
        """Record the step `what` and run `argv` for it; returns its output, or "" in check mode.

        `stdin` carries what may not appear in the process list.
        """
        if not self.change(what):
            return ""
        return self.ask(argv, stdin=stdin)

    def enable(self, unit: str) -> None:
        """Make sure that systemd's `unit` starts at boot."""
        if not is_wanted(unit) and self.probe(["systemctl", "is-enabled", "--quiet", unit]).returncode != 0:
            self.run(["systemctl", "enable", "--quiet", unit], what=f"enabled {unit}")

    def keep_running(self, unit: str, *, restart: bool) -> None:
        """Make sure that systemd's `unit` starts at boot and runs; with `restart`, one that ran starts anew."""
        self.enable(unit)
        if self.probe(["systemctl", "is-active", "--quiet", unit]).returncode != 0:
            self.run(["systemctl", "start", unit], what=f"started {unit}")
        elif restart:
            self.run(["systemctl", "restart", unit], what=f"restarted {unit}")

    def ask(self, argv: Sequence[str], *, stdin: str | None = None) -> str:
        """Run `argv`, which changes nothing worth reporting, and return its output; fail in words if it fails."""
        done = self.probe(argv, stdin=stdin)
        if done.returncode != 0:
            said = (done.stderr or done.stdout).strip().splitlines()
            self.fail(f"{argv[0]} {argv[1] if len(argv) > 1 else ''} failed: {' / '.join(said[-3:]) or 'no message'}")
        return done.stdout

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run `argv` and return how it ended, whatever that is."""
        return subprocess.run(  # the callers' argument lists hold no shell text
            argv, input=stdin, capture_output=True, text=True, errors="replace", check=False
        )

    def fail(self, message: str, **result: Any) -> NoReturn:
        """End the module with a sentence for the user, and what had changed by then."""
        changed = bool(self.changes) and not self.check_mode
        self.module.fail_json(msg=message, changed=changed, changes=self.changes, **result)
        raise AssertionError("fail_json returned")

    def done(self, **result: Any) -> NoReturn:
        """End the module well, with what changed."""
        if self.module._diff and self._after:
            result["diff"] = {"before": "\n".join(self._before), "after": "\n".join(self._after)}
        self.module.exit_json(changed=bool(self.changes), changes=self.changes, **result)
        raise AssertionError("exit_json returned")

    def _attributes(self, path: str, *, mode: int, owner: str, group: str | None) -> bool:
        if not os.path.lexists(path):  # check mode: it would just have been made
            return False
        status = os.stat(path)
        uid, gid = self._ids(owner, group)
        if uid is not None and (status.st_uid, status.st_gid) == (uid, gid) and status.st_mode & 0o7777 == mode:
            return False
        if self.change(f"set {path} to {owner}:{group or owner} {mode:04o}"):
            shutil.chown(path, owner, group or owner)
            os.chmod(path, mode)
        return True

    @staticmethod
    def _ids(owner: str, group: str | None) -> tuple[int | None, int | None]:
        try:
            return pwd.getpwnam(owner).pw_uid, grp.getgrnam(group or owner).gr_gid
        except KeyError:  # check mode: the account would just have been made
            return None, None

    def _replace(self, path: str, content: bytes, *, mode: int, owner: str, group: str | None) -> None:
        with records.replacing(path) as out:
            out.write(content)
            shutil.chown(out.fileno(), owner, group or owner)
            os.fchmod(out.fileno(), mode)


def is_wanted(unit: str) -> bool:
    """Say whether a link has systemd's `unit` start at boot; if none has, only systemctl knows.

    To ask systemctl costs a machine 6 ms of CPU, and a machine in which all is well is asked for eight units.
    """
    if any(_is_mask(f"{folder}/{unit}") for folder in UNITS):
        return False
    return any(link.is_file() for link in Path(UNITS[0]).glob(f"*.wants/{unit}"))


def _is_mask(path: str) -> bool:
    """Say whether a unit's file masks it: systemd.unit(5) has a link to /dev/null for that, and an empty file."""
    return os.path.exists(path) and (os.path.realpath(path) == os.devnull or os.path.getsize(path) == 0)
