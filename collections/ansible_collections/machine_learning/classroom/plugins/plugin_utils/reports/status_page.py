"""The class at a glance, as a page for a browser: one file that fetches nothing and holds no secret."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.status_table import shown_columns
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.totals import class_totals
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.troubles import worst_first
from jinja2 import Environment, StrictUndefined

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.class_lines import Line
    from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.troubles import Trouble

TEMPLATE = Path(__file__).with_name("status_page.html.j2")
RELOAD_S = 30
"""How often an open page is loaded anew."""
OLD_S = 15 * 60
"""From here on the page says that nobody writes it any more."""


def status_page(class_name: str, lines: Sequence[Line], troubles: Sequence[Trouble], made: datetime) -> str:
    """Return the page as HTML: trouble with its commands, then all lines, those in trouble first."""
    page = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    columns = shown_columns(lines)
    return page.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        class_name=class_name,
        made=made,
        totals=class_totals(lines, troubles),
        urgent=[trouble for trouble in troubles if trouble.urgent],
        later=[trouble for trouble in troubles if not trouble.urgent],
        headings=[heading.capitalize() for heading in columns],
        rows=[
            {
                "cells": [getattr(line, name) for name in columns.values()],
                "troubles": [trouble.title for trouble in troubles if trouble.urgent and line in trouble.lines],
            }
            for line in worst_first(lines, troubles)
        ],
        reload_s=RELOAD_S,
        old_s=OLD_S,
    )
