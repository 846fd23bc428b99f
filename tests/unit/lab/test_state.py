"""The lab's secrets: made once, and those of an earlier version are kept."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from lab import layout
from lab.state import Secrets

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def test_secrets_are_made_once_and_what_an_earlier_lab_lacks_is_added(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(layout, "SECRETS", tmp_path / "secrets.json")
    made = Secrets.load()
    assert Secrets.load() == made
    assert len(set(asdict(made).values())) == 6
    earlier = {key: value for key, value in asdict(made).items() if not key.startswith("owner_")}
    layout.SECRETS.write_text(json.dumps(earlier))
    mended = Secrets.load()
    assert {key: asdict(mended)[key] for key in earlier} == earlier
    assert Secrets.load() == mended
    assert mended.owner_access_key not in ("", made.owner_access_key, mended.access_key)
    assert layout.SECRETS.stat().st_mode & 0o077 == 0
