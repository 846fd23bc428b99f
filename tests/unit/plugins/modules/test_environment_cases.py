"""environment.yml as courses really bring it: what conda reads is locked, and what is wrong is said at once.

Each case is a kind of file, with the words that tell an instructor what to do about it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from lab.channel.package import Package
from tests.support.conda_channels import library, python, write_channel
from tests.support.environment_course import EnvironmentCourse

if TYPE_CHECKING:
    from pathlib import Path

CHANNEL = "channels: [conda-forge]\ndependencies:\n"


@pytest.fixture(scope="module")
def mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two channels, with builds as conda-forge names them, and something for Windows alone."""
    folder = tmp_path_factory.mktemp("mirror")
    write_channel(
        folder / "conda-forge",
        python(),
        library("pandas", "2.3", "numpy >=1"),
        library("scikit-learn", "1.7", "numpy"),
        library("old-plots", "1.0", "numpy <2"),
        Package("numpy", "1.17.3", "py37_0", []),
        Package("numpy", "2.1.0", "py312_0", []),
        Package("pyarrow", "19.0", "h1_2_cpu", []),
        Package("pyarrow", "19.0", "h1_2_cuda", []),
        Package("ca-certificates", "2026.1", "hbd8a1cb_0", []),
    )
    windows = Package("vc", "14.3", "hb25d44b_16", [])
    windows_channel = folder / "windows"
    write_channel(windows_channel, windows)
    subdir = folder / "conda-forge/win-64"
    subdir.mkdir()
    repodata = json.loads((windows_channel / "linux-64/repodata.json").read_text())
    (subdir / "repodata.json").write_text(json.dumps(repodata).replace("linux-64", "win-64"))
    write_channel(folder / "bioconda", library("sequences", "3.0"), library("pandas", "0.1"))
    return folder


@pytest.fixture
def course(tmp_path: Path, mirror: Path, capsys: pytest.CaptureFixture[str]) -> EnvironmentCourse:
    return EnvironmentCourse(tmp_path, mirror, capsys)


@pytest.mark.parametrize(
    ("dependencies", "chosen"),
    [
        pytest.param(["python=3.12.*", "numpy=2.*"], "numpy 2.1.0 py312_0", id="spec_wild"),
        pytest.param(["numpy=1.17.3=py37_0"], "numpy 1.17.3 py37_0", id="spec_build"),
        pytest.param(["pyarrow=*=*cpu"], "pyarrow 19.0 h1_2_cpu", id="spec_build_glob"),
        pytest.param(["numpy=*"], "numpy 2.1.0 py312_0", id="spec_vstar"),
        pytest.param(["numpy==2.*"], "numpy 2.1.0 py312_0", id="equals_with_a_star"),
        pytest.param(["numpy = 1.17"], "numpy 1.17.3 py37_0", id="blanks_around_equals"),
        pytest.param(["numpy 2.1.0 py312*"], "numpy 2.1.0 py312_0", id="three_words"),
        pytest.param(["conda-forge::numpy>=2, <3"], "numpy 2.1.0 py312_0", id="channel_in_front"),
        pytest.param(["conda-forge/linux-64::numpy"], "numpy 2.1.0 py312_0", id="channel_and_folder_in_front"),
        pytest.param(["bioconda::pandas"], "pandas 0.1 pyh_0", id="channel_that_only_one_package_has"),
        pytest.param(["\"numpy[version='>=2']\""], "numpy 2.1.0 py312_0", id="brackets"),
        pytest.param(["NumPy"], "numpy 2.1.0 py312_0", id="capital_letters"),
        pytest.param(["numpy", "__glibc>=2.17"], "numpy 2.1.0 py312_0", id="of_the_machine_itself"),
        pytest.param(["numpy >=1.17, <3, !=2.1.0"], "numpy 1.17.3 py37_0", id="range_of_three"),
        pytest.param(['"numpy 1.17.3|2.1.*"'], "numpy 2.1.0 py312_0", id="one_or_the_other"),
        pytest.param(['"numpy[version=2.1.*,build=py312*]"'], "numpy 2.1.0 py312_0", id="brackets_with_a_build"),
        pytest.param(["numpy!=2.1.0"], "numpy 1.17.3 py37_0", id="not_this_version"),
        pytest.param(["numpy~=1.17"], "numpy 1.17.3 py37_0", id="compatible_release"),
        pytest.param(["numpy\u00a0>=2"], "numpy 2.1.0 py312_0", id="blank_that_does_not_break"),
    ],
)
def test_what_conda_reads_is_locked(course: EnvironmentCourse, dependencies: list[str], chosen: str) -> None:
    lock = course.locked(CHANNEL + "".join(f"  - {dependency}\n" for dependency in dependencies))
    assert chosen in [f"{p.name} {p.version} {p.record['build']}" for p in lock.packages]


