"""One sshd that is any number of machines: it answers on every address of the loopback, and runs nothing it is asked.

`machines` starts it. Its own process, `python -m benchmarks.loopback FOLDER PORT`, sees a list of accounts that has the
machines', too, and hands each connection to an sshd of its own.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from tools import PROJECT
from tools.role_specs import mappings

if TYPE_CHECKING:
    from collections.abc import Iterator

BACKLOG = 1024
SECONDS_TO_START = 60
MAKE_READY = PROJECT / "playbooks/parts/make_ready.yml"
PYTHON = "/usr/bin/python3"  # interpreter_python of ansible.cfg
# Who logs in: no account of this computer. `sshd` wants to be one while it talks to whom it does not know yet.
ACCOUNTS = "ubuntu:*:65534:65534::/:/bin/sh\nsshd:*:65533:65534::/run/sshd:/usr/sbin/nologin\n"
SSHD = """\
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
StrictModes no
UsePAM no
UseDNS no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin no
ForceCommand {folder}/answer
LogLevel ERROR
"""
# A module comes through standard input. It is read to its end, as a machine's Python would, and never run. Any other
# command does nothing: its standard input is a terminal, which stays open until it has ended.
ANSWER = """\
#!/bin/sh
became=${{SSH_ORIGINAL_COMMAND#*BECOME-SUCCESS-}}
[ "$became" != "$SSH_ORIGINAL_COMMAND" ] || exit 1
echo "BECOME-SUCCESS-${{became%%[!a-z]*}}"
case $became in
*{python}*) cat >/dev/null; echo '{answer}' ;;
esac
"""
# In a namespace of mounts of its own, so that nobody else sees the accounts; /run/sshd has to be there.
START = """\
mount --bind "$1/passwd" /etc/passwd
mount -t tmpfs tmpfs /run
mkdir /run/sshd
exec "$2" -m benchmarks.loopback "$1" "$3"
"""


def answer() -> str:
    """Return what a machine says that needs none of the roles of make_ready.yml."""
    tasks = mappings(yaml.safe_load(MAKE_READY.read_text()))
    name = "machine_learning.classroom.roles_needed"
    (roles,) = (task[name]["roles"] for task in tasks if name in task)
    return json.dumps({"changed": False, "roles": [], "reasons": {role: [] for role in roles}})


def script() -> str:
    """Return the program that a machine runs in the place of whatever it is asked."""
    return ANSWER.format(answer=answer(), python=PYTHON)


def program(folder: Path) -> tuple[str, dict[str, str]]:
    """Return the path of sshd and what its environment needs; unpack Debian's in `folder` if it is not installed."""
    if Path("/usr/sbin/sshd").exists():
        return "/usr/sbin/sshd", {}
    archives, root = folder / "archives", folder / "root"
    (archives / "partial").mkdir(parents=True)
    download = ["apt-get", "-qq", "-y", "install", "--download-only", "--no-install-recommends"]
    subprocess.run([*download, "-o", f"Dir::Cache::archives={archives}", "openssh-server"], check=True)
    for archive in archives.glob("*.deb"):
        subprocess.run(["dpkg", "--extract", str(archive), str(root)], check=True)
    libraries = {str(path.parent) for path in root.rglob("*.so.*")}
    return f"{root}/usr/sbin/sshd", {"LD_LIBRARY_PATH": os.pathsep.join(sorted(libraries))}


@contextmanager
def machines(folder: Path) -> Iterator[int]:
    """Let there be machines on all addresses of the loopback, with the key of `make_host_key`; yields their port."""
    folder.chmod(0o755)
    sshd, environment = program(folder)
    (folder / "sshd").write_text(json.dumps([sshd, environment]))
    (folder / "passwd").write_text(ACCOUNTS + Path("/etc/passwd").read_text())
    (folder / "sshd_config").write_text(SSHD.format(folder=folder))
    (folder / "answer").write_text(script())
    (folder / "answer").chmod(0o755)
    (folder / "authorized_keys").touch()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = ["unshare", "--mount", "sh", "-euc", START, "sh", str(folder), sys.executable, str(port)]
    server = subprocess.Popen(start, cwd=PROJECT)
    try:
        deadline = time.monotonic() + SECONDS_TO_START
        while not answers(port):
            if server.poll() is not None or time.monotonic() > deadline:
                sys.exit("The machines on the loopback do not answer.")
            time.sleep(0.05)
        yield port
    finally:
        server.terminate()
        server.wait()


def let_in(folder: Path, key: Path) -> None:
    """Let who has a private key in from now on."""
    done = subprocess.run(["ssh-keygen", "-y", "-f", str(key)], capture_output=True, text=True, check=True)
    with (folder / "authorized_keys").open("a") as file:
        file.write(done.stdout)


def answers(port: int) -> bool:
    """Say whether somebody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def make_host_key(folder: Path) -> str:
    """Make the key of all machines; returns its public half."""
    key = folder / "host_key"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(key)], check=True)
    return key.with_suffix(".pub").read_text().strip()


def main() -> None:
    """Hand each connection to an sshd, until told to end; then end those, too."""
    folder, port = Path(sys.argv[1]), int(sys.argv[2])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    sshd, environment = json.loads((folder / "sshd").read_text())
    command = [sshd, "-i", "-f", str(folder / "sshd_config"), "-E", str(folder / "log")]
    begun: list[subprocess.Popen[bytes]] = []
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo\0")  # nobody from elsewhere gets in
        server.bind(("", port))
        server.listen(BACKLOG)
        try:
            while True:
                connection, _ = server.accept()
                with connection:
                    begun = [each for each in begun if each.poll() is None]
                    begun.append(
                        subprocess.Popen(
                            command, env=environment, stdin=connection.fileno(), stdout=connection.fileno()
                        )
                    )
        finally:
            for each in begun:
                each.terminate()
            for each in begun:
                each.wait()


if __name__ == "__main__":
    main()
