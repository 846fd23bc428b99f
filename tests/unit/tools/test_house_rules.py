"""The house rules catch what they are for, and let through what has its reason."""

from __future__ import annotations

import subprocess

import pytest
import yaml

from tools import PROJECT
from tools.house_rules import (
    MAKE_READY,
    MAY_NAME_THE_LAB,
    bare_exemptions,
    borrowed_tests,
    roles_not_asked_about,
    skipped_rules,
    words_of_the_lab,
)

# Put together here, so that this file holds no exemption itself.
NOQA, IGNORE, SHELL, YAML = "# no" + "qa", "# type: " + "ignore", "# shellcheck " + "disable", "# yamllint " + "disable"
EVERY_PERMISSION = {name.replace("*", "x"): "lab/" for name in MAY_NAME_THE_LAB}


@pytest.mark.parametrize(
    "line",
    [
        f"x = 1  {NOQA}: S104 - the attack is to bind all",
        f"x = 1  {NOQA}: S104, S105  # the attack is to bind all",
        f"x = 1  {IGNORE}[misc]  # moto has no types",
        f"{SHELL}=SC2296  # zsh's way to say where this file lies",
        f"- name: x {NOQA}: name[casing] - the word is a product's name",
        f"{YAML}-line rule:line-length # an address cannot be broken",
    ],
)
def test_an_exemption_with_rule_and_reason_passes(line: str) -> None:
    assert list(bare_exemptions({"a.py": line})) == []


@pytest.mark.parametrize(
    "line",
    [
        f"x = 1  {NOQA}",
        f"x = 1  {NOQA}: S104",
        f"x = 1  {NOQA} - the attack is to bind all",
        f"x = 1  {NOQA}: S104 - why",
        f"x = 1  {IGNORE}  # moto has no types",
        f"x = 1  {IGNORE}[misc]",
        f"{SHELL}=SC2296",
        f"{YAML}-line rule:line-length",
    ],
)
def test_an_exemption_without_rule_or_reason_is_named_with_its_line(line: str) -> None:
    (found,) = bare_exemptions({"a.py": f"\n{line}"})
    assert found.startswith("a.py:2: exempt from which rule, for which reason?")


@pytest.mark.parametrize("word", ["python -m lab up", "source lab/activate", "import moto", "Podman"])
def test_the_product_does_not_name_the_lab(word: str) -> None:
    texts = {"roles/mail/tasks/main.yml": f"# {word}", "lab/x.py": word, "tests/x.py": word, **EVERY_PERMISSION}
    (found,) = words_of_the_lab(texts)
    assert found.startswith("roles/mail/tasks/main.yml:1: names the lab")


def test_other_words_are_no_lab() -> None:
    innocent = "jupyter lab; gitlab/x; /share/jupyterlab/settings; collab/"
    assert list(words_of_the_lab({"roles/x.yml": innocent, **EVERY_PERMISSION})) == []


def test_a_permission_that_nobody_needs_is_named() -> None:
    texts = {name: text for name, text in EVERY_PERMISSION.items() if name != "Makefile"}
    (found,) = words_of_the_lab(texts)
    assert "Makefile may name the lab and does not" in found


@pytest.mark.parametrize(
    "line",
    [
        "from tests.e2e.conftest import command",
        "    from tests.unit.plugins.test_seats import plan",
        "from tests.unit.plugins import test_seats",
        "import tests.e2e.conftest",
        "from .conftest import command",
        "from . import test_seats",
    ],
)
def test_what_is_imported_from_a_test_is_named_with_its_line(line: str) -> None:
    (found,) = borrowed_tests({"tests/x.py": f"\n{line}", "docs/x.md": line})
    assert found.startswith("tests/x.py:2: imports from a test or a conftest")


def test_what_is_imported_from_elsewhere_may_have_any_name() -> None:
    lines = "from tests.support.commands import command\nfrom ansible_test._internal import test_x\nconftest = 1"
    assert list(borrowed_tests({"tests/x.py": lines})) == []


def test_no_rule_is_skipped_for_the_whole_project() -> None:
    assert list(skipped_rules({".ansible-lint": "skip_list: []"})) == []
    texts = {".ansible-lint": "skip_list: [name]\nwarn_list: [yaml]", ".ansible-lint-ignore": ""}
    assert len(list(skipped_rules(texts))) == 3


READY = """\
- block:
    - machine_learning.classroom.roles_needed:
        roles: [data, work/restore]
    - ansible.builtin.import_role:
        name: data
      when: "'data' in roles_needed.roles"
    - ansible.builtin.import_role:
        name: work
        tasks_from: restore
      when: "'work/restore' in roles_needed.roles"
"""
DATA = "- machine_learning.classroom.datasets: {}\n  name: Bring them\n"
ASKED = {
    MAKE_READY: READY,
    "collections/x/plugins/module_utils/jobs/datasets.py": "",
    "collections/x/plugins/module_utils/jobs/work_restore.py": "",
    "roles/data/tasks/main.yml": DATA,
    "roles/work/tasks/restore.yml": "- machine_learning.classroom.work_restore: {}\n- ansible.builtin.debug: {}\n",
}


def test_roles_that_a_machine_is_asked_about_pass() -> None:
    assert list(roles_not_asked_about(ASKED)) == []


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (MAKE_READY, "[data, work/restore]", "[data]", "asks about data, but runs data, work/restore"),
        (MAKE_READY, "'data' in", "'date' in", "data is to run when 'data' in roles_needed.roles"),
        (MAKE_READY, "name: data\n", "name: data\n      vars: {}\n", "with nothing else beside it"),
        ("roles/data/tasks/main.yml", "datasets", "private_file", "has 0 tasks with a job"),
        ("roles/data/tasks/main.yml", DATA, DATA * 2, "has 2 tasks with a job"),
        ("roles/data/tasks/main.yml", DATA, f"- block:\n{DATA}".replace("\n", "\n    ").strip(), "in no block"),
        ("roles/data/tasks/main.yml", "name: Bring them", "when: false", "is asked without when"),
    ],
)
def test_a_role_that_a_machine_is_not_asked_about_as_it_is_is_named(file: str, old: str, new: str, said: str) -> None:
    assert old in ASKED[file]
    found = list(roles_not_asked_about({**ASKED, file: ASKED[file].replace(old, new)}))
    assert len(found) == 1
    assert found[0].startswith(f"{file}: ")
    assert said in found[0]


def test_pre_commit_runs_each_linter_as_make_lint_does() -> None:
    (repository,) = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    listed = subprocess.run(
        ["bash", "-c", r"sed -n 's/^lint_\([a-z-]*\)().*/\1/p' bin/lint"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert [hook["entry"] for hook in repository["hooks"]] == [f"bin/lint {linter}" for linter in listed]
    assert all(hook["language"] == "system" for hook in repository["hooks"])
