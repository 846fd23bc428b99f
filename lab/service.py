"""The lab's one background process: endpoint, metadata service, mail sink and mirror. `python -m lab up` starts it."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import threading
from pathlib import Path

from lab import mail_sink, metadata_server, mirror_server
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
    endpoint = Endpoint(Faults(), own)
    metadata_server.start(endpoint.fleet)
    # Last: whoever finds the endpoint answering finds all of them.
    endpoint.serve()


if __name__ == "__main__":
    main()
