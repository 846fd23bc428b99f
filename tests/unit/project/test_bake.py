"""What bake.yml puts on a machine before it becomes an image, and what is asked of an image to fit."""

from __future__ import annotations

import re

import yaml

from tools import PROJECT
from tools.role_specs import mappings

MAKES = "Make the machine what every machine of the class is before it has students"
# Those of make_ready.yml that do not know who will sit there.
BEFORE_STUDENTS = ["system", "conda", "data", "front"]
JOBS = PROJECT / "collections/ansible_collections/machine_learning/classroom/plugins/module_utils/jobs"


def baked() -> list[str]:
    """Return the roles that the machine gets, in their order."""
    plays = yaml.safe_load((PROJECT / "playbooks/bake.yml").read_text())
    (play,) = (play for play in plays if play["name"] == MAKES)
    imports = "ansible.builtin.import_role"
    return [task[imports]["name"] for task in mappings(play["tasks"]) if imports in task]


def test_an_image_has_all_that_machines_have_before_they_have_students() -> None:
    assert baked() == [*BEFORE_STUDENTS, "image"]


def test_an_image_fits_no_more_when_a_role_or_its_job_has_changed() -> None:
    variables = yaml.safe_load((PROJECT / "roles/machines/vars/main.yml").read_text())
    decide = set(re.findall(r"'([\w/.]+)'", variables["__machines_baked_content"]["roles"]))
    for role in baked():
        tasks = (PROJECT / "roles" / role / "tasks/main.yml").read_text()
        jobs = {f"jobs/{path.name}" for path in JOBS.glob("*.py") if f"classroom.{path.stem}:" in tasks}
        assert len(jobs) == 1
        assert {role, *jobs} <= decide
