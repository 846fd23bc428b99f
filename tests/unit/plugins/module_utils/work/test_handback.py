"""What students take along: all of their work, under names that any computer holds, and nothing else."""

from __future__ import annotations

import html
import json
import os
import re
import stat
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import collector
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import handback as handback_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.handback import Handback, safe_names
from ansible_collections.machine_learning.classroom.plugins.modules import handback as module

from tests.support.machine_and_home import QUICK, Way

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def base(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(collector, "QUIET_S", 0.0)
    with tempfile.TemporaryDirectory(dir=QUICK) as folder:
        yield Path(folder)


@pytest.fixture
def way(base: Path) -> Way:
    way = Way(base)
    (way.machine / "essay.ipynb").write_text('{"cells": []}')
    (way.machine / "week 1").mkdir()
    (way.machine / "week 1" / "ä.csv").write_bytes(b"a\r\n")
    way.collect()
    return way


def archive_of(way: Way) -> Path:
    made = Handback(str(way.base / "back"), "ml101").make(way.student())
    assert made.reason == ""
    return Path(made.path)


def held(archive: Path) -> dict[str, bytes]:
    """Return name to content of the files in an archive."""
    with zipfile.ZipFile(archive) as pack:
        assert pack.testzip() is None
        return {info.filename: pack.read(info) for info in pack.infolist() if not info.is_dir()}


def test_an_archive_holds_all_work_and_an_index_that_leads_to_each_file(way: Way) -> None:
    archive = archive_of(way)
    files = held(archive)
    index = files.pop("index.html").decode()
    assert files == {"work/essay.ipynb": b'{"cells": []}', "work/week 1/ä.csv": b"a\r\n"}
    assert {unquote(link) for link in re.findall(r'href="([^"]*)"', index)} == files.keys()
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    assert stat.S_IMODE(archive.parent.stat().st_mode) == 0o700
    unpacked = way.base / "unpacked"
    with zipfile.ZipFile(archive) as pack:
        pack.extractall(unpacked)
    assert (unpacked / "work" / "week 1" / "ä.csv").read_bytes() == b"a\r\n"


def test_the_same_work_is_the_same_archive_and_is_made_once(way: Way) -> None:
    archive = archive_of(way)
    content, made = archive.read_bytes(), archive.stat().st_mtime_ns
    assert not Handback(str(way.base / "back"), "ml101").make(way.student()).changed
    assert archive.stat().st_mtime_ns == made
    archive.unlink()
    assert archive_of(way).read_bytes() == content


def test_hostile_names_harm_neither_archive_nor_index(way: Way) -> None:
    hostile = ["<script>alert(1).txt", '"><img src=x>', "new\nline", "a\\..\\..\\b", "javascript:x", "&lt;"]
    for name in [*hostile, b"\xff\xfe".decode(errors="surrogateescape"), "\u202egpj.exe", "#?%41", "~.. "]:
        (way.machine / name).write_text(name, encoding="utf-8", errors="surrogateescape")
    way.collect()
    files = held(archive_of(way))
    index = files.pop("index.html").decode()
    assert len(files) == 12
    assert "<script>" not in index
    assert "<img" not in index
    assert "\u202e" not in "".join([index, *files])
    assert {unquote(html.unescape(link)) for link in re.findall(r'href="([^"]*)"', index)} == files.keys()
    for name in files:
        assert not name.startswith("/")
        assert not re.search(r'[\x00-\x1f<>:"\\|?*]', name)
        assert not any(part in ("", ".", "..") for part in name.split("/"))


def test_links_are_left_out_and_never_followed(way: Way) -> None:
    secret = way.base / "secret"
    secret.mkdir()
    (secret / "key").write_text("of the instructor")
    (way.machine / "folder").symlink_to(secret)
    (way.machine / "file").symlink_to(secret / "key")
    way.collect()
    assert (way.mine / "file").is_symlink()
    files = held(archive_of(way))
    assert b"of the instructor" not in b"".join(files.values())
    assert files["index.html"].count(b"a link, left out") == 2


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["CON", "con.txt", "nul.tar.gz"], ["_CON", "_con.txt", "_nul.tar.gz"]),
        (["A.txt", "a.txt", "a~2.txt"], ["A.txt", "a~2.txt", "a~2~2.txt"]),
        (["end.", "end "], ["end_", "end_~2"]),
        (["a:b", "a?b"], ["a_b", "a_b~2"]),
        (["D", "D/x", "d", "d/x"], ["D", "D/x", "d~2", "d~2/x"]),
        (["n" * 200 + ".ipynb"], ["n" * 94 + ".ipynb"]),
        ([".gitignore", "..."], [".gitignore", ".._"]),
        (["e\u0301", "\u00e9"], ["e\u0301", "\u00e9~2"]),
    ],
)
def test_names_that_windows_cannot_hold_are_others(paths: list[str], names: list[str]) -> None:
    assert safe_names(paths) == dict(zip(paths, [f"work/{name}" for name in names], strict=True))


