"""One file with a module of ours and all that it imports: found without a parser, and exactly what a parser finds."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins import module_utils
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.program import imports

SOURCES = sorted(Path(module_utils.__path__[0]).rglob("*.py"))


def parsed(source: str) -> list[tuple[str, list[str]]]:
    """Return what the statements at the top of a module import from ours."""
    statements = (each for each in ast.parse(source).body if isinstance(each, ast.ImportFrom))
    return [
        (str(each.module), [alias.name for alias in each.names])
        for each in statements
        if str(each.module).startswith("ansible_collections.")
    ]


def test_every_module_imports_what_a_parser_finds() -> None:
    assert len(SOURCES) > 90
    for path in SOURCES:
        assert imports(path.read_text()) == parsed(path.read_text()), path


@pytest.mark.parametrize(
    "source",
    [
        "from ansible_collections.a.b import c\n",
        "from ansible_collections.a.b import c, d as e\n",
        "from ansible_collections.a.b import (\n    c,\n    d as e,\n)\nfrom os import path\n",
        "from ansible_collections.a import b  # why\n",
        "if TYPE_CHECKING:\n    from ansible_collections.a.b import c\n",
        "import ansible_collections\n",
    ],
)
def test_forms_of_imports(source: str) -> None:
    assert imports(source) == parsed(source)
