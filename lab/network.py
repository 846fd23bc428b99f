"""The hosts' network: a bridge that reaches this machine and nothing else.

The guard comes first: a blackhole route for the whole subnet. Without it, a packet for a host that is not up leaves
this machine by its default route.
"""

from __future__ import annotations

import json
import time
from ipaddress import IPv4Address
from pathlib import Path

from lab.layout import BRIDGE, GATEWAY, KEEPER, METADATA_ADDRESS, METADATA_NAMESPACE, NAMESPACES, SUBNET
from lab.shell import LabError, attempt, run

# Shows bridged packets to the packet filter; by itself those of all bridges, which is nothing that a lab may change.
BRIDGE_FILTER = Path("/proc/sys/net/bridge")

# Each host runs a systemd, and each systemd opens some; the kernel's default of 128 ends at 28 hosts.
INOTIFY_INSTANCES = 4096
INOTIFY = Path("/proc/sys/fs/inotify/max_user_instances")
LINK_SECONDS = 30  # for a link that is healed


def up() -> None:
    """Bring guard, bridge and the bridge's address up, whatever of them is there already."""
    foreign = [route for route in _routes() if route.get("dev") not in (None, BRIDGE) and route["dst"] != "default"]
    if foreign:
        raise LabError(f"{SUBNET} is in use on this machine by {foreign[0]['dev']}: the lab needs it for its hosts.")
    run("ip", "route", "replace", "blackhole", str(SUBNET), "metric", "4096")
    if int(INOTIFY.read_text()) < INOTIFY_INSTANCES:
        INOTIFY.write_text(str(INOTIFY_INSTANCES))
    if not _exists(BRIDGE):
        run("ip", "link", "add", BRIDGE, "type", "bridge")
    if not BRIDGE_FILTER.exists():
        run("modprobe", "br_netfilter")
        for setting in BRIDGE_FILTER.glob("bridge-nf-call-*"):
            setting.write_text("0")
    Path(f"/sys/class/net/{BRIDGE}/bridge/nf_call_iptables").write_text("1")
    run("ip", "link", "set", BRIDGE, "up")
    # netavark deletes a bridge with its last port and makes it anew without address: a spare port keeps it.
    _up_for_metadata()
    run("ip", "link", "set", KEEPER, "master", BRIDGE, "up")
    run("ip", "address", "replace", f"{GATEWAY}/{SUBNET.prefixlen}", "dev", BRIDGE)


def down() -> None:
    """Remove bridge, spare port and guard, whatever of them is there. The guard goes last."""
    for link in (KEEPER, BRIDGE):
        if _exists(link):
            run("ip", "link", "delete", link)
    if (NAMESPACES / METADATA_NAMESPACE).exists():
        run("ip", "netns", "delete", METADATA_NAMESPACE)
    if any(route.get("type") == "blackhole" for route in _routes()):
        run("ip", "route", "delete", "blackhole", str(SUBNET), "metric", "4096")


def require_bridge_route(address: str) -> None:
    """Raise LabError unless packets for `address` go to the bridge."""
    route = attempt("ip", "-json", "route", "get", address)
    if route.returncode != 0 or json.loads(route.stdout)[0].get("dev") != BRIDGE:
        raise LabError(f"{address} is not behind the lab's bridge. Run `python -m lab up`.")


def hardware_address(address: str) -> str:
    """Return the MAC address that goes with an address.

    Who remembers the MAC address of a host would otherwise miss it for 40 s after each of its reboots.
    """
    return "02:00:" + ":".join(f"{byte:02x}" for byte in IPv4Address(address).packed)


def set_link(pid: int, *, up: bool) -> None:
    """Cut or heal, from outside, the link of the host whose first process is `pid`.

    A healed link carries packets when this returns: the kernel may let it wait while it takes other hosts' links away.
    Raises LabError when that takes longer than LINK_SECONDS.
    """
    inside = ("nsenter", "-t", str(pid), "-n", "ip", "-json", "link", "show", "dev", "eth0")
    # `ip -json` names the other end by its index, because it lies in another namespace.
    index = json.loads(run(*inside))[0]["link_index"]
    name = next(link["ifname"] for link in json.loads(run("ip", "-json", "link")) if link["ifindex"] == index)
    run("ip", "link", "set", name, "up" if up else "down")
    outside = ("ip", "-json", "link", "show", "dev", name)
    end = time.monotonic() + LINK_SECONDS
    while up and any(json.loads(run(*side))[0]["operstate"] != "UP" for side in (inside, outside)):
        if time.monotonic() > end:
            raise LabError(f"The link {name} did not come up within {LINK_SECONDS} s.")
        time.sleep(0.1)


def reach_metadata(pid: int) -> None:
    """Let the host whose first process is `pid` reach the metadata service; one that has just ended needs it no more.

    Hosts have no default route. This one goes with the host's network, so that every boot needs it anew.
    """
    route = ("route", "replace", METADATA_ADDRESS, "dev", "eth0")
    done = attempt("nsenter", "-t", str(pid), "-n", "ip", *route)
    if done.returncode != 0 and Path(f"/proc/{pid}").exists():
        raise LabError(f"The host of process {pid} has no way to the metadata service: {done.stderr.strip()[-300:]}")


def _up_for_metadata() -> None:
    """Let the spare port's other end carry the metadata service, in a network namespace from which nothing leaves.

    Not this machine's own: it may be a cloud's, and need the metadata service of that.
    """
    inside = ("ip", "-n", METADATA_NAMESPACE)
    if attempt(*inside, "link").returncode != 0:
        if _exists(KEEPER):
            run("ip", "link", "delete", KEEPER)  # its other end lies elsewhere
        attempt("ip", "netns", "delete", METADATA_NAMESPACE)  # half-made
        run("ip", "netns", "add", METADATA_NAMESPACE)
    if not _exists(KEEPER):
        run("ip", "link", "add", KEEPER, "type", "veth", "peer", "name", f"{KEEPER}-end", "netns", METADATA_NAMESPACE)
    run(*inside, "address", "replace", f"{METADATA_ADDRESS}/32", "dev", f"{KEEPER}-end")
    run(*inside, "link", "set", f"{KEEPER}-end", "up")
    run(*inside, "route", "replace", str(SUBNET), "dev", f"{KEEPER}-end")


def _exists(link: str) -> bool:
    return attempt("ip", "link", "show", "dev", link).returncode == 0


def _routes() -> list[dict[str, str]]:
    """Return this machine's routes into the subnet."""
    routes: list[dict[str, str]] = json.loads(run("ip", "-json", "route", "show", "root", str(SUBNET)) or "[]")
    return routes
