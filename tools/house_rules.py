"""The house rules that no linter knows: exemptions say why, the product does not know the lab, tests share no tests.

`python -m tools.house_rules` prints every line that breaks one, and fails if there is any.
"""

from __future__ import annotations

import re
import sys
from fnmatch import fnmatch
from typing import TYPE_CHECKING

import yaml

from tools import PROJECT, project_copy

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EXEMPTION = re.compile(
    r"# ?(?:noqa|type: ignore|yamllint disable|shellcheck disable|ruff: noqa|pragma: no)(?P<rest>.*)"
)
RULE_AND_REASON = re.compile(r"[\w-]*[:=\[ ] ?\w[^#]*?\s+[-#]\s+\W?\w+\W+\w+")
BORROWED = re.compile(r"\s*(?:from|import) (?:tests|\.)[\w.]*(?: import .*)?\b(?:conftest|test_\w+)\b")
LAB = re.compile(r"python -m lab\b|(?<![\w-])lab/|\bmoto\b|\bpodman\b", re.IGNORECASE)

# Files that may name the lab, each with the reason. One that does not name it any more has to leave the list.
MAY_NAME_THE_LAB = {
    "README.md": "tells how to try the project without AWS",
    "docs/*.md": "say how it works and what it proves",
    "Makefile": "its front door",
    "bin/lab-down": "brings work home before it ends",
    "bin/lock": "locks its packages too",
    "bin/with-lab": "brings it up for scenarios",
    "molecule/config.yml": "scenarios run on its hosts",
    "molecule/class/molecule.yml": "the scenario of a class too",
    "molecule/README.md": "tells how to run them",
    "molecule/mail/verify.yml": "reads what its mail server kept",
    "benchmarks/*.py": "measure in it",
    "requirements-dev.*": "its packages",
    "pyproject.toml": "its packages have no types",
    ".ansible-lint": "its state is not linted",
    ".gitignore": "its state is not committed",
    "tools/house_rules.py": "this rule",
    "tools/project_copy.py": "a copy of the project reaches it, too",
}
KNOWS_THE_LAB = ("lab/", "tests/")


def files() -> dict[str, str]:
    """Read every text file of the project, tracked or about to be."""
    texts = {}
    for name in project_copy.names():
        path = PROJECT / name
        if path.is_file() and not path.is_symlink():
            content = path.read_bytes()
            if b"\0" not in content:
                texts[name] = content.decode()
    return texts


def bare_exemptions(texts: Mapping[str, str]) -> Iterator[str]:
    """Find lines that are exempt from a linter's rule without a rule and a reason beside it."""
    for name, number, line in _lines(texts):
        found = None if name.endswith((".md", ".txt")) else EXEMPTION.search(line)
        if found and not RULE_AND_REASON.match(found["rest"]):
            yield f"{name}:{number}: exempt from which rule, for which reason? Write both beside: {line.strip()}"


def words_of_the_lab(texts: Mapping[str, str]) -> Iterator[str]:
    """Find files of the product that name the lab, and permissions that nobody needs."""
    unused = set(MAY_NAME_THE_LAB)
    for name, number, line in _lines(texts):
        if name.startswith(KNOWS_THE_LAB) or not LAB.search(line):
            continue
        allowed = {pattern for pattern in MAY_NAME_THE_LAB if fnmatch(name, pattern)}
        unused -= allowed
        if not allowed:
            yield f"{name}:{number}: names the lab, which only lab/ and tests/ may know: {line.strip()}"
    for pattern in sorted(unused):
        yield f"tools/house_rules.py: {pattern} may name the lab and does not: take it off the list"


def borrowed_tests(texts: Mapping[str, str]) -> Iterator[str]:
    """Find imports from test files: what two of them need is in tests/support."""
    for name, number, line in _lines(texts):
        if name.endswith(".py") and BORROWED.match(line):
            yield f"{name}:{number}: imports from a test or a conftest: move it to tests/support: {line.strip()}"


def skipped_rules(texts: Mapping[str, str]) -> Iterator[str]:
    """Find rules of ansible-lint that are switched off for the whole project."""
    settings = yaml.safe_load(texts[".ansible-lint"])
    for key in ("skip_list", "warn_list"):
        for rule in settings.get(key) or []:
            yield f".ansible-lint: {rule} is in the {key}: mend what it finds, or exempt the line with a reason"
    if ".ansible-lint-ignore" in texts:
        yield ".ansible-lint-ignore: exempt the line instead, with a reason"


def _lines(texts: Mapping[str, str]) -> Iterator[tuple[str, int, str]]:
    for name, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            yield name, number, line


def main() -> int:
    """Print what breaks a rule."""
    texts = files()
    broken = [*bare_exemptions(texts), *words_of_the_lab(texts), *borrowed_tests(texts), *skipped_rules(texts)]
    print("\n".join(broken), end="\n" if broken else "")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
