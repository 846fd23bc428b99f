"""Which servers that a class needs are silent, as seen from this computer: asked at once, and never for long."""

from __future__ import annotations

import queue
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from functools import partial
from http.client import HTTPException
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.data.addresses import AddressError, request_url
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.mail.submission import Refusal, Submission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

WAIT_S = 5.0  # for all of them
ANSWER_S = 4.0  # for a step of one, so that it can still say what it waited for
# Of 5xx, what is said by a server that is not up to its task; the others answer, if not to this question.
DOWN = (500, 502, 503, 504)


class _NoRedirection(urllib.request.HTTPRedirectHandler):
    """To be sent on is an answer."""

    def redirect_request(self, *_arguments: Any) -> None:
        """Stay."""


_OPENER = urllib.request.build_opener(_NoRedirection())


def data_questions(urls: Iterable[str], mirror_url: str) -> dict[str, Callable[[], str]]:
    """Return what to ask the servers of the data sets at `urls`, or of the mirror in their place, by their names."""
    addresses = [f"{mirror_url.rstrip('/')}/"] if mirror_url else urls
    first: dict[str, str] = {}
    for address in addresses:
        first.setdefault(urllib.parse.urlsplit(address).netloc, address)
    kind = "class_mirror_url" if mirror_url else "the data server"
    return {f"{kind} {server}": partial(ask_web, address) for server, address in first.items()}


def mail_questions(host: str, port: int, security: str, ca_file: str) -> dict[str, Callable[[], str]]:
    """Return what to ask the mail server, if there is one, by its name."""
    return {f"the mail server {host}": partial(ask_mail, Submission(host, port, security, ca_file))} if host else {}


def ask_web(address: str) -> str:
    """Say why the server of an address is silent; nothing if it answers, whatever it says."""
    try:
        _OPENER.open(urllib.request.Request(request_url(address), method="HEAD"), timeout=ANSWER_S).close()  # noqa: S310 - request_url lets http and https through, alone
    except AddressError as error:
        return f"its address {error}"
    except urllib.error.HTTPError as error:
        error.close()
        return f"it answers with {error.code} ({error.reason})" if error.code in DOWN else ""
    except urllib.error.URLError as error:
        return f"it does not answer: {error.reason}"
    except (HTTPException, OSError) as error:
        return f"it does not answer: {error}"
    return ""


def ask_mail(server: Submission) -> str:
    """Say why letters would not be taken; nothing if the server proves who it is. Nobody logs in."""
    try:
        server.reach()
    except Refusal as refused:
        return str(refused)
    return ""


def silent(questions: Mapping[str, Callable[[], str]], wait_s: float = WAIT_S) -> dict[str, str]:
    """Ask all at once, for `wait_s` seconds in all; return why they are silent, by the names of those that are."""
    answers: queue.Queue[tuple[str, str]] = queue.Queue()
    for name, ask in questions.items():
        # As a daemon it holds up no end: a resolver may take far longer than anybody waits.
        threading.Thread(target=lambda name=name, ask=ask: answers.put((name, ask())), daemon=True).start()
    said = dict.fromkeys(questions, f"it did not answer within {wait_s:g} s")
    deadline = time.monotonic() + wait_s
    for _ in questions:
        try:
            name, why = answers.get(timeout=max(deadline - time.monotonic(), 0))
        except queue.Empty:
            break
        said[name] = why
    return {name: why for name, why in said.items() if why}
