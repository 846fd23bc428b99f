"""The lab's background process: endpoint, metadata service, DNS, mail sink and mirror. `python -m lab up` starts it."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from lab import acme, acme_door, layout, mail_sink, metadata_server, mirror_server, name_server, route53
from lab.endpoint import Endpoint
from lab.faults import Faults
from lab.state import Secrets


def main() -> None:
    """Serve until SIGTERM; the hosts live on."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mirror", type=Path, required=True, help="the folder to serve")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    # Every change is on disk already, and jobs on hosts are taken up again by the next run.
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
    mirror = mirror_server.make(arguments.mirror)
    threading.Thread(target=mirror.serve_forever, daemon=True).start()
    own = Secrets.load()
    mail_sink.start(own)
    faults = Faults()
    endpoint = Endpoint(faults, own)
    metadata_server.start(endpoint.fleet)

    def names() -> dict[str, list[Any]]:
        with endpoint.fleet.lock:
            return route53.published()

    try:
        name_server.start(names)
    except OSError as error:
        sys.exit(f"Something else on this machine answers DNS at {layout.GATEWAY}: end it ({error}).")
    acme_door.start(
        acme_door.Door(names, faults),
        (layout.GATEWAY, layout.ACME_PORT),
        ("127.0.0.1", layout.PEBBLE_PORT),
        acme.provide_certificate(),
        layout.ACME_CERTIFICATE,
    )
    # Last: whoever finds the endpoint answering finds all of them.
    endpoint.serve()


if __name__ == "__main__":
    main()
