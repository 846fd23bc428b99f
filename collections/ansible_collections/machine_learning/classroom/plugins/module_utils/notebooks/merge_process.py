"""A merge of notebooks in a process of its own, in the Python of the students' environment, which has nbformat.

A notebook that was made to exhaust memory or time ends this process alone, and then the student's file stays as it is.
"""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# What a merge may take, in seconds.
MERGE_S = 40.0


def program_merger(python: str, program: str) -> Callable[[bytes, bytes, bytes], dict[str, Any]]:
    """Return a merger that runs `program`, the text of merge.py, in the interpreter `python`.

    It answers as `merge.answer` does: why there is no merge is a `doubt`, whatever went wrong.
    """

    def merge(base: bytes, student: bytes, template: bytes) -> dict[str, Any]:
        try:
            texts = {"base": base.decode(), "student": student.decode(), "template": template.decode()}
        except UnicodeDecodeError:
            return {"doubt": "it is not a notebook that can be read"}
        # -I: nothing from the student's home is imported.
        command = [python, "-I", "-c", program]
        try:
            done = subprocess.run(
                command,
                input=json.dumps(texts).encode(),
                capture_output=True,
                timeout=MERGE_S,
                cwd="/",
                env={},
                check=True,
            )
            answer = json.loads(done.stdout)
        except subprocess.TimeoutExpired:
            return {"doubt": f"it could not be merged within {MERGE_S:.0f} seconds"}
        except subprocess.CalledProcessError as error:
            last = (error.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
            return {"doubt": f"it could not be merged ({last})"}
        except (OSError, ValueError) as error:
            return {"doubt": f"it could not be merged ({error})"}
        return answer if isinstance(answer, dict) else {}

    return merge
