"""Deploy what the role student makes of a machine."""

from io import StringIO
from pathlib import Path

from pyinfra import host
from pyinfra.facts.server import Command
from pyinfra.operations import files, server, systemd

GROUP, PROJECT = "students", host.data.project_machine_dir
DROP_IN = "# Made by machine_learning_aws (role student).\n[Service]\nProtectProc=invisible\n"
NAME = "10-machine-learning-class.conf"
students = host.data.machine_students

server.group(name="Make the students' group", group=GROUP, system=True)
for student in students:
    username = student["username"]
    server.user(  # noqa: S604 - the student's shell: nothing runs in one here
        name="Make the account",
        user=username,
        password=student["password_hash"],
        groups=[GROUP],
        append=True,
        shell="/bin/bash",
        create_home=True,
        ensure_home=False,
    )
    files.directory(name="Close the home", path=f"/home/{username}", user=username, group=username, mode="700")
files.directory(
    name="Let students pass through the folder above the project's",
    path=str(Path(PROJECT).parent),
    mode="751",
)
files.directory(name="Make the project's folder", path=PROJECT, user="root", group="root", mode="755")
files.directory(name="Make the folder of folders", path=f"{PROJECT}/daily_user", user="root", group="root", mode="711")
for student in students:
    username = student["username"]
    folder = f"{PROJECT}/daily_user/{username}"
    files.directory(name="Make the student's folder", path=folder, user=username, group=username, mode="700")

changes = [
    files.put(
        name=f"Hide other accounts' processes from {unit}",
        src=StringIO(DROP_IN),
        dest=f"/etc/systemd/system/{unit}.d/{NAME}",
        mode="644",
    )
    for unit in ("ssh.service", "user@.service", "cron.service")
]
said = host.get_fact(Command, command="sshd -t -f /dev/null -o 'PerSourcePenalties no' 2>&1 || true")
config = host.data.sshd_config
if "Bad configuration option" in (said or ""):
    lines = config.splitlines(keepends=True)
    config = "".join(line for line in lines if not line.startswith("PerSourcePenalties"))
changes.append(
    files.put(
        name="Tell sshd its ports, and who forwards what",
        src=StringIO(config),
        dest=f"/etc/ssh/sshd_config.d/{NAME}",
        mode="644",
    )
)


def changed() -> bool:
    """Say whether sshd and cron have to start anew."""
    return any(change.did_change() for change in changes)


systemd.service(name="Take the port from the socket", service="ssh.socket", running=False, enabled=False)
systemd.service(name="Have sshd run", service="ssh.service", running=True, enabled=True)
server.shell(
    name="Start sshd and cron anew",
    commands=[
        "sshd -t",
        "systemctl daemon-reload",
        "systemctl restart ssh.service",
        "systemctl --quiet try-restart cron.service || [ $? = 5 ]",  # 5: there is none
    ],
    _if=changed,
)
