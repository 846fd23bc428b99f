"""The text of a template is what Ansible's own lookup makes of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.loader import lookup_loader
from ansible.template import Templar, trust_as_template
from ansible_collections.machine_learning.classroom.plugins.lookup.template import LookupModule


def ours(path: Path, variables: dict[str, Any]) -> str:
    known = variables | {"ansible_search_path": [str(path.parent.parent)]}
    (text,) = LookupModule(loader=DataLoader(), templar=Templar(DataLoader(), known)).run([path.name], known)
    return text


def ansibles(path: Path, variables: dict[str, Any]) -> str:
    known = variables | {"ansible_search_path": [str(path.parent.parent)]}
    lookup = lookup_loader.get("template", loader=DataLoader(), templar=Templar(DataLoader(), known))
    made: list[str] = lookup.run([path.name], known)
    return made[0]


def test_a_template_reads_as_with_ansible(tmp_path: Path) -> None:
    """Loops, trimmed blocks, backslashes, variables that are templates, the last newline, and what is no template."""
    (tmp_path / "templates").mkdir()
    file = tmp_path / "templates" / "some.j2"
    file.write_text(
        "# {{ a }} \\n\n{% for port in ports %}\nPort {{ port }}\n{% endfor %}\n    {# a comment #}\n%i {{ n }}\n\n"
    )
    known = {"a": trust_as_template("{{ b }}"), "b": "c\\t", "ports": [1, 2], "n": "{{ raw }}"}
    assert ours(file, known) == ansibles(file, known)
    assert "Port 1\nPort 2\n" in ours(file, known)


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    file = tmp_path / "templates" / "some.j2"
    with pytest.raises(AnsibleError, match=r"There is no template some\.j2\."):
        ours(file, {})
    file.write_text("{{ unknown_thing }}")
    with pytest.raises(AnsibleError, match="unknown_thing"):
        ours(file, {})
