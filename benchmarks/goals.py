"""What is to be shown: for each row what is measured, and the most that it may be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.results import Results

OURS, BEFORE, FORCED, SSH = (f"nothing to change: {who}" for who in ("ours", "before", "forced", "ssh"))
FRESH = "from nothing, configure: {}"
TOOLS = ("conventional", "pyinfra")
ROLES = ("student", "notebooks", "jupyter")


@dataclass(frozen=True)
class Goal:
    """One row of the table."""

    what: str
    measured: Callable[[Results], float | None]
    """From the medians; None as long as something that it needs was not measured."""
    most: float | None = None
    """What it may be at most; None where the figure is only said."""
    proven: str = ""
    """What a prototype had shown before."""
    means: str = ""
    """What it means to an instructor."""

    def ratio(self, results: Results) -> float | None:
        """Return the measured figure as a share of the goal."""
        value = self.measured(results)
        return None if value is None or not self.most else value / self.most


def divide(a: float | None, b: float | None) -> float | None:
    """Return a / b; None where one was not measured, or the second is nothing."""
    return None if a is None or not b else a / b


def share(name: str, n: int, variant: str, of: str) -> Callable[[Results], float | None]:
    """Return how a figure of one variant compares with another's, with `n` machines."""
    return lambda results: divide(results.figure(variant, n, name), results.figure(of, n, name))


def slope(name: str, variant: str, few: int, many: int) -> Callable[[Results], float | None]:
    """Return what each machine more adds to a figure, between a few and many."""

    def measured(results: Results) -> float | None:
        low, high = results.figure(variant, few, name), results.figure(variant, many, name)
        return None if low is None or high is None else (high - low) / (many - few)

    return measured


def per_machine(name: str, variant: str, n: int) -> Callable[[Results], float | None]:
    """Return a figure divided by the number of machines."""
    return lambda results: divide(results.figure(variant, n, name), n)


def quotient(
    above: Callable[[Results], float | None], below: Callable[[Results], float | None]
) -> Callable[[Results], float | None]:
    """Return one measure as a share of another."""
    return lambda results: divide(above(results), below(results))


def against_best(role: str, case: str, name: str) -> Callable[[Results], float | None]:
    """Return what our role takes as a share of what the better of the other tools does."""

    def measured(results: Results) -> float | None:
        ours = f"{role}, {case}: ours"
        shares = [
            divide(results.figure(ours, n, name), results.figure(f"{role}, {case}: {tool}", n, name))
            for tool in TOOLS
            for n in results.sizes(ours)
        ]
        known = [each for each in shares if each is not None]
        return max(known) if known and len(known) == len(shares) else None

    return measured


CONTROL, HOSTS, WALL = "control_cpu_s", "machine_cpu_s", "wall_s"


def fresh(who: str, n: int) -> Callable[[Results], float | None]:
    """Return the wall of provision and configure together, from nothing until all answer."""

    def measured(results: Results) -> float | None:
        parts = [results.figure(f"from nothing, {what}: {who}", n, WALL) for what in ("provision", "configure")]
        known = [part for part in parts if part is not None]
        return sum(known) if len(known) == len(parts) else None

    return measured


def goals(n: int) -> list[Goal]:
    """Return all rows, for classes of `n` where one size is enough."""
    return [*_unchanged(n), *_from_nothing(n), *_loopback(), *_roles(), *_walk_in()]


