"""The front's certificate: ordered with certbot, renewed in time, and taken up by haproxy without a restart.

The authority asks port 80 for a proof, and haproxy answers by itself: all that it needs is the thumbprint of the
account's key (RFC 8555, 8.3), so nothing listens, and no file is laid, while an order is under way.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ansible_collections.machine_learning.classroom.plugins.module_utils.front.settings import is_address
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.records import (
    read_json,
    replacing,
    write_json,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.front.settings import Settings

NAME = "seat"
"""What certbot calls the certificate, whatever it is for."""

ACCOUNT, CERTIFICATE, STATUS, NAMED = "account.map", "live.pem", "certificate.json", "named.json"
"""The first two are in the front's folder, the others in that of its state."""

TIME_LIMIT = 300  # s, for one run of certbot
PAUSE = timedelta(minutes=10)
"""After an order that failed, before a run of the role asks again."""
EVERY = timedelta(hours=1)
"""How often class-front-certificate.timer asks, whatever happened before."""

# The system's authorities, not those that certbot brings along: a university may have one of its own.
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
_START = "import sys; sys.path.insert(0, sys.argv.pop(1)); from certbot.main import main; sys.exit(main())"
_THUMBPRINT = re.compile(r"thumbprint: *([\w-]+)", re.IGNORECASE)
_ACCOUNT_URL = re.compile(r"account url: *(\S+)", re.IGNORECASE)
# What certbot keeps of an account.
_ACCOUNT_FILES = ("private_key.json", "meta.json", "regr.json")
_FAREWELL = re.compile(r"Saving debug log|Ask for help|See the logfile|Hint:|^Some challenges have failed|^$")


class OrderError(Exception):
    """There is no new certificate; the message says why."""


@dataclass(frozen=True)
class Status:
    """How the last order went."""

    hosts: list[str]
    """What it was for."""
    until: str = ""
    """When the certificate that is in use ends, in ISO 8601; "" if there is none."""
    trouble: str = ""
    """Why there is no newer one; "" if none is due."""

    tried: str = ""
    """When that was found out, in ISO 8601; "" if nothing was ordered, since names do not lead here yet."""

    since: str = ""
    """When the trouble began, in ISO 8601; "" if there is none."""
    account: str = ""
    """The address of the machine's account with the authority; "" as long as it has none."""
    digest: str = ""
    """The SHA-256 of haproxy's certificate: with another one there, or none, nothing holds that is said of it."""

    @property
    def again(self) -> str:
        """When the machine tries again by itself, in ISO 8601; "" while there is no trouble."""
        return (datetime.fromisoformat(self.tried) + EVERY).isoformat() if self.trouble and self.tried else ""

    def is_good(self, hosts: Sequence[str]) -> bool:
        """Say whether it is for `hosts`, in use, and not yet over."""
        return (
            self.hosts == sorted(hosts) and bool(self.until) and datetime.fromisoformat(self.until) > datetime.now(UTC)
        )

    def is_fresh(self, hosts: Sequence[str]) -> bool:
        """Say whether it failed for `hosts` so lately that nothing else is to be expected.

        The authority counts what fails: Let's Encrypt allows five an hour.
        """
        return (
            self.hosts == sorted(hosts)
            and bool(self.trouble and self.tried)
            and datetime.now(UTC) < PAUSE + datetime.fromisoformat(self.tried)
        )


def read_status(settings: Settings) -> Status:
    """Return how the last order went; of a machine that never ordered, one for nothing."""
    kept = read_json(f"{settings.state_directory}/{STATUS}")
    try:
        status = Status(**kept)
    except TypeError:
        return Status(hosts=[])
    # A front that was taken away, and has come back, has a placeholder.
    return status if status.digest == digest(_in_use(settings)) else replace(status, until="")


def nameless(settings: Settings) -> list[str]:
    """Return the names that do not lead here yet, as far as anybody has told this machine.

    It does not ask name servers: they would remember for minutes that there is no such name.
    """
    known = read_json(f"{settings.state_directory}/{NAMED}").get("names", [])
    return sorted(settings.names - set(known))


def not_yet(names: Sequence[str]) -> str:
    """Say that nothing is ordered for `names`, for the authority counts what fails; "" if there are none."""
    return f"{', '.join(names)}: no record in DNS leads to this machine yet" if names else ""