def folders(*names: str) -> list[str]:
    """Return the folders of a path that has these names, and the path itself."""
    return ["/".join(names[: number + 1]) for number in range(len(names))]


def parts(paths: list[str]) -> list[str]:
    return sorted(set(paths), key=lambda path: path.split("/"))


LONG = {
    "deep": folders(*(f"folder {number:02}" for number in range(40)), "a.ipynb"),
    "200 letters deep": folders(*"a" * 200, "a.ipynb"),
    "long names": folders("x" * 90, "y" * 90, "z" * 90, "z" * 90 + ".ipynb"),
    "names at their longest": folders("x" * 255, "y" * 255, "z" * 255 + ".ipynb"),
    "of characters that Windows counts twice": folders("😀" * 63, "😀" * 63, "😀" * 63),
    "of three bytes each": folders("字" * 85, "字" * 85, "字" * 84 + "?"),
    "one whose number is too much": parts([*folders("p" * 97, "q" * 95, "A"), *folders("p" * 97, "q" * 95, "a")]),
    "two that are one on Windows": parts(
        [
            *folders("p" * 100, "q" * 92, "A.b"),
            *folders("p" * 100, "q" * 92, "a.b"),
            *folders("p" * 100, "q" * 92, "a.B"),
        ]
    ),
    "two folders that begin alike": parts(
        [*folders("p" * 100, "q" * 90, "r" * 30, "a"), *folders("p" * 100, "q" * 90, "r" * 31, "a")]
    ),
    "two folders with the same name": parts(
        [*folders("p" * 100, "q" * 90, "data", "a"), *folders("q" * 100, "q" * 90, "data", "a")]
    ),
    "devices of Windows": folders("p" * 100, "q" * 90, "con.txt", "nul", "aux." + "x" * 100),
    "ends with a dot": folders("p" * 100, ("q" * 19 + ".") * 5, "x. ", "a" * 95),
    "a folder of that name": parts(["long", *folders("p" * 100, "q" * 90, "long", "long")]),
}


@pytest.mark.parametrize("paths", LONG.values(), ids=LONG.keys())
def test_no_path_is_longer_than_windows_takes(paths: list[str]) -> None:
    names = safe_names(paths)
    assert list(names) == paths
    assert len({name.casefold() for name in names.values()}) == len(paths)
    for name in names.values():
        assert len(name.encode("utf-16-le")) <= 2 * 200, name
        for part in name.split("/"):
            assert part not in ("", ".", "..")
            assert part[-1] not in ". "
            assert part.partition(".")[0].casefold() not in ("con", "nul", "aux")
    assert any(name.startswith("long/") for name in names.values())


def test_200_characters_stay_where_they_are_and_201_do_not() -> None:
    fits = folders("p" * 97, "q" * 95, "a")
    assert len(f"work/{fits[-1]}") == 200
    assert safe_names(fits) == {path: f"work/{path}" for path in fits}
    longer = folders("p" * 97, "q" * 95, "ab")
    assert safe_names(longer)[longer[-1]].startswith("long/" + "q" * 20 + "~")


def test_where_a_long_path_goes_does_not_depend_on_what_else_there_is() -> None:
    long = folders("p" * 97, "q" * 96, "data", "a.csv")
    alone = safe_names(long)
    among = safe_names(parts([*long, *folders("p" * 97, "q" * 96, "aaa", "a.csv"), "another", "long"]))
    assert {path: among[path] for path in long} == alone
    assert alone[long[-1]] == alone[long[-2]] + "/a.csv"


def test_a_long_path_is_in_the_archive_and_the_index_tells_where(way: Way) -> None:
    deep = way.machine.joinpath(*(f"a folder with number {number}" for number in range(12)))
    deep.mkdir(parents=True)
    (deep / "essay.ipynb").write_text('{"cells": [1]}')
    way.collect()
    files = held(archive_of(way))
    index = html.unescape(files.pop("index.html").decode())
    (name,) = [name for name, content in files.items() if content == b'{"cells": [1]}']
    assert name.startswith("long/")
    path = (deep / "essay.ipynb").relative_to(way.machine).as_posix()
    assert f"{path}</a>" in index
    assert f"is {name} here, since Windows takes no path as long as its own" in index
    assert {unquote(link) for link in re.findall(r'href="([^"]*)"', index)} == files.keys()