def _unchanged(n: int) -> list[Goal]:
    return [
        Goal(
            "nothing to change: executions per machine",
            per_machine("executions", OURS, n),
            1,
            "1",
            "Each machine is asked once. A slow line to the cloud is waited for once, not once for every task.",
        ),
        *(
            Goal(
                f"nothing to change: wall, ours : before, N = {size}",
                share(WALL, size, OURS, BEFORE),
                0.25,
                "0.23",
                means,
            )
            for size, means in ((n, "How much sooner a repeated configure.yml is done than it was."), (2 * n, ""))
        ),
        *(
            Goal(
                f"nothing to change: control CPU per machine beyond the fixed part, N = {size}, s",
                slope(CONTROL, OURS, 1, size),
                0.25,
                "0.28-0.34",
                means,
            )
            for size, means in ((n, "What one student more costs the instructor's computer."), (2 * n, ""))
        ),
        Goal(
            f"nothing to change: control CPU for each machine more, N {n}→{2 * n} : 1→{n}",
            quotient(slope(CONTROL, OURS, n, 2 * n), slope(CONTROL, OURS, 1, n)),
            1.1,
            "1.14-1.4",
            "Near 1, a class twice as big costs twice as much, and not more.",
        ),
        Goal(
            f"nothing to change: hosts' CPU, ours : before, N = {n}",
            share(HOSTS, n, OURS, BEFORE),
            0.22,
            "0.20",
            "What students notice of a run in the middle of a lesson.",
        ),
        Goal(
            "nothing to change: one machine, control CPU, s",
            lambda results: results.figure(OURS, 1, CONTROL),
            2.0,
            "2.5",
            "The fixed part: what every command costs.",
        ),
        Goal(
            f"nothing to change: wall, ours : parallel ssh, cold, N = {n}",
            share(WALL, n, OURS, SSH),
            5,
            "5.8",
            "The floor: nobody can ask all machines anything in less time than ssh needs to connect to them.",
        ),
        Goal(
            f"of that, Ansible with its inventory, which asks AWS: wall, s, N = {n}",
            lambda results: results.figure("nothing to change: inventory", n, WALL),
        ),
        Goal(
            f"of that, with a task that runs nothing on any machine: wall, s, N = {n}",
            lambda results: results.figure("nothing to change: raw", n, WALL),
            means="What is more than this is the class's own: roster, letters, all roles to ask about.",
        ),
        Goal(f"nothing to change: wall, ours : parallel ssh, cold, N = {2 * n}", share(WALL, 2 * n, OURS, SSH)),
        Goal(
            f"nothing to change: wall, forced : ours, N = {n}",
            share(WALL, n, FORCED, OURS),
            means="What asking first saves: forced, every role runs on every machine.",
        ),
        Goal(
            f"one notebook changed: wall, ours : before, N = {n}",
            share(WALL, n, "one notebook changed: ours", "one notebook changed: before"),
            means="A correction to one notebook, on its way to everybody.",
        ),
        Goal(
            f"provision: API requests for each machine more, N {n // 3}→{n}, without console polls",
            slope("api_requests", "provision: ours", n // 3, n),
            6,
            "8",
            "AWS slows down who asks much: fewer requests mean larger classes at once.",
        ),
        Goal(
            f"provision, nothing to do: API requests, N = {n}",
            lambda results: results.figure("provision, nothing to do: ours", n, "api_requests"),
            12,
            "17",
        ),
    ]


def _from_nothing(n: int) -> list[Goal]:
    return [
        Goal(
            f"first configure (plain): wall, ours : before, both with ssh alone, N = {n}",
            share(WALL, n, FRESH.format("ssh alone"), FRESH.format("before")),
            0.9,
            "0.98",
            "The first morning of a class without a baked image. Most of it is the machines' own work, which stays.",
        ),
        Goal(
            f"first configure (plain): control CPU, ours : before, both with ssh alone, N = {n}",
            share(CONTROL, n, FRESH.format("ssh alone"), FRESH.format("before")),
            0.6,
            "0.67",
        ),
        Goal(
            f"first configure (plain): wall, with links over https : ssh alone, N = {n}",
            share(WALL, n, FRESH.format("plain"), FRESH.format("ssh alone")),
            means="haproxy and an ACME client are installed, and a certificate is ordered for each machine.",
        ),
        Goal(
            f"nothing → all answer: wall, baked : plain, N = {n}",
            quotient(fresh("baked", n), fresh("plain", n)),
            0.45,
            "0.55",
            "What bake.yml, once a term, saves each time that machines are launched.",
        ),
        Goal(
            f"of that, all Jupyters' own start: wall, s, N = {n}",
            lambda results: results.figure("Jupyter starts: ssh", n, WALL),
            means="All at once. On the lab all machines share the cores of this computer; on AWS each has its own.",
        ),
        Goal(
            f"of that, provision: wall, s, N = {n}",
            lambda results: results.figure("from nothing, provision: baked", n, WALL),
        ),
        Goal(f"of that, configure: wall, s, N = {n}", lambda results: results.figure(FRESH.format("baked"), n, WALL)),
    ]


# What plan.yml and status.yml may take of this computer's CPU.
FIXED_S, EACH_S = 5.0, 0.2
FEW, MANY = 24, 400  # machines on the loopback


def allowed(variant: str, n: int) -> Callable[[Results], float | None]:
    """Return the control CPU of a command as a share of what it may be with so many machines."""
    return lambda results: divide(results.figure(variant, n, CONTROL), FIXED_S + EACH_S * n)


def _loopback() -> list[Goal]:
    return [
        Goal(
            f"loopback: control CPU per machine, N = {MANY} : {FEW}",
            quotient(*(per_machine(CONTROL, "loopback, nothing to change: ours", n) for n in (MANY, FEW))),
            1.1,
            "",
            "Whether the instructor's computer would keep up with a whole faculty.",
        ),
        Goal(
            f"loopback: control node's memory, N = {MANY}, MB",
            lambda results: results.figure("loopback, nothing to change: ours", MANY, "control_mb"),
        ),
        *(
            Goal(
                f"loopback: {command}.yml, control CPU : {FIXED_S:g} s + {EACH_S:g} s a machine, N = {n}",
                allowed(f"loopback, {command}: ours", n),
                1,
                "",
                means if n == FEW else "",
            )
            for command, means in (
                ("plan", "What it costs the instructor's computer to say what a launch costs."),
                ("status", "What a look at the class costs it: often enough to look before every lesson."),
            )
            for n in (FEW, MANY)
        ),
        *(
            Goal(
                f"loopback: {command}.yml, executions per machine",
                per_machine("executions", f"loopback, {command}: ours", FEW),
                1,
            )
            for command in ("plan", "status")
        ),
    ]


def _roles() -> list[Goal]:
    return [
        Goal(
            f"role {role}, {case}: {side} CPU, ours : better of {' and '.join(TOOLS)}",
            against_best(role, case, name),
            1,
        )
        for role in ROLES
        for case in ("first", "nothing to change")
        for side, name in (("control", CONTROL), ("hosts'", HOSTS))
    ]


def _walk_in() -> list[Goal]:
    spare, launched = (f"walk in, {to}: {{}}" for to in ("spare machine", "launched for it"))
    return [
        Goal(
            "walk in: from the roster's line to the clicked link, spare machine, s",
            lambda results: results.figure(spare.format("https"), 1, WALL),
            means="A student who comes late is at work so soon, with nothing but a browser.",
        ),
        Goal(
            "walk in: the same by ssh alone, through its tunnel, s",
            lambda results: results.figure(spare.format("ssh"), 1, WALL),
        ),
        Goal(
            "walk in: by the link, launched : spare machine",
            share(WALL, 1, launched.format("https"), spare.format("https")),
            means="How much longer it takes without a spare machine (`class_spare_machines`).",
        ),
    ]
