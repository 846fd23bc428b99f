"""The security group: who reaches which port of a class, and what is said before that changes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import account_owner
from tests.support.rooms import HERE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.desk import Desk

# A minute.
pytestmark = pytest.mark.long

WORLD, CAMPUS = "0.0.0.0/0", "192.0.2.0/24"
BOTH, SSH = ["https", "ssh"], ["ssh"]
OPENED = r"^TASK \[machines : Open the ports by which people come in, and no other\] \*+\nchanged: \[localhost\]$"


@pytest.fixture
def desk(desk: Desk) -> Iterator[Desk]:
    """Return the desk of a class that only a campus reaches; afterwards the account has nothing."""
    desk.settings = {"class_ssh_cidrs": [CAMPUS], "class_ssh_ports": [22], "machines_timeout": 10}
    yield desk
    desk.aws.empty()


def ways_in(desk: Desk) -> dict[int, set[str]]:
    """Return the networks that reach each port of the class."""
    (group,) = account_owner.ec2(desk.aws.url).describe_security_groups(GroupNames=["ml101"])["SecurityGroups"]
    found: dict[int, set[str]] = {}
    for rule in group["IpPermissions"]:
        assert rule["IpProtocol"] == "tcp"
        assert not rule["Ipv6Ranges"] + rule["UserIdGroupPairs"] + rule["PrefixListIds"]
        for port in range(rule["FromPort"], rule["ToPort"] + 1):
            found.setdefault(port, set()).update(each["CidrIp"] for each in rule["IpRanges"])
    return found


def provision(desk: Desk, more: str = "", **settings: Any) -> str:
    """Provision the class, or only say what would be done; return the screen."""
    shown = desk.play(f"{HERE} provision.yml {more}", timeout=600, **settings)
    assert shown.code == 0, shown.text
    return shown.text


def says_so(screen: str) -> bool:
    """Say whether the screen names the security group as something that changed, or would."""
    return re.search(OPENED, screen, re.MULTILINE) is not None


def test_the_world_reaches_the_authoritys_port_alone_and_a_check_says_what_would_change(desk: Desk) -> None:
    with_https, without = {22: {CAMPUS}, 443: {CAMPUS}, 80: {WORLD}}, {22: {CAMPUS}}
    provision(desk, class_access=SSH)
    assert ways_in(desk) == without
    desk.aws.forget()
    promised = provision(desk, "--check", class_access=BOTH)
    assert says_so(promised)
    assert (ways_in(desk), desk.aws.made) == (without, set())
    assert says_so(provision(desk, class_access=BOTH))
    assert ways_in(desk) == with_https
    assert not says_so(provision(desk, "--check", class_access=BOTH))
    assert says_so(provision(desk, class_access=SSH))
    assert ways_in(desk) == without
