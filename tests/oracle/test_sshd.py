"""What sshd offers to the world on each of its ports, by ssh-audit."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import jinja2
import pytest
import yaml

from tests.support.class_machines import running
from tools import PROJECT

if TYPE_CHECKING:
    from tests.support.lab_course import Course

PORTS: list[int] = yaml.safe_load((PROJECT / "group_vars/all/class.yml").read_text())["class_ssh_ports"]
POLICY = Path(__file__).with_name("debian-12-sshd.policy")
# What ssh-audit calls a failure and the distribution offers all the same, for laptops that know nothing better. OpenSSH
# takes the best that both sides know, and nobody in the middle can make it take another.
AS_THE_DISTRIBUTION_HAS_IT = {
    "ecdh-sha2-nistp256": "NIST's curves are only suspected",
    "ecdh-sha2-nistp384": "NIST's curves are only suspected",
    "ecdh-sha2-nistp521": "NIST's curves are only suspected",
    "ecdsa-sha2-nistp256": "NIST's curves are only suspected; the letter names the Ed25519 key",
    "hmac-sha1": "what is broken of SHA-1 is not what an HMAC needs of it",
    "hmac-sha1-etm@openssh.com": "what is broken of SHA-1 is not what an HMAC needs of it",
}

# An sshd beside the one that serves, for callers from the machine itself alone; everybody there has the same key. As a
# service, for what a session starts stays its user's own to PAM, and may open no session of another's.
ASIDE = """
cd "$(mktemp -d)"
chmod 755 .
ssh-keygen -q -t ed25519 -N '' -f key
cat > config <<'THE_END'
{config}
THE_END
sed -i /PerSourcePenalties/d config # not every sshd knows it
ours="ListenAddress=127.0.0.1 AuthorizedKeysFile=$PWD/key.pub StrictModes=no UsePAM=yes PidFile=none"
systemd-run --quiet --collect --unit=aside /usr/sbin/sshd -D -f "$PWD/config" $(printf -- '-o%s ' $ours)
until ss -Hltn 'sport = :2222' | grep -q .; do sleep 0.1; done
for who in ada ubuntu; do
    ssh -n -F none -i key -p 2222 -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
        $who@127.0.0.1 id --user --name || true
done
systemctl stop aside
"""


def audit(port: int, *options: str) -> subprocess.CompletedProcess[str]:
    """Run ssh-audit on a port of the machine.

    Without its test of the rate of connections, which weighs how fast this computer is; the distribution's own settings
    fail it as well.
    """
    (address,) = running().values()
    return subprocess.run(
        [str(Path(sys.executable).with_name("ssh-audit")), "--skip-rate-test", *options, f"--port={port}", address],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize("port", PORTS)
def test_nothing_is_offered_that_the_distribution_does_not_offer(port: int) -> None:
    said = audit(port, f"--policy={POLICY}")
    assert said.returncode == 0, said.stdout + said.stderr


@pytest.mark.usefixtures("course")
@pytest.mark.parametrize("port", PORTS)
def test_no_algorithm_fails_but_those_that_are_left_to_the_distribution(port: int) -> None:
    said = json.loads(audit(port, "--json").stdout)
    offered = [each for kind in ("kex", "key", "enc", "mac") for each in said[kind]]
    assert len(offered) > 20
    assert {each["algorithm"] for each in offered if "fail" in each["notes"]} == set(AS_THE_DISTRIBUTION_HAS_IT)


@pytest.mark.parametrize(("ssh_logins", "let_in"), [(True, ["ada", "ubuntu"]), (False, ["ubuntu"])])
def test_without_ssh_for_students_no_key_of_theirs_opens_and_the_instructor_s_does(
    course: Course, ssh_logins: bool, let_in: list[str]
) -> None:
    text = (PROJECT / "roles/student/templates/sshd.conf.j2").read_text()
    config = jinja2.Environment(trim_blocks=True).from_string(text)  # noqa: S701 - no page
    told = {"student_ssh_ports": [2222], "student_group": "students", "student_ports": {"ada": 8888}}
    script = ASIDE.format(config=config.render(told, student_ssh_logins=ssh_logins))
    assert course.on("ml101-001", script).split() == let_in
