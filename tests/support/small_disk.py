"""A disk of its own for a folder, so small that it fills."""

from __future__ import annotations

import subprocess
from pathlib import Path


class Mount:
    """A small disk of its own."""

    def __init__(self, path: Path, size: str) -> None:
        """Mount it."""
        path.mkdir(exist_ok=True)
        self.path = path
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)], check=True)

    def close(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", str(self.path)], check=True)
