"""The accounts and groups that the machines' images have, so that no student is called like one of them.

`getent passwd; getent group` on a machine that nobody has worked on yet, given to
`python -m tools.image_names debian-13 'WHERE IT IS FROM'`, writes that image's part of image_names.json anew. The role
roster takes no username that any part names.
"""

from __future__ import annotations

import argparse
import json
import sys
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.roster.usernames import IMAGE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

# group(5): name, password, number, members. passwd(5) has more.
FEWEST_FIELDS = 4


def names_in(listing: Iterable[str]) -> list[str]:
    """Return the names of all accounts and groups that `getent` has listed; raises ValueError if there are none."""
    names = {line.split(":")[0] for line in listing if line.count(":") >= FEWEST_FIELDS - 1}
    if not {"root", "nobody", "nogroup"} <= names:
        raise ValueError("This is not what `getent passwd; getent group` says.")
    return sorted(names)


def write(path: Path, image: str, source: str, names: list[str]) -> None:
    """Write the part of one image anew; the others stay."""
    images = json.loads(path.read_text())
    images[image] = {"source": source, "names": names}
    path.write_text(json.dumps(images, indent=1, sort_keys=True, ensure_ascii=False) + "\n")


def main() -> None:
    """Read what a machine says, and write it down."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", help="such as debian-13")
    parser.add_argument("source", help="where the listing is from, in words")
    given = parser.parse_args()
    write(IMAGE_NAMES, given.image, given.source, names_in(sys.stdin.read().splitlines()))


if __name__ == "__main__":
    main()
