"""A job that is asked changes nothing, and only one that came to its end without a word is not needed."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs import ask
from ansible_collections.machine_learning.classroom.plugins.modules import roles_needed

SECRET = "never-to-be-printed"


class Job:
    """A job that takes a secret."""

    def __init__(self, work: Callable[[Host, dict[str, Any]], Any], returned: dict[str, Any] | None = None) -> None:
        """Do it as `work` does."""
        self._work, self._returned = work, returned or {}
        self.ARGUMENTS: dict[str, Any] = {
            "who": {"type": "str", "required": True},
            "tokens": {"type": "dict", "default": {}, "no_log": True},
        }

    def work(self, host: Host, given: dict[str, Any]) -> dict[str, Any]:
        """Do it."""
        self._work(host, given)
        return self._returned


def broken(_: Host, given: dict[str, Any]) -> None:
    raise KeyError(given["tokens"]["ada"])


@pytest.mark.parametrize(
    ("work", "why"),
    [
        (lambda *_: None, []),
        (lambda host, given: host.change(f"told {given['who']} {given['tokens']['ada']}"), ["told ada ********"]),
        (lambda host, _: host.need("nobody answers"), ["nobody answers"]),
        (lambda host, given: host.fail(f"no {given['tokens']['ada']}"), ["no ********"]),
        (broken, ["KeyError: '********'"]),
    ],
)
def test_a_word_means_needed_and_none_is_secret(
    work: Callable[..., Any], why: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(ask.JOBS, "job", Job(work))
    jobs = {"role": ["job", {"who": "ada", "tokens": {"ada": SECRET}}]}
    given = {"roles": ["role"], "jobs": json.dumps(jobs), "_ansible_inject_invocation": True}
    with patch_module_args(given), pytest.raises(SystemExit):
        roles_needed.main()
    said = capsys.readouterr().out
    result = json.loads(said)
    assert (result["reasons"], result["roles"], result["changed"]) == ({"role": why}, ["role"] if why else [], False)
    assert SECRET not in said
    assert "ada" not in json.dumps(result["invocation"])


def test_arguments_that_are_not_taken_mean_needed_and_are_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ask.JOBS, "job", Job(lambda *_: None))
    assert ask.reasons("job", {"who": "ada", "tokens": SECRET}) == ["it does not take its arguments"]


def test_it_is_asked_in_check_mode(monkeypatch: pytest.MonkeyPatch) -> None:
    modes: list[bool] = []
    monkeypatch.setitem(ask.JOBS, "job", Job(lambda host, _: modes.append(host.check_mode)))
    assert ask.reasons("job", {"who": "ada"}) == []
    assert modes == [True]


def test_what_a_role_that_is_not_needed_would_have_said_is_known_without_its_task(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    returned = {"trouble": f"no {SECRET}", "packages": 3, "kept": {"ada": []}}
    monkeypatch.setitem(ask.JOBS, "quiet", Job(lambda *_: None, returned))
    monkeypatch.setitem(ask.JOBS, "needed", Job(lambda host, _: host.need("nobody answers")))
    arguments = {"who": "ada", "tokens": {"ada": SECRET}}
    jobs = {"front": ["quiet", arguments], "jupyter": ["needed", arguments]}
    with patch_module_args({"roles": list(jobs), "jobs": json.dumps(jobs)}), pytest.raises(SystemExit):
        roles_needed.main()
    result = json.loads(capsys.readouterr().out)
    assert (result["roles"], result["returned"]) == (["jupyter"], {"front": {"trouble": "no ********", "packages": 3}})


def test_a_full_disk_needs_every_role(monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask.no_room() == []
    monkeypatch.setattr(ask, "ROOM", shutil.disk_usage(tempfile.gettempdir()).total)
    assert ask.no_room() == ["its disk is full"]
