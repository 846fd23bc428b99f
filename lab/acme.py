"""A certificate authority that speaks ACME, as Let's Encrypt does: pebble, Let's Encrypt's own test authority.

https://github.com/letsencrypt/pebble. It asks hosts on port 80, as the real one does, and the lab's DNS for names. It
forgets accounts and has a new root whenever it starts, so it is a process of its own: the endpoint starts anew without
it.
"""

from __future__ import annotations

import json
import os
import ssl
import tempfile
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lab import debian_archive, layout
from lab.authority import Authority
from lab.background import Background
from lab.shell import LabError, run
from lab.state import give, write_private

if TYPE_CHECKING:
    from collections.abc import Mapping

# The first Debian whose pebble knows profiles and issues certificates for addresses. Some mirrors follow its suite with
# a delay, which a test authority can live with: packages are signed all the same.
SUITE = "forky"
OPTIONS = ('--aptopt=Acquire::Check-Valid-Until "false"',)

# https://letsencrypt.org/docs/profiles/
DAY = 86400
PROFILES = {"classic": 90 * DAY, "shortlived": 160 * 3600}

# No pauses before it asks a host. Of good nonces it refuses one in a hundred, not one in twenty: clients try once more,
# and two in a row would fail them.
ENVIRONMENT = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "1"}


def provide(cache: Path) -> Path:
    """Return the program in the folder `cache`, fetched unless it is there."""
    program = cache / f"pebble-{SUITE}"
    if not program.exists():
        with tempfile.TemporaryDirectory(dir=cache) as name:
            folder = Path(name)
            debian_archive.fetch(SUITE, ["pebble"], folder, *OPTIONS)
            (package,) = folder.glob("pebble_*.deb")
            run("dpkg-deb", "--extract", str(package), str(folder / "pebble"))
            os.replace(folder / "pebble/usr/bin/pebble", program)
    return program


def configuration(
    port: int, management_port: int, certificate: Path, *, http_port: int = 80, seconds: int | None = None
) -> dict[str, Any]:
    """Return pebble's settings: on which ports it listens, as whom, and for how long its certificates are valid.

    `seconds` in the place of what each profile says.
    """
    return {
        "pebble": {
            "listenAddress": f"127.0.0.1:{port}",  # acme_door.py is in front of it
            "managementListenAddress": f"127.0.0.1:{management_port}",
            "certificate": str(certificate),
            "privateKey": str(certificate),
            "httpPort": http_port,
            "tlsPort": 443,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "retryAfter": {"authz": 1, "order": 1},
            "keyAlgorithm": "ecdsa",
            "profiles": {
                name: {"description": name, "validityPeriod": seconds or usual} for name, usual in PROFILES.items()
            },
        }
    }


def run_pebble(
    process: Background, program: Path, folder: Path, settings: Mapping[str, Any], dns_server: str, trusted: bytes
) -> bytes:
    """Start pebble with `settings`, kept in `folder`; return the root of what it issues, in PEM.

    `trusted` is who vouches for its own certificate.
    """
    write_private(folder / "pebble.json", json.dumps(settings))
    trust = ssl.create_default_context(cadata=trusted.decode())
    roots = f"https://{settings['pebble']['managementListenAddress']}/roots/0"
    found: list[bytes] = []
    command = [str(program), "-config", str(folder / "pebble.json"), "-dnsserver", dns_server]
    process.start(command, lambda: found.append(_get(roots, trust)), ENVIRONMENT)
    return found[0]


def provide_certificate() -> bytes:
    """Make the certificate of the lab's authority unless there is one; return who vouches for it, in PEM.

    It stays the same as long as the lab, for hosts remember whom to trust.
    """
    if not (layout.ACME_CA.exists() and layout.ACME_CERTIFICATE.exists()):
        authority = Authority()
        write_private(layout.ACME_CERTIFICATE, authority.issue([layout.GATEWAY, "127.0.0.1"]))
        write_private(layout.ACME_CA, authority.certificate)
    return layout.ACME_CA.read_bytes()


def start(cache: Path, seconds: int | None = None, *, anew: bool = False) -> None:
    """Let the lab's authority run; one that runs already stays, unless it shall start `anew`."""
    process = background()
    if process.pid is not None and not anew:
        return
    process.stop()
    layout.ACME.mkdir(mode=0o700, exist_ok=True)
    give(layout.ACME)
    trusted = provide_certificate()
    settings = configuration(layout.PEBBLE_PORT, layout.ACME_MANAGEMENT_PORT, layout.ACME_CERTIFICATE, seconds=seconds)
    dns_server = f"{layout.GATEWAY}:{layout.DNS_PORT}"
    write_private(layout.ACME_ROOT, run_pebble(process, provide(cache), layout.ACME, settings, dns_server, trusted))


def stop() -> bool:
    """End it; return whether it ran."""
    return background().stop()


def background() -> Background:
    """Return its process."""
    return Background("authority", str(layout.ACME / "pebble.json"), layout.ACME_PID, layout.ACME_LOG)


def _get(url: str, trust: ssl.SSLContext) -> bytes:
    # No proxy of this machine's has a say.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
    try:
        with opener.open(url, timeout=5) as answer:
            found: bytes = answer.read()
            return found
    except (OSError, urllib.error.URLError) as error:
        raise LabError(f"{url}: {error}") from error
