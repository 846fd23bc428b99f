"""environment.yml, data sets, letters and mail: what cannot be had is named, and where to mend it."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import os
import subprocess
import threading
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.conda_channels import write_class_channel
from tests.support.desk import Desk
from tests.support.locks import write_lock
from tests.support.rooms import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.rooms import Rooms


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve a small channel, and below data/ a data set that is not what its checksum says."""
    folder = tmp_path_factory.mktemp("mirror")
    write_class_channel(folder / "conda-forge")
    (folder / "data" / ("a" * 64)).mkdir(parents=True)
    (folder / "data" / ("a" * 64) / "iris.csv").write_text("1,2,3\n")
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - its name in http.server
        """Say nothing."""


def lock(desk: Desk, mirror: str, environment: str) -> str:
    """Return what the part of configure says that locks the environment."""
    file = desk.home / "environment.yml"
    file.write_text(environment)
    part = {"role": "conda", "tasks_from": "lock"}
    failure = desk.play_tasks(part, class_environment_file=str(file), class_mirror_url=mirror).failure
    assert not (desk.home / "environment.lock").exists()
    return failure


def packages(*lines: str) -> str:
    """Write an environment.yml that asks for `lines`."""
    return "channels:\n  - conda-forge\ndependencies:\n" + "".join(f"  - {line}\n" for line in lines)


def test_the_defaults_channel(desk: Desk) -> None:
    (desk.home / "environment.yml").write_text("channels:\n  - defaults\ndependencies:\n  - numpy\n")
    shown = desk.play("configure.yml", class_environment_file=str(desk.home / "environment.yml"))
    assert shown.failure == (
        "environment.yml, line 2: the channel defaults is refused, because Anaconda's terms of service ask most "
        "organisations to pay for it.\nPut `conda-forge` in its place: it is free and has the same."
    )


@pytest.mark.parametrize("playbook", ["provision.yml", "plan.yml"])
def test_a_mistake_in_the_environment_is_told_before_anything_costs_money(desk: Desk, playbook: str) -> None:
    (desk.home / "environment.yml").write_text("channels:\n  - defaults\ndependencies:\n  - numpy\n")
    shown = desk.play(playbook, class_environment_file=str(desk.home / "environment.yml"), timeout=900)
    assert "line 2: the channel defaults is refused" in shown.failure
    assert not desk.aws.made


def test_a_mistake_in_the_environment_is_told_before_a_machine_is_exchanged(desk: Desk, rooms: Rooms) -> None:
    """The new machine would have none, and its student no machine."""
    machine = rooms.add("ada")
    (desk.home / "class").mkdir(mode=0o700)
    key = desk.home / "class/ssh_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(key)], check=True)
    (desk.home / "environment.yml").write_text("channels:\n  - defaults\ndependencies:\n  - numpy\n")
    desk.aws.requests.clear()
    shown = desk.play(
        f"{HERE} replace.yml -e student=ada",
        class_environment_file=str(desk.home / "environment.yml"),
        class_abandon_work=["ada"],
    )
    assert "line 2: the channel defaults is refused" in shown.failure
    assert not desk.aws.made
    assert rooms.state(machine) == "running"


def test_a_login_in_the_address_of_a_channel_is_shown_to_nobody(desk: Desk) -> None:
    """The lock would have it, which the instructor commits, and so would every machine."""
    text = "channels:\n  - https://ada:geheim@conda.example.org/course\ndependencies:\n  - numpy\n"
    (desk.home / "environment.yml").write_text(text)
    shown = desk.play(f"{HERE} --diff provision.yml", class_environment_file=str(desk.home / "environment.yml"))
    assert shown.failure == (
        "environment.yml, line 2: the channel https://…@conda.example.org/course has a login in it, which everybody "
        "could read: in this file, in the lock and on the machines.\n"
        "Name a server that asks for none, or put the packages on one of your own (`class_mirror_url`). A login that "
        "others have seen already is to be renewed."
    )
    assert "geheim" not in shown.text
    assert not (desk.home / "environment.lock").exists()
    assert not desk.aws.made


@pytest.mark.long
def test_a_notebook_that_is_given_to_nobody(desk: Desk) -> None:
    folder = desk.home / "notebooks"
    folder.mkdir()
    (folder / "01-first.ipynb").write_text('<<<<<<< HEAD\n{"cells": [],\n=======\n{}\n>>>>>>> other\n')
    (folder / "02-second.ipynb").touch()
    os.mkfifo(folder / "p")
    (folder / "README.md").write_text("# Welcome\n")
    write_lock(desk.home / "environment.lock")
    shown = desk.play("configure.yml", class_notebooks_directory=str(folder))
    assert shown.failure.splitlines()[-3:] == [
        "01-first.ipynb is given to nobody: its line 1 begins a conflict that git could not merge (<<<<<<<).",
        "02-second.ipynb is given to nobody: it is empty.",
        "p is given to nobody: it is a pipe, not a file. Take it away.",
    ]


def test_a_package_that_nobody_has(desk: Desk, mirror: str) -> None:
    assert lock(desk, mirror, packages("python", "lerning")) == (
        f"environment.yml, line 5: {mirror}/conda-forge/ has no package lerning.\nDid you mean learning?"
    )