def bring(settings: Settings) -> Status:
    """Order the certificate if it is due, take up the one there is, and remember how that went.

    For names that do not lead here yet only the account is made, which their records are to say.
    """
    hosts, waiting, before = sorted(settings.hosts.values()), nameless(settings), read_status(settings)
    account, trouble = before.account, not_yet(waiting)
    acme = Path(settings.state_directory) / "acme"
    try:
        account = know_account(settings)
        if not waiting:
            if not joined(acme):
                _remove(acme / "live", acme / "archive", acme / "renewal")
            certbot(settings, "certonly", *_order(settings, hosts))
    except OrderError as error:
        trouble = str(error)
    text = joined(acme)
    if text and what_is_in(text).hosts == hosts:
        try:
            take_up(settings, text)
        except OrderError as error:
            trouble = str(error)
    now, text = datetime.now(UTC).isoformat(), _in_use(settings)
    began = before.since if before.trouble and before.hosts == hosts else ""
    found = what_is_in(text) if text else Content([], "")
    status = Status(
        hosts,
        found.until if found.hosts == hosts else "",
        trouble,
        tried="" if waiting else now,
        since=(began or now) if trouble else "",
        account=account,
        digest=digest(text),
    )
    write_json(f"{settings.state_directory}/{STATUS}", asdict(status))
    return status


def know_account(settings: Settings) -> str:
    """Make the account with the authority where there is none, and tell haproxy the thumbprint of its key.

    Return the account's address (RFC 8555, 7.1.2).
    """
    server = urlsplit(settings.acme_directory)
    # certbot's folder for this authority.
    accounts = Path(settings.state_directory) / "acme" / "accounts" / f"{server.netloc}{server.path}"
    _remove(*(kept for kept in accounts.glob("*") if not _are_whole(*(kept / name for name in _ACCOUNT_FILES))))
    if not list(accounts.glob("*")):
        certbot(settings, "register", "--agree-tos", "--register-unsafely-without-email")
    said = certbot(settings, "show_account")
    found, address = _THUMBPRINT.search(said), _ACCOUNT_URL.search(said)
    if not found or not address:
        raise OrderError("certbot does not tell the thumbprint and address of its account")
    if _replace(f"{settings.directory}/{ACCOUNT}", f"thumbprint {found[1]}\n"):
        subprocess.run(["systemctl", "try-reload-or-restart", "haproxy.service"], check=False)
    return address[1]


def certbot(settings: Settings, command: str, *options: str) -> str:
    """Run one command of the ACME client and return what it says; raise OrderError in its words."""
    state = settings.state_directory
    argv = [
        *(sys.executable, "-I", "-c", _START, settings.certbot, command, "--non-interactive"),
        *("--config-dir", f"{state}/acme", "--work-dir", f"{state}/work", "--logs-dir", f"{state}/logs"),
        *("--max-log-backups", "5", "--server", settings.acme_directory, *options),
    ]
    environment = {"PATH": "/usr/bin:/bin", "HOME": state, "LANG": "C.UTF-8", "REQUESTS_CA_BUNDLE": AUTHORITIES}
    try:
        done = subprocess.run(
            argv, env=environment, capture_output=True, text=True, errors="replace", check=False, timeout=TIME_LIMIT
        )
    except subprocess.TimeoutExpired as error:
        raise OrderError(f"the authority gave no answer in {TIME_LIMIT} s") from error
    if done.returncode != 0:
        raise OrderError(why(done.stdout + done.stderr))  # the authority's detail is in the former
    return done.stdout + done.stderr


def why(said: str) -> str:
    """Return what went wrong, in certbot's own words: the authority's detail, or else its last sentence."""
    lines = [line.strip() for line in said.splitlines()]
    details = [line.removeprefix("Detail:").strip() for line in lines if line.startswith("Detail:")]
    others = [line for line in lines if not _FAREWELL.search(line)]
    return (details or others or ["certbot said nothing"])[-1]


def joined(acme: Path) -> str:
    """Return certificate, chain and key of certbot's folder as haproxy reads them; "" where it has none that is whole.

    Without empty lines: they end what is said to haproxy.
    """
    parts = [acme / "live" / NAME / name for name in ("fullchain.pem", "privkey.pem")]
    if not _are_whole(*parts, acme / "renewal" / f"{NAME}.conf"):
        return ""
    lines = (line for part in parts for line in part.read_text(encoding="ascii").splitlines())
    text = "".join(f"{line}\n" for line in lines if line.strip())
    try:
        what_is_in(text)
    except ValueError:
        return ""
    return text


