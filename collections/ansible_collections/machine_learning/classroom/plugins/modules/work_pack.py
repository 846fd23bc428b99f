"""Pack what of the students' work on this machine is not yet at home."""

from __future__ import annotations

DOCUMENTATION = r"""
module: work_pack
short_description: Pack what of the students' work on this machine is not yet at home
description:
  - Compares the folder of each student with what the control node already has, and packs the contents that it lacks.
  - Runs on the machine as root; called by the action C(machine_learning.classroom.work_collect), which takes the packs
    home and removes them. Changes nothing in the students' folders.
  - No link is followed, no pipe or device is opened, and no file is taken while it is being written.
author: The machine_learning_aws developers (!UNKNOWN)
requirements:
  - git, for what the machine saved itself
extends_documentation_fragment:
  - machine_learning.classroom.student_work.machine
  - machine_learning.classroom.attributes
options:
  homes:
    description: The folder that holds the students' homes.
    type: path
    required: true
  students:
    description: The students whose folders are to be packed.
    type: list
    elements: dict
    required: true
    suboptions:
      username:
        description: The name of the student's folder.
        type: str
        required: true
      known:
        description: What home already has, as C(module_utils/work/manifest.py) packs it.
        type: str
        required: true
      templates:
        description: The SHA-256 of all templates of the student that home has.
        type: list
        elements: str
        default: []
      autosaved:
        description: What home has of what the machine itself saved of this student's folder.
        type: dict
        default: {saved: [], collected: null}
  largest:
    description: Files larger than this many bytes are left and named.
    type: int
    required: true
  autosave_store:
    description: The folder with what the machine itself saved of each student's folder. Empty to leave that there.
    type: str
    default: ""
  autosave_max:
    description: What the machine saved of one student's folder is left there if it takes more bytes than this.
    type: int
    default: 2147483648
attributes:
  check_mode:
    details: Compares, but packs nothing.
"""

EXAMPLES = r"""
- name: Pack the new work of alice
  machine_learning.classroom.work_pack:
    source: /home/ubuntu/machine_learning_aws/daily_user
    store: /var/lib/machine_learning_aws
    homes: /home
    largest: 1073741824
    students:
      - username: alice
        known: "{{ packed }}"
"""

RETURN = r"""
folder:
  description: Where the packs are; to be removed by the caller. Empty if there are none.
  type: str
  returned: always
students:
  description: One dictionary per student.
  type: list
  elements: dict
  returned: always
  contains:
    username:
      description: Whose folder it is.
      type: str
    manifest:
      description: What the folder holds, packed. Empty if it could not be read.
      type: str
    pack:
      description: Where the contents are that home lacks; empty if there are none, or if they are inline.
      type: str
    inline:
      description: A small pack itself, in base64; else empty.
      type: str
    pack_bytes:
      description: The size of the pack.
      type: int
    missing:
      description: Whether there is no such folder.
      type: bool
    outside:
      description: Files in the student's home that are not in the folder and so stay here.
      type: list
      elements: str
    reason:
      description: Why nothing could be collected, or empty.
      type: str
    autosaved:
      description: What the machine has saved itself of the folder since.
      type: dict
      contains:
        saved:
          description: The versions, each as its time in seconds since 1970 and its git tree.
          type: list
          elements: list
        pack:
          description: Where their contents are; empty if there are none, or if they are inline.
          type: str
        inline:
          description: A small pack itself, in base64; else empty.
          type: str
        pack_bytes:
          description: The size of the pack.
          type: int
        reason:
          description: Why they do not come along, or empty.
          type: str
"""

