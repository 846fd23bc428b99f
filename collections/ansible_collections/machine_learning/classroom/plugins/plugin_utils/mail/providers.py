"""What the well-known mail providers want, by the name of their server."""

from __future__ import annotations

import re
from typing import NamedTuple


class Provider(NamedTuple):
    """A provider; `per_minute` is how many letters it takes of one account, 0 where it is not known to count them."""

    name: str
    server: str
    per_minute: float = 0
    login_is_address: bool = False


ANY = Provider("the mail server", ".*")
MICROSOFT = r"smtp[\w-]*\.(office365\.(com|us)|(partner\.)?outlook\.(com|cn))"
GOOGLE = r"smtp[\w-]*\.g(oogle)?mail\.com"
AMAZON = r"email-smtp[\w-]*(\.[\w-]+)?\.amazonaws\.com(\.cn)?"
PROVIDERS = (
    # Exchange Online limits, "Sending limits": 30 messages a minute. One connection too many and it answers 432.
    Provider("Microsoft 365", MICROSOFT, per_minute=30, login_is_address=True),
    Provider("Google", GOOGLE, login_is_address=True),
    # "Managing your Amazon SES sending limits": one a second until the account leaves the sandbox.
    Provider("Amazon SES", AMAZON, per_minute=60),
)


def provider_of(host: str) -> Provider:
    """Return whose server `host` is."""
    return next((one for one in PROVIDERS if re.fullmatch(one.server, host, re.IGNORECASE)), ANY)
