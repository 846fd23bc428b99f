"""What `lab/state` tells a shell and the playbooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from lab import layout


def test_activate_exports_what_differs_from_aws(environment: dict[str, str], variables: dict[str, Any]) -> None:
    assert environment["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert environment["AWS_EC2_METADATA_DISABLED"] == "true"
    assert {"AWS_PROFILE", "AWS_SESSION_TOKEN"}.isdisjoint(environment)
    # Ansible censors every word that contains a secret: a short one would censor half of the results.
    assert len(environment["AWS_SECRET_ACCESS_KEY"]) > 40
    assert environment["PATH"].split(":").count(str(layout.PROJECT / ".venv/bin")) == 1
    own, ours = environment["ANSIBLE_INVENTORY"].split(",")
    assert own == str(layout.PROJECT / "inventory")
    group = yaml.safe_load(Path(ours, "lab.yml").read_text())["lab"]
    assert set(group["children"]) == {"control", "machines", "baking"}
    assert variables["class_mirror_url"] == layout.MIRROR_URL
    assert layout.VARIABLES.stat().st_mode & 0o077 == 0
