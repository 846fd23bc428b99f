"""The generated pages: read as a person reads class.yml, and compared."""

from __future__ import annotations

import sys

import pytest
import yaml

from tools import PROJECT, docs
from tools.role_specs import roles


def test_every_setting_is_on_the_page_once_with_its_value_and_its_reason() -> None:
    blocks = docs.blocks(docs.CLASS_FILE.read_text())
    settings = [name for block in blocks for name in block.settings]
    assert settings == list(yaml.safe_load(docs.CLASS_FILE.read_text()))
    assert all(block.words for block in blocks if block.settings)


def test_a_comment_belongs_to_what_stands_below_it() -> None:
    first, title, second, third = docs.blocks(
        "---\n# One\n# and more.\na: 1\nb: 2\n\n# ── Ways in ────\n\n# Two.\nc:\n  - 3\n# Three.\nd: 4\n"
    )
    assert (first.words, first.settings) == (["One", "and more."], ["a", "b"])
    assert title.title == "Ways in"
    assert (second.lines, third.settings) == (["c:", "  - 3"], ["d"])


def test_the_page_says_who_reads_a_setting() -> None:
    page = docs.pages()[PROJECT / "docs" / "configuration.md"]
    ports = page.partition("### `class_ssh_ports`")[2].partition("###")[0]
    assert {role.name for role in roles() if f"[{role.name}](../roles/{role.name}/README.md)" in ports} == {
        "front",
        "machines",
        "mail",
        "student",
    }
    zone = page.partition("### `class_time_zone`")[2].partition("###")[0]  # by way of project.yml
    assert "Read by [machines](../roles/machines/README.md), [system](../roles/system/README.md)." in zone


def test_a_role_page_has_entry_points_defaults_and_secrets() -> None:
    page = docs.pages()[PROJECT / "roles" / "student" / "README.md"]
    secret = next(line for line in page.splitlines() if line.startswith("| `student_password_hashes`"))
    assert "**Secret.**" in secret
    assert "| `student_ssh_ports` | list of int | `{{ class_ssh_ports }}` |" in page
    assert "tasks_from: probe" in docs.pages()[PROJECT / "roles" / "jupyter" / "README.md"]


def test_a_page_that_differs_is_named_with_the_next_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = PROJECT / "docs" / "configuration.md"
    monkeypatch.setattr(docs, "pages", lambda: {page: "other"})
    monkeypatch.setattr(sys, "argv", ["docs", "--check"])
    assert docs.main() == 1
    assert capsys.readouterr().out == "docs/configuration.md: differs from the code; run `make docs`\n"
    assert page.read_text() != "other"
