"""What a run is said to have taken is what it took, with all that it leaves behind."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import measure, watch
from benchmarks.measure import Around

NOWHERE = Around(requests=None, counters=None)
# Burns CPU in a process that outlives the command, as ssh's masters do.
BURN = "import os, time\nwhile os.times().user < 0.5: pass\nprint('burnt', flush=True)\ntime.sleep(600)"


def alive(word: str) -> list[str]:
    """Return the command lines with a word that nobody else says."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_text())
        except OSError:
            continue  # it has just ended
    return [line for line in lines if word in line]


def test_what_a_command_leaves_behind_is_counted_and_ended(tmp_path: Path) -> None:
    said = tmp_path / "said"
    mark = f"mark-{os.getpid()}"
    line = f'(setsid python3 -c "{BURN}" {mark} >{said} &) ; until grep -q burnt {said}; do sleep 0.05; done'
    _, took = measure.measure(line, NOWHERE)
    assert took["control_cpu_s"] >= 0.5
    assert took["control_mb"] > 5
    assert not alive(mark)


def test_memory_is_the_most_at_one_time() -> None:
    """On a busy computer a look takes long, and so comes seldom: the process is there until it was looked at."""
    with subprocess.Popen(
        [sys.executable, "-c", "import sys; held = b'x' * (200 << 20); input(); del held; sys.stdin.read()"],
        stdin=subprocess.PIPE,
    ) as child:
        assert child.stdin is not None
        looking = watch.Watch()
        deadline = time.monotonic() + 60
        while looking.most_mb < 200 and time.monotonic() < deadline:
            time.sleep(0.05)
        child.stdin.write(b"\n")
        child.stdin.flush()
        time.sleep(0.5)
        assert 200 < looking.end() < 300


def test_executions_are_counted_but_not_questions_to_a_master() -> None:
    _, took = measure.measure("ssh -V && sftp -h; scp -h; ssh -O check nowhere; true", NOWHERE)
    assert took["executions"] == 3


def test_requests_for_consoles_do_not_count(tmp_path: Path) -> None:
    log = tmp_path / "requests.jsonl"
    log.write_text('{"action": "RunInstances"}\n')
    line = f"""printf '{{"action": "GetConsoleOutput"}}\\n{{"action": "CreateTags"}}\\n' >>{log}"""
    _, took = measure.measure(line, Around(requests=log, counters=None))
    assert took["api_requests"] == 1


def test_a_command_that_fails_ends_the_benchmark_with_its_words() -> None:
    with pytest.raises(SystemExit, match="no such thing"):
        measure.measure("echo no such thing; exit 3", NOWHERE)


def test_processes_and_their_processes_are_found() -> None:
    with subprocess.Popen(["sh", "-c", "sleep 60 & echo $!; wait"], stdout=subprocess.PIPE, text=True) as shell:
        assert shell.stdout is not None
        sleeper = int(shell.stdout.readline())
        assert {shell.pid, sleeper} <= set(watch.descendants(os.getpid()))
        assert set(watch.descendants(shell.pid)) == {sleeper}
        os.kill(sleeper, 9)
