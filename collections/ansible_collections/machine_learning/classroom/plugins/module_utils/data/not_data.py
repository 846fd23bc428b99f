"""What servers send in place of data: it comes whole, and is another thing than its name says."""

from __future__ import annotations

import re

_HEAD = 4096  # bytes that are looked at
_POINTER = b"version https://git-lfs.github.com/spec/"
_ANNEX = re.compile(rb"[./]*(git/)?annex/objects/")
# What may stand before the first tag of a page.
_PROLOGUE = re.compile(rb"(\s|<\?xml.*?\?>|<!--.*?-->)*", re.DOTALL)
_PAGE = re.compile(rb"<!doctype html|<html[\s>]|<head>", re.IGNORECASE)
PAGES = (".html", ".htm", ".xhtml")
"""How the names of files end that are meant to be web pages."""


def found_instead(path: str) -> str:
    """Say what the file at `path` is in place of data, and what to do; "" if it may well be data."""
    with open(path, "rb") as file:
        head = file.read(_HEAD)
    if not head:
        return "an empty file. Look whether the address still leads to it"
    if head.startswith(_POINTER) or _ANNEX.match(head):
        kind = "Git LFS" if head.startswith(_POINTER) else "git-annex"
        return f"a {kind} pointer, which names the file without holding it. Take the address of its download button"
    text = head.removeprefix(b"\xef\xbb\xbf")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = head.decode("utf-16", "replace").encode()
    beginning = _PROLOGUE.match(text)
    if beginning and _PAGE.match(text, beginning.end()):
        return "a web page, about the file or to log in. Take the address that its download button leads to"
    return ""
