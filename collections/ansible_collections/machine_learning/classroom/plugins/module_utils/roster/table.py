"""A table as some program has saved it: its bytes in, its rows out, under each separator that it may have."""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SEPARATORS = ",;\t|"
# The first bytes of a zip archive, which .xlsx and .ods are, and of an OLE file, which .xls is.
_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"
_MARKUP = re.compile(r"\s*<(?P<xml>\?xml)?(?:!doctype|!--|html|head|meta|body|table|div|style|script|\?xml)?\b", re.I)
# Excel's own first line; a program that puts all its cells into quotation marks puts them around this one, too.
_DECLARED = re.compile(r'"?sep=(?P<separator>[^"\r\n])"?[^\r\n]*\r?\n')
# What spreadsheets are told to take for text: ="0042". And what they make of an address.
_FORMULA = re.compile(r"""=(?:HYPERLINK\("mailto:[^"]*"[,;]\s*)?"([^"]*)"\)?""", re.IGNORECASE)
# Word's quotation marks, which are none to a program.
_TYPOGRAPHIC = re.compile("[\u201c\u201d\u201e](.*)[\u201c\u201d\u201e]")
# Unicode's characters of format (category Cf) show nothing. Nor do these, which are letters, marks or symbols to it.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
# They show nothing either, but shape the letters beside them in scripts from Arabic on.
_JOINERS = "\u200c\u200d"
_FIRST_JOINED = "\u0600"


# Other files in which addresses of a class may come.
_DOCUMENTS = {
    b"%PDF-": "a PDF document",
    b"{\\rtf": "a text of a word processor (RTF)",
    b"BEGIN:VCARD": "a list of contacts (vCard)",
    b"[{": "a JSON file",
    b'{"': "a JSON file",
}


class UnreadableError(ValueError):
    """What is no table, in a sentence for the user."""


@dataclass(frozen=True)
class Row:
    """A row that is not empty; `line` is where it begins in the file, counted from 1."""

    line: int
    cells: list[str]


def decoded(content: bytes) -> str:
    """Return the text of a table without characters that nobody sees; raises `UnreadableError`."""
    if content.startswith((_ZIP, _OLE)):
        opendocument = b"application/vnd.oasis.opendocument" in content[:200]
        program, way_out = (
            ("a LibreOffice spreadsheet", "In LibreOffice choose Save As, Text CSV, character set UTF-8")
            if opendocument
            else ("an Excel workbook", "In Excel choose Save As, CSV UTF-8 (Comma delimited)")
        )
        raise UnreadableError(f"it is {program}. {way_out}, and name the new file in class_roster.")
    beginning = content.removeprefix(b"\xef\xbb\xbf").lstrip()
    if document := next((kind for head, kind in _DOCUMENTS.items() if beginning.startswith(head)), ""):
        raise UnreadableError(f"it is {document}, not a table. Save the roster as CSV UTF-8.")
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise UnreadableError(f"line {line}: it is not UTF-8. Save the file as CSV UTF-8.") from error
    if "\0" in text:
        raise UnreadableError("it is not a text file. Save the roster as CSV UTF-8.")
    if markup := _MARKUP.match(text):
        kind = "an XML file" if markup["xml"] else "a web page"
        raise UnreadableError(
            f"it is {kind}, which some platforms give the ending of a workbook (.xls). Open it in Excel or LibreOffice,"
            " save it as CSV UTF-8, and name the new file in class_roster."
        )
    return _seen(text)


def readings(text: str) -> list[list[Row]]:
    """Read the rows of `text` under each separator that it may have, the likeliest first; raises `UnreadableError`."""
    if declared := _DECLARED.match(text):
        return [list(_rows(text[declared.end() :], declared["separator"], begins=2))]
    first = next((line for line in text.splitlines() if line.strip()), "")
    separators = sorted(SEPARATORS, key=first.count, reverse=True)
    tables = [list(_rows(text, separator)) for separator in separators]
    if any(len(row.cells) > 1 for rows in tables for row in rows):
        return tables
    # One column: each line may have come into quotation marks as a whole, with the separators in it.
    return [
        [Row(line.line, row.cells) for line in tables[0] for row in _rows(line.cells[0], separator)]
        for separator in separators
    ]


def _rows(text: str, separator: str, begins: int = 1) -> Iterator[Row]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    line = begins
    try:
        for cells in reader:
            if any(cell.strip(" \t-:=") for cell in cells):  # not the line below the header of a table in Markdown
                yield Row(line, [_bare(cell.strip()) for cell in cells])
            line = reader.line_num + begins
    except csv.Error as error:
        raise UnreadableError(f"line {line}: {error}. Is a quotation mark missing?") from error


def _bare(cell: str) -> str:
    """Return what a cell holds, without what a program has put around it."""
    around = _FORMULA.fullmatch(cell) or _TYPOGRAPHIC.fullmatch(cell)
    return around[1].strip() if around else cell


def _seen(text: str) -> str:
    """Return `text` without what shows nothing: marks of direction, soft hyphens and the like, which copying brings."""
    if text.isascii():
        return text
    around = zip(" " + text, text, text[1:] + " ", strict=False)
    return "".join(character for before, character, after in around if not _shows_nothing(before, character, after))


def _shows_nothing(before: str, character: str, after: str) -> bool:
    if character in _JOINERS:
        return min(before, after) < _FIRST_JOINED
    return character in _BLANK or unicodedata.category(character) == "Cf"
