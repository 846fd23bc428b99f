"""Time zones as people misspell them."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


def nearest(name: str, known: Collection[str]) -> str:
    """Return a sentence about the zones that come nearest to `name`, which is none of those `known`."""
    # Most mistakes leave the continent out, or are in the city's name.
    city = name.rpartition("/")[2].replace(" ", "_")
    cities = {zone: zone.rpartition("/")[2] for zone in sorted(known)}
    near = difflib.get_close_matches(city, set(cities.values()), n=1, cutoff=0.6)
    zones = [zone for zone, its_city in cities.items() if its_city in near]
    return f"Do you mean {' or '.join(zones)}?" if zones else "Europe/Berlin is one."
