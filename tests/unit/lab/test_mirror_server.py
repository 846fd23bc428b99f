"""The mirror server: ranges, and nothing but files below its folder."""

from __future__ import annotations

import http.client
import threading
from typing import TYPE_CHECKING

import pytest

from lab.mirror_server import inside, make, parse_range

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

CONTENT = bytes(range(256)) * 40


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("bytes=0-99", (0, 99)),
        ("bytes=100-", (100, 999)),
        ("bytes=-10", (990, 999)),
        ("bytes=-5000", (0, 999)),
        ("bytes=990-5000", (990, 999)),
        ("bytes=5-4", None),
        ("bytes=-", None),
        ("bytes=0-1,5-6", None),
        ("lines=1-2", None),
        ("", None),
    ],
)
def test_ranges(header: str, expected: tuple[int, int] | None) -> None:
    assert parse_range(header, 1000) == expected


@pytest.mark.parametrize(("header", "size"), [("bytes=1000-", 1000), ("bytes=-0", 1000), ("bytes=0-", 0)])
def test_ranges_outside_of_the_file(header: str, size: int) -> None:
    with pytest.raises(ValueError, match="outside"):
        parse_range(header, size)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    served = tmp_path / "served"
    (served / "sub").mkdir(parents=True)
    (served / "sub" / "file name.bin").write_bytes(CONTENT)
    (served / "empty").write_bytes(b"")
    (tmp_path / "secret").write_text("secret")
    (served / "way-out").symlink_to(tmp_path / "secret")
    return served


@pytest.mark.parametrize(
    "path", ["/", "/sub", "/sub/", "/../secret", "/%2e%2e/secret", "//secret", "/way-out", "/nothing", "/a%00b"]
)
def test_no_folders_and_nothing_outside(root: Path, path: str) -> None:
    assert inside(root, path) is None


def test_a_folder_with_an_index_is_that_page(root: Path) -> None:
    (root / "sub" / "index.html").write_text("links")
    assert inside(root, "/sub/") == root / "sub" / "index.html"
    assert inside(root, "/sub") is None


@pytest.fixture
def connection(root: Path) -> Iterator[http.client.HTTPConnection]:
    server = make(root, "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    client = http.client.HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)
    yield client
    client.close()
    server.shutdown()
    server.server_close()


def test_a_download_that_broke_off_resumes(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/sub/file%20name.bin", headers={"Range": "bytes=0-4999"})
    answer = connection.getresponse()
    begin, tag = answer.read(), answer.headers["ETag"]
    assert (answer.status, answer.headers["Content-Range"]) == (206, f"bytes 0-4999/{len(CONTENT)}")
    connection.request("GET", "/sub/file%20name.bin", headers={"Range": "bytes=5000-", "If-Range": tag})
    answer = connection.getresponse()
    assert answer.status == 206
    assert begin + answer.read() == CONTENT


def test_a_changed_file_is_sent_whole(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/sub/file%20name.bin", headers={"Range": "bytes=5000-", "If-Range": '"another"'})
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, CONTENT)


def test_head_says_what_get_would_send(connection: http.client.HTTPConnection) -> None:
    connection.request("HEAD", "/sub/file%20name.bin")
    answer = connection.getresponse()
    assert (answer.status, answer.headers["Content-Length"], answer.read()) == (200, str(len(CONTENT)), b"")
    # The connection is still in step.
    connection.request("GET", "/empty")
    answer = connection.getresponse()
    assert (answer.status, answer.read()) == (200, b"")


def test_what_is_not_there(connection: http.client.HTTPConnection) -> None:
    connection.request("GET", "/")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 404
    connection.request("GET", "/empty", headers={"Range": "bytes=5-"})
    answer = connection.getresponse()
    answer.read()
    assert (answer.status, answer.headers["Content-Range"]) == (416, "bytes */0")
