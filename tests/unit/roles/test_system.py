"""The texts that the role lays, read as those programs read them for which they are meant."""

from __future__ import annotations

import re
import subprocess
from configparser import ConfigParser
from pathlib import Path

import jinja2
import pytest
from ansible_collections.machine_learning.classroom.plugins.module_utils.machines.host_keys import keys_in_console

from tools import PROJECT

ROLE = PROJECT / "roles" / "system"


def test_the_unit_prints_what_is_read_of_a_console(tmp_path: Path) -> None:
    for kind in ("ed25519", "ecdsa", "rsa"):
        key = tmp_path / f"ssh_host_{kind}_key"
        subprocess.run(["ssh-keygen", "-q", "-t", kind, "-N", "", "-f", key], check=True)
    unit = ConfigParser(interpolation=None, strict=False)
    unit.read(ROLE / "files" / "class-host-keys.service")
    found = re.fullmatch(r"/bin/sh -c '(.*)'", unit["Service"]["ExecStart"])
    assert found
    # As systemd reads it (systemd.service(5), Command lines): %% is %, \\ is \.
    script = found[1].replace("%%", "%").replace("\\\\", "\\").replace("/etc/ssh", str(tmp_path))
    shown = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True).stdout
    keys = {(key.kind, key.key) for key in keys_in_console(shown, "ml101-001", "i-1")}
    assert keys == {tuple(path.read_text().split()[:2]) for path in tmp_path.glob("*.pub")}
    assert len(keys) == 3


@pytest.mark.parametrize(
    ("unit", "restarted"),
    [("jupyter@ada.service", "0"), ("jupyter-port@ada.service", "0"), ("cron.service", ""), ("my-jupyter@.socket", "")],
)
def test_needrestart_leaves_jupyter_alone(tmp_path: Path, unit: str, restarted: str) -> None:
    template = (ROLE / "templates" / "needrestart.conf.j2").read_text()
    text = jinja2.Environment(trim_blocks=True).from_string(template)  # noqa: S701 - no page for a browser
    path = tmp_path / "class.conf"
    path.write_text(text.render(system_left_running=["jupyter@", "jupyter-port@"]))
    # As needrestart 3.6 does it.
    look = """
        our %nrconf = (override_rc => {});
        my ($path, $unit) = @ARGV;
        eval do { local(@ARGV, $/) = $path; <> };
        die $@ if $@;
        foreach my $re (keys %{$nrconf{override_rc}}) { print $nrconf{override_rc}{$re} if $unit =~ /$re/ }
    """
    said = subprocess.run(["perl", "-e", look, path, unit], check=True, capture_output=True, text=True).stdout
    assert said == restarted
