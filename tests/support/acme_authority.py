"""An authority that issues certificates as Let's Encrypt does: pebble, on this computer's loopback."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import ssl
import subprocess
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from lab.authority import Authority
from tests.support.front import HOST, PATIENCE, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

KNOWS_ADDRESSES = (2, 6)
"""The version from which on pebble issues certificates for addresses. Debian 12 has an older one."""


@cache
def pebble() -> str:
    """Return Debian's program, or "" where there is none that knows addresses."""
    # It says of itself that its version is "dev".
    asked = subprocess.run(["dpkg-query", "--show", "pebble"], capture_output=True, text=True, check=False)
    version = re.search(r"\s(\d+)\.(\d+)", asked.stdout)
    if not version or (int(version[1]), int(version[2])) < KNOWS_ADDRESSES:
        return ""
    return shutil.which("pebble") or ""


@dataclass
class AcmeAuthority:
    """It asks port `http` of whoever wants a certificate, which is valid for `seconds`."""

    folder: Path
    http: int
    seconds: int = 576000
    port: int = field(default_factory=free_port)
    management: int = field(default_factory=free_port)
    own: Authority = field(default_factory=Authority)

    @property
    def directory(self) -> str:
        """Its address, for a client."""
        return f"https://{HOST}:{self.port}/dir"

    @contextmanager
    def running(self) -> Iterator[AcmeAuthority]:
        """Run it for a while. Its own certificate is one of `authority.pem`."""
        (self.folder / "authority.pem").write_bytes(self.own.certificate)
        (self.folder / "own.pem").write_bytes(self.own.issue([HOST]))
        profile = {"description": "As Let's Encrypt has them", "validityPeriod": self.seconds}
        settings = {
            "listenAddress": f"{HOST}:{self.port}",
            "managementListenAddress": f"{HOST}:{self.management}",
            "certificate": str(self.folder / "own.pem"),
            "privateKey": str(self.folder / "own.pem"),
            "httpPort": self.http,
            "tlsPort": 1,
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "retryAfter": {"authz": 1, "order": 1},
            "keyAlgorithm": "ecdsa",
            "profiles": {"shortlived": profile},
            "certificateValidityPeriod": self.seconds,  # of versions that know no profiles
        }
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": settings}))
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [pebble(), "-config", str(self.folder / "pebble.json")],
                env={"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_WFE_NONCEREJECT": "0", "PATH": "/usr/bin:/bin"},
                stdout=log,
                stderr=log,
            )
        try:
            wait_for(self.port)
            yield self
        finally:
            process.terminate()
            process.wait(PATIENCE)

    def root(self) -> Path:
        """Return a file with the root of what it issues, a new one whenever it runs, for browsers."""
        trust = ssl.create_default_context(cafile=str(self.folder / "authority.pem"))
        with closing(http.client.HTTPSConnection(HOST, self.management, timeout=PATIENCE, context=trust)) as asked:
            asked.request("GET", "/roots/0")
            path = self.folder / "root.pem"
            path.write_bytes(asked.getresponse().read())
        return path
