"""A small conda channel made of wheels and of the interpreter that runs this project, for a lab without conda-forge."""

from __future__ import annotations

import asyncio
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

from rattler.index import index_fs

from lab.channel.cpython import Interpreter
from lab.channel.wheels import Wheel, wanted_extras

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path


def build(channel: Path, fetch_wheels: Callable[[], Path]) -> None:
    """Fill the folder `channel` with linux-64 and noarch packages and their repodata.

    `fetch_wheels` returns the folder of the wheels; Python is packaged while it downloads them.
    """
    for subdir in ("linux-64", "noarch"):
        (channel / subdir).mkdir()
    interpreter = Interpreter.ask()
    with ProcessPoolExecutor() as pool:
        python = pool.submit(_write_python, interpreter, channel)
        # The largest first: whatever is left at the end is short.
        paths = sorted(fetch_wheels().glob("*.whl"), key=lambda path: -path.stat().st_size)
        wheels = [Wheel(path) for path in paths]
        extras = wanted_extras(wheels)
        jobs = [
            pool.submit(_write_wheel, wheel, interpreter.short, extras.get(wheel.name, ()), channel) for wheel in wheels
        ]
        for job in (python, *jobs):
            job.result()
    asyncio.run(index_fs(channel, write_shards=False))


def _write_python(interpreter: Interpreter, channel: Path) -> None:
    interpreter.package().write(channel)


def _write_wheel(wheel: Wheel, python: str, extras: Iterable[str], channel: Path) -> None:
    wheel.package(python, extras).write(channel)
