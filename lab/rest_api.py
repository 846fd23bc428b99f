"""APIs in REST style: which action a request asks for is told by its method, path and query.

botocore has the models that AWS publishes of its APIs: https://github.com/aws/api-models-aws
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.loaders import create_loader
from botocore.model import ServiceModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SERVICES = ("route53", "s3")


@dataclass(frozen=True)
class Operation:
    """What AWS's model says of an action: how a request for it looks."""

    name: str
    method: str
    path: re.Pattern[str]
    fixed: Mapping[str, str]  # what stands in the query of every such request
    required: frozenset[str]  # what else has to stand there, or among the headers in lower case

    def match(self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> dict[str, str]:
        """Return what a request names in its path; nothing if it asks for something else."""
        found = self.path.fullmatch(path)
        if not found or method != self.method or not self.required <= {*query, *headers}:
            return {}
        if any(query.get(name) != value for name, value in self.fixed.items()):
            return {}
        return {"": self.name, **{name: unquote(value) for name, value in found.groupdict().items()}}

    @property
    def demands(self) -> int:
        """How much it asks of a request: of several actions that fit, the most demanding one is meant."""
        return len(self.fixed) + len(self.required)


def read(service: str, method: str, url: str, headers: Mapping[str, str]) -> tuple[str, dict[str, str]]:
    """Return the action of a request, and the parameters in its path and query; its path where there is no such action.

    `headers` are named in lower case.
    """
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    for operation in _operations(service):
        if named := operation.match(method, parts.path, query, headers):
            return named.pop(""), {**query, **named}
    return parts.path, query


@functools.cache
def _operations(service: str) -> tuple[Operation, ...]:
    """Return the actions of a service, the most demanding first."""
    model = ServiceModel(create_loader().load_service_model(service, "service-2"), service)
    return tuple(sorted(_read(model), key=lambda operation: -operation.demands))


def _read(model: ServiceModel) -> Iterator[Operation]:
    for name in model.operation_names:
        operation = model.operation_model(name)
        path, _, query = operation.http["requestUri"].partition("?")
        shape = operation.input_shape
        members = {} if shape is None else {each: shape.members[each].serialization for each in shape.required_members}
        required = {
            where["name"].lower() if where["location"] == "header" else where["name"]
            for where in members.values()
            if where.get("location") in ("header", "querystring")
        }
        pattern = re.sub(r"\\\{(\w+)(\\\+)?\\\}", _label, re.escape(path.rstrip("/")))
        fixed = dict(parse_qsl(query, keep_blank_values=True))
        fixed.pop("x-id", None)  # the action's name, for readers of logs
        yield Operation(name, operation.http["method"], re.compile(f"{pattern}/?"), fixed, frozenset(required))


def _label(found: re.Match[str]) -> str:
    """Return what stands for a part of the path that the request chooses: for several segments where it says `+`."""
    return f"(?P<{found[1]}>.+)" if found[2] else f"(?P<{found[1]}>[^/]+)"
