"""The lab as people use it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from lab import layout


def lab(*arguments: str, cwd: Path = layout.PROJECT) -> subprocess.CompletedProcess[str]:
    """Run `python -m lab`."""
    return subprocess.run(
        [sys.executable, "-m", "lab", *arguments], cwd=cwd, capture_output=True, text=True, check=False
    )
