"""Letters to students: mail messages, and what decides whether one must be sent again."""

from __future__ import annotations

import hashlib
import json
from email import message_from_bytes
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formataddr, parseaddr
from typing import TYPE_CHECKING, Any, TypedDict

from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.seats import seated_students
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.links import https_link
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.ways_in import read_ways_in, way_in

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

# What a student needs to get in; a letter is out of date as soon as one of them changes.
ACCESS = ("email", "username", "port", "password", "token")
HTTPS_PORT = 443
LONGEST_REASON = 300
MOST_REASONS = 3


class Message(TypedDict):
    """What is sent of a letter that was kept."""

    to: list[str]
    subject: str
    body: str


def addressees(
    machines: Iterable[Mapping[str, Any]],
    accounts: Mapping[str, Mapping[str, Any]],
    hosts: Mapping[str, str] | None = None,
    kept: str = "",
) -> list[dict[str, Any]]:
    """List the students of `machines`, which are Ansible's variables of each, with what their letters say.

    That is what `accounts` knows of them, by username, their port, the machine's `seat` and `address`, and where it is
    one of `hosts` to their browsers, the link; and `https_trouble`, why that opens nothing yet, "" if it does or nobody
    knows. Whom the machine has refused an account has nothing to be told. Of a machine that this run has not seen, both
    are as they were `kept` in `ways_in.json`.
    """
    before = read_ways_in(kept)
    return [
        {
            **student,
            "seat": str(machine["inventory_hostname"]),
            "address": str(machine["ansible_host"]),
            "https_trouble": way["https_trouble"],
            "https_link": https_link(student, (hosts or {}).get(student["username"], "")),
        }
        for machine in machines
        for way in (way_in(machine, before),)
        for student in seated_students(machine["aws_ec2_tags"]["Students"], accounts)
        if student["username"] not in way["refused"]
    ]


def letter_variables(
    student: Mapping[str, Any], fingerprint: str, ssh_ports: Collection[int], hours: str = ""
) -> dict[str, Any]:
    """Return what the text of the letter may use; `hours` is when machines stop themselves, in its language.

    Without `ssh_ports` there is no tunnel.

    With `ExitOnForwardFailure` a second tunnel on a taken port does not run and lead nowhere. With `HostKeyAlias` the
    key belongs to the seat: a machine that stopped and came back under another address is still known.
    """
    tunnel = (
        f"-o ExitOnForwardFailure=yes -o ServerAliveInterval=30 -o HostKeyAlias={student['seat']} "
        f"-NfL 5005:localhost:{student['port']} {student['username']}@{student['address']}"
    )
    return {
        "student": student,
        "hours": hours,
        "fingerprint": fingerprint,
        "https_link": student.get("https_link", ""),
        "https_trouble": student.get("https_trouble", ""),
        "link": f"http://localhost:5005/lab?token={student['token']}",
        "tunnel": f"ssh {tunnel}" if ssh_ports else "",
        "tunnel_443": f"ssh -p {HTTPS_PORT} {tunnel}" if HTTPS_PORT in ssh_ports else "",
    }


def mailbox(name: str, email: str) -> str:
    """Write a name and an address as one mailbox, whatever characters the name has."""
    return formataddr((name, email))


def eml(body: str, *, sender: str, name: str, email: str, subject: str) -> str:
    """Make the text of an `.eml` file that mail programs open as a draft, ready to be sent.

    `sender` is a mailbox (`Course <course@example.org>`) or empty. The text stays readable for people: 8bit, unwrapped.
    """
    message = EmailMessage(policy=SMTP.clone(linesep="\n", cte_type="8bit", max_line_length=998))
    message["To"] = _address(name, email)
    if sender:
        message["From"] = _address(*parseaddr(sender))
    message["Subject"] = subject
    message["X-Unsent"] = "1"
    message.set_content(body, cte="8bit")
    return message.as_bytes().decode()


def read_eml(content: bytes) -> Message:
    """Read what `eml` has made."""
    message = message_from_bytes(content, policy=SMTP)
    (to,) = message["To"].addresses
    return {
        "to": [mailbox(to.display_name, to.addr_spec)],
        "subject": str(message["Subject"]),
        "body": message.get_content(),
    }


def access_digest(student: Mapping[str, Any], seat: str, address: str) -> str:
    """Hash all that the student needs to get in, so that a receipt tells whether the letter still holds."""
    facts = [seat, address, *(str(student[fact]) for fact in ACCESS), *filter(None, [student.get("https_link")])]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def letter_due(receipt: str, digest: str) -> bool:
    """Say whether the letter has to be sent: no `receipt` (the JSON that was kept, or ""), or one for other facts."""
    return not receipt or json.loads(receipt).get("digest") != digest


def refused_words(letters: Sequence[Mapping[str, Any]], reasons: Mapping[str, str]) -> str:
    """Say which of the `letters` were not accepted, for what `reasons`, by username; in five lines at most."""
    who = [f"{letter['username']} ({letter['email']})" for letter in letters if letter["username"] in reasons]
    by_reason: dict[str, list[str]] = {}
    for username, reason in reasons.items():
        by_reason.setdefault(_shortened(reason), []).append(username)
    lines = [f"{', '.join(names)}: {reason}" for reason, names in by_reason.items()]
    if len(lines) == 1:
        lines = list(by_reason)
    elif len(lines) > MOST_REASONS:
        lines[MOST_REASONS - 1 :] = [f"and for {len(lines) - MOST_REASONS + 1} more reasons"]
    were = "letter to {} was" if len(who) == 1 else "letters to {} were"
    return "\n".join(
        [
            f"The {were.format(', '.join(who))} not accepted:",
            *lines,
            "Mend class_smtp_… in group_vars/all/class.yml or the address in the roster, then run mail.yml.",
        ]
    )


def _shortened(reason: str) -> str:
    line = " ".join(reason.split())
    return line if len(line) <= LONGEST_REASON else f"{line[: LONGEST_REASON - 1]}…"


def _address(name: str, email: str) -> Address:
    return Address(display_name=name, addr_spec=email)
