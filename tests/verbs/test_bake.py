"""One term bakes an image; the next launches from it: no machine is another's clone, or has anything of that term."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.credentials import (
    complete,
    read_credentials,
    write_credentials,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.gate import digest
from ansible_collections.machine_learning.classroom.plugins.module_utils.pages.page import give_pages

from tests.support.baked import baking, images, remove_images, snapshots
from tests.support.class_machines import machines, refuse_a_lab_that_is_up
from tests.support.commands import bring_lab_up, command, requests
from tests.support.lab_course import Course

if TYPE_CHECKING:
    from collections.abc import Iterator

STUDENTS = ["ada", "grace"]
SEATS = ["ml101-001", "ml101-002"]
# Run on a machine before it is configured.
ASK = """
- hosts: machines
  gather_facts: false
  tasks:
    - machine_learning.classroom.roles_needed:
        roles: [system, conda, data]
      register: roles_needed
    - ansible.builtin.assert:
        # The lab's images are copies, file by file: whoever remembers inodes looks again, and finds what is needed.
        that: "roles_needed.reasons in [{}, {'data': ['the record of the data sets is out of date']}]"
        fail_msg: "{{ roles_needed.reasons | to_json }}"
    # Their defaults are those of the whole play, though none of them runs.
    - ansible.builtin.import_role: {name: system}
      when: false
    - ansible.builtin.import_role: {name: conda}
      when: false
    - ansible.builtin.import_role: {name: data}
      when: false
"""
# Keys to a certificate, or to an account with whoever issues them; each machine makes its own of ssh as it boots.
PRIVATE = """
find /etc /home /root /var -xdev -type f -size -64k -exec grep -lE 'PRIVATE KEY-----|"kty"' {} + |
grep -v '^/etc/ssh/ssh_host_' || true
"""

# Who gets in over https, with which key, as whom, past which question.
MAPS = {f"/etc/machine_learning_aws/front/{name}.map" for name in ("hosts", "keys", "tokens", "words")}
FIND_MAPS = "find / -xdev -type f '(' -name hosts.map -o -name keys.map -o -name tokens.map -o -name words.map ')'"
SECRETS = ("password", "password_hash", "token", "link_secret", "page", "page_word")
PLANTED = "/var/lib/planted"


@pytest.fixture(scope="module")
def terms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Course, Course]]:
    """Two terms of a class, each with a key of its own."""
    refuse_a_lab_that_is_up()
    made = [Course(tmp_path_factory.mktemp("term"), {"class_confirm_teardown": "ml101"}) for _ in range(2)]
    for term in made:
        term.write_roster(STUDENTS)
    know_students(made[0])
    try:
        bring_lab_up()
        yield made[0], made[1]
    finally:
        command("make lab-down DISCARD=1")


@pytest.fixture
def last(terms: tuple[Course, Course]) -> Course:
    """The term that bakes."""
    return terms[0]


@pytest.fixture
def this(terms: tuple[Course, Course]) -> Course:
    """The term that launches from what was baked."""
    return terms[1]


def know_students(term: Course) -> None:
    """Let the students of a term have passwords, tokens, links and pages, as if it had been taught."""
    students = [{"email": f"{name}@example.com", "username": name} for name in STUDENTS]
    hosts = {name: f"192.0.2.{number}" for number, name in enumerate(STUDENTS, 1)}
    known, _ = complete({}, students, hosts=hosts)
    give_pages(known, students)
    term.state.mkdir(mode=0o700)
    write_credentials(str(term.state / "credentials.json"), known)


def secrets_of(term: Course) -> list[str]:
    """Return what opens something of a term's students, and what the front keeps of it."""
    kept = read_credentials(str(term.state / "credentials.json")).values()
    secrets = [str(dict(each)[key]) for each in kept for key in SECRETS]
    return [*secrets, *(digest(each["link_secret"]) for each in kept)]


def files_with(words: list[str], term: Course, seat: str) -> list[str]:
    """Return the files of a machine with one of these words in them."""
    lines = "\n".join(words)
    # The words lie in memory, which is not looked through.
    script = f"umask 077\ncat > /run/words <<'THE_END'\n{lines}\nTHE_END\n"
    script += "find / -xdev -type f -size +0 -exec grep -lF -f /run/words {} + || true\nrm /run/words\n"
    return sorted(term.on(seat, script).splitlines())


def launches() -> int:
    """Count the launches so far."""
    return sum(request["action"] == "RunInstances" for request in requests())


def test_a_machine_without_students_becomes_an_image_and_ends(last: Course) -> None:
    assert "An image would be baked." in last.play("bake.yml --check")
    assert machines() == []
    last.play("bake.yml")
    (image,) = images()
    tags = {tag["Key"]: tag["Value"] for tag in image["Tags"]}
    assert image["State"] == "available"
    assert tags.keys() == {"BakedBy", "BakedOn", "Carries", "Name"}
    assert [disk["Ebs"]["SnapshotId"] for disk in image["BlockDeviceMappings"]] == snapshots()
    assert {each["State"] for each in machines()} == {"terminated"}
    assert not any("Class" in each["Tags"] for each in machines())


def test_a_second_bake_does_nothing(last: Course) -> None:
    before = launches()
    shown = last.play("bake.yml")
    assert "Nothing to do: " in shown
    assert "changed=0" in shown
    assert launches() == before