@pytest.mark.parametrize(
    ("dependency", "words"),
    [
        pytest.param("numpy: 2.1.0", ["`numpy: 2.1.0` is a section", "Write `numpy=2.1.0`"], id="spec_colon_map"),
        pytest.param("numpy:2.1", ["has a colon", "Write `numpy=2.1`"], id="template_colon"),
        pytest.param("3.12", ["version without a package", "`python=3.12`"], id="spec_number"),
        pytest.param("-e .", ["`-e .`", "folder of your computer", "templates/notebooks/"], id="spec_e"),
        pytest.param("-r requirements.txt", ["another file", "Copy that file's lines"], id="spec_r"),
        pytest.param("--pre", ["option of pip", "Take it out"], id="option_of_pip"),
        pytest.param(
            "git+https://git.example.com/example/pkg.git", ["repository of source code", "release"], id="spec_git"
        ),
        pytest.param(
            "https://conda.anaconda.org/conda-forge/noarch/x-1.0-0.conda",
            ["address of one file", "Write `x=1.0`"],
            id="spec_url",
        ),
        pytest.param("https://example.com/x", ["web address", "Write the package's name"], id="address_of_a_page"),
        pytest.param("./wheels/ours-1.0-py3-none-any.whl", ["of your computer"], id="wheel_on_this_computer"),
        pytest.param('"pandas[excel]"', ["asks for an extra", "`pandas[excel]` below `- pip:`"], id="spec_pypi_extra"),
        pytest.param("\"numpy; python_version<'3.13'\"", ["condition", "Write only `numpy`"], id="marker"),
        pytest.param("numpy===2.1", ["not understood", "numpy>=2"], id="three_equals"),
        pytest.param("numpy=>2", ["not understood"], id="equals_greater"),
        pytest.param('"*"', ["not understood"], id="star_alone"),
        pytest.param('"numpy[channel=conda-forge]"', ["`conda-forge::numpy`"], id="channel_in_brackets"),
        pytest.param("[numpy, pandas]", ["not a list", "behind a `- `"], id="list_in_the_list"),
        pytest.param("", ["nothing stands behind"], id="dash_alone"),
        pytest.param("npm:\n    - b", ["`npm:` is a section", "only `pip:`"], id="section_of_another_manager"),
        pytest.param("numpy 7.*", ["no version of numpy that fits", "2.1.0, 1.17.3"], id="version_nobody_has"),
        pytest.param(
            "numpy=1.17.3=py37h1b885b7_4", ["no build of numpy", "write `numpy=1.17.3`"], id="build_nobody_has"
        ),
        pytest.param("__cuda", ["the machines have no __cuda", "Take this line out"], id="of_another_machine"),
        pytest.param("vc=14.3", ["no package vc", "for Windows", "export"], id="windows_only"),
        pytest.param('"numpy>=1.17 <3"', ["lacks a comma", "Write `numpy>=1.17,<3`"], id="range_with_a_blank"),
        pytest.param('"numpy >= 1.17<3"', ["lacks a comma", "Write `numpy>=1.17,<3`"], id="range_without_a_comma"),
        pytest.param('"numpy>=2 py99*"', ["no build of numpy", "write `numpy>=2`"], id="build_nobody_has_of_a_range"),
        pytest.param("numpy pandas", ["no version of numpy that fits `numpy pandas`"], id="two_on_a_line"),
        pytest.param("anaconda::numpy", ["channel anaconda is refused", "Write `numpy`"], id="anacondas_in_front"),
        pytest.param("pkgs/main/linux-64::numpy=2", ["is refused", "Write `numpy=2`"], id="anacondas_folder_in_front"),
    ],
)
def test_an_entry_that_is_no_package_is_told_by_what_it_is(
    course: EnvironmentCourse, dependency: str, words: list[str]
) -> None:
    message = course.refused(f"{CHANNEL}  - python\n  - {dependency}\n")
    assert message.startswith("environment.yml, line 4: "), message
    assert all(word in message for word in words), message
    assert len(message.splitlines()) <= 5


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            "channels: [conda-forge]\ndependencies:\n  - numpy\ndependencies:\n  - pandas\n",
            ["line 4: `dependencies:` stands here again, after line 2"],
            id="dup_keys",
        ),
        pytest.param(
            "channels: [nodefaults]\ndependencies:\n  - numpy\n", ["line 1", "`- conda-forge`"], id="only_nodefaults"
        ),
        pytest.param("dependencies:\n  - numpy\n", ["no channels", "conda-forge"], id="no_channels"),
        pytest.param("channels: conda-forge\ndependencies:\n  - numpy\n", ["line 1", "list"], id="channels_as_text"),
        pytest.param("channels: [conda-forge]\ndependencies:\n", ["line 2", "list"], id="no_dependencies"),
        pytest.param(
            f"{CHANNEL}  - numpy\nvariables:\n  PATH: /opt/x\n", ["line 5", "PATH is set by"], id="variable_of_ours"
        ),
        pytest.param(f"{CHANNEL}  - numpy\nvariables:\n  - A=1\n", ["line 5", "`NAME: value`"], id="variables_as_list"),
        pytest.param(f"{CHANNEL}  - numpy\nvariables:\n  A:\n", ["line 5", "A has no value"], id="variable_of_nothing"),
        pytest.param(f"{CHANNEL}  - numpy\nvariables:\n  A-B: 1\n", ["line 5", "`A-B`"], id="variable_with_a_dash"),
        pytest.param(
            f"{CHANNEL}  - numpy\nvariables:\n  A: 1\n  A: 2\n", ["line 6", "again"], id="variable_that_stands_twice"
        ),
    ],
)
def test_a_file_that_asks_for_something_else_than_it_seems_is_refused(
    course: EnvironmentCourse, text: str, words: list[str]
) -> None:
    message = course.refused(text)
    assert all(word in message for word in words), message
    assert len(message.splitlines()) <= 5


