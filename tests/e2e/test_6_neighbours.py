"""What one student tries against another on the same machine.

Every attack runs three times: against the machine as it is, where it fails; with the one protection lifted, where it
succeeds, which shows that it is an attack; and with the protection back.
"""

from __future__ import annotations

import contextlib
import json
import urllib.error
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import PROJECT_ON_MACHINE, ROSTER, command, mails, on_machine
from tests.support.laptop import Laptop, fetch
from tests.support.letter import Letter, read_letter

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Attack:
    """`line` is typed into the attacker's shell and succeeds with status 0; the rest are scripts of root's.

    `prepare` makes the moment in which the attack is most likely to succeed, `lift` takes the protection away and
    `restore` brings it back. `{victim}`, `{me}`, `{port}` and `{work}` stand for what they say.
    """

    name: str
    line: str
    lift: str
    restore: str
    prepare: str = "true"


BIND = (
    "python3 -c 'import socket as s; t = s.socket({family}); "
    "t.setsockopt(s.SOL_SOCKET, s.SO_REUSEADDR, 1); t.setsockopt(s.SOL_SOCKET, s.SO_REUSEPORT, 1); "
    't.bind(("{address}", {{port}})); t.listen()\''
)
# A process with a secret in its environment; without protection everybody has the same account, as in a class that
# shares one password.
TARGET = (
    "systemctl stop target.service 2>/dev/null || true\n"
    "systemd-run --quiet --unit=target --uid={owner} --setenv=SECRET=1 sleep 1000\n"
    "systemctl show --property=MainPID --value target.service > /tmp/target; chmod 644 /tmp/target"
)
WITHOUT_PROC = (
    "rm /etc/systemd/system/{unit}.d/10-machine-learning-class.conf\n"
    "systemctl daemon-reload\nsystemctl restart {restart}"
)
WITH_PROC = (
    "printf '[Service]\\nProtectProc=invisible\\n' > /etc/systemd/system/{unit}.d/10-machine-learning-class.conf\n"
    "systemctl daemon-reload\nsystemctl restart {restart}"
)
# What attacks leave in homes would count as work that is nowhere else.
CLEAN_UP = "rm -f /home/{victim}/diary.txt /home/{me}/seen; systemctl stop target.service 2>/dev/null || true"

ATTACKS = [
    Attack(
        "read a notebook",
        "grep -q cells {work}/{victim}/01-first-steps-numpy-pandas.ipynb",
        lift="chmod -R o+rX {work}/{victim}",
        restore="chmod -R o-rwx {work}/{victim}",
    ),
    Attack(
        "plant a file in the other's folder",
        "touch {work}/{victim}/homework.ipynb",
        lift="chmod o+wx {work}/{victim}",
        restore="chmod o-rwx {work}/{victim}; rm {work}/{victim}/homework.ipynb",
    ),
    Attack(
        "read the other's home",
        "cat /home/{victim}/diary.txt",
        prepare="echo dear > /home/{victim}/diary.txt; chmod 644 /home/{victim}/diary.txt",
        lift="chmod o+x /home/{victim}",
        restore="chmod 700 /home/{victim}",
    ),
    Attack(
        "read the token and open the other's Jupyter with it",
        "curl --silent --fail --output /dev/null --header "
        '"Authorization: token $(cat /etc/machine_learning_aws/jupyter/{victim}/token)" '
        "http://localhost:{port}/api/contents",
        lift="chmod o+r /etc/machine_learning_aws/jupyter/{victim}/token",
        restore="chmod 400 /etc/machine_learning_aws/jupyter/{victim}/token",
    ),
    Attack(
        "reach the other's Jupyter past its port",
        "curl --silent --output /dev/null --unix-socket /run/jupyter-{victim}/socket http://localhost/api",
        lift="chmod 755 /run/jupyter-{victim}; chmod 666 /run/jupyter-{victim}/socket",
        restore="chmod 700 /run/jupyter-{victim}; chmod 600 /run/jupyter-{victim}/socket",
    ),
    *(
        Attack(
            f"listen on {address} in the place of the other's Jupyter, which is down",
            BIND.format(family=family, address=address),
            prepare="systemctl stop jupyter@{victim}.service",
            lift="systemctl stop jupyter-port@{victim}.socket jupyter-port@{victim}.service",
            restore="systemctl start jupyter-port@{victim}.socket jupyter@{victim}.service",
        )
        for family, address in [
            ("s.AF_INET", "127.0.0.1"),
            ("s.AF_INET6", "::1"),
            ("s.AF_INET", "0.0.0.0"),  # noqa: S104  # the attack is to bind all
            ("s.AF_INET6", "::"),
        ]
    ),
    Attack(
        "see the other's processes",
        "ps -eo user:32,args | grep -q '^{victim} '",
        lift=WITHOUT_PROC.format(unit="ssh.service", restart="ssh.service"),
        restore=WITH_PROC.format(unit="ssh.service", restart="ssh.service"),
    ),
    Attack(
        "see them from a service of one's own",
        "mkdir -p ~/.config/systemd/user && "
        """printf '[Service]\\nType=oneshot\\nExecStart=sh -c "ps -eo user:32 > $HOME/seen"\\n' """
        "> ~/.config/systemd/user/look.service && systemctl --user daemon-reload && "
        "systemctl --user start look.service && grep -q '^{victim}$' ~/seen",
        lift=WITHOUT_PROC.format(unit="user@.service", restart="user@$(id -u {me}).service"),
        restore=WITH_PROC.format(unit="user@.service", restart="user@$(id -u {me}).service"),
    ),
    Attack(
        "end the other's process",
        "kill -0 $(cat /tmp/target)",
        prepare=TARGET.format(owner="{victim}"),
        lift=TARGET.format(owner="{me}"),
        restore=TARGET.format(owner="{victim}"),
    ),
    Attack(
        "read the other's environment",
        "grep -qz SECRET /proc/$(cat /tmp/target)/environ",
        prepare=TARGET.format(owner="{victim}"),
        lift=TARGET.format(owner="{me}"),
        restore=TARGET.format(owner="{victim}"),
    ),
    Attack(
        "have the other's Python run one's own code",
        "touch /opt/conda/envs/conda_env/bin/sitecustomize.py",
        lift="chmod o+w /opt/conda/envs/conda_env/bin",
        restore="chmod o-w /opt/conda/envs/conda_env/bin; rm /opt/conda/envs/conda_env/bin/sitecustomize.py",
    ),
    Attack(
        "spoil the data sets",
        ": >> /home/ubuntu/machine_learning_aws/data/iris.csv",
        lift="chmod o+w /home/ubuntu/machine_learning_aws/data/iris.csv",
        restore="chmod o-w /home/ubuntu/machine_learning_aws/data/iris.csv",
    ),
    Attack(
        "become root",
        "sudo -n true",
        lift="echo '{me} ALL=(ALL) NOPASSWD: ALL' > /etc/sudoers.d/99-attack",
        restore="rm /etc/sudoers.d/99-attack",
    ),
]


