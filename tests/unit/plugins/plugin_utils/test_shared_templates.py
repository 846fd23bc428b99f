"""A template is compiled once for all workers, a variable evaluated once, and each gets what Ansible makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ansible import constants
from ansible.parsing.dataloader import DataLoader
from ansible.release import __version__
from ansible.template import Templar, trust_as_template
from ansible_collections.machine_learning.classroom.plugins.plugin_utils import shared_templates
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.shared_templates import (
    SharedEnvironment,
    sharing_templar,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = trust_as_template("{{ given | upper }} of {{ inventory_hostname }}")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of what is compiled."""
    monkeypatch.setattr(constants, "ANSIBLE_HOME", str(tmp_path))
    monkeypatch.setattr(constants, "DEFAULT_LOCAL_TMP", str(tmp_path / "of this run"))
    shared_templates.folder.cache_clear()
    yield Path(shared_templates.folder())
    shared_templates.folder.cache_clear()


def test_it_is_kept_for_the_next_run_where_nobody_else_reads_it(folder: Path, tmp_path: Path) -> None:
    assert folder.relative_to(tmp_path).parts == ("machine_learning_aws", f"templates-{__version__}")
    assert folder.stat().st_mode & 0o777 == 0o700
    shared(WORDS, given="set here", inventory_hostname="ml101-001")
    assert {file.stat().st_mode & 0o777 for file in folder.iterdir()} == {0o600}


def test_where_nothing_can_be_kept_it_is_compiled_for_this_run_alone(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "of this run").mkdir()
    folder.rmdir()
    folder.write_text("in its way")
    shared_templates.folder.cache_clear()
    assert shared(WORDS, given="set here", inventory_hostname="ml101-001") == "SET HERE of ml101-001"
    assert list((tmp_path / "of this run").iterdir())


def shared(text: str, how: dict[str, Any] | None = None, **variables: Any) -> Any:
    return sharing_templar(Templar(DataLoader()), variables).template(text, **(how or {}))


def test_what_a_worker_compiled_the_next_one_does_not(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = trust_as_template("{{ who }}")
    assert shared(WORDS, given=given, who="ada", inventory_hostname="ml101-001") == "ADA of ml101-001"

    def compiled(*_: Any, **__: Any) -> None:
        pytest.fail("It is compiled again.")

    monkeypatch.setattr(SharedEnvironment, "_generate", compiled)
    # With the variables of its own machine, whatever they are: one that is set for this machine alone is a template.
    assert shared(WORDS, given=given, who="grace", inventory_hostname="ml101-002") == "GRACE of ml101-002"
    assert shared(WORDS, given="set here", inventory_hostname="ml101-003") == "SET HERE of ml101-003"
    for file in folder.iterdir():
        file.write_bytes(b"torn")
    with pytest.raises(pytest.fail.Exception, match="compiled again"):
        shared(WORDS, given=given, who="ada", inventory_hostname="ml101-001")


def test_a_variable_is_evaluated_once_however_many_others_name_it() -> None:
    """In a file's template as well, which the lookup reads with the variables of who calls it; in a new one anew."""
    number, same = (trust_as_template(text) for text in ("{{ (10 ** 15) | random }}", "{{ number }}"))
    said = []
    for _ in range(2):
        templar = sharing_templar(Templar(DataLoader()), {"number": number, "same": same})
        file = sharing_templar(templar, templar.available_variables)
        said.append(f"{templar.template(trust_as_template('{{ number }} {{ same }}'))} {file.template(same)}".split())
    assert [len(set(numbers)) for numbers in said] == [1, 1]
    assert said[0] != said[1]


@pytest.mark.parametrize(
    "how",
    [{}, {"escape_backslashes": False}, {"overrides": {"trim_blocks": False}}, {"overrides": {"lstrip_blocks": True}}],
)
@pytest.mark.parametrize(
    "text",
    [
        r"{{ 'a\tb' }}\t{{ n }}",
        "{% if n %}\n  {{ n }}\n  {% endif %}\n",
        "#jinja2: variable_start_string:'<<', variable_end_string:'>>'\n<< n >> {{ n }}",
        "{{ n + 1 }}",
    ],
)
def test_it_is_read_as_ansible_reads_it(text: str, how: dict[str, Any]) -> None:
    """Also where a worker has read the same text in another way before."""
    text = trust_as_template(text)
    for before in ({}, {"escape_backslashes": False}, {"overrides": {"trim_blocks": False}}):
        shared(text, before, n=1)
        assert shared(text, how, n=1) == Templar(DataLoader(), {"n": 1}).template(text, **how)
