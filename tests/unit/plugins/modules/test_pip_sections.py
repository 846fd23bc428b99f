"""A `pip:` section: locked beside conda's packages, with hashes; what cannot be had is named with its line."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.lockfile import Lock

from tests.support.conda_channels import library, python, write_channel
from tests.support.environment_course import EnvironmentCourse
from tests.support.wheel_index import write_source, write_wheel

if TYPE_CHECKING:
    from pathlib import Path

HEAD = "channels: [conda-forge]\ndependencies:\n  - python\n  - scikit-learn\n"


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a channel and an index, in which some packages are of both."""
    folder = tmp_path_factory.mktemp("mirror")
    write_channel(
        folder / "conda-forge",
        python(),
        library("pip", "26.0"),
        library("numpy", "2.1.0"),
        library("pandas", "2.3.0", "numpy"),
        library("scikit-learn", "1.7", "numpy", "pytorch"),
        library("pytorch", "2.9.0", "numpy"),
    )
    simple = folder / "simple"
    write_wheel(simple, "urlextract", "1.8", "idna")
    write_wheel(simple, "urlextract", "1.9", "idna", "numpy>=1.20", "torch")
    write_wheel(simple, "idna", "3.10")
    write_wheel(simple, "numpy", "2.1.0", "something-that-no-index-has")
    write_wheel(simple, "numpy", "2.4.0")
    write_wheel(simple, "torch", "2.9.0", "gigabytes-of-drivers")
    write_wheel(simple, "pandas", "2.3.0", "numpy", "openpyxl; extra == 'excel'", extras=["excel"])
    write_wheel(simple, "openpyxl", "3.1")
    write_wheel(simple, "rich", "14.0", "pygments; extra == 'jupyter'", extras=["jupyter"])
    write_wheel(simple, "pygments", "2.19")
    write_wheel(simple, "antique", "1.0", "numpy<2")
    write_wheel(simple, "only-mac", "1.0", "inner-mac", tag="py3-none-any")
    write_wheel(simple, "inner-mac", "1.0", tag="cp312-cp312-macosx_11_0_arm64")
    write_wheel(simple, "for-linux", "1.0", "pywin; sys_platform == 'win32'", tag="cp312-cp312-manylinux_2_17_x86_64")
    write_wheel(simple, "left", "1.0", "middle<2")
    write_wheel(simple, "right", "1.0", "middle>=2")
    write_wheel(simple, "middle", "1.0")
    write_wheel(simple, "middle", "2.0")
    write_source(simple, "sources", "1.0")
    return folder


def file_with(*lines: str, head: str = HEAD) -> str:
    """Return an environment.yml; the first of the lines below `pip:` is its line 6."""
    return head + ("  - pip:\n" + "".join(f"    - {line}\n" for line in lines) if lines else "")


@pytest.fixture
def course(tmp_path: Path, mirror: Path, capsys: pytest.CaptureFixture[str]) -> EnvironmentCourse:
    return EnvironmentCourse(tmp_path, mirror, capsys)


def chosen(lock: Lock) -> dict[str, str]:
    return {wheel.name: wheel.version for wheel in lock.wheels}


def test_a_section_is_locked_with_hashes_and_what_conda_has_is_taken_from_conda(
    course: EnvironmentCourse, mirror: Path
) -> None:
    lock = course.locked(file_with("urlextract"))
    assert chosen(lock) == {"urlextract": "1.9", "idna": "3.10"}  # neither numpy nor torch, though PyPI has both
    wheel = mirror / "simple/idna/idna-3.10-py3-none-any.whl"
    idna = next(each for each in lock.wheels if each.name == "idna")
    assert idna.hashes == (hashlib.sha256(wheel.read_bytes()).hexdigest(),)
    assert "pip" in {package.name for package in lock.packages}  # which installs them, though nobody asked for it
    assert course.run(file_with("urlextract"))["changed"] is False


def test_conda_still_reads_the_lock(course: EnvironmentCourse) -> None:
    lock = course.locked(file_with("urlextract"))
    lines = [line for line in lock.text().splitlines() if not line.startswith("#")]
    assert lines[0] == "@EXPLICIT"
    assert all("://" in line for line in lines[1:])


def test_wheels_are_part_of_what_a_machine_is_brought_to_and_a_lock_without_them_is_as_it_was(
    course: EnvironmentCourse,
) -> None:
    without = course.locked(file_with())
    assert without.wheels == ()
    assert "#pip" not in without.text()
    newer, older = course.locked(file_with("urlextract")), course.locked(file_with("urlextract==1.8"))
    assert len({lock.digest for lock in (without, newer, older)}) == 3
    assert Lock(newer.request, without.packages).digest == without.digest


def test_what_is_locked_stays_where_nothing_asks_for_another(course: EnvironmentCourse) -> None:
    course.run(file_with("urlextract==1.8"))
    result = course.run(file_with("urlextract", "rich"))
    assert result["changes"] == ["added PyPI's rich 14.0"]
    assert course.run(file_with("rich"))["changes"] == ["removed PyPI's idna 3.10", "removed PyPI's urlextract 1.8"]


