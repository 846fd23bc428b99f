"""The lab's channel to its background process."""

from __future__ import annotations

import socket

import pytest

from lab import control, layout
from lab.shell import LabError


def test_an_endpoint_that_is_busy_is_not_called_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as busy:
        monkeypatch.setattr(layout, "ENDPOINT_PORT", busy.getsockname()[1])
        monkeypatch.setattr(control, "ANSWER_SECONDS", 0.1)
        with pytest.raises(LabError, match="did not answer within"):
            control.ask("GET", "status")
    with pytest.raises(LabError, match="Start it:  python -m lab endpoint start"):
        control.ask("GET", "status")
