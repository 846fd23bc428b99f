"""Names in git: any of them comes back as it was, and ordinary ones stay readable."""

from __future__ import annotations

from urllib.parse import unquote_to_bytes

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.host import file_names
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.version_index import encoded
from hypothesis import given
from hypothesis import strategies as st


@given(st.binary(min_size=1, max_size=20).filter(lambda name: not set(name) & {0, 0x2F}))
def test_any_name_is_written_so_that_git_takes_it_and_read_back(name: bytes) -> None:
    shown = encoded(file_names.text(name))
    assert unquote_to_bytes(shown) == name
    assert not set(shown) & set('\n"\\~:/')
    assert not shown.lower().startswith((".git", "git"))


@pytest.mark.parametrize("name", ["lecture 1.ipynb", "Übung_3 (neu).ipynb", "データ.csv", ".config", "a+b=c.py"])
def test_ordinary_names_stay_readable(name: str) -> None:
    assert encoded(name) == name
