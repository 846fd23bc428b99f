"""What can be seen of the mail settings before a letter is sent: whether they are meant for mail at all."""

from __future__ import annotations

import ipaddress
import re
import ssl
from email.errors import HeaderParseError, ObsoleteHeaderDefect
from email.policy import default
from email.utils import formataddr
from typing import TYPE_CHECKING, TypedDict

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail.providers import provider_of

if TYPE_CHECKING:
    from collections.abc import Iterator

HOST_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")
HIGHEST_PORT = 65535
EXAMPLE = "ML 101 <ml101@example.edu>"
MOST_MISTAKES = 3
HEADLINE = "No letter could be sent with these settings (group_vars/all/class.yml):"


class Settings(TypedDict):
    """The mail settings of a class, as its roles know them."""

    host: str
    port: int
    ca_file: str
    username: str
    token_command: str
    sender: str
    subject: str


def mistakes_words(settings: Settings) -> str:
    """Name what is wrong with the settings, in five lines at most; nothing if all is well."""
    found = list(_mistakes(settings))
    if len(found) > MOST_MISTAKES:
        found[MOST_MISTAKES:] = [f"and {len(found) - MOST_MISTAKES} more"]
    return "\n".join([HEADLINE, *found]) if found else ""


def _mistakes(settings: Settings) -> Iterator[str]:
    sender, subject = settings["sender"], settings["subject"]
    if "\n" in subject or "\r" in subject:
        yield f"class_mail_subject is more than one line: {' '.join(subject.split())!r}."
    if settings["host"]:
        yield from _server_mistakes(settings)
    if settings["host"] and not sender:
        yield f"class_mail_from is empty. Set it, for example to {EXAMPLE}."
    elif sender and not _is_mailbox(sender):
        own = f"it is the login, which is no address. Set it, for example to {EXAMPLE}."
        yield f"class_mail_from is {sender!r}: {own if sender == settings['username'] else _wrong(sender)}"


def _server_mistakes(settings: Settings) -> Iterator[str]:
    host, port, username = settings["host"], settings["port"], settings["username"]
    if not HOST_NAME.fullmatch(host) and not _is_ip_address(host):
        yield f"class_smtp_host is {host!r}: it takes the server's name alone, as smtp.example.edu."
    if not 0 < port <= HIGHEST_PORT:
        yield f"class_smtp_port is {port}: ports are from 1 to {HIGHEST_PORT}, and 587 or 465 for mail."
    provider = provider_of(host)
    if username and "@" not in username and provider.login_is_address:
        yield f"class_smtp_username is {username!r}: with {provider.name} the login is the mailbox's whole address."
    if settings["token_command"] and not username:
        yield "class_smtp_username is empty: class_smtp_token_command logs in to a mailbox, whose address goes there."
    if settings["ca_file"]:
        try:
            ssl.create_default_context(cafile=settings["ca_file"])
        except OSError as error:
            yield f"class_smtp_ca_file: {settings['ca_file']} holds no certificate of an authority ({error})."


def _is_mailbox(text: str) -> bool:
    """Say whether `text` is one address, with a name or without."""
    try:
        header = default.header_factory("From", text)
    except (HeaderParseError, IndexError, ValueError):  # for some texts that are none, Python's parser has no words
        return False
    defects = [one for one in header.defects if not isinstance(one, ObsoleteHeaderDefect)]
    if defects or len(header.addresses) != 1 or not text.isprintable():
        return False
    (address,) = header.addresses
    return bool(address.username and address.domain)


def _wrong(sender: str) -> str:
    """Say what is wrong with a sender, and how it would be right."""
    named = re.fullmatch(r"\s*(?P<name>[^<>\"]*,[^<>\"]*?)\s*<(?P<address>[^<>\s]+@[^<>\s]+)>\s*", sender)
    if named:
        return f"a name with a comma has quotation marks: '{formataddr((named['name'], named['address']))}'."
    return f"it takes one address, or a name and the address in <>: {EXAMPLE}."


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
