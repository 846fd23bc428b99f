"""Measure, print the table and write docs/performance.md: python -m benchmarks [PART ...] [--n 12] [--runs 3]."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import tempfile
import time
from dataclasses import fields, replace
from pathlib import Path

from benchmarks import page
from benchmarks.options import Options
from benchmarks.parts import PARTS
from benchmarks.results import Results, here

FEWEST = 3


def options_of(words: argparse.Namespace) -> Options:
    """Return what was chosen, and the defaults of what was not."""
    chosen = {name: value for name, value in vars(words).items() if value is not None}
    names = {field.name for field in fields(Options)}
    return replace(Options(), **{name: value for name, value in chosen.items() if name in names})


def parser() -> argparse.ArgumentParser:
    """Say what can be chosen."""
    made = argparse.ArgumentParser(
        prog="python -m benchmarks", description="Measure on this machine, and write docs/performance.md."
    )
    made.add_argument("parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)} (default: all)")
    made.add_argument("--n", type=int, help="machines of a class, where one size is measured (default: 12)")
    made.add_argument("--sizes", type=_numbers, metavar="N,N,…", help="sizes of the part configure (1, n/3, n, 2n)")
    made.add_argument("--loopback", type=_numbers, metavar="N,N,…", help="sizes of the part loopback (24,100,400)")
    made.add_argument("--runs", type=int, help="how often each variant runs (default: 3)")
    made.add_argument("--before", metavar="COMMIT", help="the commit to compare with")
    return made


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(map(int, text.split(",")))


def main() -> None:
    """Measure part after part; what is whole is kept at once."""
    words = parser().parse_args()
    if unknown := set(words.parts) - set(PARTS):
        sys.exit(f"There is no part {', '.join(sorted(unknown))}: the parts are {', '.join(PARTS)}.")
    if words.n is not None and words.n < FEWEST:
        sys.exit(f"A class of {words.n} tells nothing about larger ones: --n {FEWEST} or more.")
    if os.geteuid() != 0:
        sys.exit("The benchmark looks into the lab's hosts: run it as root.")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what is up is taken down
    options, results = options_of(words), Results.load()
    for name in words.parts or PARTS:
        began, origin = time.monotonic(), here()
        print(f"Measuring {name}", flush=True)
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            Path(folder).chmod(0o755)
            runs = list(PARTS[name](options, Path(folder)))
        results.replace(name, runs, origin | {"n": str(options.n), "minutes": f"{(time.monotonic() - began) / 60:.0f}"})
        results.save()
        page.PATH.write_text(page.text(results))
    print(page.printed(results))


if __name__ == "__main__":
    main()