@pytest.mark.parametrize(
    ("line", "wheels"),
    [
        pytest.param('"rich[jupyter]"', {"rich": "14.0", "pygments": "2.19"}, id="extra"),
        pytest.param('"pandas[excel]"', {"openpyxl": "3.1"}, id="extra_of_what_conda_has"),
        pytest.param("numpy", {}, id="what_conda_has_already"),
        pytest.param("for-linux", {"for-linux": "1.0"}, id="markers_are_the_machines"),
        pytest.param("\"idna; sys_platform == 'win32'\"", {}, id="marker_of_another_system"),
        pytest.param("idna >=3, <4", {"idna": "3.10"}, id="blanks"),
    ],
)
def test_lines_as_courses_write_them_are_locked(course: EnvironmentCourse, line: str, wheels: dict[str, str]) -> None:
    assert chosen(course.locked(file_with(line, head=HEAD + "  - pandas\n"))) == wheels


def test_mistakes_of_conda_s_lines_and_of_pip_s_are_told_in_one_run(course: EnvironmentCourse) -> None:
    head = HEAD.replace("scikit-learn", "scikit_learn")
    message = course.refused(file_with("urlextractor", "idna", "rich=14.0", "antique", head=head))
    first, *mistakes = message.splitlines()
    assert first == "environment.yml has 3 mistakes:"
    assert [mistake[:10] for mistake in mistakes] == ["  - line 4", "  - line 6", "  - line 8"]
    assert "PyPI has no package urlextractor" in mistakes[1]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        pytest.param("-e .", ["`-e .`", "folder of your computer"], id="editable"),
        pytest.param("-r requirements.txt", ["another file", "lines here"], id="list_in_a_file"),
        pytest.param("--extra-index-url https://example.com/simple", ["option of pip"], id="option"),
        pytest.param("git+https://git.example.com/x.git", ["repository of source code"], id="repository"),
        pytest.param("x @ git+https://git.example.com/x", ["repository of source code"], id="named_repository"),
        pytest.param("https://example.com/x-1.0-py3-none-any.whl", ["web address"], id="address"),
        pytest.param("./ours", ["file or folder of your computer"], id="folder"),
        pytest.param("idna=3.10", ["one `=`", "write `idna==3.10`"], id="one_equals_sign"),
        pytest.param("conda-forge::idna", ["channel of conda's"], id="channel"),
        pytest.param("idna 3.10", ["lacks an `==`", "`idna==3.10`"], id="blank_for_a_version"),
        pytest.param("idna>=abc", ["not understood", "`rich>=13`"], id="no_version"),
        pytest.param("nothere", ["PyPI has no package nothere", "name up"], id="unknown"),
        pytest.param("idna>=99", ["`idna>=99` cannot be had", "Loosen"], id="version_nobody_has"),
        pytest.param("sources", ["no wheel of sources fits Python 3.12.1 on linux-64"], id="no_wheel"),
        pytest.param("only-mac", ["no wheel of inner-mac fits"], id="no_wheel_of_what_it_needs"),
        pytest.param('"rich[jupiter]"', ["rich has no extra jupiter"], id="extra_that_is_none"),
        pytest.param(
            "antique",
            ["`antique` does not go together with conda's numpy 2.1.0", "`scikit-learn` in line 4 brings along"],
            id="clash_with_what_conda_needs",
        ),
    ],
)
def test_what_cannot_be_locked_is_refused_with_its_line(course: EnvironmentCourse, line: str, words: list[str]) -> None:
    message = course.refused(file_with(line, "idna"))
    assert message.startswith("environment.yml, line 6: "), message
    assert all(word in message for word in words), message
    assert len(message.splitlines()) <= 5
    assert not course.lock_file.exists()


def test_a_clash_with_a_line_of_condas_names_both_lines(course: EnvironmentCourse) -> None:
    message = course.refused(file_with("numpy<2", head=HEAD.replace("scikit-learn", "numpy=2.1")))
    assert message.startswith(
        "environment.yml, line 6: `numpy<2` does not go together with conda's numpy 2.1.0, which line 4 asks for "
        "(`numpy=2.1`).\n"
    ), message
    assert "pip replaces nothing of conda's" in message


def test_lines_that_do_not_go_together_are_both_named(course: EnvironmentCourse) -> None:
    message = course.refused(file_with("left", "right"))
    assert message.startswith("environment.yml, line 6: `left` does not go together with `right` (line 7)"), message


def test_all_lines_that_cannot_be_had_are_told_in_one_run(course: EnvironmentCourse) -> None:
    message = course.refused(file_with("nothere", "idna", "sources", "antique"))
    assert [line[:10] for line in message.splitlines()[1:]] == ["  - line 6", "  - line 8", "  - line 9"]


@pytest.mark.parametrize(
    ("section", "words"),
    [
        pytest.param("  - pip:\n", ["line 5", "nothing stands below", "`- pip`"], id="pip_none"),
        pytest.param(
            "  - pip: -r requirements.txt\n", ["line 5", "no list", "the lines of that file"], id="pip_string"
        ),
        pytest.param("  - pip:\n    - idna\n    npm:\n    - b\n", ["line 7", "`npm:`"], id="section_two"),
    ],
)
def test_a_section_of_another_form_is_told_as_such(course: EnvironmentCourse, section: str, words: list[str]) -> None:
    message = course.refused(HEAD + section)
    assert all(word in message for word in words), message
