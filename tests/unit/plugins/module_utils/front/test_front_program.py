"""The program of the front's units, as a machine's own Python runs it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.front import front_program
from ansible_collections.machine_learning.classroom.plugins.module_utils.front.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path

CERTBOT = "def main(): import sys; print('Detail: the authority is away', file=sys.stderr); return 1\n"
NAME = "s001.ml101.example.com"


@pytest.mark.parametrize(
    ("word", "hosts", "status", "said"),
    [
        ("address", f"{NAME} ada\n", 0, ""),
        ("certificate", "", 0, "The front is closed, so no certificate is due.\n"),
        ("certificate", f"{NAME} ada\n", 1, "the authority is away\n"),
    ],
)
def test_it_runs_alone_and_is_the_same_every_time(
    tmp_path: Path, word: str, hosts: str, status: int, said: str
) -> None:
    assert front_program.program() == front_program.program()
    (tmp_path / "front.pyz").write_bytes(front_program.program())
    (tmp_path / "hosts.map").write_text(hosts)
    client = tmp_path / "client"
    (client / "certbot").mkdir(parents=True)
    (client / "certbot" / "__init__.py").touch()
    (client / "certbot" / "main.py").write_text(CERTBOT)
    settings = Settings({"ada": NAME}, str(tmp_path), str(tmp_path), "", str(client), "https://acme.example.com/d", "")
    (tmp_path / "settings.json").write_text(settings.text())
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); from {0} import main; sys.exit(main(sys.argv[3:], sys.argv[2]))"
    )
    script = code.format(front_program.__name__)
    python = [sys.executable, "-I", "-S", "-c", script, f"{tmp_path}/front.pyz", f"{tmp_path}/settings.json", word]
    done = subprocess.run(python, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (status, said), done.stderr