def test_packages_that_do_not_go_together(desk: Desk, mirror: str) -> None:
    failure = lock(desk, mirror, packages("python", "plots", "numbers_ >=2"))
    assert failure.startswith("environment.yml asks for packages that do not go together (lines 5 and 6):\n")
    assert "numbers_" in failure
    assert "plots" in failure
    assert failure.endswith("\nLoosen or remove one of the versions named here.")


def test_a_line_below_pip_that_no_index_has(desk: Desk, mirror: str) -> None:
    assert lock(desk, mirror, packages("python", "pip:\n    - -e .")) == (
        "environment.yml, line 6: `-e .` has pip install a folder of your computer, which the machines do not have.\n"
        "Put its modules into templates/notebooks/, or the package on PyPI and its name here; take this line out."
    )


def test_a_channel_that_is_not_there(desk: Desk, mirror: str) -> None:
    failure = lock(desk, f"{mirror}/nowhere", packages("python"))
    assert failure.startswith(f"The channels {mirror}/nowhere/conda-forge/ cannot be read: ")
    assert failure.endswith(
        "\nCheck the connection and the names under `channels:` in environment.yml, then run again."
    )


def test_data_sets_that_cannot_be_had_cost_nothing(desk: Desk) -> None:
    file = desk.home / "datasets.yml"
    entry = {"url": "https://example.com/a.csv", "sha256": "a" * 64}
    port = {**entry, "name": "port", "url": "http://example.com:x/a.csv"}
    file.write_text(json.dumps({"datasets": [port, {**entry, "name": "text", "unpack": "false"}]}))
    assert desk.play("provision.yml", class_datasets_file=str(file)).failure == (
        "Data set port: its url has 'x' for a port, which is a number from 1 to 65535.\n"
        "Data set text: unpack is true or false, without quotation marks, not 'false'.\n"
        f"The list is {file}."
    )
    assert not desk.aws.made


def test_data_sets_with_a_wrong_checksum_or_no_server(desk: Desk, mirror: str) -> None:
    got = hashlib.sha256(b"1,2,3\n").hexdigest()
    module = {
        "datasets": [
            {"name": "iris", "url": f"{mirror}/data/{'a' * 64}/iris.csv", "sha256": "a" * 64},
            {"name": "wine", "url": "http://127.0.0.1:1/wine.csv", "sha256": "b" * 64},
        ],
        "directory": str(desk.home / "shelf/data"),
        "record": str(desk.home / "record/data.json"),
        "attempts": 1,
    }
    play = [{"hosts": "localhost", "tasks": [{"machine_learning.classroom.datasets": module}]}]
    (desk.home / "data.yml").write_text(json.dumps(play))
    failure = desk.play(f"-i inventory/10-control.yml {desk.home}/data.yml").failure
    assert failure == (
        f"Data set iris: wrong checksum: expected sha256 {'a' * 64}, got {got}\n"
        f"  {mirror}/data/{'a' * 64}/iris.csv\n"
        "Data set wine: the server cannot be reached ([Errno 111] Connection refused) (attempts: 1)\n"
        "  http://127.0.0.1:1/wine.csv\n"
        "The rest is in place. Check url and sha256 in data/datasets.yml, then run configure.yml again: it goes on "
        "where it stopped."
    )
    assert not (desk.home / "shelf/data/iris.csv").exists()


@pytest.mark.parametrize("playbook", ["provision.yml", "configure.yml", "start.yml", "replace.yml -e student=ada"])
def test_a_language_without_a_letter_is_refused_before_aws_is_asked(desk: Desk, playbook: str) -> None:
    desk.settings["class_language"] = "it-CH"
    assert desk.play(playbook).failure == (
        "There is no letter in the language it-CH, which class_language in group_vars/all/class.yml asks for.\n"
        "Set it to one of these: en, de, es, fr.\n"
        'A letter in another language is a text of your own: docs/mail.md, "The text".'
    )
    assert not desk.aws.made
    assert not (desk.home / "class").exists()


def test_a_mail_server_that_refuses(desk: Desk) -> None:
    (desk.home / "class/letters").mkdir(parents=True)
    (desk.home / "class/receipts").mkdir()
    student = {"name": "Ada", "email": "ada@example.com", "username": "ada", "port": 8888}
    student |= {"seat": "ml101-001", "address": "192.0.2.1"}
    shown = desk.play_tasks(
        {"role": "mail"},
        mail_students=[{**student, "password": "abcd-efgh-jkmn", "token": "abcdefghjkmnpqrstuvwxyz2"}],
        class_smtp_host="127.0.0.1",
        class_smtp_port=1,
        class_smtp_username="class@example.com",
        class_smtp_password="never-on-the-screen",
    )
    shown.secrets += ("never-on-the-screen", "abcd-efgh-jkmn", "abcdefghjkmnpqrstuvwxyz2")
    assert shown.failure == (
        "The letter to ada (ada@example.com) was not accepted:\n"
        "127.0.0.1:1 does not answer: [Errno 111] Connection refused\n"
        "Mend class_smtp_… in group_vars/all/class.yml or the address in the roster, then run mail.yml."
    )
    assert "Your machine for ml101" in (desk.home / "class/letters/ada.eml").read_text()
    assert not list((desk.home / "class/receipts").iterdir())