@pytest.mark.parametrize(
    "channel",
    [
        "defaults", "main", "r", "msys2", "anaconda", "free", "pkgs/main", "pkgs/r", "pkgs/msys2", "Defaults",
        "https://repo.anaconda.com/pkgs/main", "https://repo.anaconda.com/pkgs/r/linux-64/", "anaconda/linux-64",
        "https://repo.continuum.io/pkgs/free", "https://conda.anaconda.org/anaconda", "http://conda.anaconda.org/main/",
        "https://conda.anaconda.org/t/TOKEN/anaconda", "https://anaconda.org/anaconda", "anaconda/label/main",
        "https://repo.anaconda.cloud/repo/main",
    ],
)  # fmt: skip
def test_anacondas_channels_are_refused_by_every_address(course: EnvironmentCourse, channel: str) -> None:
    message = course.refused(f"channels:\n  - {channel}\ndependencies:\n  - numpy\n")
    assert message.startswith(f"environment.yml, line 2: the channel {channel.replace('TOKEN', '…')} is"), message
    assert "`conda-forge`" in message


@pytest.mark.parametrize("channel", ["conda-forge", "rapidsai", "https://conda.example.com/main", "main-lab"])
def test_channels_of_others_are_not_taken_for_anacondas(course: EnvironmentCourse, channel: str) -> None:
    result = course.run(f"channels: [{channel}]\ndependencies:\n  - numpy\n", _ansible_check_mode=True)
    assert not result.get("failed"), result["msg"]