def test_an_image_is_kept_for_the_next_term_and_named(last: Course) -> None:
    shown = last.play("teardown.yml")
    assert "Kept for the next term: ml101-" in shown
    assert "ansible-playbook bake.yml -e bake_remove=true" in shown
    assert "Nothing is left but the baked images named above." in shown
    assert len(images()) == len(snapshots()) == 1


def test_the_next_term_starts_from_it_with_no_secret_and_nothing_is_installed(last: Course, this: Course) -> None:
    (image,) = images()
    assert f"fits ({image['ImageId']}): machines start from it." in this.play("provision.yml")
    alive = [each for each in machines() if each["State"] == "running"]
    assert {each["ImageId"] for each in alive} == {image["ImageId"]}
    assert sorted(each["Tags"]["Name"] for each in alive) == SEATS
    (this.folder / "ask.yml").write_text(ASK)
    this.play(str(this.folder / "ask.yml"))
    assert {this.on(seat, f"command -v haproxy; {PRIVATE}{FIND_MAPS}") for seat in SEATS} == {"/usr/sbin/haproxy\n"}
    secrets = secrets_of(last)
    this.on(SEATS[0], f"echo {secrets[-1]} > {PLANTED}")
    assert files_with(secrets, this, SEATS[0]) == [PLANTED]
    this.play("configure.yml")
    assert set(this.on(SEATS[0], FIND_MAPS).split()) == MAPS
    assert this.play("status.yml").count(" answers ") == len(STUDENTS)
    assert "changed=0" in this.play("configure.yml -e configure_force=true")


def test_no_machine_is_the_clone_of_another(this: Course) -> None:
    ids = {this.on(seat, "cat /etc/machine-id") for seat in SEATS}
    assert len(ids) == len(SEATS)
    assert all(len(found.strip()) == 32 for found in ids)
    keys = [set(this.on(seat, "cut -d ' ' -f 2 /etc/ssh/ssh_host_*_key.pub").split()) for seat in SEATS]
    assert all(len(found) >= 2 for found in keys)
    assert not keys[0] & keys[1]
    # Of a certificate, and of the account that ordered it.
    private = [set(this.on(seat, f"sha256sum $({PRIVATE}) | cut -d ' ' -f 1").split()) for seat in SEATS]
    assert all(len(found) >= 2 for found in private)
    assert not private[0] & private[1]


def test_the_class_has_one_key_to_each_machine_and_nothing_of_the_last_term_is_there(
    last: Course, this: Course
) -> None:
    now, before = ((term.state / "ssh_key.pub").read_text().split()[1] for term in (this, last))
    assert now != before
    for seat in SEATS:
        for account in ("/home/ubuntu", "/root"):
            lines = this.on(seat, f"cat {account}/.ssh/authorized_keys").splitlines()
            assert [now in line for line in lines if line.strip()] == [True]
        found = this.on(seat, f"find / -xdev -type f -size +0 -exec grep -lF {before} {{}} + || true")
        assert found == ""


def test_each_machine_reads_the_environment_ahead_once_it_has_booted(this: Course) -> None:
    for seat in SEATS:
        shown = this.on(seat, "systemctl show --property=ActiveState,Result,ExecMainStartTimestampMonotonic read-ahead")
        assert "Result=success" in shown
        assert "ActiveState=inactive" in shown
        assert "ExecMainStartTimestampMonotonic=0" not in shown  # it did run
        assert this.on(seat, "systemctl list-units --failed --no-legend").strip() == ""
        # No other service of the project is less exposed: see tests/oracle.
        this.on(seat, "systemd-analyze --no-pager --threshold=10 security read-ahead.service")


def test_an_image_that_no_longer_fits_is_named_and_replaced_with_its_snapshot(this: Course) -> None:
    (old,) = images()
    more = this.folder / "datasets.yml"
    more.write_text("datasets: []\n")
    other = f"-e class_datasets_file={more}"
    said = this.play(f"""provision.yml --check {other} -e '{{"class_spare_machines": 1}}'""")
    assert "does not fit any more (other data)" in said
    this.play(f"bake.yml {other}")
    (new,) = images()
    assert new["ImageId"] != old["ImageId"]
    assert len(snapshots()) == 1
    assert baking() == []
    running = [each["Tags"]["Name"] for each in machines() if each["State"] == "running"]
    assert sorted(running) == SEATS


def test_a_machine_that_fails_becomes_no_image_and_ends(this: Course) -> None:
    remove_images()
    missing = this.folder / "datasets.yml"
    missing.write_text(f"datasets: [{{name: none, url: 'https://example.org/none.csv', sha256: '{'0' * 64}'}}]\n")
    shown = this.play(f"bake.yml -e class_datasets_file={missing}", check=False)
    assert "No image was made, for the machine was not made ready: " in shown
    assert "Data set none: " in shown
    assert (images(), snapshots(), baking()) == ([], [], [])


def test_all_that_was_baked_is_removed_when_asked(this: Course) -> None:
    this.play("bake.yml")
    assert len(images()) == 1
    assert "would be left" in this.play("bake.yml -e bake_remove=true --check")
    assert len(images()) == 1
    this.play("bake.yml -e bake_remove=true")
    assert (images(), snapshots(), baking()) == ([], [], [])
    assert "Nothing is left that costs money." in this.play("teardown.yml")
