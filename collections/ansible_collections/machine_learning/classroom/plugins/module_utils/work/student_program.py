"""The program that a machine runs without Ansible: it saves, and it is both of the student's commands.

`program` packs it into one file for the machine's own Python, with all modules of ours that it imports.
"""

from __future__ import annotations

import argparse
import os
import pwd
import sys
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.program import packed
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave import Autosaver, Settings
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import CommandError, HistoryError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.student_commands import StudentHistory

if TYPE_CHECKING:
    from collections.abc import Sequence

SETTINGS = "/etc/machine_learning_aws/my-work.json"


def main(arguments: Sequence[str], settings_file: str = SETTINGS) -> int:
    """Run one of the commands, which is the first of `arguments`; return what the shell gets."""
    command, *rest = arguments
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    given = _parser(command).parse_args(rest)
    try:
        settings, student = Settings.read(settings_file), pwd.getpwuid(os.getuid())
        if command == "save":
            Autosaver(settings, student.pw_name, student.pw_dir).save()
            return 0
        history = StudentHistory(settings, student.pw_name, os.getcwd())
        if command == "my-work":
            print(history.listing(given.file))
        else:
            print(f"It is here: {history.bring_back(given.file, given.when)}")
    except (CommandError, HistoryError) as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(f"{printable(str(error.filename))}: {error.strerror}. Tell your instructor.", file=sys.stderr)
        return 1
    return 0


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=command)
    if command == "my-work":
        parser.description = "Say what was saved of your work, or of one file or folder."
        parser.add_argument("file", nargs="?", default="", metavar="FILE")
    elif command == "bring-back":
        parser.description = "Lay an earlier version of a file or folder beside what is there now; nothing is replaced."
        parser.add_argument("file", metavar="FILE")
        help_ = "a number that `my-work FILE` lists, or a time like 14:30, yesterday or 2026-03-02"
        parser.add_argument("when", nargs="?", default="", metavar="WHEN", help=help_)
    return parser


def program() -> bytes:
    """Return this module, with those that it needs, as one file that Python runs: the same bytes every time."""
    return packed(__name__)
