"""environment.yml as the instructor writes it: read with line numbers, so that a mistake can be named with its line."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

try:
    import yaml
except ImportError:
    HAS_YAML = False
else:
    HAS_YAML = True

if TYPE_CHECKING:
    from pathlib import Path

# Names and parts of addresses of channels that Anaconda's terms of service cover.
_OF_ANACONDA = {"defaults", "main", "r", "msys2", "anaconda", "pkgs/main", "pkgs/r", "pkgs/msys2"}


class EnvironmentFileError(Exception):
    """A mistake in environment.yml; the message names the line, the reason and the way out."""


@dataclass(frozen=True)
class Dependency:
    """One line of `dependencies`."""

    spec: str
    line: int


@dataclass(frozen=True)
class EnvironmentFile:
    """What environment.yml asks for; `sha256` is the file's."""

    name: str
    channels: tuple[str, ...]
    dependencies: tuple[Dependency, ...]
    sha256: str


def read(path: Path) -> EnvironmentFile:
    """Read the file; `prefix` is ignored, because it is a folder of the machine on which the file was exported."""
    try:
        content = path.read_bytes()
        root = yaml.compose(content, Loader=yaml.SafeLoader)
    except OSError as error:
        raise EnvironmentFileError(f"{path} cannot be read: {error.strerror}.") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise EnvironmentFileError(
            f"{path.name}, line {line}: not valid YAML: {error.problem}.\n"
            "Lists need the same indentation and `- ` before each entry; tabs are not allowed."
        ) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise EnvironmentFileError(f"{path.name}: not a text file in YAML: {error}.") from error
    if not isinstance(root, yaml.MappingNode):
        raise EnvironmentFileError(f"{path.name}: empty, or not of the form `dependencies:` with a list below it.")
    sections = {key.value: value for key, value in root.value if isinstance(key, yaml.ScalarNode)}
    name = sections.get("name")
    return EnvironmentFile(
        name=name.value if isinstance(name, yaml.ScalarNode) else "",
        channels=_channels(path.name, sections.get("channels")),
        dependencies=_dependencies(path.name, sections.get("dependencies")),
        sha256=hashlib.sha256(content).hexdigest(),
    )


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _entries(file: str, section: str, node: yaml.Node | None) -> list[yaml.Node]:
    if not isinstance(node, yaml.SequenceNode) or not node.value:
        where = f"{file}, line {_line(node)}" if node else file
        raise EnvironmentFileError(f"{where}: `{section}:` must be a list with one entry a line, each after `- `.")
    return list(node.value)


def _channels(file: str, node: yaml.Node | None) -> tuple[str, ...]:
    if node is None:  # conda would silently take Anaconda's
        raise EnvironmentFileError(f"{file} names no channels. Add:\nchannels:\n  - conda-forge")
    channels = []
    for entry in _entries(file, "channels", node):
        name = entry.value if isinstance(entry, yaml.ScalarNode) else ""
        if not name:
            raise EnvironmentFileError(f"{file}, line {_line(entry)}: a channel is a name, like conda-forge.")
        if name in _OF_ANACONDA or "anaconda.com" in name:
            raise EnvironmentFileError(
                f"{file}, line {_line(entry)}: the channel {name} is refused, because Anaconda's terms of service "
                "ask most organisations to pay for it.\nPut `conda-forge` in its place: it is free and has the same."
            )
        if name != "nodefaults":  # which is so here in any case
            channels.append(name)
    return tuple(channels)


def _dependencies(file: str, node: yaml.Node | None) -> tuple[Dependency, ...]:
    dependencies = []
    for entry in _entries(file, "dependencies", node):
        if isinstance(entry, yaml.MappingNode):
            _refuse_section(file, entry)
        if not isinstance(entry, yaml.ScalarNode) or not entry.value:
            raise EnvironmentFileError(f"{file}, line {_line(entry)}: a dependency is one text, like `numpy >=2`.")
        if "::" in entry.value:
            raise EnvironmentFileError(
                f"{file}, line {_line(entry)}: {entry.value} names a channel. List the channel under `channels:` "
                "and write only the package here."
            )
        dependencies.append(Dependency(entry.value, _line(entry)))
    return tuple(dependencies)


def _refuse_section(file: str, node: yaml.MappingNode) -> None:
    key, value = node.value[0]
    wanted = [item for item in value.value if isinstance(item, yaml.ScalarNode)] if value.value else []
    named = ", ".join(f"{item.value} (line {_line(item)})" for item in wanted) or "nothing"
    raise EnvironmentFileError(
        f"{file}, line {_line(key)}: a `{key.value}:` section cannot be locked, so it is refused rather than dropped. "
        f"It asks for: {named}.\n"
        "conda-forge has most packages of PyPI: move these lines up into `dependencies:`, without `pip:`.\n"
        "What it does not have, students can install for themselves: `pip install --user NAME` in a terminal."
    )
