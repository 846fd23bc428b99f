"""What stands behind one `- ` of `dependencies:`: a package in conda's words, or what is said of anything else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda import channels

if TYPE_CHECKING:
    from rattler import MatchSpec

_VERSION = r"\d[\w.*+!-]*"
# One end of a range.
_LIMIT = rf"(?:[<>]=?|!=|~=)\s*{_VERSION}"
TEMPLATE = re.compile(r"\{\{|\$\w|\$\{|<%")
FILLED_IN = ("is to be filled in by a program, and nobody does that here.", "Write what would stand there.")
_URL = re.compile(r"(?:(?P<vcs>git|hg|svn|bzr)\+)?[a-z][a-z+]*://\S+", re.IGNORECASE)
_ARCHIVE = re.compile(r"(?P<name>[\w.-]+)-(?P<version>[^-/]+)-[^-/]+\.(?:conda|tar\.bz2)(?:#\w+)?")


class SpecError(Exception):
    """No package in conda's words: `what` it is, and what to write instead."""

    def __init__(self, what: str, remedy: str) -> None:
        """Keep both, each a sentence or two."""
        super().__init__(f"{what} {remedy}")
        self.what = what
        self.remedy = remedy


def match_spec(text: str, mirror: str = "") -> MatchSpec:
    """Read a package in conda's words, as conda reads environment.yml; a channel in it is the one below `mirror`.

    Raise SpecError where conda would take it for something else, or for nothing.
    """
    from rattler import MatchSpec
    from rattler.exceptions import InvalidMatchSpecError

    _refuse_what_is_not_condas(text)
    channel, qualified, rest = text.rpartition("::")
    try:
        spec = MatchSpec(text)
        if qualified:
            folder = f"/{spec.subdir}" if spec.subdir else ""
            at = channels.address(channel.strip().removesuffix(folder), mirror)
            spec = MatchSpec(f"{at.rstrip('/')}{folder}::{rest.strip()}")
    except InvalidMatchSpecError as error:
        why = str(error).splitlines()[0].rstrip(".")
        raise SpecError(
            f"`{text}` is not understood: {why}.", "Write it like `numpy`, `numpy>=2`, `numpy=2.1` or `numpy>=2,<3`."
        ) from error
    if spec.channel is not None and not qualified:
        raise SpecError(f"`{text}` names its channel in brackets.", "Write it in front, like `conda-forge::numpy`.")
    return spec


def channel_of(text: str) -> str:
    """Return the channel that a package names for itself, such as conda-forge in `conda-forge::numpy`; "" if none."""
    channel = text.rpartition("::")[0].strip()
    folder = channel.rpartition("/")[2]
    return channel.removesuffix(f"/{folder}") if re.fullmatch(r"noarch|(linux|osx|win)-\w+", folder) else channel


def of_mapping(key: str, value: str) -> SpecError:
    """Say what `- key: value` is, which YAML takes for a section."""
    if re.fullmatch(_VERSION, value):
        return SpecError(
            f"`{key}: {value}` is a section to YAML, because of the colon.", f"Write `{key}={value}`, without blanks."
        )
    return SpecError(
        f"`{key}:` is a section that no environment has: only `pip:` is one.",
        f"If {key} is a package, write `- {key}` without the colon; else take the section out.",
    )


def _refuse_what_is_not_condas(text: str) -> None:
    refusal = _refusal(text)
    if refusal:
        raise SpecError(f"`{text}` {refusal[0]}", refusal[1])


def _refusal(text: str) -> tuple[str, str] | None:
    if elsewhere := of_no_index(text, "below `- pip:`"):
        return elsewhere
    if odd := strange_character(text):
        return odd
    if TEMPLATE.search(text):
        return FILLED_IN
    if text.startswith("::"):
        return "names no channel before its `::`.", f"Write `{text.lstrip(':')}`."
    if re.fullmatch(_VERSION, text):
        return "is a version without a package.", f"Write the package before it, like `python={text}`."
    if found := re.fullmatch(rf"([A-Za-z][\w.-]*)\s*:\s*({_VERSION})", text):
        return "has a colon, which conda takes for a name space.", f"Write `{found[1]}={found[2]}`."
    if found := re.fullmatch(rf"([\w.:-]+)\s*{_LIMIT}((?:\s*,?\s*{_LIMIT})+)", text):
        limits = ",".join(re.sub(r"\s", "", limit[0]) for limit in re.finditer(_LIMIT, text))
        if text.count(",") < len(re.findall(_LIMIT, text)) - 1:
            return "lacks a comma: conda takes what follows the blank for a build.", f"Write `{found[1]}{limits}`."
    if found := re.match(r"([\w.-]+)\[[\w.\s,-]*\]", text):
        return (
            "asks for an extra: PyPI's packages have such, conda's have none.",
            f"Write `{found[1]}` here and beside it the packages that the extra brings, or `{text}` below `- pip:`.",
        )
    if ";" in text:
        return "has a condition behind `;`, as pip's lists do.", f"Write only `{text.partition(';')[0].strip()}`."
    return None


def strange_character(text: str) -> tuple[str, str] | None:
    """Say of a character that a document has put in the place of one from the keyboard, or that nobody sees."""
    odd = next((character for character in text if not character.isascii() and not character.isspace()), "")
    if not odd:
        return None
    shown = odd if odd.isprintable() else "a character that nobody sees"
    return f"holds {shown} (U+{ord(odd):04X}), as no package does.", "Type the line again, do not copy it."


def of_no_index(text: str, below_pip: str) -> tuple[str, str] | None:
    """Say of an entry that names no package of a channel or index what it is, and what to write instead.

    None if it is nothing of that kind. `below_pip` says where a package of PyPI would stand.
    """
    address = _URL.search(text)
    if "git@" in text or (address and (address["vcs"] or address[0].endswith(".git"))):
        return (
            "is a repository of source code, which has no checksum and would have to be built.",
            f"Name a release of it: its package on conda-forge, or on PyPI {below_pip}.",
        )
    if re.match(r"(-e|--editable)\b", text):
        return (
            "has pip install a folder of your computer, which the machines do not have.",
            "Put its modules into templates/notebooks/, or the package on PyPI and its name "
            f"{below_pip}; take this line out.",
        )
    if re.match(r"(-r|-c|--requirement|--constraint)\b", text):
        return "refers pip to another file, which would not be locked.", f"Copy that file's lines {below_pip}."
    if text.startswith("-"):
        return "is an option of pip, and no package.", "Take it out: where packages come from is `class_mirror_url`."
    if address and not address[0].startswith("file:") and not text.partition("::")[2]:
        if found := _ARCHIVE.fullmatch(address[0].rpartition("/")[2]):
            return "is the address of one file.", f"Write `{found['name']}={found['version']}`: conda finds the file."
        return "is a web address.", f"Write the package's name: of conda-forge, or of PyPI {below_pip}."
    if (
        (address and address[0].startswith("file:"))
        or re.match(r"[.~/]|[A-Za-z]:\\", text)
        or re.search(r"\.(whl|tar\.gz|zip|conda|tar\.bz2)$", text)
    ):
        return (
            "is a file or folder of your computer, which the machines do not have.",
            f"Write a package's name: of conda-forge, or of PyPI {below_pip}.",
        )
    return None
