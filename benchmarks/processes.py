"""Say where the CPU of a command goes: python -m benchmarks.processes configure.yml, with ansible-playbook's options.

It is ansible-playbook itself, in this process. Each process that Ansible starts for a task on a machine notes what it
has used when it ends, and what it waited for: modules of this computer, and ssh.
"""

from __future__ import annotations

import functools
import json
import os
import resource
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ansible.cli import playbook
from ansible.executor.process.worker import WorkerProcess
from ansible.inventory.manager import InventoryManager
from ansible.playbook import Playbook

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

MAIN = os.getpid()


def cpu(who: int) -> float:
    """Return the seconds that this process has used, or those that it waited for."""
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


class Notes:
    """What was used for what, in a file that all processes write to."""

    def __init__(self, path: Path) -> None:
        """Nothing is noted yet."""
        self._path = path

    def add(self, part: str, own: float, waited_for: float = 0.0) -> None:
        """Note seconds of CPU."""
        with self._path.open("a") as file:
            file.write(json.dumps([part, own, waited_for]) + "\n")

    def of_a_call(self, owner: Any, name: str, part: str) -> None:
        """Note what a method of Ansible uses in its main process."""
        self._replace(owner, name, lambda _: part, cpu_before=True)

    def of_workers(self) -> None:
        """Note what each process for a task has used when it ends: it begins with nothing."""
        self._replace(WorkerProcess, "run", lambda worker: str(worker._task), cpu_before=False)

    def _replace(self, owner: Any, name: str, part: Callable[[Any], str], *, cpu_before: bool) -> None:
        original = getattr(owner, name)

        @functools.wraps(original)
        def noting(this: Any, *arguments: Any, **named: Any) -> Any:
            began = time.process_time() if cpu_before else 0.0
            try:
                return original(this, *arguments, **named)
            finally:
                own = time.process_time() - began if cpu_before else cpu(resource.RUSAGE_SELF)
                if cpu_before == (os.getpid() == MAIN):
                    self.add(part(this), own, 0.0 if cpu_before else cpu(resource.RUSAGE_CHILDREN))

        setattr(owner, name, noting)

    def lines(self) -> Iterator[str]:
        """Lay out a table, the largest parts first."""
        parts: defaultdict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
        for line in self._path.read_text().splitlines():
            part, own, waited_for = json.loads(line)
            parts[part] = [a + b for a, b in zip(parts[part], (1, own, waited_for), strict=True)]
        yield "| part | times | CPU, s | and of what it waited for, s |"
        yield "| --- | --- | --- | --- |"
        for part, (times, own, waited_for) in sorted(parts.items(), key=lambda each: -sum(each[1][1:])):
            yield f"| {part} | {times:.0f} | {own:.2f} | {waited_for:.2f} |"


def main() -> None:
    """Run the command, and show what it used."""
    with tempfile.TemporaryDirectory() as folder:
        notes = Notes(Path(folder, "notes"))
        notes.add("main: Python, and Ansible's own imports", time.process_time())
        notes.of_a_call(InventoryManager, "parse_sources", "main: inventory, with boto3")
        notes.of_a_call(Playbook, "load", "main: playbooks, and the roles that they import")
        notes.of_workers()
        ended: Any = 0
        try:
            ended = playbook.main(sys.argv)
        except SystemExit as end:
            ended = end.code
        finally:
            if os.getpid() == MAIN:
                notes.add("main: all of it", cpu(resource.RUSAGE_SELF))
                print("\n".join(notes.lines()))
    sys.exit(ended)


if __name__ == "__main__":
    main()
