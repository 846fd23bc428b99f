"""A class that comes in over https, on real hosts: what holds without a certificate, and after a night.

The tests go through a term in their order. In its first lesson nobody issues certificates.
"""

from __future__ import annotations

import re
import time
from contextlib import suppress
from email import message_from_bytes
from email.policy import default
from functools import partial
from typing import TYPE_CHECKING

import pytest

from lab.layout import ACME_ROOT, GATEWAY
from tests.support.account_owner import ec2
from tests.support.class_machines import machines, refuse_a_lab_that_is_up, running
from tests.support.commands import bring_lab_up, command, mails, recap
from tests.support.lab_course import Course
from tests.support.laptop import Laptop, fetch
from tests.support.letter import https_link, read_letter
from tests.support.visitor import GATE, Visitor, busy
from tests.support.ways_in import answers, lets_in, shut

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEAT = "ml101-001"
pytestmark = pytest.mark.timeout(1800)
LAB = ".venv/bin/python -m lab"
# In Let's Encrypt's words.
LIMIT = (
    f"{LAB} fault --action newOrder --code rateLimited --message 'too many certificates (5) already issued for this"
    " exact set of identifiers in the last 168h0m0s, retry after 2026-12-04 15:12:13 UTC'"
)
# What the timer does every hour.
ASK = """
systemctl start class-front-certificate.service || {
    journalctl --unit=class-front-certificate.service --lines=5 --output=cat
    exit 1
}
"""
# As on a machine that never asked. With its account, for an authority remembers for whom a proof was given.
FORGET = "cd /var/lib/machine_learning_aws/front && rm -rf acme certificate.json"
# And that has none: what haproxy has would be as good as ever. The role lays a placeholder.
FORGET_ALL = f"{FORGET} /etc/machine_learning_aws/front/live.pem"
# A student who wants no password.
OWN_KEY = """
install -d -m 700 -o ada -g ada /home/ada/.ssh
install -m 600 -o ada -g ada /home/ubuntu/.ssh/authorized_keys /home/ada/.ssh/authorized_keys
"""
DOWN, TOO_MANY = "the authority does not answer", "too many were ordered"
LIFE = 90  # s, of a certificate
VALID_WITHIN = 120  # s after a boot
ASKED_EVERY, WATCHED = 20, 200  # s
# From the machine's start to the certificate that haproxy has, in seconds.
SINCE_BOOT = """
booted=$(date --date="$(systemctl show --property=UserspaceTimestamp --value)" +%s)
echo $(($(stat --format=%Y /etc/machine_learning_aws/front/live.pem) - booted))
"""
SSH_LOG = "journalctl --output=cat --identifier=sshd --identifier=sshd-session"


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    """Ada's class, before there is a machine. The authority is down."""
    refuse_a_lab_that_is_up()
    made = Course(tmp_path_factory.mktemp("course"), {"class_access": ["https", "ssh"]})
    made.write_roster(["ada"])
    try:
        bring_lab_up()
        command(f"{LAB} acme stop")
        yield made
    finally:
        command("make lab-down DISCARD=1")


@pytest.fixture(scope="module")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Laptop:
    """Ada's computer."""
    return Laptop(tmp_path_factory.mktemp("laptop"))


def text_of(mail: Path) -> str:
    """Return what a letter says."""
    body = message_from_bytes(mail.read_bytes(), policy=default).get_body(preferencelist=("plain",))
    assert body
    text: str = body.get_content()
    return text


def visitor() -> Visitor:
    """Return a browser that has never been at the machine, which trusts the authority as it is now."""
    return Visitor(running()[SEAT], ACME_ROOT)


def says_why(said: str, reason: str) -> None:
    """See that it is said that there is no certificate, for what `reason`, and when the machine asks again."""
    words = " ".join(said.split())
    assert "certificate" in words
    assert reason in words
    assert re.search(r"again at \d\d:\d\d UTC", words)


def nothing_changes(course: Course, playbook: str) -> bool:
    """Run it, and say whether it found all as it should be."""
    return all(host["changed"] == 0 for host in recap(course.play(playbook)).values())


