"""What a user of the benchmark chooses."""

from __future__ import annotations

from dataclasses import dataclass

# The last one in front of the issue "Fast": no machine is asked before its roles run, and nothing is baked.
BEFORE = "137b9cf"


@dataclass(frozen=True)
class Options:
    """How much is measured."""

    n: int = 12
    """Machines of the classes of which one size is enough."""
    sizes: tuple[int, ...] = ()
    """Machines of the classes with which the growth of the cost is measured; none: those of `growing`."""
    loopback: tuple[int, ...] = (24, 100, 400)
    runs: int = 3
    before: str = BEFORE

    @property
    def growing(self) -> tuple[int, ...]:
        """Sizes around `n`, with which the growth of the cost is measured."""
        return self.sizes or tuple(sorted({1, self.n // 3, self.n, 2 * self.n}))
