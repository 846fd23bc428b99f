"""How packs travel from a machine, and whose they are there."""

from __future__ import annotations

import base64
import gzip
import os
import pwd
from pathlib import Path

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import pack_known
from ansible_collections.machine_learning.classroom.plugins.modules import work_pack


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away")
def test_a_small_pack_travels_in_the_answer_and_leaves_nothing_on_the_machine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_pack, "PLACE", str(tmp_path))
    for name, size in (("ada", 10), ("grace", work_pack.INLINE_BYTES * 2)):
        (tmp_path / "source" / name).mkdir(parents=True)
        (tmp_path / "source" / name / "a").write_bytes(os.urandom(size))
    source, store, homes = (str(tmp_path / name) for name in ("source", "store", "homes"))
    packer = work_pack.Packer(source, store, homes, 10 << 20, check_mode=False)
    small, large = (packer.student(name, pack_known({}), []) for name in ("ada", "grace"))
    packer.hand_over()
    assert gzip.decompress(base64.b64decode(small["inline"])) == (tmp_path / "source" / "ada" / "a").read_bytes()
    assert (small["pack"], large["inline"], os.listdir(packer.folder)) == ("", "", ["grace"])
    packer = work_pack.Packer(source, store, homes, 10 << 20, check_mode=False)
    packer.student("ada", pack_known({}), [])
    packer.hand_over()
    assert packer.folder == ""
    assert sum(path.name.startswith(work_pack.PREFIX) for path in tmp_path.iterdir()) == 1


def test_packs_belong_to_the_user_who_fetches_them_and_to_nobody_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUDO_UID", str(pwd.getpwnam("nobody").pw_uid))
    monkeypatch.setattr(work_pack, "PLACE", str(tmp_path))
    (tmp_path / "source" / "ada").mkdir(parents=True)
    (tmp_path / "source" / "ada" / "a").write_text("a")
    monkeypatch.setattr(work_pack, "INLINE_BYTES", 0)
    packer = work_pack.Packer(
        str(tmp_path / "source"), str(tmp_path / "store"), str(tmp_path / "homes"), 1000, check_mode=False
    )
    answer = packer.student("ada", pack_known({}), [])
    packer.hand_over()
    for path, mode in ((packer.folder, 0o700), (answer["pack"], 0o644)):
        status = os.stat(path)
        assert (status.st_uid, status.st_mode & 0o777) == (pwd.getpwnam("nobody").pw_uid, mode)
    os.utime(packer.folder, (1, 1))
    (tmp_path / f"{work_pack.PREFIX}hostile").symlink_to(tmp_path / "source")
    work_pack.remove_stale()
    assert not Path(packer.folder).exists()
    assert (tmp_path / "source" / "ada" / "a").exists()
