"""Archives of strangers, unpacked so that nothing leaves the folder."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
import stat
import tarfile
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from lzma import LZMAError
from typing import IO, TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.data.not_data import found_instead

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

# APPNOTE.TXT of PKWARE: 4.4.4, 4.4.5 and 4.4.2.
_UTF_8 = 0x800
_METHODS = {1: "Shrink", 6: "Implode", 9: "Deflate64", 93: "Zstandard", 95: "XZ", 96: "JPEG", 97: "WavPack", 98: "PPMd"}
_UNPACKED = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA}
_MADE_ON_DOS, _DOS_FOLDER = 0, 0x10
_DRIVE = re.compile("[A-Za-z]:/")
# Of a file on Linux, in bytes; how much of a longer one is shown.
_LONGEST_NAME, _SHOWN = 255, 30
# How files begin that pass for archives and are none that we unpack.
_OTHERS = {
    b"PK\x03\x04": "the beginning of a zip archive, whose end is missing",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"Rar!\x1a\x07": "a RAR archive",
    b"\x28\xb5\x2f\xfd": "packed by Zstandard",
    b"\x1f\x8b": "a single file packed by gzip, which pandas reads as it is: leave out `unpack`",
    b"BZh": "a single file packed by bzip2, which pandas reads as it is: leave out `unpack`",
    b"\xfd7zXZ": "a single file packed by xz, which pandas reads as it is: leave out `unpack`",
}


class ArchiveError(Exception):
    """Why an archive is not unpacked, in words for the user."""


@dataclass(frozen=True)
class _Member:
    """One thing in an archive.

    A file (`read` opens it, `size` bytes), another name of the file `same_as`, a symbolic link to `target`, or, with
    none of these, a directory.
    """

    name: str
    size: int = 0
    read: Callable[[], IO[bytes]] | None = None
    same_as: str | None = None
    target: str | None = None

    @property
    def is_directory(self) -> bool:
        return self.read is None and self.same_as is None and self.target is None


def unpack(path: str, folder: str, *, room: Callable[[int], None]) -> None:
    """Unpack the zip or tar archive at `path` into `folder`, which must not exist: directories 0755, files 0444.

    `room` is called with the size of each file before it is written and raises if the disk has no room. Raises
    ArchiveError for whatever is no archive, for a name or link that leads out of the folder, for devices and for
    names that come twice; `folder` is then gone again.
    """
    _make_directory(folder)
    try:
        _unpack(path, folder, room)
    except BaseException as error:
        shutil.rmtree(folder)
        # What the decompressors say of broken bytes; gzip and bz2 say it by an OSError without a number.
        broken = (zipfile.BadZipFile, tarfile.TarError, zlib.error, LZMAError, EOFError, NotImplementedError)
        if isinstance(error, broken) or (isinstance(error, OSError) and error.errno is None):
            raise ArchiveError("it is no sound zip or tar archive") from error
        raise


def _unpack(path: str, folder: str, room: Callable[[int], None]) -> None:
    links: dict[str, str] = {}
    for member in _members(path):
        name = _inside(member.name)
        location = os.path.join(folder, name)
        _make_directories(folder, name if member.is_directory else posixpath.dirname(name))
        if member.target is not None:
            links[location] = member.target
        elif member.same_as is not None:
            _link_hard(folder, member.same_as, location)
        elif member.read is not None:
            room(member.size)
            _write(member.name, location, member.read)
    # No link exists before the last file is written, so no file was written through one.
    for location, target in links.items():
        if os.path.lexists(location):
            raise ArchiveError(f"{os.path.relpath(location, folder)} comes twice in it")
        os.symlink(target, location)
    # Asked of the file system, not of the text: a link through another link can leave by a harmless name.
    root = os.path.realpath(folder)
    for location, target in links.items():
        if os.path.isabs(target) or os.path.commonpath([root, os.path.realpath(location)]) != root:
            raise ArchiveError(f"{os.path.relpath(location, folder)} in it is a link out of its folder")


def _members(path: str) -> Iterator[_Member]:
    # Tar first: a tar whose last file is a zip passes for a zip, but no zip passes for a tar.
    if tarfile.is_tarfile(path):
        with tarfile.open(path) as tar:
            for entry in tar:
                yield _tar_member(tar, entry)
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                yield _zip_member(archive, info)
    else:
        what = _other_kind(path)
        raise ArchiveError(f"it is no zip or tar archive{f', but {what}' if what else ''}")


def _other_kind(path: str) -> str:
    """Say what the file is that is no archive; "" if it is nothing we know."""
    with open(path, "rb") as file:
        head = file.read(8)
    return next((what for magic, what in _OTHERS.items() if head.startswith(magic)), found_instead(path))


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> _Member:
    name = _zip_name(info)
    if info.flag_bits & 1:
        raise ArchiveError(f"{name} in it is encrypted")
    # Some tools of Windows mark a folder by its attribute alone.
    dos_folder = info.create_system == _MADE_ON_DOS and info.external_attr & _DOS_FOLDER and not info.file_size
    if name.endswith("/") or dos_folder:
        return _Member(name)
    if info.compress_type not in _UNPACKED:
        raise ArchiveError(_cannot_unpack(name, info.compress_type))
    if stat.S_ISLNK(info.external_attr >> 16):
        return _Member(name, target=_slashed(archive.read(info).decode(errors="surrogateescape")))
    return _Member(name, info.file_size, lambda: archive.open(info))


def _zip_name(info: zipfile.ZipInfo) -> str:
    """Return the name with slashes, and as its maker wrote it: Macs write UTF-8 without saying so."""
    name = info.filename
    if not info.flag_bits & _UTF_8:
        with suppress(UnicodeError):
            name = name.encode("cp437").decode()
    return _slashed(name)


def _cannot_unpack(name: str, method: int) -> str:
    maker = " (so does the Explorer of Windows from 2 GB on)" if _METHODS.get(method) == "Deflate64" else ""
    return (
        f"{name} in it is packed by {_METHODS.get(method, f'method {method}')}{maker}. "
        "Make the archive anew with Deflate, as 7-Zip does by itself, or as .tar.gz"
    )


def _tar_member(archive: tarfile.TarFile, entry: tarfile.TarInfo) -> _Member:
    name, other = _slashed(entry.name), _slashed(entry.linkname)
    if entry.isdir():
        return _Member(name)
    if entry.issym():
        return _Member(name, target=other)
    if entry.islnk():
        return _Member(name, same_as=other)
    content = archive.extractfile(entry) if entry.isreg() else None
    if content is None:
        raise ArchiveError(f"{name} in it is neither a file nor a folder nor a link")
    return _Member(name, entry.size, lambda: content)


def _slashed(name: str) -> str:
    """Return a name as the machine has it: some tools of Windows write archives with its own separators."""
    return name.replace("\\", "/")


def _inside(name: str) -> str:
    """Return `name` as a path below the folder; ArchiveError if it leads anywhere else."""
    if name.startswith("/") or _DRIVE.match(name) or "\0" in name or ".." in name.split("/"):
        raise ArchiveError(f"{name!r} in it leads out of its folder")
    if long := next((part for part in name.split("/") if len(os.fsencode(part)) > _LONGEST_NAME), ""):
        raise ArchiveError(f"a name in it is longer than {_LONGEST_NAME} bytes: {long[:_SHOWN]!r}…")
    return posixpath.normpath(name)


def _make_directories(folder: str, name: str) -> None:
    location = folder
    for part in name.split("/"):
        location = os.path.join(location, part)
        try:
            _make_directory(location)
        except FileExistsError:
            if not os.path.isdir(location):
                raise ArchiveError(f"{name} in it is both a file and a folder") from None


def _make_directory(path: str) -> None:
    os.mkdir(path)
    os.chmod(path, 0o755)  # noqa: S103 - every student of the machine reads it, whatever the umask


def _write(name: str, location: str, read: Callable[[], IO[bytes]]) -> None:
    try:
        handle = os.open(location, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o444)
    except FileExistsError:
        raise ArchiveError(f"{name} comes twice in it") from None
    with os.fdopen(handle, "wb") as out, read() as content:
        shutil.copyfileobj(content, out, 1 << 20)
        os.fchmod(out.fileno(), 0o444)


def _link_hard(folder: str, original: str, location: str) -> None:
    source = os.path.join(folder, _inside(original))
    try:
        os.link(source, location, follow_symlinks=False)
    except FileExistsError:
        raise ArchiveError(f"{os.path.relpath(location, folder)} comes twice in it") from None
    except OSError:
        raise ArchiveError(f"{os.path.relpath(location, folder)} in it is a link to no file before it") from None
