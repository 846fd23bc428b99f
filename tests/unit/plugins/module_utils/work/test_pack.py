"""Packing on a disk that is full or fails."""

from __future__ import annotations

import errno
import gzip
from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import errors
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import pack as pack_module

from tests.support.machine_and_home import Way


def test_a_full_disk_on_the_machine_is_named_and_what_fits_comes_home(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    (way.machine / "a").write_text("a")
    monkeypatch.setattr(pack_module, "SPARE_BYTES", 1 << 60)
    manifest, counts = way.collect()
    assert list(manifest.left) == ["a"]
    assert "the machine's disk has" in manifest.left["a"]
    assert counts.new == 0


def test_a_disk_that_fails_while_packing_is_an_error_and_not_half_a_pack(
    way: Way, monkeypatch: pytest.MonkeyPatch
) -> None:
    (way.machine / "a").write_text("a")

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(gzip.GzipFile, "write", full)
    with pytest.raises(errors.PackError, match="No space left"):
        way.manifest()
