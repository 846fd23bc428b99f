"""What keeps a machine from a certificate, or from https at all, and so its students from a link; and what mends it.

Students come in over ssh as before, and the machine goes on asking for a certificate, so no command fails for want of
one: whoever reports says it, with the authority's own words. Where https could not be set up, somebody has to mend it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.fronts import last_said

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_SAID = 300
"""Of an authority's words."""


class Cause(NamedTuple):
    """Why there is no new certificate: in a few words, what to do, and the command for that."""

    words: str
    advice: str
    command: str


ASK_AGAIN = "ansible-playbook configure.yml"
RATE = Cause(
    "too many were ordered",
    "The authority counts certificates, and takes no order until some days or hours are over. The machine asks by "
    "itself; this asks now:",
    ASK_AGAIN,
)
PORT_80 = Cause(
    "port 80 is shut",
    "The authority must reach the machine's port 80 from anywhere. This opens it in the security group; if it is open "
    "there, your network's own rules shut it:",
    "ansible-playbook provision.yml configure.yml",
)
NAME = Cause(
    "its name does not lead to it",
    "The authority looked the seat's name up in DNS. This sets it anew:",
    "ansible-playbook provision.yml configure.yml",
)
DOWN = Cause(
    "the authority does not answer",
    "The machine asks again by itself, and needs nobody for it. This asks now:",
    ASK_AGAIN,
)
OTHER = Cause("the authority refused it", "The machine asks again by itself. This asks now:", ASK_AGAIN)
NOT_ASKED = Cause("none was asked for yet", "The machine asks within a minute of its start. This asks now:", ASK_AGAIN)

_SAYS = {
    # RFC 8555, 6.7: `rateLimited`, which certbot writes out.
    RATE: r"rate.?limit|too many (?:requests|certificates|new orders|failed|currently pending|registrations)",
    # Let's Encrypt says "Fetching URL: Timeout during connect (likely firewall problem)", pebble what Go does.
    PORT_80: r"(?:fetching|get) \"?http://\S+/acme-challenge/|likely firewall problem",
    NAME: r"dns problem|no valid A records|looking up A |CAA record",
    DOWN: r"ConnectionPool|Max retries|gave no answer|timed? ?out|service is down|internal error|service busy"
    r"|\b50[0-9]\b",
}


def cause_of(trouble: str) -> Cause:
    """Return what is behind a `certificate_trouble`; the first that its words fit."""
    if not trouble:
        return NOT_ASKED
    return next((cause for cause, says in _SAYS.items() if re.search(says, trouble, re.IGNORECASE)), OTHER)


def quoted(trouble: str) -> str:
    """Return the authority's words on one line, and not endless."""
    said = " ".join(trouble.split())
    return said if len(said) <= LONGEST_SAID else f"{said[: LONGEST_SAID - 1]}…"


@dataclass(frozen=True)
class Certificate:
    """How a machine's certificate is; `until` is None if there is none, `since` and `again` without trouble."""

    until: datetime | None = None
    trouble: str = ""
    since: datetime | None = None
    again: datetime | None = None

    @classmethod
    def of(cls, front: Mapping[str, Any]) -> Certificate:
        """Read what M(jupyter_services_info) returned of a front."""
        times = {
            name: datetime.fromisoformat(said) if (said := front.get(f"certificate_{name}")) else None
            for name in ("until", "since", "again")
        }
        return cls(trouble=str(front.get("certificate_trouble") or ""), **times)

    def is_valid(self, now: datetime) -> bool:
        """Say whether a browser takes it."""
        return self.until is not None and self.until > now

    def words(self, now: datetime) -> str:
        """Return what a table says of it."""
        if self.until is None:
            return "none"
        return f"{self.until:%d %b %H:%M} UTC" if self.is_valid(now) else f"expired {self.until:%d %b}"

    @property
    def story(self) -> str:
        """What was said, since when, and when the machine asks again."""
        since = f", since {self.since:%d %b %H:%M} UTC" if self.since else ""
        again = f" It asks again at {self.again:%H:%M} UTC." if self.again else ""
        return f"'{quoted(self.trouble)}'{since}.{again}" if self.trouble else ""


def front_failure(machine: Mapping[str, Any]) -> str:
    """Say in a line why https could not be set up on a machine, from its variables after a run; "" if it could."""
    said = str((machine.get("front_state") or {}).get("msg") or "")  # which is there only of a failure
    return said.strip().partition("\n")[0]


def missing_certificate(machine: Mapping[str, Any]) -> Certificate | None:
    """Return the certificate of a machine whose links open nothing for want of one, from its variables after a run.

    That there is no newer certificate while one is valid troubles nobody yet. None too where there is no front, or that
    has failed.
    """
    if front_failure(machine):
        return None
    said = last_said(machine)
    if not said:
        return None
    certificate = Certificate.of(said)
    return None if certificate.is_valid(datetime.now(UTC)) else certificate


def https_trouble(machine: Mapping[str, Any]) -> str:
    """Say in a line why the links of a machine open nothing yet, from its variables after a run; "" if they do."""
    if failure := front_failure(machine):
        return f"https could not be set up on it: '{quoted(failure)}'. The course's next configure.yml tries again."
    missing = missing_certificate(machine)
    if missing is None:
        return ""
    return ": ".join(filter(None, ("it has no certificate", cause_of(missing.trouble).words, missing.story)))
