"""Host keys that are read from consoles: what AWS refuses is said in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.modules import host_keys

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.aws_modules import AwsModules
    from tests.support.desk import Aws


def test_what_aws_refuses_is_said_without_the_message_that_it_encodes(
    aws: Aws, modules: AwsModules, tmp_path: Path
) -> None:
    (machine,) = modules.launch(Name="ml101-001")
    aws.refuse("GetConsoleOutput", "UnauthorizedOperation", f"Encoded authorization failure message: {'x' * 900}")
    given = [{"instance_id": machine, "state": {"name": "running"}, "tags": {"Name": "ml101-001"}}]
    told = modules.run(host_keys, instances=given, path=str(tmp_path / "known_hosts"))
    assert told["msg"].startswith(
        "AWS does not permit GetConsoleOutput to these credentials (UnauthorizedOperation).\n"
    )
    assert "xxx" not in str(told)
