"""The house rules that no linter knows: exemptions say why, the product does not know the lab, tests share no tests.

And a machine is asked about each role that it may be left alone with.

`python -m tools.house_rules` prints every line that breaks one, and fails if there is any.
"""

from __future__ import annotations

import re
import sys
from fnmatch import fnmatch
from typing import TYPE_CHECKING

import yaml

from tools import PROJECT, project_copy
from tools.role_specs import mappings

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
    "benchmarks/*": "measure in it",
    "requirements-dev.*": "its packages",
    "pyproject.toml": "its packages have no types",
    ".ansible-lint": "its state is not linted",
    ".gitignore": "its state is not committed",
    "tools/house_rules.py": "this rule",
    "tools/project_copy.py": "a copy of the project reaches it, too",
}
KNOWS_THE_LAB = ("lab/", "tests/")

MAKE_READY = "playbooks/parts/make_ready.yml"
OWN = "machine_learning.classroom."
JOBS = re.compile(r".*/plugins/module_utils/jobs/(?P<job>\w+)\.py")
IMPORT = "ansible.builtin.import_role"
# What a task with a job may say beside it, and what else the import of its role may: a machine is asked without it. A
# job that fails when it is asked is needed, whatever `failed_when` says of it.
BESIDE_A_JOB = {"name", "register", "failed_when"}
BESIDE_AN_IMPORT = {"name", "when"}


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


def roles_not_asked_about(texts: Mapping[str, str]) -> Iterator[str]:
    """Find roles of make_ready.yml that a machine is not asked about just as they are run there."""
    jobs = {found["job"] for name in texts if (found := JOBS.fullmatch(name))}
    tasks = list(mappings(yaml.safe_load(texts[MAKE_READY])))
    (asked,) = (task[f"{OWN}roles_needed"]["roles"] for task in tasks if f"{OWN}roles_needed" in task)
    imports = {"/".join(task[IMPORT].values()): task for task in tasks if IMPORT in task}
    if asked != list(imports):
        yield f"{MAKE_READY}: asks about {', '.join(asked)}, but runs {', '.join(imports)}: make them the same"
    for role, task in imports.items():
        if f"'{role}' in roles_needed.roles" not in str(task.get("when")) or set(task) - {IMPORT, *BESIDE_AN_IMPORT}:
            yield f"{MAKE_READY}: {role} is to run when '{role}' in roles_needed.roles, with nothing else beside it"
        name, _, entry = role.partition("/")
        file = f"roles/{name}/tasks/{entry or 'main'}.yml"
        tasks_there = yaml.safe_load(texts[file])
        with_job = [task for task in mappings(tasks_there) if any(f"{OWN}{job}" in task for job in jobs)]
        if len(with_job) != 1 or with_job[0] not in tasks_there:
            yield f"{file}: has {len(with_job)} tasks with a job of module_utils/jobs/; one, in no block, can be asked"
        elif beside := {key for key in with_job[0] if not key.startswith(OWN)} - BESIDE_A_JOB:
            yield f"{file}: a machine is asked without {', '.join(sorted(beside))}, which stands beside the job"


def _lines(texts: Mapping[str, str]) -> Iterator[tuple[str, int, str]]:
    for name, text in texts.items():
        for number, line in enumerate(text.splitlines(), 1):
            yield name, number, line


def main() -> int:
    """Print what breaks a rule."""
    texts = files()
    rules = (bare_exemptions, words_of_the_lab, borrowed_tests, skipped_rules, roles_not_asked_about)
    broken = [line for rule in rules for line in rule(texts)]
    print("\n".join(broken), end="\n" if broken else "")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
