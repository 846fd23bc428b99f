"""Whatever talks to AWS is told the region once for a play, by the group of the collection."""

from __future__ import annotations

import pytest
import yaml

from tools import COLLECTION, PROJECT
from tools.role_specs import mappings

MEMBERS = yaml.safe_load((COLLECTION / "meta/runtime.yml").read_text())["action_groups"]["aws"]
OURS = COLLECTION / "plugins/modules"
THEIRS = "amazon.aws."


@pytest.mark.parametrize("folder", ["playbooks", "roles", "molecule"])
def test_each_module_of_amazon_aws_that_a_task_names_is_in_the_group(folder: str) -> None:
    files = (PROJECT / folder).rglob("*.yml")
    tasks = [mapping for file in files for mapping in mappings(yaml.safe_load(file.read_text()))]
    named = {name for task in tasks for name in task if isinstance(name, str) and name.startswith(THEIRS)}
    assert named <= set(MEMBERS)


def test_each_of_our_own_that_takes_a_region_is_in_the_group() -> None:
    documented = {path.stem: path.read_text() for path in OURS.glob("*.py")}
    taking = {name for name, text in documented.items() if "amazon.aws.region.modules" in text}
    assert taking
    assert taking <= set(MEMBERS)
    assert {name for name in MEMBERS if not name.startswith(THEIRS)} <= documented.keys()
