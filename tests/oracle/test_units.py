"""What is left open to each service that the project brings or changes, by `systemd-analyze security`."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.lab_course import Course

SEAT = "ml101-001"
# The most that may be exposed of each, from 0 to 100 (ten times what systemd shows), with what it is needed for. It is
# what systemd 252 says of the unit as it is now: whoever takes a protection away has to come here and say why.
MOST_EXPOSED = {
    # Students compute in it: the internet, any system call, memory that is written and then run (as numba does).
    "jupyter@.service": 31,
    # Two sockets of one student's. systemd counts what it leaves out though it has no rights to use it.
    "jupyter-port@.service": 46,
    # Reads the student's folder, writes the history.
    "my-work@.service": 22,
    # Root's, since the console is: it reads public keys and writes them there.
    "class-host-keys.service": 17,
    # Faces the internet, on ports below 1024, as an account of its own.
    "haproxy.service": 17,
    # Root's, for the certificate's key is; it orders at the authority and tells haproxy through a socket.
    "class-front-certificate.service": 18,
    # Root's, since homes belong to students: it takes a file away there, and asks the metadata service alone.
    "class-front-address.service": 21,
    # Root's `systemctl poweroff`, written by the user data of the launch.
    "class-stop.service": 96,
    # Root's `systemctl poweroff`, which asks systemd through a socket.
    "class-hours.service": 46,
    # Root's, since terminals belong to students: it opens them to write, over their modes, and can do nothing else.
    "class-hours-warning.service": 31,
    # The distribution's own, since students' shells may do what an account may do. Ours in them: no shell sees the
    # processes of others (without that, ssh.service has 96 and user@.service 94).
    "ssh.service": 94,
    "user@.service": 92,
}
# The distribution's own, of which ours is the hour alone.
UPGRADES = {"apt-daily.service", "apt-daily-upgrade.service"}
# Run as root: unit files and drop-ins that no package has brought. Debian 12's packages say /lib for /usr/lib.
OF_NO_PACKAGE = r"""
packaged=$(mktemp)
sed 's|^/lib/|/usr/lib/|' /var/lib/dpkg/info/*.list | grep -F /systemd/system/ > "$packaged"
for below in /etc /run /usr/local/lib /usr/lib; do find $below/systemd/system -type f 2> /dev/null || true; done |
  grep -v -x -F -f "$packaged"
"""


def of_ada(unit: str) -> str:
    """Name the unit itself, or ada's instance of a template."""
    return unit.replace("@.", "@ada.")


@pytest.fixture(scope="module")
def units(course: Course) -> set[str]:
    """The units of which a file or a drop-in is ours, for ada; without those of programs that the machine lacks."""
    paths = [PurePosixPath(path) for path in course.on(SEAT, OF_NO_PACKAGE).splitlines()]
    names = {of_ada(path.name if path.parent.suffix != ".d" else path.parent.stem) for path in paths}
    return {name for name in names if course.on(SEAT, f"systemctl show -P LoadState {name}").strip() == "loaded"}


def test_no_service_is_forgotten(units: set[str]) -> None:
    assert {name for name in units if name.endswith(".service")} == {of_ada(name) for name in MOST_EXPOSED}


def test_all_that_is_no_service_only_starts_one_of_these(course: Course, units: set[str]) -> None:
    starters = {name for name in units if not name.endswith(".service")}
    assert starters
    triggered = {name: course.on(SEAT, f"systemctl show -P Triggers {name}").strip() for name in starters}
    assert set(triggered.values()) <= {of_ada(name) for name in MOST_EXPOSED} | UPGRADES, triggered


@pytest.mark.parametrize(("unit", "most"), MOST_EXPOSED.items())
def test_a_service_is_exposed_no_more_than_it_needs(course: Course, unit: str, most: int) -> None:
    said = course.on(SEAT, f"systemd-analyze --no-pager --threshold={most} security {of_ada(unit)}")
    assert "Overall exposure level" in said