import base64
import os
import pwd
import shutil
import stat
import tempfile
import time
from contextlib import ExitStack, suppress
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.file_names import printable
from ansible_collections.machine_learning.classroom.plugins.module_utils.host.secure_files import open_folder, open_root
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave_export import (
    Autosaved,
    AutosavedError,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.collector import (
    add_delivered,
    collect,
    files_outside,
)
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import PackError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import unpack_known
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.pack import Pack
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.restorer import StudentFolder
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import KnownSaved

PLACE = "/var/tmp"  # noqa: S108 - not /tmp, which may be memory; what is made there is private and has a random name
PREFIX = "classroom-work-"
INLINE_BYTES = 1 << 20
"""A pack this small, which is what a day in class makes, travels in the answer, and the machine is asked only once."""
STALE_S = 6 * 3600
"""A pack this old was left by a run that was killed: none takes that long."""


def connecting_user() -> int:
    """Return the user who will fetch the packs: the one who became root by sudo, or ourselves."""
    return int(os.environ.get("SUDO_UID", os.geteuid())) if os.geteuid() == 0 else os.geteuid()


def remove_stale() -> None:
    """Remove what killed runs left. Anyone may make names in PLACE, so only what is ours by owner counts."""
    for name in os.listdir(PLACE):
        if name.startswith(PREFIX):
            path = os.path.join(PLACE, name)
            with suppress(OSError):
                status = os.lstat(path)
                ours = stat.S_ISDIR(status.st_mode) and status.st_uid in (os.geteuid(), connecting_user())
                if ours and time.time() - status.st_mtime > STALE_S:
                    shutil.rmtree(path)


def inline(path: str) -> str:
    """Return the bytes of the pack at `path`, which is then gone, as they travel in an answer; "" if too large."""
    if os.path.getsize(path) > INLINE_BYTES:
        return ""
    with open(path, "rb") as file:
        content = file.read()
    os.unlink(path)
    return base64.b64encode(content).decode()


class Packer:
    """The packs of one run, in one private folder that exists only if there is something to pack."""

    def __init__(self, source: str, store: str, homes: str, largest: int, *, check_mode: bool) -> None:
        """Nothing is made yet, so that a machine whose disk is full can still say that nothing is new."""
        self.source, self.store, self.homes = source, store, homes
        self.largest, self.check_mode = largest, check_mode
        self.folder = ""

    def student(self, username: str, known: str, templates: list[str]) -> dict[str, Any]:
        """Pack for one student; whatever goes wrong concerns this one only."""
        answer: dict[str, Any] = {"username": username, "manifest": "", "pack": "", "pack_bytes": 0}
        answer |= {"missing": False, "reason": "", "outside": [], "inline": ""}
        pack = None if self.check_mode else Pack(PLACE, lambda: self.path_for(username))
        with ExitStack() as opened:
            try:
                top = opened.enter_context(open_root(self.source))
                root = opened.enter_context(open_folder(top, username))
            except FileNotFoundError:
                outside = files_outside(os.path.join(self.homes, username), None)
                return answer | {"missing": True, "outside": [printable(path) for path in outside]}
            except OSError as error:
                return answer | {"reason": f"{self.source}/{username} cannot be opened: {error.strerror}"}
            try:
                manifest = collect(root, unpack_known(known), pack, largest=self.largest)
                manifest.settled = StudentFolder(self.source, username, self.store).settled()
                manifest.outside = files_outside(os.path.join(self.homes, username), os.fstat(root))
                add_delivered(manifest, os.path.join(self.store, "delivered"), username, templates, pack)
                size = pack.close() if pack else 0
                if pack and size:
                    answer["inline"] = inline(pack.path)
            except PackError as error:
                if pack:
                    pack.discard()
                return answer | {"reason": f"no room to pack: {error}"}
            except OSError as error:
                return answer | {"reason": f"{self.source}/{username} cannot be read: {error.strerror}"}
        path = pack.path if pack and not answer["inline"] else ""
        return answer | {"manifest": manifest.packed(), "pack": path, "pack_bytes": size}

    def autosaved(self, username: str, known: dict[str, Any], store: str, most_bytes: int) -> dict[str, Any]:
        """Pack for one student what this machine saved itself since `known`; nothing of it hinders the rest."""
        answer: dict[str, Any] = {"saved": [], "pack": "", "inline": "", "pack_bytes": 0, "reason": ""}
        if not store:
            return answer
        make_pack = None if self.check_mode else lambda: self.path_for(f"{username}~autosaved")
        try:
            saved, path = Autosaved(store, username).send(KnownSaved.of(known), make_pack, most_bytes)
            if not path:
                return answer | {"saved": saved}
            size, small = os.path.getsize(path), inline(path)
        except (AutosavedError, OSError) as error:
            return answer | {"reason": str(error)}
        return answer | {"saved": saved, "pack": "" if small else path, "inline": small, "pack_bytes": size}

    def path_for(self, name: str) -> str:
        """Return where the pack `name` goes: a username, or what cannot be one."""
        if not self.folder:
            self.folder = tempfile.mkdtemp(prefix=PREFIX, dir=PLACE)
        return os.path.join(self.folder, name)

    def hand_over(self) -> None:
        """Let the connecting user, and nobody else, read the packs."""
        user = connecting_user()
        if self.folder and not os.listdir(self.folder):
            self.discard()
        if self.folder and user != os.geteuid():
            group = pwd.getpwuid(user).pw_gid
            for name in os.listdir(self.folder):
                os.chown(os.path.join(self.folder, name), user, group)
            os.chown(self.folder, user, group)

    def discard(self) -> None:
        """Remove the packs."""
        if self.folder:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = ""


def main() -> None:
    """Run as an Ansible module."""
    module = AnsibleModule(
        argument_spec={
            "source": {"type": "path", "required": True},
            "store": {"type": "path", "required": True},
            "homes": {"type": "path", "required": True},
            "largest": {"type": "int", "required": True},
            "autosave_store": {"type": "str", "default": ""},
            "autosave_max": {"type": "int", "default": 2 << 30},
            "students": {
                "type": "list",
                "elements": "dict",
                "required": True,
                "options": {
                    "username": {"type": "str", "required": True},
                    # Not secret, but long: `no_log` below keeps all arguments out of the machine's journal.
                    "known": {"type": "str", "required": True, "no_log": False},
                    "templates": {"type": "list", "elements": "str", "default": []},
                    "autosaved": {"type": "dict", "default": {"saved": [], "collected": None}},
                },
            },
        },
        supports_check_mode=True,
        no_log=True,
    )
    given = module.params
    packer = Packer(given["source"], given["store"], given["homes"], given["largest"], check_mode=module.check_mode)
    try:
        if not module.check_mode:
            remove_stale()
        answers = [
            packer.student(student["username"], student["known"], student["templates"]) for student in given["students"]
        ]
        for student, answer in zip(
            given["students"], answers, strict=True
        ):  # the work itself has the first of the room
            answer["autosaved"] = packer.autosaved(
                student["username"], student["autosaved"], given["autosave_store"], given["autosave_max"]
            )
        packer.hand_over()
    except BaseException:
        packer.discard()
        raise
    module.exit_json(changed=False, folder=packer.folder, students=answers)


if __name__ == "__main__":
    main()
