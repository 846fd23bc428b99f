"""AWS's front door: what every request passes before moto answers it."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any, Protocol

from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

from lab import price_list
from lab.api_request import SERVER_ERRORS, ApiRequest, Refusal
from lab.request_log import error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Rule(Protocol):
    """Something that AWS may refuse a request for."""

    def refusal(self, request: ApiRequest) -> Refusal | None:
        """Return why `request` is refused; None lets it through."""


class FrontDoor:
    """Answers requests as moto does, and for the price list, unless one of the rules refuses them."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        """Ask `rules` in this order. Before the first one is made, moto's backends have to be the lab's."""
        self._rules = rules
        self._moto = DomainDispatcherApplication(create_backend_app)

    def refusal(self, request: ApiRequest) -> Refusal | None:
        """Return why the first rule that does not let `request` through refuses it."""
        return next((found for rule in self._rules if (found := rule.refusal(request))), None)

    def answer(self, environ: dict[str, Any], body: bytes, start_response: Callable[..., Any]) -> list[bytes]:
        """Answer the request in `environ`, whose body has been read."""
        request = ApiRequest.read(environ, body)
        if (request.service, request.action) == price_list.ACTION:  # which moto does not have
            found = price_list.answer(request)
            if isinstance(found, Refusal):
                return send(start_response, found.status, *found.body(request))
            return send(start_response, 200, "application/x-amz-json-1.1", found)
        begun: list[Any] = []
        environ["wsgi.input"] = io.BytesIO(body)
        answer = list(self._moto(environ, lambda *begin: begun.extend(begin)))
        status, *rest = begun
        number = SERVER_ERRORS.get(error_code(b"".join(answer)))  # moto calls every error the caller's
        start_response(f"{number} lab" if number else status, *rest)
        return answer


def send(start_response: Callable[..., Any], status: int, kind: str, text: str) -> list[bytes]:
    """Answer with `text` of the content type `kind`."""
    body = text.encode()
    start_response(f"{status} lab", [("Content-Type", kind), ("Content-Length", str(len(body)))])
    return [body]
