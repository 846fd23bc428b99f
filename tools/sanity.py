"""ansible-test's sanity tests of the collection, without a network: `python -m tools.sanity [--test NAME]`.

ansible-test makes a virtual environment for each test that needs packages and fills it from the network, without
hashes. Here all that they need is in .venv (requirements-dev.in), so they run in it.
"""

from __future__ import annotations

import os
import sys
import sysconfig
import tempfile
import venv
from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import ansible_test._internal as ansible_test
from ansible_test._internal.commands import sanity
from ansible_test._internal.host_configs import VirtualPythonConfig

from tools import COLLECTION

if TYPE_CHECKING:
    from ansible_test._internal.config import SanityConfig
    from ansible_test._internal.host_configs import PythonConfig

SITE_PACKAGES = Path(sysconfig.get_path("purelib"))
# Ruff does what these do.
SKIPPED = ("pep8", "pylint")
# Errors that are none here, each with the reason.
NO_ERRORS = {"missing-gplv3-license": "the project is under the MIT license"}
# The import test asks what happens where a library is missing, so it must not see all of .venv. By import_type, what
# Python has there: nothing for modules, which run on machines, and what Ansible itself needs for plugins.
IMPORT_TESTS: dict[str, tuple[str, ...]] = {"import.module": (), "import.plugin": ("jinja2", "markupsafe", "pyyaml")}


def bare_python(folder: Path, packages: tuple[str, ...]) -> Path:
    """Make a Python in `folder` that has no more than `packages` and the collections that ours depends on."""
    venv.create(folder, symlinks=True)
    site_packages = Path(sysconfig.get_path("purelib", "venv", {"base": str(folder)}))
    tops = {file.parts[0] for name in packages for file in distribution(name).files or ()}
    for top in {"ansible_collections", *tops} - {".."}:
        (site_packages / top).symlink_to(SITE_PACKAGES / top)
    return folder / "bin" / "python"


def main() -> None:
    """Run the tests; exits with an error if one finds something."""
    os.chdir(COLLECTION)
    with tempfile.TemporaryDirectory() as folder:

        def environment(_args: SanityConfig, python: PythonConfig, name: str, **_: bool) -> PythonConfig:
            if name not in IMPORT_TESTS:
                return python
            return VirtualPythonConfig(
                version=python.version, path=str(bare_python(Path(folder, name), IMPORT_TESTS[name]))
            )

        with (
            mock.patch.object(sanity, "create_sanity_virtualenv", environment),
            mock.patch.object(sanity, "check_sanity_virtualenv_yaml", return_value=True),
        ):
            for test in sanity.sanity_get_tests():
                test.optional_error_codes.update(NO_ERRORS)
            version = f"{sys.version_info.major}.{sys.version_info.minor}"
            skipped = [argument for name in SKIPPED for argument in ("--skip-test", name)]
            ansible_test.main(["ansible-test", "sanity", "--python", version, *skipped, *sys.argv[1:]])


if __name__ == "__main__":
    main()
