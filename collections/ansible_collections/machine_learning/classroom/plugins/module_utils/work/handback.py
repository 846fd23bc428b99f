"""What students take along at the end: the work at home as one archive for each, and who has taken theirs.

An archive holds `index.html`, which names every file, and the work below `work/`. The same work gives the same bytes.
Students choose the names in it, and their own computers unpack it: nothing leads out of the archive, links are left
out, and what Windows could not hold has another name, or another place below `long/`, which the index tells.
"""

from __future__ import annotations

import errno
import hashlib
import html
import json
import os
import re
import unicodedata
import zipfile
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import quote

from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import (
    in_one_line,
    printable,
    raw,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import (
    BLOCK,
    open_root,
    reader,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import FILE, FOLDER, Entry, survey
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home import StudentHome

LONGEST_NAME = 100
"""Characters of one name."""
LONGEST_PATH = 200
"""Characters of a path in the archive, as Windows counts: it takes 260, with the folder that it is unpacked to."""
_PARENT_SHOWN = 20
"""Characters of the folder's name that are kept where a path was longer: what is in it has room then in any case."""
EARLIEST, LATEST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, tzinfo=UTC)
"""What a zip archive knows of time."""

# Nor bytes that are no text, nor what turns the direction of writing around.
_NOT_ON_WINDOWS = re.compile(r'[\x00-\x1f\x7f<>:"\\|?*\ud800-\udfff\u202a-\u202e\u2066-\u2069]')
_DEVICES = re.compile(r"(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]|conin\$|conout\$)", re.IGNORECASE)
_LARGE = 1 << 31  # from there on, an entry of a zip archive is written in another way
_STYLE = "body{font:16px sans-serif;margin:2em;max-width:60em}td{padding:.1em 1em .1em 0}td+td{color:#555}"


@dataclass
class Archive:
    """One student's archive, and what became of it."""

    username: str
    path: str = ""
    files: int = 0
    bytes: int = 0
    work: str = ""
    """Tells this work from any other, before and after."""
    taken: str = ""
    """The day on which the student took it; empty if not, or if the work is another since."""
    taken_earlier: bool = False
    """What the student took is older than the work at home."""
    changed: bool = False
    reason: str = ""
    """Why there is no archive, or not of the newest work."""

    def row(self) -> tuple[str, str, str]:
        """Return student, archive and who has it, for a table."""
        size = f"{self.files} files, {max(1, self.bytes // 1_000_000)} MB"
        had = "taken, but the work has changed since" if self.taken_earlier else "not yet"
        return self.username, self.reason or f"{size}: {self.path}", f"taken {self.taken}" if self.taken else had


@dataclass
class _Contents:
    """What goes into an archive: path at home to name in the archive, and what a reader should know of a path."""

    entries: dict[str, Entry]
    names: dict[str, str]
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def files(self) -> list[str]:
        """The paths of all files."""
        return [path for path, entry in self.entries.items() if entry.kind == FILE]


class Handback:
    """The archives in `folder`, and the record of who took which."""

    def __init__(self, folder: str, class_name: str) -> None:
        """Nothing is made yet."""
        self.folder, self.class_name = folder, class_name
        self._record_file = os.path.join(folder, "taken.json")
        self._record = records.read_json(self._record_file)

    def look(self, home: StudentHome) -> Archive:
        """Say what archive a student has, and whether it was taken; `reason` if there is no work at home."""
        archive = Archive(home.username, os.path.join(self.folder, f"{home.name}.zip"))
        try:
            contents = _contents(home)
        except WorkError as error:
            archive.reason = str(error)
            return archive
        archive.files, archive.work = len(contents.files), _fingerprint(contents)
        archive.bytes = sum(contents.entries[path].size for path in contents.files)
        known = self._known(home)
        archive.taken = known.get("taken_on", "") if known.get("taken") == archive.work else ""
        archive.taken_earlier = bool(known.get("taken")) and not archive.taken
        archive.changed = known.get("made") != archive.work or not os.path.isfile(archive.path)
        return archive

    def make(self, home: StudentHome, *, check_mode: bool = False) -> Archive:
        """Make a student's archive, unless there is one of this very work."""
        archive = self.look(home)
        if archive.reason or not archive.changed or check_mode:
            return archive
        try:
            records.make_private(self.folder)
            self._write(home, archive)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            why = "the disk is full" if full else error.strerror
            archive.reason, archive.changed = f"no archive could be written to {self.folder}: {why}", False
            return archive
        self._remember(home, made=archive.work)
        return archive

    def take(self, home: StudentHome, *, check_mode: bool = False) -> Archive:
        """Write down that the student has the archive that was made last; raise WorkError if there is none."""
        known = self._known(home)
        if "made" not in known or not os.path.isfile(os.path.join(self.folder, f"{home.name}.zip")):
            raise WorkError(f"{home.username} has no archive yet. Make it first: ansible-playbook handback.yml")
        changed = known.get("taken") != known["made"]
        if changed and not check_mode:
            self._remember(home, taken=known["made"], taken_on=f"{datetime.now(UTC):%Y-%m-%d}")
        archive = self.look(home)
        archive.changed = changed
        return archive

    def _known(self, home: StudentHome) -> dict[str, str]:
        known = self._record.get(home.name, {})
        return known if isinstance(known, dict) else {}

    def _remember(self, home: StudentHome, **said: str) -> None:
        self._record[home.name] = self._known(home) | said
        records.write_json(self._record_file, self._record)

    def _write(self, home: StudentHome, archive: Archive) -> None:
        """Write the archive; the old one stays until it is whole."""
        contents = _contents(home)
        archive.work = _fingerprint(contents)
        with (
            records.replacing(archive.path) as out,
            zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as pack,
            open_root(home.path) as root,
        ):
            pack.writestr(_info("index.html", EARLIEST), self._index(home, contents))
            for path, entry in contents.entries.items():
                _add(pack, root, path, contents.names[path], entry)

    def _index(self, home: StudentHome, contents: _Contents) -> bytes:
        title = html.escape(f"{self.class_name}: the work of {home.username}")
        rows = "\n".join(_rows(contents))
        return (
            f'<!DOCTYPE html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>\n'
            f"<style>{_STYLE}</style>\n<h1>{title}</h1>\n"
            f"<p>{len(contents.files)} files. Notebooks (.ipynb) open in JupyterLab, on any computer that has it.</p>\n"
            f"<table>\n{rows}\n</table>\n"
        ).encode()


def _rows(contents: _Contents) -> Iterator[str]:
    """Give a row for each file, and one for each path that was left out."""
    for path in sorted({*contents.files, *contents.notes}):
        shown = html.escape(in_one_line(path))
        if path in contents.files:
            link = html.escape(quote(contents.names[path]))
            size = f"{-(-contents.entries[path].size // 1000)} kB"
            shown = f'<a href="{link}">{shown}</a>'
        else:
            size = ""
        yield f"<tr><td>{shown}</td><td>{size}</td><td>{html.escape(contents.notes.get(path, ''))}</td></tr>"


def _contents(home: StudentHome) -> _Contents:
    """Look at a student's folder at home; raise WorkError if there is none, or if it cannot be read."""
    try:
        with open_root(home.path) as root:
            look = survey(root)
    except FileNotFoundError:
        raise WorkError("no work is at home") from None
    except OSError as error:
        raise WorkError(f"{home.path} cannot be read: {error.strerror}") from error
    if look.blind:
        path, why = min(look.blind.items())
        raise WorkError(f"{home.path}/{printable(path)} cannot be read ({why})")
    taken = {path: entry for path, entry in look.found.items() if entry.kind in (FILE, FOLDER)}
    entries = dict(sorted(taken.items(), key=lambda row: row[0].split("/")))
    contents = _Contents(entries, safe_names(entries))
    contents.notes |= {path: "a link, left out" for path in look.found if path not in entries}
    for path, name in contents.names.items():
        if name.startswith("long/"):
            contents.notes[path] = f"is {name} here, since Windows takes no path as long as its own"
        elif name != f"work/{path}" and path.rpartition("/")[2] != name.rpartition("/")[2]:
            contents.notes[path] = f"is called {printable(name)} here, since not every computer takes its own name"
    return contents


def _fingerprint(contents: _Contents) -> str:
    rows = [[path, entry.kind, entry.size, entry.mtime_ns] for path, entry in contents.entries.items()]
    return hashlib.sha256(json.dumps([rows, contents.notes]).encode()).hexdigest()


def safe_names(paths: Iterable[str]) -> dict[str, str]:
    """Return for each path, all folders on its way included, the name in the archive: one that any computer holds.

    `paths` come sorted by their parts, a folder before what is in it. No two names differ in upper and lower case only.
    What would be longer than LONGEST_PATH lies below `long/`, in a folder that tells the one it was in.
    """
    names: dict[str, str] = {}
    used: set[str] = set()
    for path in paths:
        parent, _, name = path.rpartition("/")
        above = names[parent] if parent else "work"
        free = _free(above, _plain(name), used)
        if _length(free) > LONGEST_PATH:
            # By the path at home alone, so that it is the same place whatever else there is.
            at_home = hashlib.sha256(raw(parent)).hexdigest()[:8]
            free = _free(f"long/{above.rpartition('/')[2][:_PARENT_SHOWN]}~{at_home}", _plain(name), used)
        used.add(_same(free))
        names[path] = free
    return names


def _free(above: str, name: str, used: set[str]) -> str:
    stem, dot, ending = name.rpartition(".")
    stem, ending = (stem, dot + ending) if stem else (name, "")
    free, number = f"{above}/{stem}{ending}", 1
    while _same(free) in used:
        number += 1
        free = f"{above}/{stem}~{number}{ending}"
    return free


def _length(name: str) -> int:
    return len(name.encode("utf-16-le")) // 2


def _same(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _plain(name: str) -> str:
    plain = _NOT_ON_WINDOWS.sub("_", name)
    if len(plain) > LONGEST_NAME:
        stem, dot, ending = plain.rpartition(".")
        ending = dot + ending if stem and len(ending) < 20 else ""
        plain = plain[: LONGEST_NAME - len(ending)] + ending
    if plain[-1] in ". ":
        plain = plain[:-1] + "_"
    return f"_{plain}" if _DEVICES.fullmatch(plain.partition(".")[0].rstrip()) else plain


def _info(name: str, when: datetime, *, run: bool = False) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, min(max(when, EARLIEST), LATEST).timetuple()[:6])
    info.compress_type = zipfile.ZIP_DEFLATED
    info.create_system = 3  # Unix, wherever it was made
    mode = 0o040755 if name.endswith("/") else 0o100755 if run else 0o100644
    info.external_attr = mode << 16 | (0x10 if name.endswith("/") else 0)
    return info


def _add(pack: zipfile.ZipFile, root: int, path: str, name: str, entry: Entry) -> None:
    if entry.kind == FOLDER:
        pack.writestr(_info(f"{name}/", EARLIEST), b"")
        return
    try:
        when = datetime.fromtimestamp(entry.mtime_ns // 10**9, UTC)
    except (OverflowError, ValueError, OSError):  # students can set any
        when = EARLIEST
    with (
        reader(root, path) as source,
        pack.open(_info(name, when, run=bool(entry.mode & 0o111)), "w", force_zip64=entry.size >= _LARGE) as to,
    ):
        while block := source.read(BLOCK):
            to.write(block)


def table(archives: Sequence[Archive]) -> str:
    """Return a line for each student."""
    rows = [("STUDENT", "ARCHIVE", "TAKEN"), *(archive.row() for archive in archives)]
    widths = [max(len(row[column]) for row in rows) for column in (0, 1)]
    return "\n".join(f"{who:{widths[0]}}  {what:{widths[1]}}  {taken}" for who, what, taken in rows)


def as_dicts(archives: Sequence[Archive]) -> list[dict[str, object]]:
    """Return the archives as Ansible returns them."""
    return [asdict(archive) for archive in archives]
