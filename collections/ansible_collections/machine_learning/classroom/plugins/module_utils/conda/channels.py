"""Where conda packages come from: the addresses of channels, and which channels a class may not use."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

CONDA_FORGE = "conda-forge"

# Anaconda's own channels, as its documentation lists them; its terms of service cover each of them under every address.
_OF_ANACONDA = {"defaults", "anaconda", "main", "r", "msys2", "free", "pro", "mro", "mro-archive", "archive"}
# Where they are served: below /pkgs on hosts of their own, and by their names where everybody's channels are.
_HOSTS_OF_ANACONDA = ("anaconda.com", "anaconda.cloud", "continuum.io")
_HOST_OF_EVERYBODY = "anaconda.org"
# What an address gives away: all before its @, also where a password with a slash is written as it is (but no port, and
# an @ further on), and the tokens of anaconda.org and its like: https://conda.anaconda.org/t/TOKEN/NAME.
_LOGIN = re.compile(r"(?<=://)(?:[^/\s]*:(?!\d+/)\S*|[^/\s]*)(?=@)|(?<=/t/)[^/\s`]+")


def address(name: str, mirror: str) -> str:
    """Where the channel `name` is fetched from: below `mirror` if there is one."""
    if "://" in name:
        return name.rstrip("/") + "/"
    if mirror:
        return f"{mirror.rstrip('/')}/{name}/"
    from rattler import Channel

    return str(Channel(name).base_url)


def without_login(text: str) -> str:
    """Return `text` as it may be shown, with … for each login in its addresses; without any it is `text` itself."""
    return _LOGIN.sub("…", text)


def is_anacondas(channel: str) -> bool:
    """Tell whether `channel`, a name or an address, is one that Anaconda's terms of service cover."""
    where = urlsplit(channel.strip().lower())
    host, path = where.hostname or "", [part for part in where.path.split("/") if part]
    if any(host == known or host.endswith(f".{known}") for known in _HOSTS_OF_ANACONDA):
        return True
    if host and host != _HOST_OF_EVERYBODY and not host.endswith(f".{_HOST_OF_EVERYBODY}"):
        return False
    if host and path[:1] == ["t"]:  # what follows is somebody's token
        path = path[2:]
    if path[:1] in (["pkgs"], ["channels"]):
        path = path[1:]
    return bool(path) and path[0] in _OF_ANACONDA
