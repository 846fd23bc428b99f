"""What the screen's plugin does beside the screen."""

from __future__ import annotations

import gc
from unittest.mock import MagicMock

from ansible_collections.machine_learning.classroom.plugins.callback.lean import CallbackModule


def test_the_forks_of_a_play_look_for_garbage_in_nothing_that_is_older() -> None:
    """Each would copy all that Ansible has loaded."""
    gc.unfreeze()
    try:
        CallbackModule().v2_playbook_on_play_start(MagicMock())
        assert not gc.get_objects(generation=2)
    finally:
        gc.unfreeze()
