"""The screen of an instructor: what is begun, what changed, messages as plain text, and failures in a few words.

With -v everything looks as Ansible's default has it.
"""

from __future__ import annotations

DOCUMENTATION = r"""
name: lean
type: stdout
short_description: What changed, and failures in a few lines of words
description:
  - The default output, but that a failure shows host, student and message without the rest of the result, and that
    messages of tasks are plain text. What AWS refuses is put into words.
  - A task is named when it begins, once for all machines. Where machines do not wait for each other, what a slower one
    changes later is a single line. Machines on which a task changed nothing are not listed, nor are included files,
    tries that are repeated, a role's look at its inputs, and plays in which nothing is done. With C(-v) it is the
    default output.
author: The machine_learning_aws developers (!UNKNOWN)
extends_documentation_fragment:
  - default_callback
  - result_format_callback
requirements:
  - set as stdout in configuration
"""

EXAMPLES = r"""
# ansible.cfg
# [defaults]
# stdout_callback = machine_learning.classroom.lean
"""

import gc
import re
from typing import TYPE_CHECKING, Any

from ansible import constants
from ansible.playbook.task_include import TaskInclude
from ansible.plugins.callback.default import CallbackModule as Default
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.aws_errors import explain_text

if TYPE_CHECKING:
    from ansible.executor.task_result import CallbackTaskResult
    from ansible.playbook.included_file import IncludedFile
    from ansible.playbook.play import Play
    from ansible.playbook.task import Task

LOCALHOST = "localhost"
# Whose messages are written for instructors, and so are shown whole.
_OWN = "machine_learning.classroom."
_OWN_WORDS = ("ansible.builtin.assert", "ansible.builtin.fail", "assert", "fail")
_DEBUG = ("ansible.builtin.debug", "debug")
_QUIET = ("ansible.builtin.validate_argument_spec", "validate_argument_spec")
# A condition that lets a role run on the machines that need it.
_ASKED = re.compile(r"'([\w/]+)' in roles_needed\.roles")
# Of anybody else's.
_MOST_LINES = 3
_LONGEST_LINE = 300
_MORE = "With -v the same command says more."
_UNREACHABLE = "Look at it in the EC2 console, reboot it there if need be, then run this again."


