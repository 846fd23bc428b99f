"""What a machine says arrives as it was said, and what no machine would say is refused."""

from __future__ import annotations

import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import entries
from ansible_collections.machine_learning.classroom.plugins.module_utils.work import manifest as manifest_module
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.entries import Entry
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import Manifest


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a//b", ".", "a/..", "", "a\0b"])
def test_a_path_that_leaves_its_folder_is_refused(path: str) -> None:
    for manifest in (Manifest(put={path: (entries.A_FOLDER, -1)}), Manifest(gone=[path])):
        with pytest.raises(ValueError, match="impossible path"):
            Manifest.unpacked(manifest.packed())


@pytest.mark.parametrize("kind", ["f", "l"])
def test_a_file_in_what_is_no_folder_is_refused(kind: str) -> None:
    entry = Entry(kind, 0, 0, 0, 0, 0)
    Manifest.unpacked(Manifest(put={"a": (entry, -1), "a.b/c": (entry, -1), "a b": (entry, -1)}).packed())
    with pytest.raises(ValueError, match="in what is no folder: a/b/c"):
        Manifest.unpacked(Manifest(put={"a": (entry, -1), "a/b/c": (entry, -1)}).packed())


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "xx",
        "!",
        manifest_module.pack_json([]),
        manifest_module.pack_json({"put": {"a": ["f"]}}),
        manifest_module.pack_json({"put": {}, "evil": 1}),
    ]
    + [
        manifest_module.pack_json({"put": {"a": row}})
        for row in (["f", -1, 0, 0, 0, 0, "", 0], ["x", 1, 0, 0, 0, 0, "", 0])
    ]
    + [
        manifest_module.pack_json({"put": {}, key: value})
        for key, value in (("gone", [1]), ("files", "1"), ("left", {"a": 1}))
    ],
)
def test_an_answer_that_is_none_is_a_sentence(answer: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        Manifest.unpacked(answer)


def test_a_manifest_and_what_is_known_travel_unharmed() -> None:
    entry = Entry("f", 1, -5, 2**62, 3, 0o7777, "ab")
    names = ["a", "\udcff\n", "ü"]
    manifest = Manifest(put=dict.fromkeys(names, (entry, 7)), gone=names, left={"x": "y"})
    assert Manifest.unpacked(manifest.packed()) == manifest
    assert manifest_module.unpack_known(manifest_module.pack_known({"\udcff": entry})) == {"\udcff": entry}
