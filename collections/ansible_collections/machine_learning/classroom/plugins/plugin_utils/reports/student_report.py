"""What a collect says about one student: as data for the plan of what may be released, and as a sentence for people."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable

if TYPE_CHECKING:
    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home_folder import Counts
    from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import Manifest

MOST_NAMES = 100
"""Of a list in the result: a student may make any number of strange files."""

SHOWN_NAMES = 3
"""Of a list in a sentence."""


@dataclass
class Report:
    """The outcome for `username`; what each field means stands in the documentation of `modules/work_collect.py`."""

    username: str
    verified: bool = False
    would_verify: bool = False
    missing: bool = False
    files: int = 0
    bytes: int = 0
    new: int = 0
    changed: int = 0
    removed: int = 0
    adjusted: int = 0
    version: str = ""
    autosaved: int = 0
    autosave_reason: str = ""
    note: str = ""
    broken: list[str] = field(default_factory=list)
    unstable: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    outside: list[str] = field(default_factory=list)
    skipped_special: list[str] = field(default_factory=list)
    reason: str = ""

    def note_manifest(self, manifest: Manifest) -> None:
        """Take over what the machine said."""
        self.files, self.bytes = manifest.files, manifest.bytes
        self.unstable = _names(manifest.unstable)
        self.left = _names([f"{printable(path)} ({why})" for path, why in sorted(manifest.left.items())])
        self.outside = _names(manifest.outside)
        self.skipped_special = _names([f"{printable(path)} ({why})" for path, why in sorted(manifest.special.items())])

    def note_counts(self, counts: Counts, broken: set[str]) -> None:
        """Take over what was done at home."""
        self.new, self.changed, self.removed = counts.new, counts.changed, counts.removed
        self.adjusted, self.version = counts.adjusted, counts.version
        self.broken = _names(sorted(broken))

    def conclude(self) -> None:
        """Decide whether the work is safe, once everything that arrived was checked."""
        reasons = []
        if self.unstable:
            reasons.append(f"still being written: {_shown(self.unstable)}")
        if self.left:
            reasons.append(f"not collected: {_shown(self.left)}")
        if self.outside:
            reasons.append(f"in the student's home, outside daily_user: {_shown(self.outside)}")
        self.reason = "; ".join(reasons)
        self.verified = not reasons

    def as_dict(self) -> dict[str, Any]:
        """Return the report as Ansible returns it."""
        return asdict(self)

    def did(self) -> str:
        """Say what changed at home, or in check mode would change; nothing if nothing did."""
        parts = [f"{count} {word}" for word in ("new", "changed", "removed") if (count := getattr(self, word))]
        return ", ".join(parts) or ("only folders, times or modes differ" if self.adjusted else "")

    def sentence(self, *, check_mode: bool = False) -> str:
        """Return one line for people."""
        did = self.did() or "nothing new"
        if self.missing and self.verified:
            line = f"{self.username}: there is no folder of this name on the machine, so nothing to bring home"
        elif check_mode:
            line = f"{self.username}: {self.files} files on the machine; would bring home: {did}"
        elif self.verified:
            all_files = f"all {self.files} files ({_size(self.bytes)})" if self.files != 1 else "the one file"
            line = f"{self.username}: {all_files} at home and verified; {did}"
            if not self.files:
                line = f"{self.username}: the folder on the machine is empty; {did}"
        else:
            line = f"{self.username}: NOT all at home. {self.reason}"
            if self.new or self.changed or self.removed:
                line += f" (at home since now: {did})"
        if self.autosaved:
            versions = f"{self.autosaved} version{'s' * (self.autosaved > 1)} saved on the machine"
            line += f"; {versions} would come along" if check_mode else f"; {versions} came along"
        if self.autosave_reason:
            line += f"; what was saved on the machine before did not come along: {self.autosave_reason}"
        if self.note:
            line += f"; {self.note}"
        if self.broken:
            line += f"; notebooks that do not parse, at home as they are: {_shown(self.broken)}"
        if self.skipped_special:
            line += f"; no work, not collected: {_shown(self.skipped_special)}"
        return line


def _names(names: list[str]) -> list[str]:
    """Return `names` fit for a message, and not endless."""
    some = [printable(name) for name in names[:MOST_NAMES]]
    return some if len(names) <= MOST_NAMES else [*some, f"and {len(names) - MOST_NAMES} more"]


def _shown(names: list[str]) -> str:
    more = len(names) - SHOWN_NAMES
    if len(names) > MOST_NAMES:
        return ", ".join(names[:SHOWN_NAMES]) + f" and more than {more - 1} more"
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _size(count: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}"
        count = round(count / 1000)
    return f"{count} GB"