def ssh_works(laptop: Laptop) -> None:
    """Log in as the newest letter says."""
    assert "ada" in laptop.log_in(read_letter(mails()[-1]), "id --user --name").split()


def test_without_an_authority_ssh_works_and_everybody_is_told(course: Course, laptop: Laptop) -> None:
    shown = course.play("provision.yml configure.yml")  # which is no failure: all students have a way in
    says_why(shown, DOWN)
    (mail,) = mails()
    says_why(text_of(mail), DOWN)
    ssh_works(laptop)
    says_why(course.play("status.yml"), DOWN)
    assert not visitor().has_a_valid_certificate()


def test_once_it_is_back_the_link_opens(course: Course) -> None:
    command(f"{LAB} acme start")
    course.on(SEAT, ASK)
    browser = visitor()
    browser.open(https_link(mails()[-1]))
    assert browser.works()
    with browser.kernel() as kernel:
        assert kernel.run("print(6 * 7)") == "42\n"
    assert DOWN not in course.play("status.yml")
    course.play("configure.yml")  # the letter no longer says that there is none
    assert nothing_changes(course, "configure.yml")


def test_while_22_is_cut_ssh_and_the_tunnel_come_in_by_443_and_the_client_is_known(
    course: Course, laptop: Laptop
) -> None:
    letter = read_letter(mails()[-1])
    with shut(22, SEAT):
        assert not answers(letter.address, 22)
        assert "ada" in laptop.log_in(letter, "id --user --name", port=443).split()
        with laptop.tunnel(letter, letter.tunnel_443):
            assert fetch("/api/contents", letter.token)[0] == 200
    accepted = r"Accepted password for ada from 127\.0\.0\.1 port (\d+)"
    ports = re.findall(accepted, course.on(SEAT, SSH_LOG))
    assert len(ports) >= 2
    front = course.on(SEAT, "journalctl --output=cat --unit=haproxy.service")
    for port in ports:
        assert re.search(rf"^{re.escape(GATEWAY)}:\d+ to ssh as 127\.0\.0\.1:{port}$", front, re.MULTILINE)


def test_after_a_night_the_new_letter_works_and_what_was_yesterday_s_opens_nothing(
    course: Course, laptop: Laptop
) -> None:
    yesterday, secret = visitor(), https_link(mails()[-1]).rpartition("/")[2]
    yesterday.open(f"/open/{secret}")
    assert yesterday.works()
    course.play("stop.yml")
    course.play("start.yml")
    link, today = https_link(mails()[-1]), visitor()
    assert today.host != yesterday.host
    assert "lets nobody in" in course.on(SEAT, "journalctl --output=cat --unit=class-front-address.service")
    today.open(link)
    assert today.works()
    assert 0 < int(course.on(SEAT, SINCE_BOOT)) <= VALID_WITHIN
    ssh_works(laptop)
    assert visitor().ask(f"/open/{secret}").status == 403
    assert Visitor(today.host, ACME_ROOT, dict(yesterday.cookies)).ask("/api/contents").status == 403
    # Jupyter's own cookies of yesterday do not open it either, to one who has come through today's gate.
    logins = {name: value for name, value in yesterday.cookies.items() if name not in (GATE, "_xsrf")}
    assert logins.keys() <= today.cookies.keys()
    assert Visitor(today.host, ACME_ROOT, {**logins, GATE: today.cookies[GATE]}).ask("/api/contents").status == 403
    again = {name: today.cookies[name] for name in (*logins, GATE)}
    assert Visitor(today.host, ACME_ROOT, again).ask("/api/contents").status == 200


def test_a_new_address_whose_port_80_is_shut_has_ssh_and_says_so(course: Course, laptop: Laptop) -> None:
    course.play("stop.yml")
    with shut(80, SEAT):
        shown = course.play("start.yml")
        says_why(shown, "port 80 is shut")
        says_why(text_of(mails()[-1]), "port 80 is shut")
        says_why(course.play("status.yml"), "port 80 is shut")
        ssh_works(laptop)
        assert not visitor().has_a_valid_certificate()
    course.on(SEAT, ASK)
    browser = visitor()
    browser.open(https_link(mails()[-1]))
    assert browser.works()


