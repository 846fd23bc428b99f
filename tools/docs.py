"""Write the pages that repeat what the code says: a README for each role, docs/configuration.md, docs/performance.md.

`python -m tools.docs` writes them, `python -m tools.docs --check` fails and names those that differ.

Why not a generator that others keep: aar-doc wants a meta/main.yml, which our roles do not need; ansible-docsmith wants
a file of defaults for each entry point, of which Ansible reads none. Neither shows where a default comes from
(`class.yml`), and that file would need a generator of its own.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import jinja2
import yaml

from benchmarks import page
from benchmarks.results import Results
from tools import PROJECT
from tools.role_specs import Role, is_template, names, roles

if TYPE_CHECKING:
    from pathlib import Path

CLASS_FILE = PROJECT / "group_vars" / "all" / "class.yml"
PROJECT_FILE = CLASS_FILE.with_name("project.yml")
SECTION = re.compile(r"# ── (.+?) ─+")
MARKUP = re.compile(r"\b[BCIMOV]\((.+?)\)")


@dataclass
class Block:
    """Lines of class.yml that belong together: the title of a section, or a comment with the settings below it."""

    title: str = ""
    words: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)

    @property
    def settings(self) -> list[str]:
        """The names of its settings."""
        return list(yaml.safe_load("\n".join(self.lines)) or [])

    @property
    def readers(self) -> list[str]:
        """The roles whose defaults take one of its settings, as it is or as project.yml has it."""
        wanted = set(self.settings)
        between = yaml.safe_load(PROJECT_FILE.read_text(encoding="utf-8"))
        wanted |= {name for name, value in between.items() if isinstance(value, str) and names(value) & wanted}
        return [
            role.name
            for role in roles()
            if any(names(value) & wanted for value in role.defaults.values() if isinstance(value, str))
        ]


def blocks(text: str) -> list[Block]:
    """Read class.yml as people do: a comment belongs to what stands below it, an empty line ends both."""
    found = [Block()]
    for line in text.splitlines():
        section = SECTION.fullmatch(line)
        if section:
            found.append(Block(title=section[1]))
        elif not line.strip():
            found.append(Block())
        elif line.startswith("#"):
            if found[-1].lines:
                found.append(Block())
            found[-1].words.append(line.removeprefix("#").strip())
        elif line != "---":
            found[-1].lines.append(line)
    return [block for block in found if block != Block()]


def default_of(role: Role, name: str) -> str:
    """Say what an input is when nobody gives it: a value, the expression that finds it, or nothing."""
    if name not in role.defaults:
        return "must be given"
    value = role.defaults[name]
    text = " ".join(value.split()) if is_template(value) else json.dumps(value, ensure_ascii=False)
    return f"`{text}`".replace("|", "\\|")


def plain(text: str) -> str:
    """Turn the markup of Ansible's documentation into Markdown's."""
    return MARKUP.sub(r"`\1`", text)


def kind(option: dict[str, Any]) -> str:
    """Say of which type an input is."""
    elements = f" of {option['elements']}" if "elements" in option else ""
    choices = ": " + ", ".join(f"`{choice}`" for choice in option["choices"]) if "choices" in option else ""
    return str(option["type"]) + elements + choices


def pages() -> dict[Path, str]:
    """Make the text of every page."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(PROJECT / "tools" / "templates"),
        autoescape=False,  # noqa: S701 - Markdown, from files of our own
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
    )
    environment.filters |= {"plain": plain, "kind": kind}
    role_page, class_page = (environment.get_template(name) for name in ("role.md.j2", "configuration.md.j2"))
    made = {role.path / "README.md": role_page.render(role=role, default_of=default_of) for role in roles()}
    settings = class_page.render(blocks=blocks(CLASS_FILE.read_text(encoding="utf-8")))
    return {**made, PROJECT / "docs" / "configuration.md": settings, page.PATH: page.text(Results.load())}


def main() -> int:
    """Write the pages, or compare them."""
    parser = argparse.ArgumentParser(description="Write the pages that repeat what the code says.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page differs")
    check = parser.parse_args().check
    differing = {path: text for path, text in pages().items() if not path.exists() or path.read_text() != text}
    for path, text in differing.items():
        print(f"{path.relative_to(PROJECT)}: {'differs from the code; run `make docs`' if check else 'written'}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return int(check and bool(differing))


if __name__ == "__main__":
    sys.exit(main())
