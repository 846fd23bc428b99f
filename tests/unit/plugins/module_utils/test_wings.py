"""The wings of the collection's Python: one does not import another, but for the ground that all stand on.

On top of them is one room that may import each of them, and that none imports.

`python -m tests.unit.plugins.module_utils.test_wings` prints the rooms, and the arrows between them.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

COLLECTION = "ansible_collections.machine_learning.classroom.plugins"
PLUGINS = PROJECT / "collections" / COLLECTION.replace(".", "/")

GROUND = "host"
"""The wing that every other one may import, and that imports none."""

TOP = "jobs"
"""The room that may import every wing, and that no wing imports."""

ALLOWED = {
    ("machines", "conda"): "the disk that a machine is launched with must hold the environment that the lock names",
    ("machines", "hours"): "a zone that is none is refused before a launch, too, with those that come nearest",
}
"""What else a wing may import, with the reason. An arrow that is no longer there has to leave the list."""

CONTROL_NODE = {"action", "callback", "filter", "inventory", "lookup", "plugin_utils"}
"""What runs on the control node alone: nothing that runs on machines may need it."""


class Arrow(NamedTuple):
    """An import from one room to another.

    A room is a wing of module_utils, a single file there, or a kind of plugin.
    """

    source: str
    target: str
    file: str


def room_of(module: str) -> str:
    """Return the room of a module, named from plugins/ on."""
    kind, _, rest = module.partition(".")
    return rest.partition(".")[0] if kind == "module_utils" else kind


def imported(text: str) -> Iterator[str]:
    """Return what of the collection's plugins a file imports, for its types alone too, named from plugins/ on."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "relative imports would hide where a module is from"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name[len(COLLECTION) + 1 :] for name in names if name.startswith(f"{COLLECTION}."))


def arrows(files: Mapping[str, str]) -> list[Arrow]:
    """Return the arrows between the rooms of `files`: path below plugins/ to text."""
    found = []
    for file, text in files.items():
        source = room_of(file.removesuffix(".py").replace("/", "."))
        found += [Arrow(source, target, file) for name in imported(text) if (target := room_of(name)) != source]
    return found


def wings(files: Mapping[str, str]) -> set[str]:
    """Return the rooms of module_utils."""
    return {room_of(file.removesuffix(".py").replace("/", ".")) for file in files if file.startswith("module_utils/")}


def between_wings(files: Mapping[str, str]) -> set[tuple[str, str]]:
    """Return which room of module_utils imports which."""
    inside = wings(files)
    return {(arrow.source, arrow.target) for arrow in arrows(files) if {arrow.source, arrow.target} <= inside}


def forbidden(files: Mapping[str, str]) -> list[str]:
    """Return a sentence for each import that should not be."""
    inside, found = wings(files), []
    for source, target, file in arrows(files):
        if target not in {*inside, "plugin_utils"}:
            found.append(f"{file} imports a plugin, of {target}/: what both need belongs into module_utils/")
        elif target == "plugin_utils" and source not in CONTROL_NODE:
            found.append(f"{file} may run on a machine, and imports plugin_utils/, which is the control node's")
        elif source in inside - {TOP} and target != GROUND and (source, target) not in ALLOWED:
            found.append(f"{file} is of {source}/ and imports {target}/: what both need belongs into {GROUND}/")
        elif source == GROUND:
            found.append(f"{file} is of {GROUND}/, which stands on no other wing, and imports {target}/")
    return found


def collection() -> dict[str, str]:
    """Return the collection's Python: path below plugins/ to text."""
    return {path.relative_to(PLUGINS).as_posix(): path.read_text() for path in sorted(PLUGINS.rglob("*.py"))}


def test_no_wing_imports_another_but_for_a_reason() -> None:
    assert forbidden(collection()) == []


def test_each_exception_is_still_one() -> None:
    assert between_wings(collection()) >= ALLOWED.keys()


def test_there_are_two_floors_below_the_top() -> None:
    """What another wing imports imports none itself, and nothing stands on the top."""
    drawn = between_wings(collection())
    assert TOP in {source for source, _ in drawn}
    assert TOP not in {target for _, target in drawn}
    below = {(source, target) for source, target in drawn if source != TOP}
    assert {source for source, _ in below}.isdisjoint(target for _, target in below)


def test_a_forbidden_import_is_noticed() -> None:
    wing = f"{COLLECTION}.module_utils"
    house = {
        "module_utils/host/host.py": "import os",
        "module_utils/work/home.py": f"from {wing}.host import host",
        "module_utils/notebooks/merge.py": "if TYPE_CHECKING:\n    pass",
        "plugin_utils/letters.py": f"from {wing}.work.home import StudentHome",
        "module_utils/jobs/notebooks.py": f"from {wing}.notebooks import merge\nfrom {wing}.work import home",
        "modules/notebooks.py": f"from {wing}.jobs import notebooks",
        "action/notebooks.py": f"from {COLLECTION}.plugin_utils import letters",
    }
    assert forbidden(house) == []
    for file, line in {
        "module_utils/notebooks/new.py": f"from {wing}.work.home import StudentHome",
        "module_utils/work/new.py": f"def late():\n    from {wing} import notebooks",
        "module_utils/work/types.py": f"if TYPE_CHECKING:\n    import {wing}.notebooks.merge",
        "module_utils/host/new.py": f"from {wing}.work import home",
        "module_utils/data/new.py": f"from {wing}.jobs import datasets",
        "module_utils/jobs/new.py": f"from {COLLECTION}.plugin_utils.letters import eml",
        "module_utils/conda/new.py": f"from {COLLECTION}.plugin_utils.letters import eml",
        "modules/new.py": f"from {COLLECTION}.plugin_utils import letters",
        "action/new.py": f"from {COLLECTION}.modules.notebooks import main",
    }.items():
        assert [sentence.split()[0] for sentence in forbidden({**house, file: line})] == [file]


if __name__ == "__main__":
    drawn = between_wings(collection())
    print(f"{len(wings(collection()))} rooms in module_utils, {len(drawn)} arrows between them:")
    print("\n".join(f"  {source} -> {target}" for source, target in sorted(drawn)))
