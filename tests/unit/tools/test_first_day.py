"""`make first-day`: what was seen, under the numbers of the guide, in words where something is missing."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tools import first_day
from tools.first_day import BY_HAND, GUIDE, LOOK, Account, Seen

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MACHINE = """\
system=Ubuntu 24.04.3 LTS
main_pid=811
holders_22=811
holders_443=4710 4711
front_pids=4710 4711
socket=inactive
sshd=port 22 port 443 passwordauthentication no
up_s=86412
"""


class Service:
    """A service of AWS that gives one answer, or refuses."""

    def __init__(self, answer: Any) -> None:
        """Answer so."""
        self._answer = answer

    def __getattr__(self, action: str) -> Callable[..., Any]:
        """Return what can be called."""

        def call(*_action: str, **_asked: Any) -> Any:
            if isinstance(self._answer, Exception):
                raise self._answer
            return self._answer

        return call


def account(answer: Any, tmp_path: Path) -> Account:
    """Return an account in which every service answers so."""
    settings = {"class_name": "ml101", "class_region": "us-east-1", "class_state_dir": str(tmp_path)}
    return Account(
        lambda _service: Service(answer),
        settings | {"class_image_id": "ami-1", "class_roster": "x.csv", "class_instance_type": "m6a.large"},
    )


def words(number: int, seen: list[Seen]) -> list[str]:
    """Return what was seen of a number."""
    return [each.words for each in seen if each.number == number]


@pytest.mark.parametrize(
    ("arn", "kind"),
    [
        ("arn:aws:iam::123456789012:root", "the root user"),
        ("arn:aws:iam::123456789012:user/ada", "a user"),
        ("arn:aws:sts::123456789012:assumed-role/teachers/ada", "a role"),
    ],
)
def test_it_tells_as_what_somebody_acts_and_not_who(arn: str, kind: str, tmp_path: Path) -> None:
    assert account({"Arn": arn}, tmp_path).who() == kind


def test_what_aws_refuses_is_told_in_words(tmp_path: Path) -> None:
    denied = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, "GetAccountPlanState")
    refused = account(denied, tmp_path)
    assert refused.words(refused.plan) == (
        "not seen: AWS does not permit GetAccountPlanState to these credentials (AccessDeniedException)."
    )


def test_an_aws_that_does_not_answer_is_told_under_each_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)  # which would be named instead of the region
    silent = account(EndpointConnectionError(endpoint_url="https://sts.amazonaws.com"), tmp_path)
    seen = list(silent.look())
    assert [each.number for each in seen] == [1, 2, 3, 4, 5, 7, 9, 10, 25]
    assert all(each.words == "not seen: AWS does not answer (region us-east-1)." for each in seen if each.number != 7)
    assert words(7, seen)[0].endswith(
        "snapshot GB-month unknown; AWS's price list does not answer (EndpointConnectionError)"
    )


def test_a_machine_on_which_ssh_service_and_haproxy_share_the_ports() -> None:
    seen = list(first_day.of_machines({"ml101-001": {"stdout": MACHINE}}))
    assert words(12, seen) == ["machine 1: held: 22 by ssh.service, 80 by nobody, 443 by haproxy; ssh.socket: inactive"]
    assert words(13, seen) == ["machine 1: port 22 port 443 passwordauthentication no"]
    assert words(23, seen) == ["machine 1: the timer that stops it: nothing"]


@pytest.mark.parametrize(
    ("holders", "told"), [("", "by nobody"), ("811", "by ssh.service"), ("811 4711", "by OTHERS, too")]
)
def test_a_port_that_others_hold(holders: str, told: str) -> None:
    said = MACHINE.replace("holders_443=4710 4711", f"holders_443={holders}")
    assert f"443 {told}" in words(12, list(first_day.of_machines({"ml101-001": {"stdout": said}})))[0]


def test_a_machine_that_does_not_answer_holds_no_other_up() -> None:
    unreachable = {"unreachable": True, "msg": "ssh: connect to host 192.0.2.11 port 22:\n Connection refused"}
    seen = list(first_day.of_machines({"ml101-002": {"stdout": MACHINE}, "ml101-001": unreachable}))
    assert words(11, seen)[0] == "machine 1: no answer: ssh: connect to host 192.0.2.11 port 22: Connection refused"
    assert words(11, seen)[1].startswith("machine 2: Ubuntu 24.04.3 LTS")


def test_a_class_without_machines_is_told() -> None:
    (seen,) = first_day.of_machines({})
    assert seen == Seen(11, "no machine of the class runs, or Ansible does not find it")


def test_what_machines_are_asked_is_what_is_read_of_their_answers() -> None:
    """The script runs anywhere, whatever a computer lacks."""
    run = subprocess.run(["sh", "-c", LOOK], capture_output=True, text=True, check=False, timeout=60)
    assert run.stderr == ""
    said = [line.partition("=")[0] for line in run.stdout.splitlines()]
    answers = "".join(f"{key}=<{key}>\n" for key in said)
    told = " ".join(each.words for each in first_day.of_machine(answers))
    silent = {"holders_22", "holders_80", "holders_443", "main_pid", "front_pids"}  # which are compared
    assert {key for key in said if f"<{key}>" not in told} == silent
    assert "nothing" not in told


def test_the_script_is_no_template_for_ansible() -> None:
    assert not re.search(r"\{[{%#]", LOOK)


def test_the_report_has_every_number_of_the_guide_once_with_room_for_what_only_a_person_sees() -> None:
    text = first_day.report(GUIDE.read_text(encoding="utf-8"), ["Written today"], [Seen(3, "64 vCPUs")])
    numbers = [int(found) for found in re.findall(r"^ ?(\d+) \S", text, re.MULTILINE)]
    assert numbers == list(range(1, 26))
    assert text.count(BY_HAND) == len(numbers)
    assert f" 3 The quota\n   64 vCPUs\n   {BY_HAND}\n" in text


def test_what_it_looks_at_is_in_the_guide(tmp_path: Path) -> None:
    silent = account(EndpointConnectionError(endpoint_url="https://sts.amazonaws.com"), tmp_path)
    seen = [*silent.look(), *first_day.of_machines({"ml101-001": {"stdout": MACHINE}})]
    numbers = {int(number) for number, _ in first_day.ROW.findall(GUIDE.read_text(encoding="utf-8"))}
    assert {each.number for each in seen} <= numbers
