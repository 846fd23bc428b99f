"""IAM's evaluation of one identity-based policy: Allow and Deny, wildcards, conditions.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_elements.html
moto has an evaluation as well, but takes an Allow whose condition does not hold for a Deny, and knows no operator but
StringEquals. This one knows few and refuses a policy that needs more, so that nothing in it goes unheeded.
"""

from __future__ import annotations

import functools
import json
import re
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from lab.shell import LabError

if TYPE_CHECKING:
    from collections.abc import Mapping

# What each operator compares, and whether it wants that none of the values fits.
_OPERATORS = {
    "StringEquals": (False, False),
    "StringNotEquals": (False, True),
    "StringLike": (True, False),
    "StringNotLike": (True, True),
}
_IF_EXISTS = "IfExists"
_FOR_ALL = "ForAllValues:"  # of a key that has several in one request
_ELEMENTS = {"Sid", "Effect", "Action", "Resource", "Condition"}


class Verdict(Enum):
    """What a policy says of one action on one resource."""

    ALLOWED = "allowed"
    IMPLICITLY_DENIED = "no statement allows it"
    EXPLICITLY_DENIED = "a statement denies it"


@dataclass(frozen=True)
class Condition:
    """One operator with one condition key and its values, any of which may fit."""

    operator: str
    key: str
    values: tuple[str, ...]

    @property
    def comparison(self) -> str:
        """The operator without what says how it deals with several values, or with none."""
        return self.operator.removeprefix(_FOR_ALL).removesuffix(_IF_EXISTS)

    def holds(self, context: Mapping[str, str | tuple[str, ...]]) -> bool:
        """Tell whether it holds for a request whose condition keys, in lower case, have the values `context`."""
        actual = context.get(self.key.lower())
        if self.operator.startswith(_FOR_ALL):
            several = (actual,) if isinstance(actual, str) else actual or ()
            return all(self._holds_for(value) for value in several)
        if not isinstance(actual, str):  # of several values AWS does not say what a plain operator makes
            negated = _OPERATORS[self.comparison][1]
            return negated or self.operator.endswith(_IF_EXISTS)
        return self._holds_for(actual)

    def _holds_for(self, actual: str) -> bool:
        wildcards, negated = _OPERATORS[self.comparison]
        fits = any(matches(value, actual) if wildcards else value == actual for value in self.values)
        return fits != negated


@dataclass(frozen=True)
class Statement:
    """One statement of a policy."""

    sid: str
    allows: bool
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[Condition, ...]

    @classmethod
    def read(cls, element: Mapping[str, Any]) -> Statement:
        """Read one as it stands in the document; raise LabError for what the lab cannot judge."""
        sid = element.get("Sid", "")
        if unknown := set(element) - _ELEMENTS:
            raise LabError(f"The lab cannot judge {', '.join(sorted(unknown))} in statement {sid!r} of a policy.")
        conditions = [
            Condition(operator, key, _all(values))
            for operator, wanted in element.get("Condition", {}).items()
            for key, values in wanted.items()
        ]
        for condition in conditions:
            if condition.comparison not in _OPERATORS:
                raise LabError(f"The lab cannot judge {condition.operator} in statement {sid!r} of a policy.")
            if any("${" in value for value in condition.values):
                raise LabError(f"The lab knows no policy variables, such as in statement {sid!r}.")
        allows = {"Allow": True, "Deny": False}[element["Effect"]]
        return cls(sid, allows, _all(element["Action"]), _all(element["Resource"]), tuple(conditions))

    def concerns(self, action: str, resource: str, context: Mapping[str, str | tuple[str, ...]]) -> bool:
        """Tell whether it speaks of `action` on the ARN `resource` in a request with these condition keys."""
        return (
            any(matches(pattern.lower(), action.lower()) for pattern in self.actions)
            and any(matches(pattern, resource) for pattern in self.resources)
            and all(condition.holds(context) for condition in self.conditions)
        )


@dataclass(frozen=True)
class Policy:
    """A policy document."""

    statements: tuple[Statement, ...]

    @classmethod
    def read(cls, document: str) -> Policy:
        """Read a JSON document; raise LabError for what the lab cannot judge."""
        return cls(tuple(Statement.read(element) for element in json.loads(document)["Statement"]))

    def judge(self, action: str, resource: str, context: Mapping[str, str | tuple[str, ...]]) -> Verdict:
        """Judge `action` on the ARN `resource`; `context` has the request's condition keys, in lower case."""
        concerned = {each.allows for each in self.statements if each.concerns(action, resource, context)}
        if False in concerned:
            return Verdict.EXPLICITLY_DENIED
        return Verdict.ALLOWED if concerned else Verdict.IMPLICITLY_DENIED


def _all(values: str | list[str]) -> tuple[str, ...]:
    return (values,) if isinstance(values, str) else tuple(values)


def matches(pattern: str, text: str) -> bool:
    """Tell whether `text` is what `pattern` with * and ? means."""
    return _compiled(pattern).fullmatch(text) is not None


@functools.lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(re.escape(pattern).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
