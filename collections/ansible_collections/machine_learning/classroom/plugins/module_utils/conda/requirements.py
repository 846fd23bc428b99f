"""What stands in the `pip:` section of environment.yml: a package in PyPI's words, or what is said of anything else."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.specs import SpecError, of_no_index

if TYPE_CHECKING:
    from packaging.requirements import Requirement


def requirement(text: str) -> Requirement:
    """Read a package in PyPI's words; raise SpecError where it is none, or none that can be locked."""
    from packaging.requirements import InvalidRequirement, Requirement

    if elsewhere := of_no_index(text, "here"):
        raise SpecError(f"`{text}` {elsewhere[0]}", elsewhere[1])
    if "::" in text:
        package = text.rpartition("::")[2].strip()
        raise SpecError(
            f"`{text}` names a channel of conda's, below `pip:`.", f"Write `- {text}` further up, or `{package}` here."
        )
    try:
        return Requirement(text)
    except InvalidRequirement as error:
        if found := re.fullmatch(r"([\w.-]+(?:\[[^\]]*\])?)\s*=\s*([^=].*)", text):
            raise SpecError(
                f"`{text}` is written as for conda, with one `=`.", f"Below `pip:` write `{found[1]}=={found[2]}`."
            ) from error
        raise SpecError(
            f"`{text}` is not understood.", "Below `pip:` write it like `rich`, `rich>=13` or `pandas[excel]==2.3.0`."
        ) from error
