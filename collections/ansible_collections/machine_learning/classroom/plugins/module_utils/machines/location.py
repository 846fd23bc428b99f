"""Where a class lives: an AWS account and a region, remembered so that no run looks for its machines elsewhere."""

from __future__ import annotations

import difflib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

_SETTINGS = "group_vars/all/class.yml"


class LocationError(ValueError):
    """There is no such location, or it is not that of the class; the message says what to do."""


@dataclass(frozen=True)
class Location:
    """An AWS account and a region of it."""

    account: str
    region: str

    def description(self, endpoint: str | None) -> str:
        """Say where this is; with the `endpoint` where it is not AWS's own."""
        return f"account {self.account}, region {self.region}" + (f", endpoint {endpoint}" if endpoint else "")

    def to_json(self) -> str:
        """Return what `require_same` reads later."""
        return json.dumps(asdict(self)) + "\n"

    def require_same(self, record: Path, class_name: str) -> None:
        """Refuse to act here on a class that, as `record` says, lives elsewhere; without a record it may live here."""
        try:
            home = Location(**json.loads(record.read_text()))
        except FileNotFoundError:
            return
        if home != self:
            raise LocationError(
                f"Class {class_name} lives in {home.description(None)}, "
                f"but this run would act in {self.description(None)}.\n"
                "Its machines would not be found, and would go on costing money. Use the credentials and the "
                f"class_region of before; for a class here choose another class_name in {_SETTINGS}."
            )


def require_region(region: str | None, known: Collection[str]) -> None:
    """Refuse a region that AWS does not have: its name would only be looked up in vain, for a minute."""
    if region in known:
        return
    near = difflib.get_close_matches(region or "", sorted(known), n=3, cutoff=0.6)
    hint = f"Did you mean {' or '.join(near)}?" if near else "Its regions are called like us-east-1."
    raise LocationError(f"AWS has no region {region}. {hint}\nSet class_region in {_SETTINGS}, then run again.")
