"""What the lab's endpoint does without hosts: what it saves is read again, also by a later version; it is late."""

from __future__ import annotations

import io
import json
import pickle
import threading
from functools import partial
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from moto.core import DEFAULT_ACCOUNT_ID

from lab import endpoint, image, instances, layout
from lab.backends import LabEC2, LabImage
from lab.endpoint import Endpoint, SavedState
from lab.faults import Faults
from lab.lateness import LATENESS, USUAL
from lab.regions import REGIONS
from lab.route53 import LabRoute53
from lab.s3 import LabS3
from lab.state import Secrets

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REGION = "eu-central-1"
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


class Processes:
    """Endpoints, one after the other, in the place of processes; they touch no host."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Begin with none."""
        self._backends: dict[str, dict[str, LabEC2]] = {DEFAULT_ACCOUNT_ID: {}}
        monkeypatch.setattr(endpoint, "ec2_backends", self._backends)
        self.names: dict[str, LabRoute53] = {}
        self.pages: dict[str, LabS3] = {}
        monkeypatch.setattr(endpoint, "route53_backends", {DEFAULT_ACCOUNT_ID: self.names})
        monkeypatch.setattr(endpoint, "s3_backends", {DEFAULT_ACCOUNT_ID: self.pages})
        nothing = SimpleNamespace(
            lock=threading.RLock(),
            addresses={},
            instances=list,
            apply=lambda _instances: None,
            watch=lambda: None,
            settle_all=lambda: None,
        )
        for what in ("Fleet", "SecurityGroups", "FrontDoor", "install"):
            monkeypatch.setattr(endpoint, what, lambda *_given: nothing)

    def start(self) -> Endpoint:
        """Start the first one, as `lab up` does, or the next one, which finds what the last one saved."""
        self._backends[DEFAULT_ACCOUNT_ID][REGION] = LabEC2(REGION, DEFAULT_ACCOUNT_ID)
        LATENESS.set()
        REGIONS.clear()
        return Endpoint(Faults(), Secrets(*[letter * 20 for letter in "abcdef"]))

    @property
    def backend(self) -> LabEC2:
        """What the last one knows of the region."""
        return self._backends[DEFAULT_ACCOUNT_ID][REGION]


@pytest.fixture
def processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Processes]:
    """Return them; afterwards EC2 is on time."""
    monkeypatch.setattr(layout, "ENDPOINT_STATE", tmp_path / "endpoint.pickle")
    monkeypatch.setattr(layout, "REQUESTS", tmp_path / "requests.jsonl")
    yield Processes(monkeypatch)
    LATENESS.set()
    LATENESS.write_tags()
    REGIONS.clear()


def ask(running: Endpoint, method: str, what: str, values: Any = None) -> Any:
    """Ask over the lab's own channel."""
    body = json.dumps(values or {}).encode()
    environ = {"REQUEST_METHOD": method, "PATH_INFO": f"/lab/{what}", "CONTENT_LENGTH": str(len(body))}
    answer = running({**environ, "wsgi.input": io.BytesIO(body)}, lambda *_begun: None)
    return json.loads(b"".join(answer))


def test_a_new_lab_is_late_until_it_is_told_otherwise_and_remembers_that(processes: Processes) -> None:
    first = processes.start()
    assert ask(first, "GET", "status")["lateness"] == USUAL
    assert USUAL["ending_s"] >= 30
    assert all(USUAL.values())
    ask(first, "POST", "late", {"ending_s": 7})
    assert ask(processes.start(), "GET", "status")["lateness"] == {**dict.fromkeys(USUAL, 0), "ending_s": 7}


def test_a_lab_of_before_is_on_time_as_it_was(processes: Processes) -> None:
    layout.ENDPOINT_STATE.write_bytes(pickle.dumps({"backends": {}, "addresses": {}}))
    assert not any(ask(processes.start(), "GET", "status")["lateness"].values())


def test_a_region_that_was_enabled_outlives_the_endpoint(processes: Processes) -> None:
    assert ask(processes.start(), "GET", "status")["opted_in"] == []
    ask(processes.start(), "POST", "region", {"name": "eu-south-1"})
    assert ask(processes.start(), "GET", "status")["opted_in"] == ["eu-south-1"]


def test_tags_that_are_not_read_yet_outlive_the_endpoint(processes: Processes) -> None:
    first = processes.start()
    (vpc, *_) = processes.backend.vpcs
    LATENESS.tag(partial(processes.backend.create_tags, [vpc], {"Class": "new"}))
    ask(first, "POST", "late", {"tags_s": 1000})  # it saves
    assert "Class" not in processes.backend.tags.get(vpc, {})
    processes.start()
    assert processes.backend.tags[vpc]["Class"] == "new"


def test_names_and_pages_outlive_the_endpoint(processes: Processes) -> None:
    first = processes.start()
    names, pages = LabRoute53("aws", DEFAULT_ACCOUNT_ID), LabS3("aws", DEFAULT_ACCOUNT_ID)
    processes.names["aws"], processes.pages["aws"] = names, pages
    zone = names.create_hosted_zone("class.example.org.", private_zone=False, caller_reference="1")
    pages.create_bucket("pages", "us-east-1")
    pages.put_object("pages", "page.html", b"<p>Off</p>")
    ask(first, "POST", "late")  # it saves
    processes.names.clear()
    processes.pages.clear()
    processes.start()
    names, pages = processes.names["aws"], processes.pages["aws"]
    assert list(names.zones) == [zone.resource_id]
    assert [each.type for each in names.published()["class.example.org."]] == ["NS", "SOA"]
    assert pages.get_object("pages", "page.html").value == b"<p>Off</p>"
    assert pages.get_bucket("pages").ownership_rule == "BucketOwnerEnforced"
