"""An authority that issues certificates as Let's Encrypt does: the lab's pebble, on this computer's loopback."""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lab import acme, layout
from lab.authority import Authority
from tests.support.front import HOST, PATIENCE, free_port, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PEBBLE = layout.CACHE / f"pebble-{acme.SUITE}"
"""Where bin/test-packages puts it."""


@dataclass
class AcmeAuthority:
    """It asks port `http` of whoever wants a certificate, which is valid for `seconds`, or as long as usual."""

    folder: Path
    http: int
    seconds: int | None = None
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
        assert PEBBLE.exists(), "pebble is not there: bin/test-packages"
        certificate = self.folder / "own.pem"
        certificate.write_bytes(self.own.issue([HOST]))
        (self.folder / "authority.pem").write_bytes(self.own.certificate)
        settings = acme.configuration(
            self.port, self.management, certificate, http_port=self.http, seconds=self.seconds
        )
        (self.folder / "pebble.json").write_text(json.dumps(settings))
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                [PEBBLE, "-config", str(self.folder / "pebble.json")],
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
