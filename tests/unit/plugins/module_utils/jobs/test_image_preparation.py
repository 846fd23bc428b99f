"""What every machine of the class carries stays, what is one machine's own goes, and no student loses a machine."""

from __future__ import annotations

import grp
import pwd
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs import image_preparation

OWN = [
    "etc/ssh/ssh_host_ed25519_key",
    "etc/ssh/ssh_host_ed25519_key.pub",
    "etc/sudoers.d/90-cloud-init-users",
    "etc/systemd/system/class-host-keys.service",
    "etc/systemd/system/class-stop.service",
    "etc/systemd/system/class-stop.timer",
    "etc/systemd/system/multi-user.target.wants/class-host-keys.service",
    "etc/systemd/system/timers.target.wants/class-stop.timer",
    "home/ubuntu/.ansible/tmp/module",
    "home/ubuntu/.bash_history",
    "home/ubuntu/.ssh/authorized_keys",
    "root/.cache/motd",
    "root/.ssh/authorized_keys",
    "tmp/.hidden",
    "tmp/left/by/somebody",
    "var/cache/apt/archives/some.deb",
    "var/lib/apt/lists/of.packages",
    "var/lib/cloud/instances/i-0abc/user-data.txt",
    "var/lib/dbus/machine-id",
    "var/lib/dhcp/dhclient.leases",
    "var/lib/systemd/credential.secret",
    "var/lib/systemd/random-seed",
    "var/log/journal/0123/system.journal",
    "var/log/syslog.1",
    "var/log/unattended-upgrades/dpkg.log.2.gz",
    "var/tmp/left",
]
KEPT = [
    "etc/ssh/sshd_config",
    "home/ubuntu/.profile",
    "home/ubuntu/machine_learning_aws/data/iris.csv",
    "opt/conda/envs/conda_env/bin/python",
    "var/lib/cloud/seed/nocloud/meta-data",
    "var/lib/machine_learning_aws/data.json",
]
EMPTIED = ["etc/machine-id", "var/log/auth.log"]
UNITS = {"read-ahead.service": "[Service]"}


class EndedError(Exception):
    """The job has refused."""


class Module:
    """Stands for AnsibleModule."""

    _diff = False

    def __init__(self, *, check_mode: bool) -> None:
        """Tell whether this is check mode."""
        self.check_mode = check_mode

    def fail_json(self, *, msg: str, **_: object) -> None:
        """End the job."""
        raise EndedError(msg)


class Machine(Host):
    """A machine whose commands are only remembered, and whose unit is not enabled yet."""

    def __init__(self, *, check_mode: bool = False) -> None:
        """Nothing was asked yet."""
        super().__init__(Module(check_mode=check_mode))
        self.asked: list[str] = []

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> subprocess.CompletedProcess[Any]:
        """Do nothing."""
        self.asked.append(" ".join(argv))
        return subprocess.CompletedProcess(argv, int("is-enabled" in argv), stdin or "", "")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the root of a machine that is full of traces."""
    for name in (*OWN, *KEPT, *EMPTIED):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "etc/systemd/system").mkdir(exist_ok=True)
    monkeypatch.setattr(image_preparation, "ROOT", tmp_path)
    monkeypatch.setattr(image_preparation, "UNITS", str(tmp_path / "etc/systemd/system"))
    accounts = [("root", 0, "/root"), ("daemon", 1, "/usr/sbin"), ("ubuntu", 1000, "/home/ubuntu")]
    monkeypatch.setattr(
        pwd,
        "getpwall",
        lambda: [pwd.struct_passwd((name, "x", uid, uid, "", home, "")) for name, uid, home in accounts],
    )
    let_students_be(monkeypatch, [])
    return tmp_path


def let_students_be(monkeypatch: pytest.MonkeyPatch, members: list[str]) -> None:
    """Let these belong to the group of students."""
    monkeypatch.setattr(grp, "getgrnam", lambda name: grp.struct_group((name, "x", 2000, members)))


def files(root: Path) -> set[str]:
    """Return all files below `root`."""
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}


def prepare(machine: Machine) -> list[str]:
    """Do the job; return what it changed."""
    image_preparation.work(machine, {"units": UNITS, "student_group": "students"})
    return machine.changes


def test_what_is_the_machines_own_goes_and_the_rest_stays(root: Path) -> None:
    machine = Machine()
    prepare(machine)
    assert files(root) == {*KEPT, *EMPTIED, "etc/systemd/system/read-ahead.service"}
    assert {(root / name).read_text() for name in EMPTIED} == {""}
    assert (root / KEPT[0]).read_text() == KEPT[0]
    # The journal and the seed are written by whoever holds them, so those let go first.
    assert machine.asked.index("journalctl --relinquish-var") < machine.asked.index("cloud-init clean --logs")
    assert "systemctl stop systemd-random-seed.service" in machine.asked
    assert "systemctl enable --quiet read-ahead.service" in machine.asked


def test_check_mode_says_the_same_and_touches_nothing(root: Path) -> None:
    before = files(root)
    said = prepare(machine := Machine(check_mode=True))
    assert files(root) == before
    assert machine.asked == ["systemctl is-enabled --quiet read-ahead.service"]
    assert said == prepare(Machine())


def test_the_folder_that_the_module_runs_from_is_left_to_ansible(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own = root / "tmp/ansible_payload/module.zip"
    own.parent.mkdir()
    own.write_text("")
    monkeypatch.setattr(sys, "path", [str(own), *sys.path])
    prepare(Machine())
    assert own.exists()
    assert not (root / "tmp/left").exists()


def test_a_machine_that_has_students_is_left_as_it_is(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_students_be(monkeypatch, ["grace", "ada"])
    before = files(root)
    with pytest.raises(EndedError, match="ada, grace would lose this machine"):
        prepare(Machine())
    assert files(root) == before
