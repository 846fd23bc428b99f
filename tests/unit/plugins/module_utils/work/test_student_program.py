"""The program of the timer and of the student's commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from ansible_collections.machine_learning.classroom.plugins.module_utils.work import student_program

from tests.support.terminal import Terminal


def test_the_program_runs_alone_and_is_the_same_every_time(terminal: Terminal, base: Path) -> None:
    assert student_program.program() == student_program.program()
    terminal.save(essay="kept")
    (terminal.folder / "essay.txt").unlink()
    settings = base / "my-work.json"
    settings.write_text(json.dumps(vars(terminal.settings)))
    code = f"import sys; sys.path.insert(0, {str(base / 'p.zip')!r}); from {student_program.__name__} import main; " + (
        f"sys.exit(main(sys.argv[1:], {str(settings)!r}))"
    )
    (base / "p.zip").write_bytes(student_program.program())

    def run(*words: str) -> subprocess.CompletedProcess[str]:
        python = [sys.executable, "-I", "-c", code, *words]
        return subprocess.run(python, cwd=base, capture_output=True, text=True, check=False)

    assert run("save").returncode == 0
    done = run("my-work")
    assert "deleted  essay.txt" in done.stdout
    done = run("bring-back", "essay.txt")
    assert done.stdout == f"It is here: {terminal.folder}/essay.txt\n"
    done = run("bring-back", "never.txt")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("never.txt was never saved.")
