"""environment.yml as the instructor writes it: read with line numbers, so that a mistake can be named with its line."""

from __future__ import annotations

import difflib
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.conda import specs
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.channels import (
    CONDA_FORGE,
    is_anacondas,
    without_login,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.conda.requirements import (
    refuse_collection,
    requirement,
)

try:
    import yaml
except ImportError:
    HAS_YAML = False
else:
    HAS_YAML = True

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_KEYS = ("name", "channels", "dependencies", "variables", "prefix")

# What Jupyter's service and the shells set for themselves; JUPYTER_TOKEN would be everybody's.
_RESERVED = re.compile(r"PATH|HOME|USER|LOGNAME|SHELL|CLASS_DATA|(CONDA|JUPYTER|SYSTEMD)_.*")
# Where students' own pip and uv look for packages.
_INDEX = re.compile(r"(PIP|UV)_.*")


@dataclass(frozen=True, order=True)
class Mistake:
    """What is wrong in a line, and what to write instead, a sentence or two each. Line 0 is the file as a whole."""

    line: int
    what: str
    remedy: str


class EnvironmentFileError(Exception):
    """The mistakes in environment.yml, all of them; the message names line, reason and way out of each."""

    def __init__(self, file: str, mistakes: Sequence[Mistake]) -> None:
        """Keep `mistakes`, and build the message about `file` that the user reads."""
        self.mistakes = mistakes
        first = mistakes[0]
        if len(mistakes) == 1:
            where = f"{file}, line {first.line}" if first.line else file
            super().__init__(f"{where}: {first.what}\n{first.remedy}")
            return
        lines = [f"  - {f'line {m.line}: ' if m.line else ''}{m.what} {m.remedy}" for m in sorted(mistakes)]
        super().__init__(f"{file} has {len(mistakes)} mistakes:\n" + "\n".join(lines))


@dataclass(frozen=True)
class Dependency:
    """One line of `dependencies`, or of its `pip:` section."""

    spec: str
    line: int


@dataclass(frozen=True)
class EnvironmentFile:
    """What environment.yml asks for; `sha256` is the file's.

    Of a file with `mistakes` it is what it would ask for without them. `notes` is what is said of a file that is read.
    """

    file: str
    name: str
    channels: tuple[str, ...]
    dependencies: tuple[Dependency, ...]
    sha256: str
    pip: tuple[Dependency, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    mistakes: tuple[Mistake, ...] = ()


def read(path: Path) -> EnvironmentFile:
    """Read a file that has no mistakes; raise EnvironmentFileError with all that it has."""
    environment = draft(path)
    if environment.mistakes:
        raise EnvironmentFileError(path.name, environment.mistakes)
    return environment


def draft(path: Path) -> EnvironmentFile:
    """Read the file with all its mistakes; raise EnvironmentFileError where it is not even YAML.

    `prefix` is ignored, because it is a folder of the machine on which the file was exported.
    """
    try:
        content = path.read_bytes()
        root = yaml.compose(content, Loader=yaml.SafeLoader)
    except OSError as error:
        mistake = Mistake(0, f"it cannot be read: {error.strerror}.", "`class_environment_file` names it.")
        raise EnvironmentFileError(str(path), [mistake]) from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        if of_another := _of_another_program(content, line):
            raise EnvironmentFileError(path.name, [of_another]) from error
        remedy = "Lists need the same indentation and `- ` before each entry; tabs are not allowed."
        raise EnvironmentFileError(path.name, [Mistake(line, f"not valid YAML: {error.problem}.", remedy)]) from error
    except RecursionError as error:
        mistake = Mistake(0, "lists in lists without end.", _EXAMPLE)
        raise EnvironmentFileError(path.name, [mistake]) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mistake = Mistake(0, f"not a text file in YAML: {str(error).splitlines()[0]}.", "Save it as plain text, UTF-8.")
        raise EnvironmentFileError(path.name, [mistake]) from error
    if isinstance(root, yaml.ScalarNode) and root.value.strip():
        mistake = Mistake(
            _line(root), "a list of packages alone, as pip and `conda list --export` have it.", _AS_A_LIST
        )
        raise EnvironmentFileError(path.name, [mistake])
    if not isinstance(root, yaml.MappingNode):
        mistake = Mistake(0, "empty, or not of the form `dependencies:` with a list below it.", _EXAMPLE)
        raise EnvironmentFileError(path.name, [mistake])
    reader = _Reader()
    sections = reader.sections(root)
    channels = reader.channels(sections.get("channels"))
    dependencies = reader.dependencies(sections.get("dependencies"))
    named = (specs.channel_of(dependency.spec) for dependency in dependencies)
    name = sections.get("name")
    return EnvironmentFile(
        file=path.name,
        name=name.value if isinstance(name, yaml.ScalarNode) else "",
        channels=tuple(dict.fromkeys([*channels, *(channel for channel in named if channel)])),
        dependencies=tuple(dependencies),
        sha256=hashlib.sha256(content).hexdigest(),
        pip=tuple(reader.pip),
        variables=tuple(reader.variables(sections.get("variables"))),
        notes=tuple(
            f"{path.name}, line {_line(key)}: conda knows no `{_text(key)}:`, and nothing here does: it has no effect."
            for key, _ in root.value
            if _text(key) not in _KEYS
        ),
        mistakes=tuple(sorted(reader.mistakes)),
    )


def _of_another_program(content: bytes, line: int) -> Mistake | None:
    """Say what a file is of which YAML understands nothing from `line` on; None where it is meant for conda."""
    beginning = (content.splitlines()[line - 1 : line] or [b""])[0].lstrip(b" -")
    if beginning.startswith(b"{%"):
        return Mistake(line, f"a line that begins with `{{%` {specs.FILLED_IN[0]}", specs.FILLED_IN[1])
    if beginning.startswith(b"@EXPLICIT"):
        return Mistake(
            line, "a list of files, as `conda list --explicit` writes it: they are of one computer.", _EXPORT
        )
    return None


_EXPORT = "Export again, on that computer: `conda env export --from-history`."
_AS_A_LIST = (
    "conda's packages go below `dependencies:`, those of PyPI below `- pip:` in it, each in a line behind `- `."
)
_EXAMPLE = "Begin with environment.yml as the project has it: `git show HEAD:environment.yml` prints it."


@dataclass
class _Reader:
    """Reads section by section, and keeps what is wrong in each."""

    mistakes: list[Mistake] = field(default_factory=list)
    pip: list[Dependency] = field(default_factory=list)

    def sections(self, node: yaml.MappingNode) -> dict[str, yaml.Node]:
        """Return what stands under each key of the file; one that is written wrongly is a mistake and stands for it."""
        found = self.unique(node)
        for key, value in node.value:
            written = _text(key)
            meant = difflib.get_close_matches(written.casefold(), _KEYS, n=1, cutoff=0.8)
            if written == "<<":
                self._mistake(key, "`<<:` takes over another part of the file.", "Write here what stands there.")
            elif written not in _KEYS and meant and meant[0] not in found:
                self._mistake(key, f"conda knows no `{written}:`.", f"Did you mean `{meant[0]}:`?")
                found[meant[0]] = value
        return found

    def unique(self, node: yaml.MappingNode) -> dict[str, yaml.Node]:
        """Return what stands under each key; a key that stands twice is a mistake, since only one would be read."""
        first: dict[str, yaml.Node] = {}
        lines: dict[str, int] = {}
        for key, value in node.value:
            name = _text(key)
            if name in first:
                self._mistake(
                    key,
                    f"`{name}:` stands here again, after line {lines[name]}; conda would drop one of the two.",
                    "Make one of both.",
                )
                continue
            first[name], lines[name] = value, _line(key)
        return first

    def channels(self, node: yaml.Node | None) -> list[str]:
        """Return the channels; what may not be used is read as if conda-forge stood there."""
        if node is None:  # conda would silently take Anaconda's
            self.mistakes.append(Mistake(0, "names no channels.", f"Add `channels: [{CONDA_FORGE}]`."))
            return [CONDA_FORGE]
        names = []
        for entry in self._entries("channels", node):
            name = entry.value.strip() if isinstance(entry, yaml.ScalarNode) else ""
            if not name:
                self._mistake(entry, "a channel is a name.", f"Write `- {CONDA_FORGE}`.")
            elif name == "local" or re.match(r"file:|[.~/\\]|[A-Za-z]:[\\/]", name):
                self._mistake(
                    entry, f"the channel {name} is on your computer, where the machines do not come.",
                    "Name one that is on a server.",
                )  # fmt: skip
            elif is_anacondas(name):
                self._anacondas(entry, name, f"Put `{CONDA_FORGE}` in its place: it is free and has the same.")
                names.append(CONDA_FORGE)
            elif self._has_login(entry, f"the channel {name}", name):
                names.append(CONDA_FORGE)
            elif "," in name:
                self._mistake(entry, f"`{name}` is more than one channel.", "Write each in a line behind `- `.")
            elif (whole := specs.channel_of(f"{name.rstrip('/')}::")) != name.rstrip("/"):
                self._mistake(entry, f"`{name}` is a folder of a channel.", f"Write `{whole}`.")
                names.append(whole)
            elif name != "nodefaults":  # which is so here in any case
                names.append(name)
        if (
            not names
            and isinstance(node, yaml.SequenceNode)
            and {_text(entry) for entry in node.value} == {"nodefaults"}
        ):
            self._mistake(
                node.value[0], "`nodefaults` is no channel: none is left to take packages from.",
                f"Add the line `- {CONDA_FORGE}` below it.",
            )  # fmt: skip
        return names or [CONDA_FORGE]

    def dependencies(self, node: yaml.Node | None) -> list[Dependency]:
        """Return the packages."""
        found = []
        for entry in self._entries("dependencies", node):
            if specs.TEMPLATE.match(_text(entry)):
                self._mistake(entry, f"`{_text(entry)}` {specs.FILLED_IN[0]}", specs.FILLED_IN[1])
            elif isinstance(entry, yaml.MappingNode):
                self._sections(entry)
            elif not isinstance(entry, yaml.ScalarNode):
                self._mistake(entry, "a dependency is one text, not a list.", "Write each behind a `- ` of its own.")
            elif not entry.value.strip() or entry.tag.endswith(":null"):
                self._mistake(entry, "nothing stands behind this `-`.", "Write a package there, or take it out.")
            elif spec := self._spec(entry):
                found.append(Dependency(spec, _line(entry)))
        return found

    def variables(self, node: yaml.Node | None) -> Iterator[tuple[str, str]]:
        """Yield names and values, the values as they are written."""
        if node is None or (isinstance(node, yaml.ScalarNode) and not node.value):
            return
        if not isinstance(node, yaml.MappingNode):
            self._mistake(node, "`variables:` is a list of `NAME: value`, one a line.", "Write them without `- `.")
            return
        for name, value in self.unique(node).items():
            if not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
                self._mistake(value, f"`{name}` is no name of a variable.", "Letters, digits and _ make one.")
            elif _RESERVED.fullmatch(name):
                self._mistake(value, f"the variable {name} is set by the machine itself.", "Take this line out.")
            elif not isinstance(value, yaml.ScalarNode) or value.tag.endswith(":null"):
                self._mistake(value, f"the variable {name} has no value.", f'Write a text, like `{name}: "1"`.')
            elif any(not character.isprintable() for character in value.value):
                self._mistake(value, f"the value of {name} is longer than a line.", "Write it in one line.")
            elif not (_INDEX.fullmatch(name) and self._has_login(value, name, value.value)):
                yield name, value.value

    def _spec(self, entry: yaml.ScalarNode) -> str:
        spec = str(entry.value.strip())
        channel = specs.channel_of(spec)
        if channel and is_anacondas(channel):
            package = spec.rpartition("::")[2].strip()
            self._anacondas(entry, channel, f"Write `{package}`: conda-forge is free and has the same.")
            return package
        if self._has_login(entry, f"`{spec}`", channel):
            return ""
        try:
            specs.match_spec(spec)
        except specs.SpecError as error:
            self._mistake(entry, error.what, error.remedy)
            return ""
        return spec

    def _sections(self, node: yaml.MappingNode) -> None:
        for key, value in node.value:
            if _text(key) != "pip":
                error = specs.of_mapping(_text(key), _text(value))
                self._mistake(key, error.what, error.remedy)
                continue
            if isinstance(value, yaml.SequenceNode) and value.value:
                for entry in value.value:
                    self._requirement(entry)
            elif isinstance(value, yaml.ScalarNode) and not value.value:
                self._mistake(
                    key, "nothing stands below `pip:`.", "Write `- pip` for pip itself, or a package a line below it."
                )
            else:
                file = "the lines of that file" if str(value.value).startswith("-r") else "each package"
                what = f"`pip: {value.value}` is no list." if isinstance(value, yaml.ScalarNode) else "no list."
                self._mistake(key, what, f"Write {file} below `- pip:`, a line each behind `- `, set further in.")

    def _requirement(self, entry: yaml.Node) -> None:
        if not _text(entry).strip() or entry.tag.endswith(":null"):
            self._mistake(entry, "nothing stands behind this `-`.", "Write a package there, or take it out.")
            return
        # As in pip's own lists, a comment begins with ` #`.
        text = re.sub(r"(^|\s)#.*", "", _text(entry)).strip()
        try:
            (requirement if isinstance(entry, yaml.ScalarNode) else refuse_collection)(text)
        except specs.SpecError as error:
            self._mistake(entry, error.what, error.remedy)
        else:
            self.pip.append(Dependency(text, _line(entry)))

    def _entries(self, section: str, node: yaml.Node | None) -> list[yaml.Node]:
        if isinstance(node, yaml.SequenceNode) and node.value:
            return list(node.value)
        what = f"`{section}:` must be a list with one entry a line, each after `- `."
        self.mistakes.append(Mistake(_line(node) if node else 0, what, "Write the entries below it."))
        return []

    def _has_login(self, node: yaml.Node, what: str, address: str) -> bool:
        if without_login(address) == address:
            return False
        self._mistake(
            node,
            f"{what} has a login in it, which everybody could read: in this file, in the lock and on the machines.",
            "Name a server that asks for none, or put the packages on one of your own (`class_mirror_url`). "
            "A login that others have seen already is to be renewed.",
        )
        return True

    def _anacondas(self, node: yaml.Node, channel: str, remedy: str) -> None:
        self._mistake(
            node,
            f"the channel {channel} is refused, because Anaconda's terms of service ask most organisations to pay "
            "for it.",
            remedy,
        )

    def _mistake(self, node: yaml.Node, what: str, remedy: str) -> None:
        self.mistakes.append(Mistake(_line(node), without_login(what), without_login(remedy)))


def _text(node: yaml.Node) -> str:
    """Return what is written there: a scalar as it is, the first pair of others, with dots for the rest."""
    if isinstance(node, yaml.ScalarNode):
        return str(node.value)
    if isinstance(node, yaml.MappingNode) and node.value:
        (key, value), *_ = node.value
        if isinstance(key, yaml.MappingNode):  # {{ name }}
            return "{{ … }}"
        return f"{_text(key)}: {_text(value)}".rstrip()
    return "[…]"


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