def test_a_mirror_that_asks_for_a_login_is_refused_before_it_is_in_a_lock(course: EnvironmentCourse) -> None:
    told = course.run(CHANNEL + "  - numpy\n", mirror_url="https://ada:geheim@mirror.example.org/conda")
    assert told["msg"].startswith("class_mirror_url has a login in it, which everybody could read")
    assert "geheim" not in told["msg"]
    assert not course.lock_file.exists()


def test_all_mistakes_are_told_in_one_run(course: EnvironmentCourse) -> None:
    message = course.refused(
        "channels:\n  - defaults\n  - conda-forge\ndependencies:\n  - python=3.12.*\n  - conda-forge::numpy\n"
        "  - scikit_learn\n  - panda\n  - numpy=>1\n"
    )
    first, *mistakes = message.splitlines()
    assert first == "environment.yml has 4 mistakes:"
    assert [mistake[:10] for mistake in mistakes] == ["  - line 2", "  - line 7", "  - line 8", "  - line 9"]
    assert "Did you mean scikit-learn?" in mistakes[1]
    assert "Did you mean pandas?" in mistakes[2]


def test_an_export_from_windows_is_told_build_by_build(course: EnvironmentCourse) -> None:
    message = course.refused(
        "name: ml\nchannels:\n  - conda-forge\ndependencies:\n  - ca-certificates=2023.5.7=h56e8100_0\n"
        "  - numpy=1.17.3=py37h1b885b7_4\n  - vc=14.3=hb25d44b_16\nprefix: C:\\Users\\ada\\anaconda3\\envs\\ml\n"
    )
    assert [line[:10] for line in message.splitlines()[1:]] == ["  - line 5", "  - line 6", "  - line 7"]
    assert "for Windows" in message


def test_mistakes_are_told_although_the_channel_does_not_answer(course: EnvironmentCourse) -> None:
    result = course.run(f"{CHANNEL}  - numpy=>1\n", mirror_url="http://127.0.0.1:9")
    assert result["msg"].startswith("environment.yml, line 3: `numpy=>1` is not understood")


def test_packages_that_do_not_go_together_are_named_with_their_lines(course: EnvironmentCourse) -> None:
    message = course.refused(f"{CHANNEL}  - python\n  - old-plots\n  - numpy>=2\n")
    assert message.startswith("environment.yml asks for packages that do not go together (lines 4 and 5):\n"), message
    assert len(message.splitlines()) <= 5


def test_variables_are_kept_in_the_lock_as_they_are_written(course: EnvironmentCourse) -> None:
    lock = course.locked(f"{CHANNEL}  - numpy\nvariables:\n  TF_USE_LEGACY_KERAS: '1'\n  SEED: 007\n  SHOWN: yes\n")
    assert lock.request.variables == (("TF_USE_LEGACY_KERAS", "1"), ("SEED", "007"), ("SHOWN", "yes"))


def test_a_lock_from_before_variables_were_read_gets_them_and_keeps_its_packages(course: EnvironmentCourse) -> None:
    text = f"{CHANNEL}  - numpy\nvariables:\n  SEED: 7\n"
    packages = course.locked(text).packages
    before = course.lock_file.read_text().splitlines(keepends=True)
    course.lock_file.write_text("".join(line for line in before if not line.startswith("# variables:")))
    assert course.run(text)["changes"] == ["the same packages, chosen for the new request"]
    assert course.lock.packages == packages
    assert course.lock_file.read_text() == "".join(before)
    assert course.run(text)["changed"] is False
