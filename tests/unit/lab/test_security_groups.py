"""What nftables is told of security groups."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from lab.security_groups import Group, groups, ruleset


def rule(protocol: str, ports: tuple[int, int] | None = None, **more: Any) -> Any:
    """Return a rule like moto's."""
    first, last = ports or (None, None)
    given = {"cidr_ipv4": None, "source_group": {}, **more}
    return SimpleNamespace(ip_protocol=protocol, from_port=first, to_port=last, **given)


def test_rules_are_those_of_the_group_and_all_else_is_dropped() -> None:
    ingress = [
        rule("tcp", (22, 22), cidr_ipv4="203.0.113.0/24"),
        rule("udp", (1000, 1009), source_group={"GroupId": "sg-b"}),
        rule("icmp", (-1, -1), cidr_ipv4="0.0.0.0/0"),
        rule("tcp", (80, 80), source_group={"GroupId": "sg-of-another-vpc"}),
        rule("tcp", (80, 80), cidr_ipv6="::/0"),
    ]
    one = Group("sg-a", ingress, [rule("-1", cidr_ipv4="0.0.0.0/0")], {"10.77.0.11", "10.77.0.10"})
    lines = [line.strip() for line in ruleset([one, Group("sg-b")]).splitlines()]
    start = lines.index("chain ingress {")
    assert lines[start + 1 : start + 6] == [
        "ip daddr @sg_a ip saddr 203.0.113.0/24 tcp dport 22-22 return",
        "ip daddr @sg_a ip saddr @sg_b udp dport 1000-1009 return",
        "ip daddr @sg_a ip saddr 0.0.0.0/0 ip protocol icmp return",
        "drop",
        "}",
    ]
    start = lines.index("chain egress {")
    assert lines[start + 1 : start + 3] == ["ip saddr @sg_a ip daddr 0.0.0.0/0 return", "drop"]
    assert "set sg_a { type ipv4_addr; elements = { 10.77.0.10, 10.77.0.11 }; }" in lines
    assert "set sg_b { type ipv4_addr; }" in lines


def test_groups_do_not_filter_dns() -> None:
    lines = [line.strip() for line in ruleset([]).splitlines()]
    start = lines.index("chain from_hosts {")
    dns = lines.index("ip daddr 10.77.0.1 meta l4proto { tcp, udp } th dport 53 accept")
    assert start < dns < lines.index("jump egress")


def test_a_host_is_in_its_groups_as_long_as_it_has_an_address() -> None:
    group = SimpleNamespace(id="sg-a", ingress_rules=[], egress_rules=[])

    def instance(address: str | None) -> Any:
        return SimpleNamespace(address=address, nics={0: SimpleNamespace(group_set=[group])})

    found = groups([instance("10.77.0.10"), instance("10.77.0.11"), instance(None)])
    assert [(each.id, each.members) for each in found] == [("sg-a", {"10.77.0.10", "10.77.0.11"})]
