"""The playbooks go on with the files of a class that an older version made: see fixtures/class-d66e40b."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.replacement import plan_replacement

from lab.image import RELEASES
from tests.support import account_owner
from tests.support.desk import ACCESS_KEY, SECRET_KEY, Aws
from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client

OLD = Path(__file__).with_name("fixtures") / "class-d66e40b"
WRITTEN = 1_772_445_600  # when all work was, in s; git keeps no times
SHARED, OWN = "i-19ffa65dc2fb51981", "i-2a00247eeeb6324fd"  # as the files name the machines
LAUNCHED = "2026-11-29T01:22:53+00:00"
ADDRESS = "10.77.0.11"
# class.yml of the commits that its names tell.
CLASS_FILES = sorted((Path(__file__).with_name("fixtures") / "class-files").iterdir())
DEFAULTS = [PROJECT / "group_vars/all/project.yml", *(PROJECT / "roles").glob("*/defaults/main.yml")]
pytestmark = pytest.mark.timeout(300)


@dataclass
class Class:
    """The class in the folder `base`, on an AWS without hosts: the folder `machine` is the disk of ml101-001."""

    base: Path
    url: str

    def __post_init__(self) -> None:
        """Lay out the files as they were, and have machines like those of then."""
        shutil.copytree(OLD, self.base, dirs_exist_ok=True)
        (self.base / "machine").mkdir()
        self.machines = self.launch()
        for folder, folders, files in os.walk(self.base):
            for name in folders:
                os.chmod(os.path.join(folder, name), 0o700)
            for name in files:
                os.chmod(os.path.join(folder, name), 0o600)
        for username in ("ada", "grace", "mary"):
            work = self.base / "daily_user" / username
            for path in work.iterdir():
                os.utime(path, (WRITTEN, WRITTEN))
            if username != "mary":
                shutil.copytree(work, self.base / "machine" / username)
        for path in (self.base / "machine").glob("*/*"):
            path.chmod(0o644)
        (self.base / "state/ssh_key").write_text("no key: nothing here is reached by ssh\n")
        rows = "".join(f"Student {name},{name}@example.com\n" for name in ("ada", "grace", "mary"))
        (self.base / "students.csv").write_text(f"name,email\n{rows}")
        machine = {
            "ansible_host": ADDRESS,
            "ansible_connection": "local",
            "aws_instance_id": self.machines[SHARED],
            "aws_ec2_tags": {"Students": "ada grace"},
        }
        hosts = {"all": {"children": {"machines": {"hosts": {"ml101-001": machine}}}}}
        (self.base / "hosts.yml").write_text(json.dumps(hosts))

    def ec2(self) -> EC2Client:
        """Return the account's owner's client of the AWS."""
        return account_owner.ec2(self.url)

    def launch(self) -> dict[str, str]:
        """Launch both machines, stop mary's, and let the files name them: AWS chooses ids and times anew."""
        ec2, ids = self.ec2(), {}
        for old, seat, students in ((SHARED, "ml101-001", "ada grace"), (OWN, "ml101-002", "mary")):
            tags: Any = [
                {"Key": key, "Value": value}
                for key, value in {"Class": "ml101", "Name": seat, "Students": students}.items()
            ]
            (machine,) = ec2.run_instances(
                ImageId=RELEASES[0].ami,
                InstanceType="t3a.large",
                MinCount=1,
                MaxCount=1,
                TagSpecifications=[{"ResourceType": "instance", "Tags": tags}],
            )["Instances"]
            ids[old], launched = machine["InstanceId"], machine["LaunchTime"]
        ec2.stop_instances(InstanceIds=[ids[OWN]])
        stopped = self.base / f"daily_user/.at-rest/{OWN}.json"
        said = stopped.read_text()
        assert LAUNCHED in said
        stopped.with_name(f"{ids[OWN]}.json").write_text(said.replace(LAUNCHED, launched.isoformat()))
        stopped.unlink()
        known = self.base / "state/known_hosts"
        known.write_text(known.read_text().replace(SHARED, ids[SHARED]).replace(OWN, ids[OWN]))
        return ids

    def play(self, *line: str, code: int = 0, **variables: Any) -> str:
        """Run playbooks as an instructor does; return what they said."""
        values = {
            "class_roster": str(self.base / "students.csv"),
            "class_state_dir": str(self.base / "state"),
            "class_work_home": str(self.base / "daily_user"),
            "class_environment_lock": str(self.base / "environment.lock"),
            "class_image_id": RELEASES[0].ami,
            # Nobody listens there: a letter that was due would fail.
            "class_smtp_host": "127.0.0.1",
            "class_smtp_port": 1,
            "class_mail_from": "Machine learning class <class@example.com>",
            "work_source": str(self.base / "machine"),
            "work_store": str(self.base / "store"),
            "ansible_become": False,
            "ansible_python_interpreter": sys.executable,
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "AWS_"))}
        environment |= {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
        }
        done = subprocess.run(
            [
                str(Path(sys.executable).with_name("ansible-playbook")),
                "--inventory=inventory/10-control.yml",
                f"--inventory={self.base}/hosts.yml",
                f"--extra-vars={json.dumps(values | variables)}",
                *line,
            ],
            cwd=PROJECT,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def remembered(self) -> dict[str, bytes]:
        """Return what is at home and in the state folder, by path.

        Without what names the run at work, and the records of which file is which: here the files are copies.
        """
        files = (path.relative_to(self.base) for path in self.base.rglob("*") if path.is_file())
        kept = (path for path in files if path.parts[0] in ("state", "daily_user") and ".records" not in path.parts)
        return {str(path): (self.base / path).read_bytes() for path in kept if path.name != "run.lock"}


@pytest.fixture(scope="module")
def aws() -> Iterator[str]:
    """Return where an AWS without hosts answers."""
    answering = Aws()
    yield answering.url
    answering.close()


@pytest.fixture
def old(aws: str, tmp_path: Path) -> Iterator[Class]:
    """Return the class; afterwards its machines are gone."""
    made = Class(tmp_path / "class", aws)
    yield made
    made.ec2().terminate_instances(InstanceIds=[*made.machines.values()])


def test_nobody_gets_a_new_password_or_letter_and_nothing_is_collected_twice(old: Class) -> None:
    before = old.remembered()
    shown = old.play("collect.yml", "mail.yml")
    assert re.findall(r"(ml101-\d+) +(\w+) +(.*)", shown) == [
        ("ml101-001", "ada", "2 files at home"),
        ("ml101-001", "grace", "2 files at home"),
        ("ml101-002", "mary", "2 files at home"),
    ]
    assert set(re.findall(r"changed=(\d+)", shown)) == {"0"}
    after = old.remembered()
    assert after.pop("state/running_hours.jsonl")  # what it costs from now on
    assert after == before


def test_the_class_goes_on_working(old: Class) -> None:
    versions = subprocess.run(
        ["git", f"--git-dir={old.base}/daily_user/.history/ada.git", "rev-list", "main"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert len(versions) == 2
    # Her machine began with what home had, so what is missing there was deleted there.
    (old.base / "machine/grace/own.txt").unlink()
    shown = old.play("collect.yml", "restore.yml", "handback.yml", student="ada", at=versions[-1])
    assert not (old.base / "daily_user/grace/own.txt").exists()
    (restored,) = (old.base / "machine/ada").glob("restored-*/own.txt")
    assert restored.read_text() == "of ada\n"
    assert re.search(r"^\s*ada .* taken 2026-11-29$", shown, re.MULTILINE)
    assert re.search(r"^\s*grace .* not yet$", shown, re.MULTILINE)


def test_the_work_follows_an_address_whose_setting_was_taken_out_again(old: Class) -> None:
    """Of ada and mary the class remembers the change; grace's was with a version that remembered none."""
    roster, kept = old.base / "students.csv", old.base / "state/credentials.json"
    roster.write_text(roster.read_text().replace("example.com", "example.net"))
    changed = {f"{name}@example.com": f"{name}@example.net" for name in ("ada", "grace", "mary")}
    old.play("mail.yml", class_changed_addresses=changed, class_smtp_host="")  # it writes letters, and sends none
    credentials = json.loads(kept.read_text())
    credentials["grace@example.net"].pop("formerly", None)
    kept.write_text(json.dumps(credentials))
    (old.base / "machine/ada/own.txt").write_text("newer\n")
    time.sleep(2.1)  # what was written just now is looked at again
    set_still = {"grace@example.com": "grace@example.net"}
    shown = old.play("collect.yml", "restore.yml", student="ada", at="now", class_changed_addresses=set_still)
    assert re.findall(r"(ml101-\d+) +(\w+) +(.*)", shown) == [
        ("ml101-001", "ada", "2 files at home"),
        ("ml101-001", "grace", "2 files at home"),
        ("ml101-002", "mary", "2 files at home"),  # whose machine need not be started to look
    ]
    assert (old.base / "daily_user/ada/own.txt").read_text() == "newer\n"
    (restored,) = (old.base / "machine/ada").glob("restored-*/own.txt")
    assert restored.read_text() == "newer\n"
    assert not [*(old.base / "daily_user").glob("*~2")]
    owner = json.loads((old.base / "daily_user/.history/ada.git/owner.json").read_text())
    assert owner["email"] == "ada@example.net"


def test_an_exchange_that_was_begun_is_not_begun_anew() -> None:
    pending = json.loads((OLD / "state/replacing.json").read_text())

    def old_machines(mary_s: str) -> list[str]:
        """Return which machines go when mary has this one."""
        tags = {"Name": "ml101-002", "Students": "mary"}
        machine = {"instance_id": mary_s, "state": {"name": "running"}, "tags": tags}
        return plan_replacement("mary", [machine], pending).instance_ids

    assert old_machines(OWN) == [OWN]
    assert old_machines("i-1") == []


def test_the_class_is_not_looked_for_where_it_does_not_live(old: Class) -> None:
    assert f"Class ml101 lives in account 123456789012, region {account_owner.REGION}" in old.play(
        "collect.yml", code=2, class_region="eu-west-1"
    )


def test_a_class_file_of_an_older_version_has_all_that_is_asked_of_it(tmp_path: Path) -> None:
    """Whoever has put the class.yml of an earlier copy in the place of this one goes on as then."""
    absent = {path.stem: set(now()) - set(yaml.safe_load(path.read_text())) for path in CLASS_FILES}
    lacking = set().union(*absent.values())
    oldest = next(path for path in CLASS_FILES if absent[path.stem] == lacking)
    known = {name: value for path in DEFAULTS for name, value in yaml.safe_load(path.read_text()).items()}
    read = {name for name, value in known.items() if lacking & words_in(value)}
    read |= {name for name, value in known.items() if read & words_in(value)}
    said = evaluated(oldest, sorted(read), tmp_path)
    assert {name: said[name] for name in AS_THEN} == AS_THEN
    in_playbooks = {
        name
        for path in [*(PROJECT / "playbooks").rglob("*.yml"), *(PROJECT / "roles").glob("*/tasks/*.yml")]
        for name in lacking & words_in(path.read_text())
    }
    assert in_playbooks == {"class_access", "class_domain", "class_language"}  # in words of a message alone


# What the settings that older files lack are without them, where roles and playbooks read them.
AS_THEN = {
    "front_access": ["ssh"],
    "machines_time_zone": "UTC",
    "hours_timetable": {},
    "mail_hours": "",
    "mail_language": "en",
    "mail_smtp_ca_file": "",
    "mail_smtp_token_command": "",
    "project_https": False,
}


def now() -> dict[str, Any]:
    """Return what class.yml has today."""
    settings: dict[str, Any] = yaml.safe_load((PROJECT / "group_vars/all/class.yml").read_text())
    return settings


def words_in(value: object) -> set[str]:
    """Return the words of a text that could be variables."""
    return set(re.findall(r"\w+", value)) if isinstance(value, str) else set()


def evaluated(class_file: Path, wanted: list[str], folder: Path) -> dict[str, Any]:
    """Return what Ansible makes of the variables `wanted`, with `class_file` in the place of class.yml."""
    shutil.copytree(PROJECT / "group_vars", folder / "group_vars")
    shutil.copy(class_file, folder / "group_vars/all/class.yml")
    inventory = shutil.copy(PROJECT / "inventory/10-control.yml", folder)  # with these settings beside it
    roles = sorted(path.name for path in (PROJECT / "roles").iterdir() if (path / "tasks/main.yml").exists())
    tasks: list[dict[str, Any]] = [{"ansible.builtin.import_role": {"name": name}, "when": False} for name in roles]
    known = "{{ dict(wanted | zip(query('ansible.builtin.vars', *wanted))) | to_json }}"
    answer = folder / "answer.json"
    tasks.append({"ansible.builtin.copy": {"content": known, "dest": str(answer), "mode": "0600"}})
    play = folder / "play.yml"
    play.write_text(yaml.safe_dump([{"hosts": "localhost", "vars": {"wanted": wanted}, "tasks": tasks}]))
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), f"--inventory={inventory}", str(play)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    said: dict[str, Any] = json.loads(answer.read_text())
    return said
