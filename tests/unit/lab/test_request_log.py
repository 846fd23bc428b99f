"""The log of API requests: what is asked, which error was answered."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lab.request_log import RequestLog, error_code

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (
            b"<Response><Errors><Error><Code>DependencyViolation</Code></Error></Errors></Response>",
            "DependencyViolation",
        ),
        (b'{"__type": "ParameterNotFound", "message": "no"}', "ParameterNotFound"),
        (b'{"__type":"com.amazonaws.ssm#ParameterNotFound"}', "ParameterNotFound"),
        (b"<html>", ""),
    ],
)
def test_the_error_code_of_an_answer(body: bytes, code: str) -> None:
    assert error_code(body) == code


def test_the_request_log_has_one_object_a_line_and_grows_over_restarts(tmp_path: Path) -> None:
    path = tmp_path / "requests.jsonl"
    RequestLog(path).add("DescribeInstances", 200, 0.0123, "")
    RequestLog(path).add("RunInstances", 500, 0.5, "InsufficientInstanceCapacity")
    first, second = (json.loads(line) for line in path.read_text().splitlines())
    assert first.keys() == {"time", "action", "status", "ms"}
    assert (first["action"], first["status"], first["ms"]) == ("DescribeInstances", 200, 12.3)
    assert second["code"] == "InsufficientInstanceCapacity"
    assert path.stat().st_mode & 0o077 == 0
