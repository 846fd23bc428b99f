"""The user data of a launch, as cloud-init reads it."""

from __future__ import annotations

from typing import Any

import jinja2
import pytest
import yaml

from tools import PROJECT

ROLES = PROJECT / "roles"
UNITS = "/etc/systemd/system"
HARD_STOP = {f"{UNITS}/class-stop.service", f"{UNITS}/class-stop.timer"}


def user_data(hours: int, unit: str) -> dict[str, Any]:
    """Return the user data of a machine that stops after so many hours, with this unit for its host keys."""
    template = (ROLES / "machines" / "templates" / "user-data.yml.j2").read_text()
    text = jinja2.Environment(trim_blocks=True).from_string(template)  # noqa: S701 - no page for a browser
    rendered = text.render(machines_max_hours=hours, __machines_host_keys_unit=unit)
    assert rendered.startswith("#cloud-config\n")
    return dict(yaml.safe_load(rendered))


@pytest.mark.parametrize("hours", [0, 12])
def test_every_machine_has_the_unit_of_the_role_system_and_the_hard_stop_if_there_is_one(hours: int) -> None:
    unit = (ROLES / "system" / "files" / "class-host-keys.service").read_text()
    read = user_data(hours, unit.rstrip("\n"))  # the lookup takes the last line end off
    files = {file["path"]: file["content"] for file in read["write_files"]}
    assert files.pop(f"{UNITS}/class-host-keys.service") == unit
    assert set(files) == (HARD_STOP if hours else set())
    enabled = {command[-1] for command in read["runcmd"] if "enable" in command}
    assert enabled == {"class-host-keys.service"} | ({"class-stop.timer"} if hours else set())
    assert read["runcmd"][0] == ["systemctl", "daemon-reload"]
