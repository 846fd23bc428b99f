"""The directory of data sets that every student of a machine reads, kept as the instructor's list says."""

from __future__ import annotations

import contextlib
import hashlib
import os
import posixpath
import pwd
import re
import shlex
import shutil
import stat
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.data.addresses import AddressError, request_url
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.download import (
    DownloadError,
    Space,
    Wanted,
    download,
    sha256_of,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.extract import ArchiveError, unpack
from ansible_collections.machine_learning.classroom.plugins.module_utils.data.not_data import PAGES, found_instead
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import records
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.accounts import primary_group

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
LONGEST_NAME = 200  # of 255 bytes: what is beside it while it is replaced has a longer one
OF_NOTHING = hashlib.sha256().hexdigest()
MISTAKES_SHOWN = 2
"""Of a list of data sets, each in two lines at most."""


class DatasetError(Exception):
    """What is wrong with a data set, in words for the user."""


@dataclass(frozen=True)
class Dataset:
    """One data set: bytes known by their sha256, and the file or, unpacked, the folder that they become."""

    name: str
    url: str
    """As its server is asked for it."""
    sha256: str
    path: str
    """The name of that file or folder in the directory."""
    unpack: bool = False

    @classmethod
    def of(cls, entry: Mapping[str, Any]) -> Dataset:
        """Read one entry of data/datasets.yml; DatasetError says how a wrong one should look."""
        name, url, sha256 = (str(entry.get(key) or "").strip() for key in ("name", "url", "sha256"))
        if not NAME.fullmatch(name):
            raise DatasetError(f"Data set {name!r}: its name must be letters, digits, dots, dashes and underscores.")
        try:
            url = request_url(url)
        except AddressError as error:
            raise DatasetError(f"Data set {name}: its url {error}.") from error
        to_learn_it = f"To learn it: curl -L {shlex.quote(url)} | sha256sum"
        if not re.fullmatch(r"[0-9A-Fa-f]{64}", sha256):
            raise DatasetError(f"Data set {name}: it needs the sha256 of its bytes, 64 digits.\n{to_learn_it}")
        if sha256.lower() == OF_NOTHING:
            raise DatasetError(f"Data set {name}: that is the sha256 of an empty file.\n{to_learn_it}")
        unpacked = entry.get("unpack")
        if not isinstance(unpacked, bool | None):
            raise DatasetError(f"Data set {name}: unpack is true or false, without quotation marks, not {unpacked!r}.")
        path = name if unpacked else str(entry.get("file") or last_component(url))
        if not NAME.fullmatch(path) or len(path) > LONGEST_NAME:
            raise DatasetError(
                f"Data set {name}: it cannot be a file called {path!r}.\nGive it another name, as in: file: {name}.csv"
            )
        return cls(name, url, sha256.lower(), path, bool(unpacked))

    def source(self, mirror_url: str) -> str:
        """Return where the bytes come from: their url, or the instructor's own mirror of it."""
        if not mirror_url:
            return self.url
        return f"{mirror_url.rstrip('/')}/data/{self.sha256}/{urllib.parse.quote(last_component(self.url))}"


def last_component(url: str) -> str:
    """Return the last component of the path of `url`, as the file name it stands for."""
    return urllib.parse.unquote(posixpath.basename(urllib.parse.urlsplit(url).path.rstrip("/")))


def read_datasets(entries: Sequence[Mapping[str, Any]], listed_in: str = "data/datasets.yml") -> list[Dataset]:
    """Read the entries of a list; DatasetError names those that are wrong, and those that are one."""
    datasets: list[Dataset] = []
    mistakes = []
    seen: dict[str, str] = {}
    for entry in entries:
        try:
            dataset = Dataset.of(entry)
        except DatasetError as mistake:
            mistakes.append(str(mistake))
            continue
        datasets.append(dataset)
        for what in (dataset.path, f"sha256 {dataset.sha256}"):
            if what in seen:
                mistakes.append(f"Data sets {seen[what]} and {dataset.name} are both {what}. Keep one of them.")
            seen[what] = dataset.name
    if mistakes:
        more = len(mistakes) - MISTAKES_SHOWN
        more_said = f" It has {more} more mistake{'s' if more > 1 else ''}." if more > 0 else ""
        raise DatasetError("\n".join([*mistakes[:MISTAKES_SHOWN], f"The list is {listed_in}.{more_said}"]))
    return datasets


class DatasetDirectory:
    """The directory of data sets, and the record of what was put there.

    The record maps each path in the directory to the data set's sha256 and to its files, each with the sha256 and the
    status of the file (see `_status`). A file whose status is as recorded need not be read again: only root could
    change it, and not even root could do so without a trace in the status.
    """

    def __init__(
        self, host: Host, directory: str, *, record: str, owner: str, free: Callable[[str], int] | None = None
    ) -> None:
        """Work on `directory` for `host`; `record` is the path of the record, `owner` who owns what is put there."""
        self._host = host
        self._directory = directory
        # In the directory itself, so that the last step is always a rename within one file system.
        self._incoming = os.path.join(directory, ".incoming")
        self._record_path = record
        self._record = records.read_json(record)
        self._owner = owner
        self._space_free = free

    def sync(
        self,
        datasets: Sequence[Dataset],
        *,
        mirror_url: str = "",
        attempts: int = 5,
        parallel: int = 4,
        timeout: float = 30,
    ) -> list[str]:
        """Bring the directory to hold `datasets`, and nothing that an earlier list had and this one has not.

        What the record does not know is never removed. Returns one message for each data set that could not be had;
        the others are there.
        """
        parent, group = os.path.dirname(self._directory), primary_group(self._owner)
        if not os.path.isdir(parent):
            self._host.directory(parent, mode=0o755, owner=self._owner, group=group)
        self._host.directory(self._directory, mode=0o755, owner=self._owner, group=group)
        paths = {dataset.path for dataset in datasets}
        for path in sorted(set(self._record) - paths):
            self._remove(path)
        missing = [dataset for dataset in datasets if not self._is_there(dataset)]
        if self._host.check_mode:
            for dataset in missing:
                self._host.change(f"placed {dataset.name} as {os.path.join(self._directory, dataset.path)}")
            if self._record != records.read_json(self._record_path):
                self._host.need("the record of the data sets is out of date")
            if not records.is_private(os.path.dirname(self._record_path)):
                self._host.need("others may see the record of the data sets")
            return []
        failures = self._bring(missing, mirror_url, attempts, parallel, timeout) if missing else []
        self._remember()
        return failures

    def _bring(
        self, datasets: Sequence[Dataset], mirror_url: str, attempts: int, parallel: int, timeout: float
    ) -> list[str]:
        records.make_private(self._incoming)
        self._clear_incoming({dataset.sha256 for dataset in datasets})
        space = Space(self._incoming, self._space_free)

        def fetch(dataset: Dataset) -> str | None:
            wanted = Wanted(dataset.source(mirror_url), dataset.sha256)
            try:
                download(wanted, self._partial(dataset), space=space, attempts=attempts, timeout=timeout)
            except DownloadError as error:
                return str(error)
            return None

        failures = []
        with ThreadPoolExecutor(max_workers=parallel) as threads:
            for dataset, failure in zip(datasets, threads.map(fetch, datasets), strict=True):
                if failure is None:
                    failure = self._install(dataset, space)
                if failure is not None:
                    failures.append(f"Data set {dataset.name}: {failure}\n  {dataset.source(mirror_url)}")
        with contextlib.suppress(OSError):  # partial downloads stay for the next run
            os.rmdir(self._incoming)
        return failures

    def _partial(self, dataset: Dataset) -> str:
        return os.path.join(self._incoming, dataset.sha256)

    def _clear_incoming(self, wanted: set[str]) -> None:
        """Clear what killed runs left, but for the partial downloads that are `wanted` still."""
        for name in set(os.listdir(self._incoming)) - wanted:
            _remove_tree(os.path.join(self._incoming, name))

    def _install(self, dataset: Dataset, space: Space) -> str | None:
        """Put verified bytes into the directory in one step; returns what hinders it, if anything."""
        target = os.path.join(self._directory, dataset.path)
        ready = partial = self._partial(dataset)
        if os.path.isdir(target) and dataset.path not in self._record:
            return f"{target} is in the way and did not come from here. Move it aside."
        if dataset.unpack:
            ready = f"{partial}.unpacked"
            try:
                unpack(partial, ready, room=lambda size: space.promise(dataset, size))
            except (ArchiveError, DownloadError) as error:
                return str(error)
            finally:
                space.promise(dataset, 0)
        elif (instead := found_instead(partial)) and not dataset.path.lower().endswith(PAGES):
            os.unlink(partial)
            return f"the sha256 is that of {instead}."
        else:
            os.chmod(ready, 0o444)
        files: dict[str, dict[str, Any]] = {path: {"sha256": sha256_of(_join(ready, path))} for path in _files(ready)}
        # Recorded before it lies there: whenever this run is killed, the next one knows whose work it finds.
        self._record[dataset.path] = {"sha256": dataset.sha256, "unpack": dataset.unpack, "files": files}
        self._remember()
        self._host.change(f"placed {dataset.name} as {target}")
        replaced = f"{partial}.replaced"
        if os.path.lexists(target):
            os.rename(target, replaced)
        os.rename(ready, target)
        for path, file in files.items():
            file["status"] = _status(_join(target, path))
        _remove_tree(replaced)
        _remove_tree(partial)
        return None

    def _is_there(self, dataset: Dataset) -> bool:
        target = os.path.join(self._directory, dataset.path)
        known = self._record.get(dataset.path)
        if not known and not dataset.unpack and os.path.isfile(target) and not os.path.islink(target):
            # Another hand, or an image of another machine, put it there: it is ours if it is the same.
            if sha256_of(target) != dataset.sha256:
                return False
            known = {"sha256": dataset.sha256, "unpack": False, "files": {"": {"sha256": dataset.sha256}}}
            self._record[dataset.path] = known
        if not known or (known["sha256"], known["unpack"]) != (dataset.sha256, dataset.unpack):
            return False
        if dataset.unpack != os.path.isdir(target):
            return False
        return all(self._is_intact(_join(target, path), file) for path, file in known["files"].items())

    def _is_intact(self, path: str, file: dict[str, Any]) -> bool:
        """Tell whether the recorded `file` lies at `path` as it was put there; notes its new status if it was moved."""
        try:
            status = os.lstat(path)
        except OSError:
            return False
        if _status(path) == file.get("status"):
            return True
        as_installed = status.st_mode == stat.S_IFREG | 0o444 and status.st_uid == pwd.getpwnam(self._owner).pw_uid
        if not as_installed or sha256_of(path) != file["sha256"]:
            return False
        file["status"] = _status(path)
        return True

    def _remove(self, former: str) -> None:
        """Take away what the record says was put at `former`; what was changed or added there since stays."""
        target = os.path.join(self._directory, former)
        if os.path.lexists(target) and self._host.change(f"removed {target}, which is no longer listed"):
            for path, file in self._record[former]["files"].items():
                if self._is_intact(_join(target, path), file):
                    os.unlink(_join(target, path))
            for folder, _, names in os.walk(target, topdown=False):
                for name in names:
                    if os.path.islink(os.path.join(folder, name)):
                        os.unlink(os.path.join(folder, name))
                with contextlib.suppress(OSError):  # something was added there
                    os.rmdir(folder)
        del self._record[former]

    def _remember(self) -> None:
        records.make_private(os.path.dirname(self._record_path))
        records.write_json(self._record_path, self._record)


def _join(target: str, path: str) -> str:
    return os.path.join(target, path) if path else target


def _files(path: str) -> list[str]:
    """Return the files at or below `path`, relative to it; a file itself is ""."""
    if not os.path.isdir(path):
        return [""]
    return sorted(
        os.path.relpath(os.path.join(folder, name), path)
        for folder, _, names in os.walk(path)
        for name in names
        if not os.path.islink(os.path.join(folder, name))
    )


def _status(path: str) -> list[int]:
    """Return what tells that the file at `path` was touched: size, times of change in ns, inode."""
    status = os.lstat(path)
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _remove_tree(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