def test_the_index_tells_a_name_that_is_another(way: Way) -> None:
    (way.machine / "aux.txt").write_text("x")
    way.collect()
    assert "is called work/_aux.txt here" in held(archive_of(way))["index.html"].decode()


def test_a_failure_leaves_the_archive_of_before(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = archive_of(way)
    before = archive.read_bytes()
    (way.machine / "more.txt").write_text("more")
    way.collect()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(handback_module, "_add", full)
    made = Handback(str(way.base / "back"), "ml101").make(way.student())
    assert "the disk is full" in made.reason
    assert archive.read_bytes() == before
    assert sorted(os.listdir(archive.parent)) == ["ada.zip", "taken.json"]


def test_any_time_of_a_file_is_taken(way: Way) -> None:
    for name, seconds in (("old", -(2**40)), ("zero", 0), ("late", 2**33)):
        (way.mine / name).write_text(name)
        os.utime(way.mine / name, (seconds, seconds))
    assert {"work/old", "work/zero", "work/late"} <= held(archive_of(way)).keys()


class Ended(Exception):  # noqa: N818 - no error: the way that a module ends
    """What the module returned."""

    def __init__(self, result: dict[str, Any]) -> None:
        """Keep the result."""
        self.result = result


def run(way: Way, monkeypatch: pytest.MonkeyPatch, *, check: bool = False, **given: Any) -> dict[str, Any]:
    """Run the module."""

    class Module:
        def __init__(self, **_: object) -> None:
            self.check_mode = check
            self.params = {
                "home": str(way.home),
                "folder": str(way.base / "back"),
                "class_name": "ml101",
                "addresses": {"ada": "ada@example.com", "grace": "grace@example.org"},
                "former_addresses": {},
                "taken": [],
                "make": True,
                "lock_wait_s": 1,
                **given,
            }

        def exit_json(self, **result: Any) -> None:
            raise Ended(result)

        def fail_json(self, **result: Any) -> None:
            raise Ended({"failed": True, **result})

    monkeypatch.setattr(module, "AnsibleModule", Module)
    with pytest.raises(Ended) as ended:
        module.main()
    result = ended.value.result
    json.dumps(result)
    return result


def test_who_has_taken_theirs_is_remembered_until_the_work_changes(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(way, monkeypatch, make=False)["waiting"] == ["ada"]
    assert "has no archive yet" in run(way, monkeypatch, taken=["ada"])["msg"]
    assert run(way, monkeypatch, check=True)["changed"]
    assert not (way.base / "back").exists()
    made = run(way, monkeypatch)
    assert (made["changed"], made["troubled"]) == (True, [])
    assert not run(way, monkeypatch)["changed"]
    assert run(way, monkeypatch, check=True, taken=["ada"])["changed"]
    assert run(way, monkeypatch, make=False)["waiting"] == ["ada"]
    assert run(way, monkeypatch, taken=["ada"])["changed"]
    assert not run(way, monkeypatch, taken=["ada"])["changed"]
    assert run(way, monkeypatch, make=False)["waiting"] == []
    (way.machine / "more.txt").write_text("more")
    way.collect()
    assert run(way, monkeypatch, make=False)["waiting"] == ["ada"]
    assert "taken, but the work has changed since" in run(way, monkeypatch)["table"]


def test_nobody_gets_the_work_of_a_namesake(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"ada": "ada@example.net"}
    assert run(way, monkeypatch, addresses=other)["archives"] == []
    assert "No work of ada is at home" in run(way, monkeypatch, addresses=other, taken=["ada"])["msg"]
    (way.home / "grace").mkdir()  # nobody's, for it has no history
    assert [archive["username"] for archive in run(way, monkeypatch)["archives"]] == ["ada"]


def test_one_who_has_no_archive_marks_nobody(way: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    run(way, monkeypatch)
    assert run(way, monkeypatch, taken=["ada", "grace"])["failed"]
    assert run(way, monkeypatch, make=False)["waiting"] == ["ada"]
    with pytest.raises(WorkError, match="has no archive yet"):
        Handback(str(way.base / "elsewhere"), "ml101").take(way.student())
