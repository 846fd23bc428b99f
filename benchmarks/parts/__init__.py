"""What is measured together, in turn, in one run: each part compares only what it ran itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.parts import bake, configure, loopback, roles, walk_in

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from benchmarks.measure import Run
    from benchmarks.options import Options

PARTS: dict[str, Callable[[Options, Path], Iterator[Run]]] = {
    "configure": configure.run,
    "bake": bake.run,
    "roles": roles.run,
    "loopback": loopback.run,
    "walk_in": walk_in.run,
}
