"""A real Jupyter is asked as status.yml asks it: that is no activity, neither of the server nor of a kernel."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils import jupyter as question
from jupyter_client.blocking.client import BlockingKernelClient

from tests.support.front import PATIENCE, TOKENS, Jupyter, free_port
from tests.support.laptop import fetch

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.timeout(300)

TOKEN = TOKENS["ada"]


@pytest.fixture(scope="module")
def jupyter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jupyter]:
    """Run a Jupyter in which somebody has begun to work, and does nothing now."""
    with Jupyter(tmp_path_factory.mktemp("jupyter"), free_port(), TOKEN).running() as running:
        begin_to_work(running)
        yield running


def api(jupyter: Jupyter, what: str, *, no_track_activity: bool = True) -> Any:
    """Ask the server itself."""
    unseen = "?no_track_activity=1" if no_track_activity else ""
    status, text = fetch(f"/api/{what}{unseen}", TOKEN, "127.0.0.1", jupyter.port)
    assert status == 200, text
    return json.loads(text)


def begin_to_work(jupyter: Jupyter) -> None:
    """Start a kernel, and wait until it has no more to say."""
    status, text = fetch("/api/kernels", TOKEN, "127.0.0.1", jupyter.port, body=b"{}")
    assert status == 201, text
    run(jupyter, "1 + 1")
    wait_for_rest(jupyter)


def run(jupyter: Jupyter, code: str) -> None:
    """Have the kernel run a cell, by its own sockets, as a notebook's page has it by the server."""
    (file,) = jupyter.folder.glob("home/.local/share/jupyter/runtime/kernel-*.json")
    client = BlockingKernelClient(connection_file=str(file))
    client.load_connection_file()
    client.start_channels()
    try:
        reply = client.execute(code, reply=True, timeout=PATIENCE)
    finally:
        client.stop_channels()
    assert reply["content"]["status"] == "ok"


def seen(jupyter: Jupyter) -> tuple[str, str]:
    """Return when somebody was active last, as the server says of itself and of its kernel."""
    ((kernel,),) = (api(jupyter, "kernels"),)
    return api(jupyter, "status")["last_activity"], kernel["last_activity"]


def wait_for_rest(jupyter: Jupyter) -> None:
    """Wait until nothing has happened for a second."""
    deadline = time.monotonic() + PATIENCE
    before = None
    while before != (before := seen(jupyter)):
        assert time.monotonic() < deadline
        time.sleep(1)


def test_asking_is_no_activity(jupyter: Jupyter) -> None:
    before = seen(jupyter)
    for _ in range(3):
        assert question.is_ready(jupyter.port, TOKEN)
        idle = question.idle_seconds(jupyter.port, TOKEN)
        assert idle is not None
        time.sleep(0.1)
    assert seen(jupyter) == before


def test_what_a_student_does_is_activity(jupyter: Jupyter) -> None:
    """The control of the test above: the same question without its last words, and a cell."""
    before = seen(jupyter)
    api(jupyter, "contents", no_track_activity=False)
    server, kernel = seen(jupyter)
    assert server > before[0]
    assert kernel == before[1]
    run(jupyter, "2 + 2")
    wait_for_rest(jupyter)
    assert seen(jupyter)[1] > before[1]
    idle = question.idle_seconds(jupyter.port, TOKEN)
    assert idle is not None
    assert idle <= PATIENCE
