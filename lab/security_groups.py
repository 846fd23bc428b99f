"""Security groups filter what reaches the hosts and what leaves them: an nftables table made from EC2's groups.

Like EC2's they follow connections: what answers a packet that was let through passes, also after a rule has gone. Who
is in several groups has the rules of all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lab.layout import BRIDGE, DNS_PORT, GATEWAY, METADATA_ADDRESS, RULES, SUBNET
from lab.shell import attempt, run

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from lab.instances import LabInstance

TABLE = "machine_learning_aws"


@dataclass
class Group:
    """A security group, and the addresses of the hosts that are in it."""

    id: str
    ingress: list[Any] = field(default_factory=list)  # moto's rules
    egress: list[Any] = field(default_factory=list)
    members: set[str] = field(default_factory=set)

    @property
    def set(self) -> str:
        """The set's name in nftables, which takes no hyphens."""
        return self.id.replace("-", "_")


class SecurityGroups:
    """The table as it is in the kernel now."""

    def __init__(self) -> None:
        """Know nothing: an earlier process may have left any table."""
        self._applied = ""

    def apply(self, instances: Iterable[LabInstance]) -> None:
        """Filter by the groups as they are now; whoever calls holds the fleet's lock."""
        table = ruleset(groups(instances))
        if table != self._applied:
            RULES.write_text(table)
            run("nft", "-f", str(RULES))
            self._applied = table


def remove() -> None:
    """Let everything pass again: the hosts are gone."""
    if attempt("nft", "list", "table", "inet", TABLE).returncode == 0:
        run("nft", "delete", "table", "inet", TABLE)


def groups(instances: Iterable[LabInstance]) -> list[Group]:
    """Return the groups in which there are instances; rules that point to others let nobody in."""
    found: dict[str, Group] = {}
    for instance in instances:
        for group in {group.id: group for nic in instance.nics.values() for group in nic.group_set}.values():
            ours = found.setdefault(group.id, Group(group.id, group.ingress_rules, group.egress_rules))
            if instance.address:
                ours.members.add(instance.address)
    return sorted(found.values(), key=lambda group: group.id)


def ruleset(found: list[Group]) -> str:
    """Return what makes nftables forget the last table and filter by these groups, at once."""
    sets = {group.id: group.set for group in found}
    lines = [f"add table inet {TABLE}", f"delete table inet {TABLE}", f"table inet {TABLE} {{"]
    for group in found:
        elements = f" elements = {{ {', '.join(sorted(group.members))} }};" if group.members else ""
        lines.append(f"  set {group.set} {{ type ipv4_addr;{elements} }}")
    for chain, member, peer in (("ingress", "daddr", "saddr"), ("egress", "saddr", "daddr")):
        lines.append(f"  chain {chain} {{")
        for group in found:
            matches = [match for rule in getattr(group, chain) for match in _matches(rule, peer, sets)]
            lines += [f"    ip {member} @{group.set} {match} return" for match in matches]
        lines += ["    drop", "  }"]
    known = "ct state established,related accept"
    lines += [
        "  chain to_hosts {",
        "    type filter hook output priority filter;",
        f'    oifname != "{BRIDGE}" accept',
        f"    {known}",
        f"    ip daddr {SUBNET} jump ingress",
        "  }",
        "  chain from_hosts {",
        "    type filter hook input priority filter;",
        f'    iifname != "{BRIDGE}" accept',
        f"    {known}",
        # Which groups do not filter: https://docs.aws.amazon.com/vpc/latest/userguide/vpc-security-groups.html
        f"    ip daddr {GATEWAY} meta l4proto {{ tcp, udp }} th dport {DNS_PORT} accept",
        "    jump egress",
        "  }",
        "  chain between_hosts {",
        "    type filter hook forward priority filter;",
        f'    iifname != "{BRIDGE}" accept',
        f"    {known}",
        f"    ip daddr {METADATA_ADDRESS} accept",  # which groups do not filter
        "    jump egress",
        "    jump ingress",
        "  }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _matches(rule: Any, peer: str, sets: dict[str, str]) -> Iterator[str]:
    """Say in nftables' words what a rule lets through; nothing where no host can be meant."""
    protocol = {"-1": "", None: ""}.get(rule.ip_protocol, rule.ip_protocol)
    if protocol in ("tcp", "udp"):
        what = f" {protocol} dport {rule.from_port}-{rule.to_port}"
    else:
        what = f" ip protocol {protocol}" if protocol else ""
    if rule.cidr_ipv4:
        yield f"ip {peer} {rule.cidr_ipv4}{what}"
    elif (source := rule.source_group.get("GroupId")) in sets:
        yield f"ip {peer} @{sets[source]}{what}"
