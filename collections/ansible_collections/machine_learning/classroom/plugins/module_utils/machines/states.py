"""Starting, stopping and terminating many instances, where one that AWS refuses holds up no other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# EC2 takes so many ids in one request: https://docs.aws.amazon.com/ec2/latest/devguide/ec2-api-pagination.html
IDS_AT_ONCE = 1000


@dataclass(frozen=True)
class Change:
    """How instances come into a state.

    `action` is the method of a boto3 client that asks for it, `state` where they are to arrive. It is asked for in
    none of the states `done`, in which they are on their way; in those of `wait` EC2 refuses it until they have passed.
    """

    action: str
    state: str
    done: tuple[str, ...]
    wait: tuple[str, ...]


CHANGES = {
    "started": Change("start_instances", "running", ("pending", "running"), ("stopping",)),
    "stopped": Change("stop_instances", "stopped", ("stopping", "stopped"), ("pending",)),
    "terminated": Change("terminate_instances", "terminated", ("shutting-down", "terminated"), ()),
}
GONE = ("shutting-down", "terminated")


def batches(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield `ids` in as many as one request takes."""
    for begin in range(0, len(ids), IDS_AT_ONCE):
        yield ids[begin : begin + IDS_AT_ONCE]


def change_all(ids: Sequence[str], change: Callable[[Sequence[str]], str]) -> dict[str, str]:
    """Change all of `ids`; return why not, for those that `change` refuses.

    `change` does all that it is given, or nothing and returns why: so EC2 answers. What it refuses is tried in halves,
    which finds a few among many with the fewest requests: EC2 takes only two StartInstances a second.
    """
    refused: dict[str, str] = {}
    waiting = [list(batch) for batch in batches(ids)]
    while waiting:
        batch = waiting.pop(0)
        if not (reason := change(batch)):
            continue
        if len(batch) == 1:
            refused[batch[0]] = reason
        else:
            middle = len(batch) // 2
            waiting += [batch[:middle], batch[middle:]]
    return refused
