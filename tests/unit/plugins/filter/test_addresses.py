"""Which addresses students had before, as roles ask for it."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.machine_learning.classroom.plugins.filter.addresses import former_addresses
from ansible_collections.machine_learning.classroom.plugins.module_utils.credentials import make_credential


@pytest.mark.parametrize("setting", [None, "", "ada@example.org: ada@example.com", ["ada@example.org"]])
def test_a_setting_of_another_type_keeps_no_work_from_coming_home(setting: Any) -> None:
    kept = {"ada@example.com": make_credential("ada"), "grace@example.com": make_credential("grace")}
    kept["grace@example.com"]["formerly"] = ["grace@example.org"]
    assert former_addresses(kept, setting) == {"grace": ["grace@example.org"]}
