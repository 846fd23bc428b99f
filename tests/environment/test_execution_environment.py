"""The execution environment is complete: the playbooks run on what it lists, with nothing of the developers' tools."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from moto.server import ThreadedMotoServer

from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFINITION: dict[str, Any] = yaml.safe_load((PROJECT / "execution-environment.yml").read_text())
PLAYBOOKS = sorted(path.name for path in PROJECT.glob("*.yml") if (PROJECT / "playbooks" / path.name).exists())
pytestmark = pytest.mark.timeout(900)


class Environment:
    """A virtual environment with the inputs of the image, and a home of its own."""

    def __init__(self, base: Path) -> None:
        """Install the inputs below `base`, as the image's recipe does."""
        self.base, self.home = base / "venv", base / "home"
        self.home.mkdir()
        (sources,) = (entry["src"] for entry in DEFINITION["additional_build_files"])
        runner = DEFINITION["dependencies"]["ansible_runner"]["package_pip"]
        subprocess.run([sys.executable, "-m", "venv", str(self.base)], check=True)
        for wanted in ([runner], ["--require-hashes", "--requirement", str(PROJECT / sources)]):
            pip = [str(self.base / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check", *wanted]
            subprocess.run(pip, check=True)

    def run(self, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the environment in the project, with nothing else in its PATH but the system's."""
        return subprocess.run(
            [str(self.base / "bin" / command[0]), *command[1:]],
            cwd=PROJECT,
            env={"PATH": f"{self.base}/bin:/usr/bin:/bin", "HOME": str(self.home), "LANG": "C.UTF-8", **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """Make the environment once."""
    return Environment(tmp_path_factory.mktemp("environment"))


@pytest.fixture(scope="module")
def aws() -> Iterator[dict[str, str]]:
    """Answer as AWS would, from a process outside of the environment; return what leads there."""
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "AKIAEXECUTIONENVIRONMENT",
        "AWS_SECRET_ACCESS_KEY": "made-up-for-the-test-of-the-environment",
    }
    server.stop()


# What merges notebooks runs there, on a machine, as a program of its own.
IN_THE_STUDENTS_ENVIRONMENT = "nbformat"


class Imports(ast.NodeVisitor):
    """The packages that a module imports when it runs."""

    def __init__(self) -> None:
        """None so far."""
        self.found: set[str] = set()

    def visit_If(self, node: ast.If) -> None:
        """Leave out what only the type checker imports."""
        for part in node.orelse if ast.unparse(node.test) == "TYPE_CHECKING" else ast.iter_child_nodes(node):
            self.visit(part)

    def visit_Import(self, node: ast.Import) -> None:
        """Take the packages of `import …`."""
        self.found |= {alias.name.split(".")[0] for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Take the package of `from … import …`, unless it is our own."""
        if node.level == 0 and node.module:
            self.found.add(node.module.split(".")[0])


def third_party() -> set[str]:
    """Name the packages that the project's own plugins import on the control node."""
    files = [*(PROJECT / "collections").rglob("*.py")]
    assert files
    imports = Imports()
    for path in files:
        imports.visit(ast.parse(path.read_text(encoding="utf-8")))
    return imports.found - set(sys.stdlib_module_names) - {"ansible_collections", IN_THE_STUDENTS_ENVIRONMENT}


def test_every_package_that_the_plugins_import_is_there(environment: Environment) -> None:
    wanted = third_party()
    assert {"ansible", "botocore", "rattler", "yaml"} <= wanted
    said = environment.run("python", "-c", f"import {', '.join(sorted(wanted))}")
    assert said.returncode == 0, said.stderr


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_playbook_finds_its_modules(environment: Environment, playbook: str) -> None:
    said = environment.run("ansible-playbook", "--syntax-check", "--inventory=inventory/10-control.yml", playbook)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_inventory_asks_aws(environment: Environment, aws: dict[str, str]) -> None:
    said = environment.run("ansible-inventory", "--list", **aws)
    assert said.returncode == 0, said.stderr
    assert "WARNING" not in said.stderr
    assert "machines" in json.loads(said.stdout)["all"]["children"]


def test_the_playbooks_run(environment: Environment, aws: dict[str, str]) -> None:
    class_ = {"class_roster": "students.example.csv", "class_image_id": "ami-12c6146b"}
    for command in (("provision.yml", "--check"), ("status.yml",)):
        said = environment.run("ansible-playbook", *command, "--extra-vars", json.dumps(class_), **aws)
        assert said.returncode == 0, said.stdout + said.stderr
        assert "Class ml101 in account 123456789012" in said.stdout


def test_awx_can_start_them(environment: Environment, aws: dict[str, str], tmp_path: Path) -> None:
    """Let the runner do it, which is how AWX runs a playbook in a container."""
    said = environment.run(
        *("ansible-runner", "run", str(tmp_path), "--playbook", str(PROJECT / "status.yml"), "--project-dir"),
        *(str(PROJECT), "--inventory", str(PROJECT / "inventory"), "--cmdline"),
        "--extra-vars class_roster=students.example.csv",
        **aws,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Class ml101 in account 123456789012" in said.stdout


def test_the_definition_names_files_that_are_there() -> None:
    assert DEFINITION["version"] == 3
    for entry in DEFINITION["additional_build_files"]:
        copied = f"_build/{entry['dest']}/{entry['src']}"
        assert (PROJECT / entry["src"]).is_file()
        assert any(copied in step for step in DEFINITION["additional_build_steps"]["append_final"])
    assert not os.path.isabs(DEFINITION["additional_build_files"][0]["src"])