@dataclass(frozen=True)
class Pair:
    """Two students of one machine, and root on it, who prepares the ground."""

    attacker: Letter
    victim: Letter
    laptop: Laptop

    @property
    def names(self) -> dict[str, str]:
        """What the texts of attacks may name."""
        return {
            "me": self.attacker.username,
            "victim": self.victim.username,
            "port": self.victim.port,
            "work": PROJECT_ON_MACHINE,
        }

    def shell(self, line: str) -> bool:
        """Type `line` into the attacker's shell, over ssh with the password; returns whether it succeeded."""
        # The terminal echoes what is typed, so the mark is spelled otherwise there; other typed text is not for `line`.
        typed = f"{{ {line}; }} < /dev/null && echo attack-$((40 + 2)); exit 0"
        return "attack-42" in self.laptop.log_in(self.attacker, typed)

    def root(self, script: str) -> None:
        """Run `script` as root on their machine."""
        on_machine(self.victim.seat, script)


def two_on_one_machine() -> tuple[Letter, Letter] | None:
    """Find two students who share a machine, by the newest letters; the one with the later port attacks."""
    newest = {letter.username: letter for letter in map(read_letter, mails())}
    seats: dict[str, Letter] = {}
    for letter in sorted(newest.values(), key=lambda letter: letter.port):
        if letter.seat in seats:
            return letter, seats[letter.seat]
        seats[letter.seat] = letter
    return None


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Take two of the class that is up, and clean up after them; bring a class of two up if there is none."""
    home = tmp_path_factory.mktemp("laptop")
    found = two_on_one_machine()
    if found is None:
        (home / "students.csv").write_text("\n".join(ROSTER.read_text().splitlines()[:3]) + "\n")
        extra = json.dumps({"class_students_per_machine": 2})
        command(f"make lab STUDENTS={home}/students.csv EXTRA='{extra}'")
        found = two_on_one_machine()
    assert found
    pair = Pair(*found, Laptop(home))
    yield pair
    pair.root(CLEAN_UP.format(**pair.names))


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.name)
def test_a_neighbour_does_not(attack: Attack, pair: Pair) -> None:
    line = attack.line.format(**pair.names)
    pair.root(attack.prepare.format(**pair.names))
    as_it_is = pair.shell(line)
    pair.root(attack.lift.format(**pair.names))
    try:
        unprotected = pair.shell(line)
    finally:
        pair.root(attack.restore.format(**pair.names))
    assert (as_it_is, unprotected, pair.shell(line)) == (False, True, False)


def test_a_neighbour_does_not_tunnel_to_the_others_port(pair: Pair) -> None:
    tunnel = pair.attacker.tunnel.replace(f":{pair.attacker.port} ", f":{pair.victim.port} ")
    assert tunnel != pair.attacker.tunnel

    def arrives() -> bool:
        with pair.laptop.tunnel(pair.attacker, tunnel), contextlib.suppress(ConnectionError, urllib.error.URLError):
            return bool(fetch("/api/contents", "")[0])
        return False

    config = "/etc/ssh/sshd_config.d/10-machine-learning-class.conf"
    as_it_is = arrives()
    pair.root(f"cp {config} {config}.kept; sed -i /PermitOpen/d {config}; systemctl restart ssh.service")
    try:
        unprotected = arrives()
    finally:
        pair.root(f"mv {config}.kept {config}; systemctl restart ssh.service")
    assert (as_it_is, unprotected, arrives()) == (False, True, False)