@dataclass(frozen=True)
class Content:
    """What a certificate says."""

    hosts: list[str]
    """Whom it is for; nobody, if it is the placeholder of a front that is new."""
    until: str
    """When it ends, in ISO 8601."""


def what_is_in(text: str) -> Content:
    """Read the first certificate of a PEM file, with the package that certbot brings along.

    Raise ValueError if one of them is torn.
    """
    from cryptography import x509  # on the path by now

    certificate, *_ = x509.load_pem_x509_certificates(text.encode())
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        names = x509.SubjectAlternativeName([])
    hosts = [
        *names.get_values_for_type(x509.DNSName),
        *(str(address) for address in names.get_values_for_type(x509.IPAddress)),
    ]
    return Content(sorted(hosts), certificate.not_valid_after_utc.isoformat())


def take_up(settings: Settings, text: str) -> None:
    """Have haproxy use `text` from the next connection on, and after its next start; connections live on.

    It is asked itself: where it began meanwhile, it may have read the file of before.
    """
    path = f"{settings.directory}/{CERTIFICATE}"
    running = os.path.exists(settings.admin_socket)
    if running and fingerprint(text) not in tell(settings.admin_socket, f"show ssl cert {path}\n"):
        tell(settings.admin_socket, f"set ssl cert {path} <<\n{text}\n")
        if "Success" not in (said := tell(settings.admin_socket, f"commit ssl cert {path}\n")):
            tell(settings.admin_socket, f"abort ssl cert {path}\n")
            raise OrderError(f"haproxy does not take the new certificate: {' '.join(said.split())}")
    _replace(path, text)


def _in_use(settings: Settings) -> str:
    """Return the file with haproxy's certificate and key; "" if there is none."""
    try:
        return Path(settings.directory, CERTIFICATE).read_text(encoding="ascii")
    except FileNotFoundError:
        return ""


def digest(text: str) -> str:
    """Return the SHA-256 of `text`."""
    return hashlib.sha256(text.encode()).hexdigest()


def fingerprint(text: str) -> str:
    """Return what haproxy names the first certificate of a PEM file by."""
    first, end, _ = text.partition(ssl.PEM_FOOTER)
    return hashlib.sha1(ssl.PEM_cert_to_DER_cert(first + end), usedforsecurity=False).hexdigest().upper()


def tell(admin_socket: str, command: str) -> str:
    """Give haproxy a command and return its answer; "" if it does not run, or says nothing for ten seconds."""
    with socket.socket(socket.AF_UNIX) as connection, suppress(ConnectionRefusedError, TimeoutError):
        connection.settimeout(10)
        connection.connect(admin_socket)
        connection.sendall(command.encode())
        return b"".join(iter(lambda: connection.recv(4096), b"")).decode(errors="replace")
    return ""


def _order(settings: Settings, hosts: Sequence[str]) -> list[str]:
    """Return what certbot is asked for: nothing happens until it is due, or for another host."""
    whom = [word for host in hosts for word in ("--ip-address" if is_address(host) else "--domain", host)]
    profile = ["--required-profile", settings.address_profile] if settings.addresses else []
    return [
        *("--cert-name", NAME, "--key-type", "ecdsa", "--keep-until-expiring", "--renew-with-new-domains"),
        # The hook has nothing to do: haproxy answers.
        *("--manual", "--preferred-challenges", "http", "--manual-auth-hook", "/bin/true"),
        *(*profile, *whom),
    ]


def _are_whole(*paths: Path) -> bool:
    """Say whether all of them are there, and none is empty.

    Where certbot is ended, the disk is full, or the machine loses its power, some of what it wrote last are empty,
    since it writes files where they stay. From then on it fails each time, or begins anew under another name.
    """
    return all(path.exists() and path.stat().st_size > 0 for path in paths)


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


def _replace(path: str, text: str) -> bool:
    """Put `text` at `path` for haproxy to read, as it reads the rest of that folder; returns whether it changed."""
    if os.path.exists(path) and Path(path).read_text(encoding="ascii") == text:
        return False
    with replacing(path) as out:
        out.write(text.encode())
        os.fchown(out.fileno(), -1, os.stat(os.path.dirname(path)).st_gid)
        os.fchmod(out.fileno(), 0o640)
    return True