def test_a_limit_of_the_authority_is_said_and_ssh_works(course: Course, laptop: Laptop) -> None:
    told = len(mails())
    command(LIMIT)
    course.on(SEAT, FORGET_ALL)
    says_why(course.play("configure.yml"), TOO_MANY)
    says_why(course.play("status.yml"), TOO_MANY)
    assert len(mails()) == told  # the ways in are those of the letter that ada has
    course.play("mail.yml -e student=ada")
    assert len(mails()) == told + 1
    says_why(text_of(mails()[-1]), TOO_MANY)
    ssh_works(laptop)
    course.on(SEAT, ASK)
    assert TOO_MANY not in course.play("status.yml")


def test_https_alone_lets_no_student_in_over_ssh_and_the_instructor_as_ever(course: Course, laptop: Laptop) -> None:
    letter, key = read_letter(mails()[-1]), course.state / "ssh_key"
    way_in = partial(lets_in, seat=SEAT, known_hosts=course.state / "known_hosts")
    course.on(SEAT, OWN_KEY)
    assert way_in(letter.login, key=key)
    assert way_in(letter.login, password=letter.password)
    course.settings["class_access"] = ["https"]
    course.play("configure.yml")
    assert not way_in(letter.login, key=key)
    assert not way_in(letter.login, password=letter.password)
    assert way_in(f"ubuntu@{letter.address}", key=key)
    assert nothing_changes(course, "configure.yml -e configure_force=true")
    browser = visitor()
    browser.open(https_link(mails()[-1]))
    assert browser.works()
    # Without a certificate there is no way in now, so that is a failure.
    command(LIMIT)
    course.on(SEAT, FORGET_ALL)
    refused = command(course.line("configure.yml"), check=False)
    assert refused.returncode != 0
    says_why(refused.stdout + refused.stderr, TOO_MANY)
    course.on(SEAT, ASK)
    course.settings["class_access"] = ["https", "ssh"]
    course.play("configure.yml")
    assert "ada" in laptop.log_in(letter, "id --user --name").split()


def test_a_machine_whose_certificate_is_over_has_a_new_one_within_two_minutes_of_its_boot(course: Course) -> None:
    """By itself: no command runs. An authority that starts anew knows no account of before."""
    command(f"{LAB} acme start --valid-for {LIFE}")
    course.on(SEAT, f"{FORGET}\n{ASK}")
    browser = visitor()
    assert browser.has_a_valid_certificate()
    time.sleep(LIFE)
    assert not browser.has_a_valid_certificate()
    (machine,) = (each for each in machines() if each["Tags"].get("Name") == SEAT and each["State"] == "running")
    ec2().reboot_instances(InstanceIds=[machine["InstanceId"]])
    began = time.monotonic()
    while True:
        with suppress(OSError):
            if browser.has_a_valid_certificate():
                break
        assert time.monotonic() < began + VALID_WITHIN
        time.sleep(1)
    print(f"valid {time.monotonic() - began:.0f} s after the reboot was asked for")
    browser.open(https_link(mails()[-1]))
    assert browser.works()


def test_renewals_lose_no_websocket_of_a_running_kernel(course: Course) -> None:
    """The unit asks far more often than its timer does; whoever comes meets a valid certificate at every moment."""
    command(f"{LAB} acme start --valid-for {LIFE}")
    course.on(SEAT, f"{FORGET}\n{ASK}")
    browser = visitor()
    browser.open(https_link(mails()[-1]))
    certificates, began = {browser.certificate()}, time.monotonic()
    with browser.kernel() as kernel, browser.kernel() as idle:
        with busy(kernel) as working:
            for second in range(ASKED_EVERY, WATCHED + 1, ASKED_EVERY):
                time.sleep(max(0.0, began + second - time.monotonic()))
                course.on(SEAT, ASK)
                assert not working.done(), working.exception()
                assert idle.run(f"print({second})") == f"{second}\n"
                assert browser.works()
                certificates.add(browser.certificate())
        cells = working.result()
    print(f"{len(certificates) - 1} renewals, {cells} cells in {time.monotonic() - began:.0f} s, two websockets")
    # So that of the beginning is over, and so is the next one.
    assert len(certificates) > WATCHED // LIFE
