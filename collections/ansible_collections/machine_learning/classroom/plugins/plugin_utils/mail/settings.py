"""What can be seen of the mail settings before a letter is sent: whether they are meant for mail at all."""

from __future__ import annotations

import ipaddress
import re
import ssl
from email.errors import HeaderParseError, ObsoleteHeaderDefect
from email.policy import default
from typing import TYPE_CHECKING, TypedDict

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail.providers import provider_of

if TYPE_CHECKING:
    from collections.abc import Iterator

# RFC 1035, 2.3.4: a label has 63 characters, a name 255.
HOST_NAME = re.compile(r"(?=.{1,255}$)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*")
HIGHEST_PORT = 65535
ADDRESS = re.compile(r"[^@\s<>,;]+@[^@\s<>,;]+")
_NUMBER = re.compile(r"\s*[+-]?\d+\s*")
# POP and IMAP, with which mail programs fetch.
FETCHING = (110, 143, 993, 995)
# What has a meaning of its own in an address.
NAMED = {",": "a comma", ";": "a semicolon", ":": "a colon", "@": "an @", "[": "brackets", "(": "brackets"}
EXAMPLE = "ML 101 <ml101@example.edu>"
MOST_MISTAKES = 3
HEADLINE = "No letter could be sent with these settings (group_vars/all/class.yml):"


class Settings(TypedDict):
    """The mail settings of a class, as its roles know them."""

    host: str
    port: str
    """As it was written."""
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
    if len(subject.splitlines()) > 1:
        yield f"class_mail_subject is more than one line: {' '.join(subject.split())!r}."
    elif not subject.isprintable():
        yield f"class_mail_subject is {subject!r}: it has a character in it that nobody sees."
    if not _NUMBER.fullmatch(settings["port"]):
        yield f"class_smtp_port is {settings['port']!r}: it takes a number, 587 or 465 for mail."
    elif settings["host"]:
        yield from _server_mistakes(settings)
    if settings["host"] and not sender:
        yield f"class_mail_from is empty. Set it, for example to {EXAMPLE}."
    elif sender and not _is_mailbox(sender):
        own = f"it is the login, which is no address. Set it, for example to {EXAMPLE}."
        yield f"class_mail_from is {sender!r}: {own if sender == settings['username'] else _wrong(sender)}"


def _server_mistakes(settings: Settings) -> Iterator[str]:
    host, port, username = settings["host"], int(settings["port"]), settings["username"]
    if not HOST_NAME.fullmatch(host) and not _is_ip_address(host):
        yield f"class_smtp_host is {host!r}: it takes the server's name alone, as smtp.example.edu."
    if not 0 < port <= HIGHEST_PORT:
        yield f"class_smtp_port is {port}: ports are from 1 to {HIGHEST_PORT}, and 587 or 465 for mail."
    if port in FETCHING:
        yield f"class_smtp_port is {port}: from there mail is fetched. It is sent through 587 or 465."
    provider = provider_of(host)
    if username and provider.login_is_address and not ADDRESS.fullmatch(username.strip()):
        yield f"class_smtp_username is {username!r}: with {provider.name} the login is the mailbox's whole address."
    if username != username.strip() or not username.isprintable():
        yield f"class_smtp_username is {username!r}: it has a blank around it, or another character that nobody sees."
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
    if defects or len(header.addresses) != 1 or not text.isprintable() or header.groups[0].display_name:
        return False
    (address,) = header.addresses
    return bool(address.username and address.domain and address.domain.isascii())


def _wrong(sender: str) -> str:
    """Say what is wrong with a sender, and how it would be right."""
    named = re.fullmatch(r"\s*(?P<name>[^<>\"]*?)\s*<(?P<address>[^<>\s]+@[^<>\s]+)>\s*", sender)
    if foreign := next((letter for letter in sender.rpartition("@")[2] if not letter.isascii()), ""):
        return f"many mail servers take no {foreign!r} in an address. Write the form in ASCII, which begins with xn--."
    if named and _is_mailbox(right := _quoted(named["name"], named["address"])):
        sign = next((NAMED[sign] for sign in named["name"] if sign in NAMED), "such a sign")
        return f"a name with {sign} has quotation marks: '{right}'."
    return f"it takes one address, or a name and the address in <>: {EXAMPLE}."


def _quoted(name: str, address: str) -> str:
    """Return a sender of both, with the name in quotation marks, and without what nobody sees."""
    shown = "".join(character for character in name if character.isprintable())
    return f'"{shown}" <{address}>'


def _is_ip_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
