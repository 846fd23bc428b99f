"""What stands in the `pip:` section of environment.yml: a package in PyPI's words, or what is said of anything else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.specs import (
    FILLED_IN,
    TEMPLATE,
    SpecError,
    of_no_index,
    strange_character,
)

if TYPE_CHECKING:
    from packaging.requirements import Requirement


_VERSION = r"\d[\w.*+!-]*"


def refuse_collection(text: str) -> None:
    """Raise SpecError about what YAML takes for a section or a list, most often because of a colon."""
    if elsewhere := of_no_index(text, "here"):
        raise SpecError(f"`{text}` {elsewhere[0]}", elsewhere[1])
    if TEMPLATE.match(text):
        raise SpecError(f"`{text}` {FILLED_IN[0]}", FILLED_IN[1])
    package, colon, version = text.partition(":")
    if not colon:
        raise SpecError("a line below `pip:` is one text.", "Write it like `- rich>=13`.")
    right = f"{package}=={version.strip()}" if re.fullmatch(_VERSION, version.strip()) else package
    raise SpecError(f"`{text}` is a section to YAML, because of the colon.", f"Write `{right}`.")


def requirement(text: str) -> Requirement:
    """Read a package in PyPI's words; raise SpecError where it is none, or none that can be locked."""
    from packaging.requirements import InvalidRequirement, Requirement

    package, options, _ = text.partition(" --")
    if options and not text.startswith("-") and not of_no_index(package, "here"):
        raise SpecError(f"`{text}` has options, which are chosen here: hashes, too.", f"Write `{package.strip()}`.")
    if elsewhere := of_no_index(text, "here"):
        raise SpecError(f"`{text}` {elsewhere[0]}", elsewhere[1])
    if "::" in text:
        package = text.rpartition("::")[2].strip()
        raise SpecError(
            f"`{text}` names a channel of conda's, below `pip:`.", f"Write `- {text}` further up, or `{package}` here."
        )
    if re.fullmatch(_VERSION, text):
        raise SpecError(f"`{text}` is a version without a package.", "Write the package before it, with `==`.")
    if odd := strange_character(text):
        raise SpecError(f"`{text}` {odd[0]}", odd[1])
    if TEMPLATE.search(text):
        raise SpecError(f"`{text}` {FILLED_IN[0]}", FILLED_IN[1])
    if found := re.fullmatch(rf"([\w.-]+)\s*@\s*({_VERSION})", text):
        raise SpecError(f"`{text}` has an @, behind which pip expects an address.", f"Write `{found[1]}=={found[2]}`.")
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        if found := re.fullmatch(rf"([\w.-]+(?:\[[^\]]*\])?)\s+({_VERSION})", text):
            raise SpecError(f"`{text}` lacks an `==`.", f"Write `{found[1]}=={found[2]}`.") from error
        if found := re.fullmatch(r"([\w.-]+(?:\[[^\]]*\])?)\s*=\s*([^=<>!~].*)", text):
            raise SpecError(
                f"`{text}` is written as for conda, with one `=`.", f"Below `pip:` write `{found[1]}=={found[2]}`."
            ) from error
        raise SpecError(
            f"`{text}` is not understood.", "Below `pip:` write it like `rich`, `rich>=13` or `pandas[excel]==2.3.0`."
        ) from error
