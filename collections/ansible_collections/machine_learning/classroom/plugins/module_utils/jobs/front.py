"""Let browsers in over https, from any network, and ssh through the same port."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.installer import index_options
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.certificate import (
    ACCOUNT,
    CERTIFICATE,
    nameless,
    not_yet,
    read_status,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.front_program import SETTINGS, program
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.gate import (
    HOSTS,
    KEYS,
    GateError,
    digest,
    lost,
    maps,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.settings import Settings
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import ssh_service, wheels
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import read_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

ARGUMENTS: dict[str, Any] = {
    "state": {"type": "str", "choices": ["present", "installed", "absent"], "default": "present"},
    "hosts": {"type": "dict", "required": True},
    "link_secrets": {"type": "dict", "required": True, "no_log": True},
    "jupyter_tokens": {"type": "dict", "required": True, "no_log": True},
    "page_words": {"type": "dict", "default": {}, "no_log": True},
    "files": {"type": "dict", "required": True},
    "units": {"type": "dict", "required": True},
    "state_directory": {"type": "path", "required": True},
    "admin_socket": {"type": "path", "required": True},
    "acme_directory": {"type": "str", "required": True},
    "address_profile": {"type": "str", "default": "shortlived"},
    "certbot_requirements": {"type": "str", "required": True},
    "mirror_url": {"type": "str", "default": ""},
    "apt_source": {"type": "str", "default": ""},
    "pip_archive": {"type": "path", "default": ""},
    "sshd_config_file": {"type": "path", "required": True},
    "ssh_ports": {"type": "list", "elements": "int", "default": [22]},
    "time_limit": {"type": "int", "default": 600},
    "ssh_closed_to": {"type": "str", "default": ""},
}

UNITS = "/etc/systemd/system"
PROGRAM = "/usr/local/lib/machine_learning_aws/front.pyz"
CLIENTS = "/usr/local/lib/machine_learning_aws/certbot"
DIRECTORY = os.path.dirname(SETTINGS)
APT_SOURCE = "/etc/apt/sources.list.d/machine-learning-class.list"
HAPROXY, SERVICE, GROUP = "/usr/sbin/haproxy", "haproxy.service", "haproxy"
ADDRESS, ORDER = "class-front-address.service", "class-front-certificate"
# In the front's folder: the names of what was laid among systemd's units, for who takes it away again.
LAID = "units"
# Beside it: that a link was taken away, until nothing is connected any more that it has opened.
SPENT = "spent"
# As well: that haproxy may not have read yet what was laid.
UNREAD = "unread"
PORT = 443
MISDIRECTED = 421
PATIENCE = 30.0  # s
SECONDS_BETWEEN_QUESTIONS = 0.5
# Until there is a real one: without any, haproxy does not start, and then nobody comes in over ssh either.
PLACEHOLDER = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc", "-days", "30"),
    *("-subj", "/CN=not-yet-certified", "-keyout", "/dev/stdout", "-out", "/dev/stdout"),
)


def install_haproxy(host: Host, apt_source: str, time_limit: int) -> None:
    """Install the distribution's haproxy, which its own upgrades keep safe; it does not run yet."""
    if apt_source:
        host.file(APT_SOURCE, f"{apt_source}\n", mode=0o644)
    if os.path.exists(HAPROXY) or not host.change("installed haproxy"):
        return
    alone = (
        "-o",
        f"Dir::Etc::sourcelist={APT_SOURCE}",
        "-o",
        "Dir::Etc::sourceparts=-",
        "-o",
        "APT::Get::List-Cleanup=0",
    )
    deadline = time.monotonic() + time_limit
    _apt(host, deadline, *(alone if apt_source else ()), "update")
    _apt(host, deadline, "install", "--yes", "--no-install-recommends", "haproxy")
    host.ask(["systemctl", "disable", "--quiet", "--now", SERVICE])


