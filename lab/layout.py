"""Where everything of the lab lies: folders, addresses, ports. The only module that knows them."""

from __future__ import annotations

import os
from ipaddress import IPv4Network
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent
RECIPE = PROJECT / "lab" / "image"

# What this lab is and knows. `down` removes it.
STATE = PROJECT / "lab" / "state"
HOSTS = STATE / "hosts"  # per instance: cloud-init seed and console
MAIL = STATE / "mail"
CLASS_STATE = STATE / "class"
INVENTORY = STATE / "inventory"
VARIABLES = INVENTORY / "group_vars" / "lab.yml"
MIRROR_LINK = STATE / "mirror"  # to the folder that the running process serves
REQUESTS = STATE / "requests.jsonl"
ENDPOINT_STATE = STATE / "endpoint.pickle"
SECRETS = STATE / "secrets.json"
ENVIRONMENT = STATE / "environment"
CERTIFICATE = STATE / "mail.pem"  # the mail server's, with its key
AUTHORITY = STATE / "authority.pem"  # who issued it
SERVICE_LOG = STATE / "service.log"
ACME = STATE / "acme"  # the files of the authority that speaks ACME
ACME_CERTIFICATE = STATE / "acme-directory.key"  # the directory's own, with its key
ACME_CA = STATE / "acme-directory.pem"  # who vouches for its directory
ACME_ROOT = STATE / "acme-root.pem"  # whom browsers trust that trust what it issues
ACME_LOG = STATE / "acme.log"

# What is slow to make and the same for every lab: outside the checkout, so that a fresh clone finds it.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "machine_learning_aws"
PODMAN = CACHE / "podman"

# What is true until the machine reboots. One for the machine, whoever's cache is used: it tells which checkout
# holds the lab, and podman recognises by its absence that the machine was rebooted.
RUN = Path("/run/machine_learning_aws")
SERVICE_PID = RUN / "service.pid"
ACME_PID = RUN / "acme.pid"
RULES = RUN / "security_groups.nft"
HOLDER = RUN / "checkout"  # one bridge, one subnet, one set of ports: a machine carries one lab
LOCK = Path("/run/lock/machine_learning_aws")
NAMESPACES = Path("/run/netns")  # by their names; others may have theirs there

SUBNET = IPv4Network("10.77.0.0/24")
GATEWAY = "10.77.0.1"
BRIDGE = "mlaws0"
KEEPER = "mlaws-keep"
METADATA_NAMESPACE = "mlaws-metadata"
METADATA_ADDRESS = "169.254.169.254"
CGROUP = "machine_learning_aws"

DNS_PORT = 53
ENDPOINT_PORT = 5070
MAIL_PORT = 5071
MIRROR_PORT = 5072
ACME_PORT = 5073
ACME_MANAGEMENT_PORT = 5074
PEBBLE_PORT = 5075
ENDPOINT_URL = f"http://127.0.0.1:{ENDPOINT_PORT}"
MIRROR_URL = f"http://{GATEWAY}:{MIRROR_PORT}"
ACME_DIRECTORY = f"https://{GATEWAY}:{ACME_PORT}/dir"