class CallbackModule(Default):  # type: ignore[misc]  # ansible-core ships no types
    """The callback `machine_learning.classroom.lean`."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "stdout"
    CALLBACK_NAME = "machine_learning.classroom.lean"

    def __init__(self) -> None:
        """Nothing is begun."""
        super().__init__()
        self._named: set[str] = set()
        self._needed: set[str] = set()
        self._begun: Play | None = None

    def v2_playbook_on_play_start(self, play: Play) -> None:
        """Say nothing yet, for the play may have no machines, or nothing to do on them."""
        # Each task is a fork of this process, and garbage that one of them looks for among all that Ansible has loaded
        # costs a copy of it. A fork has none there: https://docs.python.org/3/library/gc.html#gc.freeze
        gc.freeze()
        if self._display.verbosity:
            super().v2_playbook_on_play_start(play)
        else:
            self._begun = self._play = play  # whose strategy the default output looks up when a task begins

    def v2_playbook_on_no_hosts_matched(self) -> None:
        """Say nothing of such a play."""
        if self._display.verbosity:
            super().v2_playbook_on_no_hosts_matched()

    def v2_playbook_on_task_start(self, task: Task, is_conditional: bool) -> None:
        """Say what is begun, unless it may yet be skipped."""
        super().v2_playbook_on_task_start(task, is_conditional)
        if not self._display.verbosity and all(self._is_met(condition) for condition in task.when):
            self._name(task)

    def v2_playbook_on_include(self, included_file: IncludedFile) -> None:
        """Say nothing of files: their tasks speak for themselves."""
        if self._display.verbosity:
            super().v2_playbook_on_include(included_file)

    def v2_runner_retry(self, result: CallbackTaskResult) -> None:
        """Say nothing while it is waited for something."""
        if self._display.verbosity:
            super().v2_runner_retry(result)

    def v2_runner_on_async_poll(self, result: CallbackTaskResult) -> None:
        """Say nothing while a task with a time limit goes on."""
        if self._display.verbosity:
            super().v2_runner_on_async_poll(result)

    def v2_runner_on_async_ok(self, result: CallbackTaskResult) -> None:
        """Say nothing twice: its outcome is that of the task."""
        if self._display.verbosity:
            super().v2_runner_on_async_ok(result)

    def v2_runner_on_async_failed(self, result: CallbackTaskResult) -> None:
        """Say nothing twice, nor call it a failure: the task may know what to do."""
        if self._display.verbosity:
            super().v2_runner_on_async_failed(result)

    def v2_runner_item_on_ok(self, result: CallbackTaskResult) -> None:
        """Say which items of a loop changed something."""
        if self._display.verbosity:
            super().v2_runner_item_on_ok(result)
        elif result.result.get("changed"):
            self._say_changed(result, f" => (item={self._get_item_label(result.result)})")

    def v2_runner_on_failed(self, result: CallbackTaskResult, ignore_errors: bool = False) -> None:
        """Say what failed, unless it was said of each item already."""
        if self._display.verbosity:
            super().v2_runner_on_failed(result, ignore_errors)
        elif result.task.loop and "results" in result.result:
            self._say_ignored(ignore_errors)
        else:
            self._say(result, "fatal", _words(result.result, str(result.task.action)), ignored=ignore_errors)

    def v2_runner_item_on_failed(self, result: CallbackTaskResult) -> None:
        """Say what failed with one item of a loop."""
        if self._display.verbosity:
            super().v2_runner_item_on_failed(result)
        else:
            words = _words(result.result, str(result.task.action))
            self._say(result, "failed", f"{self._get_item_label(result.result)}: {words}")

    def v2_runner_on_unreachable(self, result: CallbackTaskResult) -> None:
        """Say which machine cannot be reached."""
        if self._display.verbosity:
            super().v2_runner_on_unreachable(result)
            return
        ignored = bool(result.task.ignore_unreachable)
        why = _shortened(str(result.result.get("msg", "")).removeprefix("Task failed: "))
        self._say(result, "unreachable", why if ignored else f"{why}\n{_UNREACHABLE}", ignored=ignored)

    def v2_runner_on_ok(self, result: CallbackTaskResult) -> None:
        """Show a message as it is, and which machine changed."""
        if str(result.task.action) == f"{_OWN}roles_needed":
            self._needed.update(result.result["roles"])
        message = result.result.get("msg")
        plain = str(result.task.action) in _DEBUG and not result.task.loop and isinstance(message, str)
        if self._display.verbosity:
            super().v2_runner_on_ok(result)
        elif plain:
            if self._last_task_banner != result.task._uuid:
                self._print_task_banner(result.task)
            self._display.display(message)
        elif result.result.get("changed") and not (result.task.loop and "results" in result.result):
            self._say_changed(result)
        else:
            self._name(result.task)
            self._handle_warnings(result.result)

    def _is_met(self, condition: object) -> bool:
        """Say whether some machine has said that it meets a condition; what else a task depends on is not known yet."""
        return not self._needed.isdisjoint(_ASKED.findall(str(condition)))

    def _name(self, task: Task) -> None:
        """Name a task, once."""
        quiet = isinstance(task, TaskInclude) or str(task.action) in _QUIET
        if not quiet and task._uuid not in self._named:
            self._print_task_banner(task)

    def _print_task_banner(self, task: Task) -> None:
        """Name a task, and before the first one of a play that."""
        if self._begun:
            super().v2_playbook_on_play_start(self._begun)
            self._begun = None
        self._named.add(task._uuid)
        super()._print_task_banner(task)

    def _say_changed(self, result: CallbackTaskResult, item: str = "") -> None:
        task, name = result.task, ""
        if self._last_task_banner != task._uuid:
            if task._uuid in self._named:
                name = f": {task.get_name()}"
            else:
                self._print_task_banner(task)
        self._handle_warnings(result.result)
        where = LOCALHOST if _for_all(result) else self.host_label(result)
        self._display.display(f"changed: [{where}]{item}{name}", color=constants.COLOR_CHANGED)

    def _say(self, result: CallbackTaskResult, how: str, words: str, *, ignored: bool = False) -> None:
        if self._last_task_banner != result.task._uuid:
            self._print_task_banner(result.task)
        self._handle_warnings(result.result)
        self._display.display(
            f"{how}: [{_who(result)}]: {words}",
            color=constants.COLOR_SKIP if ignored else constants.COLOR_ERROR,
            stderr=self.get_option("display_failed_stderr"),
        )
        self._say_ignored(ignored)

    def _say_ignored(self, ignored: bool) -> None:
        if ignored:
            self._display.display("...ignoring", color=constants.COLOR_SKIP)


def _for_all(result: CallbackTaskResult) -> bool:
    return result.task.delegate_to == LOCALHOST and bool(result.task.run_once)


def _who(result: CallbackTaskResult) -> str:
    """Return the machine and whose it is; what this computer does for all of them is this computer's."""
    if _for_all(result):
        return LOCALHOST
    name = str(result.host.get_name())
    students = str((result.host.get_vars().get("aws_ec2_tags") or {}).get("Students") or "")
    return f"{name} ({', '.join(students.split())})" if students else name


def _words(result: dict[str, Any], action: str) -> str:
    """Return what a failed task says: whole where we wrote it, otherwise in words or shortened."""
    if "censored" in result:
        return f"It failed. What it said is hidden, since it may hold a secret.\n{_MORE}"
    message = str(result.get("msg") or "").strip()
    if action.startswith(_OWN) or action in _OWN_WORDS:
        return message
    if refusal := explain_text(message, None):
        return refusal
    said = str(result.get("module_stderr") or result.get("stderr") or "").strip()
    if said:
        message = f"{message}\n{said.splitlines()[-1]}".strip()
    return f"{_shortened(message or 'It failed without a word.')}\n{_MORE}"


def _shortened(text: str) -> str:
    lines = [line for line in text.strip().splitlines() if line.strip()]
    return "\n".join(
        line if len(line) <= _LONGEST_LINE else f"{line[: _LONGEST_LINE - 1]}…" for line in lines[:_MOST_LINES]
    )
