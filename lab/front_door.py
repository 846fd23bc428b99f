"""AWS's front door: what every request passes before moto answers it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Protocol

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from lab.api_request import ApiRequest, Refusal


class Rule(Protocol):
    """Something that AWS may refuse a request for."""

    def refusal(self, request: ApiRequest) -> Refusal | None:
        """Return why `request` is refused; None lets it through."""


class FrontDoor:
    """Answers requests as moto does, unless one of the rules refuses them."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Ask `rules` in this order. Before the first one is made, moto's backends have to be the lab's."""
        self._rules = rules
        self._moto = DomainDispatcherApplication(create_backend_app)

    def refusal(self, request: ApiRequest) -> Refusal | None:
        """Return why the first rule that does not let `request` through refuses it."""
        return next((found for rule in self._rules if (found := rule.refusal(request))), None)

    def answer(self, environ: dict[str, Any], body: bytes, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Let moto answer the request in `environ`, whose body has been read."""
        environ["wsgi.input"] = io.BytesIO(body)
        answer: Iterable[bytes] = self._moto(environ, start_response)
        return answer


def send(start_response: Callable[..., Any], status: int, kind: str, text: str) -> list[bytes]:
    """Answer with `text` of the content type `kind`."""
    body = text.encode()
    start_response(f"{status} lab", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]
