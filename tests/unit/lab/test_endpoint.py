"""What the lab's endpoint does without hosts: a state that an earlier version saved is read."""

from __future__ import annotations

import io
import pickle
from typing import TYPE_CHECKING

from lab import image, instances
from lab.backends import LabEC2, LabImage
from lab.endpoint import SavedState

if TYPE_CHECKING:
    import pytest

AMI = image.RELEASES[0].ami


def test_a_state_is_read_that_was_saved_when_its_classes_lay_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    backend = LabEC2("eu-central-1", "123456789012")
    with monkeypatch.context() as earlier:
        for kind in (LabEC2, LabImage):
            earlier.setattr(kind, "__module__", "lab.instances")
            earlier.setattr(instances, kind.__name__, kind, raising=False)
        saved = pickle.dumps(backend)
    assert b"lab.instances" in saved
    assert b"lab.backends" not in saved
    read = SavedState(io.BytesIO(saved)).load()
    assert type(read) is LabEC2
    assert type(read.amis[AMI]) is LabImage
    assert read.amis[AMI].name == backend.amis[AMI].name
