"""What the roles say about themselves: entry points, arguments, defaults, and which of them their tasks use."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jinja2
import yaml
from jinja2 import nodes

from tools import PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

# Values of these are expressions without braces.
CONDITIONS = {"when", "that", "until", "failed_when", "changed_when"}
PARSER = jinja2.Environment(autoescape=False)  # noqa: S701 - it only reads expressions, nothing is rendered


@dataclass(frozen=True)
class Role:
    """A role's folder, read."""

    path: Path

    @property
    def name(self) -> str:
        """Its name, which all its variables bear."""
        return self.path.name

    @cached_property
    def entries(self) -> dict[str, dict[str, Any]]:
        """The specification of each entry point."""
        specs: dict[str, dict[str, Any]] = self._yaml("meta/argument_specs.yml")["argument_specs"]
        return specs

    @cached_property
    def defaults(self) -> dict[str, Any]:
        """The default of each input that has one."""
        return dict(self._yaml("defaults/main.yml"))

    @property
    def task_files(self) -> set[str]:
        """The names of the files of tasks, which are entry points or parts of one."""
        return {path.stem for path in (self.path / "tasks").glob("*.yml")}

    @cached_property
    def made(self) -> set[str]:
        """Name the variables that its tasks make, whichever entry point they belong to."""
        tasks = [task for name in self.task_files for task in mappings(self._yaml(f"tasks/{name}.yml"))]
        named = {task[word] for task in tasks for word in ("register", "loop_var") if isinstance(task.get(word), str)}
        return named.union(*(task.get("ansible.builtin.set_fact", {}) for task in tasks))

    def parts(self, entry: str) -> set[str]:
        """Name the files of tasks that `entry` runs, itself included."""
        found: set[str] = set()
        waiting = [entry]
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                tasks = list(mappings(self._yaml(f"tasks/{name}.yml")))
                waiting += [
                    Path(task[action]).stem
                    for task in tasks
                    for action in ("ansible.builtin.import_tasks", "ansible.builtin.include_tasks")
                    if action in task
                ]
        return found

    def used(self, entry: str) -> set[str]:
        """Name the role's own variables that `entry` uses, through files of tasks, templates, and other variables."""
        known = {**self.defaults, **self._yaml("vars/main.yml")}
        templates = list((self.path / "templates").glob("*.j2"))
        found: set[str] = set()
        waiting: list[Any] = [self._yaml(f"tasks/{part}.yml") for part in self.parts(entry)]
        while waiting:
            value = waiting.pop()
            for text in strings(value):
                waiting += [path.read_text(encoding="utf-8") for path in templates if path.name in text]
                for name in names(text) - found:
                    found.add(name)
                    waiting.append(known.get(name))
        return {name for name in found if name.startswith(f"{self.name}_")} - self.made

    def _yaml(self, name: str) -> Any:
        path = self.path / name
        return (yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None) or {}


def roles() -> list[Role]:
    """Read all roles, in the order of their names."""
    return [Role(path) for path in sorted((PROJECT / "roles").iterdir()) if path.is_dir()]


def mappings(value: Any) -> Iterator[dict[str, Any]]:
    """Walk through all mappings of what a YAML file holds."""
    if isinstance(value, dict):
        yield value
        value = list(value.values())
    if isinstance(value, list):
        for item in value:
            yield from mappings(item)


def strings(value: Any, *, condition: bool = False) -> Iterator[str]:
    """Walk through all texts of what a YAML file holds, conditions in braces like any other expression."""
    if isinstance(value, str):
        yield f"{{{{ {value} }}}}" if condition else value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from strings(item, condition=key in CONDITIONS)
    elif isinstance(value, list):
        for item in value:
            yield from strings(item, condition=condition)


def names(text: str) -> set[str]:
    """Name the variables that a template reads."""
    return {node.name for node in PARSER.parse(text).find_all(nodes.Name) if node.ctx == "load"}


def is_template(value: Any) -> bool:
    """Say whether a default is found out at run time."""
    return isinstance(value, str) and "{{" in value
