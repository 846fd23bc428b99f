"""Whether a unit starts at boot: a link that says so is believed, all else is asked."""

from __future__ import annotations

from subprocess import CompletedProcess
from typing import TYPE_CHECKING
from unittest.mock import MagicMock

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import host as host_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

UNIT = "jupyter@ada.service"


class Asked(Host):
    """A host in check mode, on which no unit starts at boot if systemctl is asked."""

    def __init__(self) -> None:
        """Nothing was asked yet."""
        super().__init__(MagicMock(check_mode=True))
        self.asked: list[str] = []

    def probe(self, argv: Sequence[str], *, stdin: str | None = None) -> CompletedProcess[str]:
        """Keep what was asked."""
        self.asked.append(" ".join(argv))
        return CompletedProcess(argv, 1, stdin or "", "")


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the folder of the machine's own units; UNIT's link is there."""
    etc, run = tmp_path / "etc", tmp_path / "run"
    (etc / "multi-user.target.wants").mkdir(parents=True)
    run.mkdir()
    (etc / "jupyter@.service").write_text("[Service]\n")
    (etc / "multi-user.target.wants" / UNIT).symlink_to(etc / "jupyter@.service")
    monkeypatch.setattr(host_module, "UNITS", (str(etc), str(run)))
    return etc


@pytest.mark.usefixtures("etc")
def test_a_unit_with_its_link_starts_at_boot() -> None:
    host = Asked()
    host.enable(UNIT)
    assert (host.asked, host.changes) == ([], [])


@pytest.mark.usefixtures("etc")
@pytest.mark.parametrize("unit", ["jupyter@grace.service", "jupyter@.service", "jupyter@ada.socket", "ada.service"])
def test_another_unit_is_asked_about(unit: str) -> None:
    host = Asked()
    host.enable(unit)
    assert (host.asked, host.changes) == ([f"systemctl is-enabled --quiet {unit}"], [f"enabled {unit}"])


@pytest.mark.parametrize("leads_to", ["/dev/null", "gone.service"])
def test_a_link_that_leads_to_no_unit_is_asked_about(etc: Path, leads_to: str) -> None:
    link = etc / "multi-user.target.wants" / UNIT
    link.unlink()
    link.symlink_to(leads_to)
    host = Asked()
    host.enable(UNIT)
    assert host.asked == [f"systemctl is-enabled --quiet {UNIT}"]


def test_a_unit_whose_own_file_is_empty_is_asked_about(etc: Path) -> None:
    (etc / UNIT).touch()
    host = Asked()
    host.enable(UNIT)
    assert host.asked == [f"systemctl is-enabled --quiet {UNIT}"]


@pytest.mark.parametrize("folder", ["etc", "run"])
def test_a_unit_that_is_masked_is_asked_about(etc: Path, folder: str) -> None:
    (etc.parent / folder / UNIT).symlink_to("/dev/null")
    host = Asked()
    host.enable(UNIT)
    assert host.asked == [f"systemctl is-enabled --quiet {UNIT}"]