def _apt(host: Host, deadline: float, *words: str) -> None:
    """Run apt-get, once nobody else does: on a new machine the system looks for upgrades by itself."""
    while True:
        wait = f"DPkg::Lock::Timeout={max(int(deadline - time.monotonic()), 0)}"
        done = host.probe(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-q", "-o", wait, *words])
        if done.returncode == 0:
            return
        if "Could not get lock" not in done.stderr or time.monotonic() > deadline:
            said = [line for line in done.stderr.splitlines() if line.startswith("E:")] or done.stderr.splitlines()
            host.fail(f"haproxy could not be installed: {' / '.join(said[:2]) or 'apt said nothing'}\nRun again.")
        time.sleep(SECONDS_BETWEEN_QUESTIONS)


def refuse_spent(host: Host, given: Mapping[str, Any], settings: Settings) -> None:
    """Refuse a link's secret of another address: whoever has that address now may have been brought it."""
    path = f"{settings.state_directory}/links.json"
    links = {digest(given["link_secrets"][username]): where for username, where in settings.hosts.items()}
    before = read_json(path)
    for username, where in settings.hosts.items():
        used = before.get(digest(given["link_secrets"][username]), where)
        if used != where and settings.addresses:
            host.fail(f"The link of {username} was made for the address {used}. For {where} it needs a new secret.")
    host.file(path, json.dumps(before | links, indent=1, sort_keys=True) + "\n", mode=0o600, secret=True)


def lay(host: Host, texts: Mapping[str, str]) -> bool:
    """Lay what haproxy reads, closed to students; returns whether anything changed."""
    changed = [
        host.file(f"{DIRECTORY}/{name}", text, mode=0o640, group=GROUP, secret=name.endswith(".map"))
        for name, text in texts.items()
    ]
    if not os.path.exists(f"{DIRECTORY}/{ACCOUNT}"):
        changed.append(host.file(f"{DIRECTORY}/{ACCOUNT}", "", mode=0o640, group=GROUP))
    if not os.path.exists(f"{DIRECTORY}/{CERTIFICATE}"):
        text = "" if host.check_mode else host.ask(PLACEHOLDER)
        changed.append(host.file(f"{DIRECTORY}/{CERTIFICATE}", text, mode=0o640, group=GROUP, secret=True))
    return any(changed)


def lay_units(host: Host, units: Mapping[str, str], *, is_due: bool) -> dict[str, bool]:
    """Install the units, and what is laid beside those of others; returns which changed: all, if that `is_due`."""
    host.file(f"{DIRECTORY}/{LAID}", "".join(f"{name}\n" for name in units), mode=0o640, group=GROUP)
    renewed = {}
    for name, text in units.items():
        if "/" in name:
            host.directory(f"{UNITS}/{os.path.dirname(name)}", mode=0o755)
        renewed[name] = host.file(f"{UNITS}/{name}", text, mode=0o644) or is_due
    if any(renewed.values()) and not host.check_mode:
        host.ask(["systemctl", "daemon-reload"])
    return renewed


def serve(host: Host, sshd_config_file: str, *, restart: bool, reload: bool) -> None:
    """Have haproxy run, at boot too; a reload ends no connection, a restart all."""
    host.enable(ADDRESS)
    if ssh_service.hand_over(host, sshd_config_file, PORT, SERVICE):
        return
    running = host.probe(["systemctl", "is-active", "--quiet", SERVICE]).returncode == 0
    host.keep_running(SERVICE, restart=restart)
    if running and reload and not restart:
        host.run(["systemctl", "reload", SERVICE], what=f"reloaded {SERVICE}")


def answer() -> str:
    """Ask for a host that nobody has; return the status, or what went wrong."""
    # Whoever answers, it is asked nothing secret; and to read all authorities costs more than the question.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection("127.0.0.1", PORT, timeout=5, context=context)
    try:
        connection.request("GET", "/", headers={"Host": "nobody.invalid"})
        return str(connection.getresponse().status)
    except (OSError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        connection.close()


def wait(host: Host) -> None:
    """Wait until the front answers; fail with haproxy's own last words otherwise."""
    deadline = time.monotonic() + PATIENCE
    while (said := answer()) != str(MISDIRECTED):
        if time.monotonic() > deadline:
            journal = host.probe(["journalctl", "--unit", SERVICE, "--lines", "5", "--output", "cat"])
            host.fail(
                f"The front does not answer on port {PORT} ({said}). haproxy says: "
                f"{' / '.join(journal.stdout.strip().splitlines()) or 'nothing'}\n"
                f"Look at it with `journalctl -u {SERVICE}` on the machine, then run configure.yml again."
            )
        time.sleep(SECONDS_BETWEEN_QUESTIONS)


def work(host: Host, given: dict[str, Any]) -> dict[str, Any]:
    """Do the job on the machine `host`."""
    if given["state"] == "absent":
        return remove(host, given["sshd_config_file"], given["ssh_ports"])
    try:
        texts = maps(given["hosts"], given["link_secrets"], given["jupyter_tokens"], given["page_words"])
    except GateError as error:
        host.fail(f"{error} Nothing was changed on the machine, and ssh is as it was.")
    client = Path(CLIENTS) / wheels.key(given["certbot_requirements"])[:16]
    if not client.is_dir() and not host.check_mode and not given["pip_archive"]:
        return {"client_missing": True}
    install(host, client, given)
    return {} if given["state"] == "installed" else let_in(host, client, given, texts)


def install(host: Host, client: Path, given: Mapping[str, Any]) -> None:
    """Install haproxy, and certbot into the folder `client`; nothing of them runs yet."""
    for folder in (os.path.dirname(CLIENTS), CLIENTS):
        host.directory(folder, mode=0o755)
    install_haproxy(host, given["apt_source"], given["time_limit"])
    if not client.is_dir():
        wheels.install(
            host,
            client,
            given["certbot_requirements"],
            name="the ACME client",
            pip_archive=given["pip_archive"],
            index_options=index_options(given["mirror_url"]),
            time_limit=given["time_limit"],
        )


def let_in(host: Host, client: Path, given: Mapping[str, Any], texts: Mapping[str, str]) -> dict[str, Any]:
    """Lay all that haproxy and certbot, which is in `client`, are told, have them run, and see to the certificate."""
    settings = Settings(
        hosts=given["hosts"],
        directory=DIRECTORY,
        state_directory=given["state_directory"],
        admin_socket=given["admin_socket"],
        certbot=str(client),
        acme_directory=given["acme_directory"],
        address_profile=given["address_profile"],
    )
    host.directory(os.path.dirname(DIRECTORY), mode=0o755)
    host.directory(DIRECTORY, mode=0o750, group=GROUP)
    if not os.path.isdir(parent := os.path.dirname(settings.state_directory)):
        host.directory(parent, mode=0o700)  # as other roles have it, to which it belongs, too
    host.directory(settings.state_directory, mode=0o700)
    refuse_spent(host, given, settings)
    before = Path(DIRECTORY, KEYS).read_text() if os.path.exists(f"{DIRECTORY}/{KEYS}") else ""
    spent, unread = Path(DIRECTORY, SPENT), Path(DIRECTORY, UNREAD)
    # What a link has opened ends with the link; also if the run that took it away was killed before it was so.
    ends = spent.exists() or lost(before, texts[KEYS])
    was_read = not unread.exists()
    if not host.check_mode:
        unread.touch()
        if ends:
            spent.touch()
    changed = lay(host, {**texts, **given["files"]}) or not was_read
    host.file(SETTINGS, settings.text(), mode=0o600)
    host.file(PROGRAM, program(), mode=0o644, secret=True)  # no secret, but nothing that anybody wants in a diff
    with host.renewing("front") as is_due:
        renewed = lay_units(host, given["units"], is_due=is_due)
        own = any(is_new for name, is_new in renewed.items() if name.startswith(SERVICE))
        serve(host, given["sshd_config_file"], restart=own or ends, reload=changed)
    if not host.check_mode:
        for done in (spent, unread):
            done.unlink(missing_ok=True)
        wait(host)
        if Path(DIRECTORY, HOSTS).read_text() != texts[HOSTS]:
            host.fail(
                f"The front has closed itself: on the internet this machine is not {', '.join(settings.addresses)}. "
                f"`journalctl -u {ADDRESS}` on the machine says what it is. ssh works."
            )
    elif not host.changes and answer() != str(MISDIRECTED):
        host.need("the front does not answer")
    host.keep_running(f"{ORDER}.timer", restart=renewed.get(f"{ORDER}.timer", False))
    return certified(host, settings, given)


def certified(host: Host, settings: Settings, given: Mapping[str, Any]) -> dict[str, Any]:
    """Have the certificate there is, or one asked for; returns how that stands. It is renewed by a timer.

    As long as names do not lead here, only the account is asked for, which their records are to say.
    """
    hosts, status, waiting = list(settings.hosts.values()), read_status(settings), nameless(settings)
    if waiting:
        due, what = not status.account, "asked for an account with the authority"
    else:
        due = bool(hosts) and not status.is_good(hosts) and not status.is_fresh(hosts)
        what = "asked for a certificate"
    if due and host.change(what):
        host.probe(["systemctl", "start", f"{ORDER}.service"])  # why it failed, it has written down
        status = read_status(settings)
    # Not before there is another way in, whenever this run may end.
    if given["ssh_closed_to"] and status.is_good(hosts):
        ssh_service.refuse(host, given["sshd_config_file"], given["ssh_closed_to"])
    return {f"certificate_{name}": getattr(status, name) for name in ("until", "trouble", "since", "again")} | {
        "account": status.account,
        "certificate_due": bool(hosts) and not status.is_good(hosts),
        "certificate_trouble": status.trouble or not_yet(waiting),
    }


def remove(host: Host, sshd_config_file: str, ssh_ports: Sequence[int]) -> dict[str, Any]:
    """Take the front away again, and give its port back to sshd, if it is one of `ssh_ports`.

    What was installed stays, and the certificates, but nothing of it runs.
    """
    laid = Path(DIRECTORY, LAID)
    if laid.exists():
        there = [unit for unit in laid.read_text().splitlines() if os.path.exists(f"{UNITS}/{unit}")]
        for unit in (unit for unit in there if "/" not in unit):
            host.run(["systemctl", "--quiet", "disable", "--now", unit], what=f"ended {unit}")
        if PORT in ssh_ports:
            ssh_service.take_back(host, sshd_config_file, PORT, SERVICE)
        else:
            host.run(["systemctl", "--quiet", "disable", "--now", SERVICE], what=f"ended {SERVICE}")
        for unit in there:
            if host.change(f"removed {UNITS}/{unit}"):
                os.unlink(f"{UNITS}/{unit}")
        if not host.check_mode:
            host.ask(["systemctl", "daemon-reload"])
    if os.path.isdir(DIRECTORY) and host.change(f"removed {DIRECTORY}"):
        shutil.rmtree(DIRECTORY)
    return {}
