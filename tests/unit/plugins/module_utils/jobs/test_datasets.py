"""The data sets' way from a real HTTP server to the shelf."""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args
from ansible_collections.machine_learning.classroom.plugins.module_utils.jobs.ask import reasons
from ansible_collections.machine_learning.classroom.plugins.modules import datasets as datasets_module

from tests.support.data_files import CONTENT, CSV, Source, member, sha256, tar_of, zip_of


class Machine:
    """The module `datasets` on a machine of its own."""

    def __init__(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """Keep everything below `tmp_path`; the module's answer is read from `capsys`."""
        self.data = tmp_path / "machine_learning_aws" / "data"
        self.record = tmp_path / "lib" / "data.json"
        self._capsys = capsys

    def given(self, *entries: dict[str, Any]) -> dict[str, Any]:
        """Return the module's arguments for these entries."""
        given = {"datasets": list(entries), "directory": str(self.data), "record": str(self.record), "attempts": 1}
        return given | {"owner": getpass.getuser()}

    def asked(self, *entries: dict[str, Any]) -> list[str]:
        """Return why the machine needs the job."""
        return reasons("datasets", self.given(*entries))

    def run(self, *entries: dict[str, Any], check: bool = False, **args: Any) -> dict[str, Any]:
        """Run the module for these entries and return its result."""
        given = {**self.given(*entries), "_ansible_check_mode": check, **args}
        with patch_module_args(given), pytest.raises(SystemExit):
            datasets_module.main()
        result: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        return result

    def tree(self) -> dict[str, str]:
        """Return the mode of everything on the shelf."""
        return {
            path.relative_to(self.data).as_posix(): f"{path.lstat().st_mode & 0o7777:o}"
            for path in sorted(self.data.rglob("*"))
        }


@pytest.fixture
def machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Machine:
    return Machine(tmp_path, capsys)


Entry = Callable[..., dict[str, Any]]


@pytest.fixture
def entry(source: Source) -> Entry:
    def offer(name: str, content: bytes, **more: Any) -> dict[str, Any]:
        """Serve `content` and return the entry for it."""
        source.files[f"/{name}"] = content
        return {"name": name.split(".")[0], "url": f"{source.url}/{name}", "sha256": sha256(content), **more}

    return offer


def test_first_everything_then_nothing_to_do(machine: Machine, source: Source, entry: Entry) -> None:
    entries = [entry("iris.csv", CSV), entry("wine_data.csv", CONTENT, file="wine.csv")]
    entries.append(entry("flowers.zip", zip_of(("deep/a.csv", CSV)), unpack=True))
    assert machine.run(*entries, check=True)["changed"]
    assert not machine.data.exists()
    assert not source.asked
    assert machine.run(*entries)["changed"]
    expected = {"iris.csv": "444", "wine.csv": "444"}
    expected |= {"flowers": "755", "flowers/deep": "755", "flowers/deep/a.csv": "444"}
    assert machine.tree() == expected
    assert machine.data.stat().st_mode & 0o7777 == 0o755
    asked = len(source.asked)
    again = machine.run(*entries)
    assert (again["changed"], again["changes"]) == (False, [])
    assert len(source.asked) == asked


@pytest.mark.parametrize("harm", ["changed", "deleted", "opened", "replaced by a link"])
@pytest.mark.parametrize("place", ["iris.csv", "flowers/deep/a.csv"])
def test_what_was_harmed_is_mended(machine: Machine, entry: Entry, harm: str, place: str) -> None:
    entries = [entry("iris.csv", CSV), entry("flowers.tgz", tar_of(member("deep/a.csv", CSV)), unpack=True)]
    machine.run(*entries)
    before = machine.tree()
    harmed = machine.data / place
    if harm == "opened":
        harmed.chmod(0o666)
    elif harm == "changed":
        status = harmed.stat()
        harmed.chmod(0o644)
        harmed.write_bytes(CSV.replace(b"5", b"6"))
        harmed.chmod(0o444)
        os.utime(harmed, ns=(status.st_atime_ns, status.st_mtime_ns))
    else:
        harmed.unlink()
        if harm != "deleted":
            harmed.symlink_to("/etc/passwd")
    assert machine.run(*entries, check=True)["changed"]
    assert machine.run(*entries)["changed"]
    assert (machine.tree(), harmed.read_bytes()) == (before, CSV)
    assert not machine.run(*entries)["changed"]


def test_a_copy_of_the_machine_has_nothing_to_do(machine: Machine, source: Source, entry: Entry) -> None:
    iris = entry("iris.csv", CSV)
    machine.run(iris)
    copy = machine.data / "copy"
    copy.write_bytes(CSV)
    copy.chmod(0o444)
    copy.rename(machine.data / "iris.csv")
    assert machine.asked(iris) == ["the record of the data sets is out of date"]
    assert not machine.run(iris)["changed"]
    assert machine.asked(iris) == []
    assert len(source.asked) == 1


def test_what_left_the_list_goes_and_what_came_otherwise_stays(machine: Machine, entry: Entry) -> None:
    iris, flowers = entry("iris.csv", CSV), entry("flowers.zip", zip_of(("a.csv", CSV), ("b/c.csv", CSV)), unpack=True)
    machine.run(iris, flowers)
    (machine.data / "own.csv").write_bytes(b"the instructor's")
    (machine.data / "flowers" / "own.csv").write_bytes(b"the instructor's")
    assert machine.run(check=True)["changed"]
    assert "iris.csv" in machine.tree()
    assert machine.run()["changed"]
    assert set(machine.tree()) == {"own.csv", "flowers", "flowers/own.csv"}
    assert not machine.run()["changed"]


def test_the_record_forgets_what_somebody_took_away_and_is_nobody_elses(machine: Machine, entry: Entry) -> None:
    iris, wine = entry("iris.csv", CSV), entry("wine.csv", CSV + b"1\n")
    machine.run(iris, wine)
    (machine.data / "wine.csv").unlink()
    assert machine.asked(iris) == ["the record of the data sets is out of date"]
    machine.run(iris)
    assert machine.asked(iris) == []
    machine.record.parent.chmod(0o755)
    assert machine.asked(iris) == ["others may see the record of the data sets"]
    machine.run(iris)
    assert machine.asked(iris) == []


def test_a_new_edition_takes_the_place_of_the_old(machine: Machine, entry: Entry) -> None:
    machine.run(entry("flowers.zip", zip_of(("old.csv", CSV)), unpack=True), entry("iris.csv", CSV))
    machine.run(entry("flowers.zip", zip_of(("new.csv", CSV)), unpack=True), entry("iris.csv", CONTENT))
    assert set(machine.tree()) == {"flowers", "flowers/new.csv", "iris.csv"}
    assert (machine.data / "iris.csv").read_bytes() == CONTENT


def test_a_folder_of_the_instructors_is_not_replaced(machine: Machine, entry: Entry) -> None:
    (machine.data / "flowers").mkdir(parents=True)
    (machine.data / "flowers" / "own.csv").write_bytes(b"the instructor's")
    result = machine.run(entry("flowers.zip", zip_of(("a.csv", CSV)), unpack=True))
    assert "Data set flowers: " in result["msg"]
    assert "in the way" in result["msg"]
    assert (machine.data / "flowers" / "own.csv").exists()


def test_a_mirror_is_asked_instead(machine: Machine, source: Source) -> None:
    source.files[f"/mirror/data/{sha256(CSV)}/wine%20data.csv"] = CSV
    url = "https://example.invalid/some/wine%20data.csv?raw=true"
    wine = {"name": "wine", "url": url, "sha256": sha256(CSV), "file": "wine.csv"}
    machine.run(wine, mirror_url=f"{source.url}/mirror/")
    assert set(machine.tree()) == {"wine.csv"}


def test_trouble_is_told_in_five_lines_and_the_rest_is_in_place(machine: Machine, entry: Entry) -> None:
    wrong = [{**entry(f"wrong{number}.csv", CONTENT), "sha256": f"{number:064}"} for number in range(3)]
    result = machine.run(*wrong, entry("iris.csv", CSV))
    assert result["failed"]
    assert set(machine.tree()) == {"iris.csv"}
    assert len(result["msg"].splitlines()) == 5
    for said in (
        "wrong0",
        f"expected sha256 {0:064}",
        sha256(CONTENT),
        wrong[0]["url"],
        "\nAnd 1 more. ",
        "configure.yml",
    ):
        assert said in result["msg"]


def test_an_unreachable_server_is_named(machine: Machine, source: Source) -> None:
    source.close()
    result = machine.run({"name": "iris", "url": f"{source.url}/iris.csv", "sha256": sha256(CSV)})
    assert result["msg"].startswith("Data set iris: the server cannot be reached ([Errno 111] Connection refused)")
    assert f"{source.url}/iris.csv" in result["msg"]


def test_a_blank_and_an_umlaut_in_an_address_are_no_trouble(machine: Machine, source: Source) -> None:
    source.files |= {"/my%20data.csv": CSV, "/%C3%9C%2Dbung.csv?jahr=f%C3%BCnf": CONTENT}
    entries = [
        {"name": "blank", "file": "a.csv", "url": f"{source.url}/my data.csv", "sha256": sha256(CSV)},
        {"name": "umlaut", "file": "b.csv", "url": f"{source.url}/Ü%2Dbung.csv?jahr=fünf", "sha256": sha256(CONTENT)},
    ]
    assert machine.run(*entries)["changed"]
    assert machine.tree() == {"a.csv": "444", "b.csv": "444"}


PAGE = b"<!DOCTYPE html>\n<title>Log in</title>"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"


@pytest.mark.parametrize(("content", "said"), [(PAGE, "a web page"), (POINTER, "a Git LFS pointer")])
def test_a_checksum_of_what_is_no_data_is_named(machine: Machine, entry: Entry, content: bytes, said: str) -> None:
    result = machine.run(entry("iris.csv", content))
    assert result["msg"].startswith(f"Data set iris: the sha256 is that of {said}")
    assert machine.tree() == {}
    assert machine.run(entry("iris.zip", content, unpack=True))["msg"].startswith(
        f"Data set iris: it is no zip or tar archive, but {said}"
    )


def test_a_web_page_that_is_called_one_is_data(machine: Machine, entry: Entry) -> None:
    machine.run(entry("lesson.HTML", PAGE))
    assert set(machine.tree()) == {"lesson.HTML"}


def test_all_mistakes_of_a_list_are_counted(machine: Machine) -> None:
    wrong = [{**GOOD, "name": f"iris{number}", "sha256": f"{number}"} for number in range(4)]
    message = machine.run(*wrong)["msg"]
    assert len(message.splitlines()) == 5
    assert message.endswith("The list is data/datasets.yml. It has 2 more mistakes.")


GOOD = {"name": "iris", "url": "https://example.org/iris.csv", "sha256": "0" * 64}


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([{**GOOD, "name": "../iris"}], "its name"),
        ([{**GOOD, "url": "file:///etc/shadow"}], "https://"),
        ([{**GOOD, "url": "http://example.org:x/iris.csv"}], "iris: its url has 'x' for a port"),
        ([{**GOOD, "url": "https://ada:secret@example.org/iris.csv"}], "has a login in it"),
        ([{**GOOD, "unpack": "false"}], "true or false, without quotation marks, not 'false'."),
        ([{**GOOD, "unpack": "yes"}], "true or false, without quotation marks, not 'yes'."),
        ([{**GOOD, "unpack": 0}], "true or false, without quotation marks, not 0."),
        ([{**GOOD, "sha256": sha256(b"")}], "iris: that is the sha256 of an empty file.\nTo learn it: curl -L "),
        (
            [{**GOOD, "url": "https://example.org/my data.csv?a=1&b=2", "sha256": "12"}],
            "curl -L 'https://example.org/my%20data.csv?a=1&b=2' | sha256sum",
        ),
        ([{**GOOD, "url": "https://example.org/my data.csv"}], "cannot be a file called 'my data.csv'"),
        ([{**GOOD, "sha256": "12"}], "sha256sum"),
        ([{**GOOD, "file": "../iris.csv"}], "file: iris.csv"),
        ([{**GOOD, "file": ".incoming"}], "file: iris.csv"),
        ([{**GOOD, "url": "https://example.org/"}], "file: iris.csv"),
        ([GOOD, {**GOOD, "name": "other", "sha256": "1" * 64}], "iris and other are both iris.csv"),
        ([GOOD, {**GOOD, "name": "other", "file": "other.csv"}], "iris and other are both sha256"),
    ],
)
def test_a_wrong_entry_is_refused_in_words(machine: Machine, entries: list[dict[str, Any]], said: str) -> None:
    result = machine.run(*entries)
    assert said in result["msg"]
    assert not machine.data.exists()
