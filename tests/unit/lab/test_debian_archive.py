"""A flat repository: apt itself reads it, over the lab's own server, and notices what is not as it was."""

from __future__ import annotations

import subprocess
import threading
from typing import TYPE_CHECKING

import pytest

from lab import debian_archive, mirror_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


class Apt:
    """apt as a host has it, with one source, and folders of its own."""

    def __init__(self, root: Path, source: str) -> None:
        """Know no other source."""
        self._root = root
        for folder in ("etc/apt/apt.conf.d", "etc/apt/preferences.d", "lists/partial", "archives/partial", "got"):
            (root / folder).mkdir(parents=True)
        (root / "status").write_text("")
        (root / "sources.list").write_text(f"deb [trusted=yes] {source} ./\n")
        settings = {
            "Dir": root,
            "Dir::Etc": root / "etc/apt",
            "Dir::Etc::SourceList": root / "sources.list",
            "Dir::State::Lists": root / "lists",
            "Dir::State::status": root / "status",
            "Dir::Cache": root,
            "APT::Architecture": "amd64",
            "APT::Sandbox::User": "root",
            "Acquire::Retries": 0,
            "Acquire::http::Proxy": "DIRECT",
        }
        self._options = [f"-o{name}={value}" for name, value in settings.items()]

    def get(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run apt-get."""
        return subprocess.run(
            ["apt-get", "-q", *self._options, *command],
            cwd=self._root / "got",
            env={"APT_CONFIG": "/dev/null", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C"},
            capture_output=True,
            text=True,
            check=False,
        )


def package(folder: Path, name: str, version: str, depends: str = "") -> Path:
    """Make a package under the name that apt gives it in its cache."""
    tree = folder / name / "DEBIAN"
    tree.mkdir(parents=True)
    about = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: Grace Sample <grace@example.org>\n"
    needs = f"Depends: {depends}\n" if depends else ""
    (tree / "control").write_text(f"{about}{needs}Description: of two lines\n that is the second\n")
    path = folder / f"{name}_{version.replace(':', '%3a')}_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", tree.parent, path], check=True, capture_output=True)
    return path


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Return a folder that is served, and its address."""
    folder = tmp_path / "mirror" / "apt"
    folder.mkdir(parents=True)
    server = mirror_server.make(tmp_path / "mirror", "127.0.0.1", 0)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield folder, f"http://127.0.0.1:{server.server_address[1]}/apt"
    server.shutdown()
    server.server_close()


def test_apt_reads_it_and_resolves_what_a_package_needs(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = served
    for made in (package(tmp_path, "front", "1.0", "library (>= 1:2)"), package(tmp_path, "library", "1:2.0")):
        made.rename(folder / made.name)
    debian_archive.write_index(folder)
    apt = Apt(tmp_path / "apt", address)
    updated = apt.get("update")
    assert updated.returncode == 0, updated.stderr
    got = apt.get("install", "--download-only", "--yes", "front")
    assert got.returncode == 0, got.stderr
    assert {path.name.partition("_")[0] for path in (tmp_path / "apt/archives").glob("*.deb")} == {"front", "library"}


def test_apt_refuses_a_package_that_is_not_the_one_of_the_index(served: tuple[Path, str], tmp_path: Path) -> None:
    folder, address = served
    made = package(tmp_path, "front", "1.0")
    made.rename(folder / made.name)
    debian_archive.write_index(folder)
    data = bytearray((folder / made.name).read_bytes())
    data[-1] ^= 1
    (folder / made.name).write_bytes(data)
    apt = Apt(tmp_path / "apt", address)
    assert apt.get("update").returncode == 0
    refused = apt.get("download", "front")
    assert refused.returncode != 0
    assert "Hash Sum mismatch" in refused.stderr
