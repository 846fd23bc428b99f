"""Deploy what the role jupyter runs on a machine."""

from io import StringIO

from pyinfra import host
from pyinfra.operations import files, server, systemd

UNITS, TOKENS = "/etc/systemd/system", "/etc/machine_learning_aws/jupyter"
WAIT = """for attempt in $(seq 240); do
    [ "$(curl -so /dev/null -w '%{{http_code}}' -H 'Authorization: token {token}' {url})" = 200 ] && break
    sleep 0.5
done
[ "$(curl -so /dev/null -w '%{{http_code}}' {url})" = 403 ]"""

changes = [
    files.put(name=f"Write {name}", src=StringIO(text), dest=f"{UNITS}/{name}", mode="644")
    for name, text in host.data.jupyter_units.items()
]
changes += [
    files.put(name=f"Write {path}", src=StringIO(text), dest=path, mode="644")
    for path, text in host.data.jupyter_files.items()
]
for student in host.data.machine_students:
    username, port = student["username"], student["port"]
    files.directory(name="Make the folder of the token", path=f"{TOKENS}/{username}", mode="755")
    changes += [
        files.put(
            name="Keep the token where only its student reads it",
            src=StringIO(student["token"]),
            dest=f"{TOKENS}/{username}/token",
            user=username,
            group=username,
            mode="400",
        ),
        files.put(
            name="Name the port",
            src=StringIO(f"[Socket]\nListenStream=127.0.0.1:{port}\nListenStream=[::1]:{port}\n"),
            dest=f"{UNITS}/jupyter-port@{username}.socket.d/port.conf",
            mode="644",
        ),
    ]


def changed() -> bool:
    """Say whether Jupyter has to start anew."""
    return any(change.did_change() for change in changes)


systemd.daemon_reload(name="Read the units", _if=changed)
for student in host.data.machine_students:
    username, port = student["username"], student["port"]
    way, socket, jupyter = f"jupyter-port@{username}.service", f"jupyter-port@{username}.socket", f"jupyter@{username}"
    server.shell(
        name="Start Jupyter anew",
        commands=[f"systemctl stop {way}", f"systemctl restart {socket}", f"systemctl restart {jupyter}.service"],
        _if=changed,
    )
    systemd.service(name="Have the port held", service=socket, running=True, enabled=True)
    systemd.service(name="Have Jupyter run", service=f"{jupyter}.service", running=True, enabled=True)
    server.shell(
        name="Wait until it answers to its token alone",
        commands=[WAIT.format(token=student["token"], url=f"http://127.0.0.1:{port}/api/contents")],
    )
