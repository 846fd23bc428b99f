"""Bring the work of a machine's students home, verified by checksum.

Where many machines are asked, each task and each remote execution counts. So it is one task, and one remote execution
unless more than a small pack has to travel.
"""

from __future__ import annotations

import base64
from contextlib import ExitStack, suppress
from typing import Any

from ansible.errors import AnsibleConnectionFailure, AnsibleError
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.autosave_import import known_saved
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.errors import WorkError
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.history import Owner
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.home import StudentHome
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.manifest import Manifest, pack_known
from ansible_collections.machine_learning.classroom.plugins.module_utils.work.saved_versions import Saved
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.connection import explain_failure, retry_until
from ansible_collections.machine_learning.classroom.plugins.plugin_utils.reports.student_report import Report

PACKER = "machine_learning.classroom.work_pack"


class ActionModule(ActionBase):  # type: ignore[misc]  # ansible-core ships no types
    """The action `machine_learning.classroom.work_collect`."""

    _requires_connection = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Run for one machine."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        _, arguments = self.validate_argument_spec(
            {
                "students": {"type": "list", "elements": "str", "required": True},
                "class_name": {"type": "str", "required": True},
                "addresses": {"type": "dict", "required": True},
                "former_addresses": {"type": "dict", "default": {}},
                "source": {"type": "path", "required": True},
                "store": {"type": "path", "required": True},
                "machine": {"type": "str", "default": ""},
                "homes": {"type": "path", "required": True},
                "home": {"type": "path", "required": True},
                "largest_mb": {"type": "int", "default": 1024},
                "autosave_store": {"type": "str", "default": ""},
                "autosave_max_mb": {"type": "int", "default": 2048},
                "lock_wait_s": {"type": "int", "default": 60},
                "reach_wait_s": {"type": "int", "default": 60},
                "fail_unverified": {"type": "bool", "default": True},
            }
        )
        check_mode = bool(self._task.check_mode)
        # In order, so that two collects with the same students never wait for each other.
        reports = {username: Report(username) for username in sorted(set(arguments["students"]))}
        with ExitStack() as locks:
            homes = self._homes(reports, arguments, locks, check_mode=check_mode)
            if homes:
                result |= self._collect(homes, reports, arguments, task_vars or {}, check_mode=check_mode)
        result["work"] = [reports[username].as_dict() for username in dict.fromkeys(arguments["students"])]
        result["changes"] = [f"{username}: {did}" for username, report in reports.items() if (did := report.did())]
        lines = [reports[username].sentence(check_mode=check_mode) for username in dict.fromkeys(arguments["students"])]
        result.setdefault("msg", "\n".join(lines) or "This machine has no students.")
        unsafe = [report.username for report in reports.values() if not report.verified]
        if unsafe and arguments["fail_unverified"] and not check_mode:
            result["failed"] = True
            result["msg"] += f"\nNot all at home is the work of {', '.join(unsafe)}. "
            result["msg"] += "Nothing is lost while the machine is there."
        elif not result.get("failed") and (
            unsafe or result.get("changed") or any(report.autosave_reason for report in reports.values())
        ):
            Display().display(result["msg"])
        return result

    def _homes(
        self, reports: dict[str, Report], arguments: dict[str, Any], locks: ExitStack, *, check_mode: bool
    ) -> dict[str, tuple[StudentHome, str]]:
        """Return each student's home with what it has; a student whose home is not usable is reported and left out."""
        homes = {}
        for username, report in reports.items():
            try:
                email = arguments["addresses"].get(username, "")
                home = StudentHome(
                    arguments["home"],
                    username,
                    Owner(arguments["class_name"], email.casefold()),
                    arguments["former_addresses"].get(username, []),
                )
                report.note = home.note()
                if not check_mode:
                    home.follow_address()
                    locks.enter_context(home.locked(arguments["lock_wait_s"]))
                homes[username] = (home, pack_known(home.known()))
            except WorkError as error:
                report.reason = str(error)
        return homes

    def _collect(
        self,
        homes: dict[str, tuple[StudentHome, str]],
        reports: dict[str, Report],
        arguments: dict[str, Any],
        task_vars: dict[str, Any],
        *,
        check_mode: bool,
    ) -> dict[str, Any]:
        """Ask the machine and receive what it has for each of `homes`."""
        question = {
            "source": arguments["source"],
            "largest": arguments["largest_mb"] << 20,
            "store": arguments["store"],
            "homes": arguments["homes"],
            "autosave_store": arguments["autosave_store"],
            "autosave_max": arguments["autosave_max_mb"] << 20,
            "students": [
                {
                    "username": username,
                    "known": known,
                    "templates": home.templates(),
                    "autosaved": known_saved(home.history)._asdict(),
                }
                for username, (home, known) in homes.items()
            ],
        }
        try:
            answer = retry_until(
                lambda: self._execute_module(module_name=PACKER, module_args=question, task_vars=task_vars),
                self._connection,
                arguments["reach_wait_s"],
            )
        except AnsibleConnectionFailure as error:
            for username in homes:
                reports[username].reason = "could not be reached"
            return {"failed": True, "msg": f"it could not be reached: {str(error).strip()}"}
        if answer.get("failed") or "students" not in answer:
            reason = f"the machine could not pack the work: {explain_failure(answer)}"
            for username in homes:
                reports[username].reason = reason
            return {"failed": True, "msg": f"No work came home: {reason}"}
        changed = False
        try:
            for said in answer["students"]:
                home, report = homes[said["username"]][0], reports[said["username"]]
                try:
                    changed |= self._receive(home, report, said, arguments["machine"], check_mode=check_mode)
                except (WorkError, ValueError) as error:
                    report.reason = str(error)
            for said in answer["students"]:
                home, report = homes[said["username"]][0], reports[said["username"]]
                self._receive_autosaved(home, report, said["autosaved"], check_mode=check_mode)
                changed |= report.autosaved > 0
        finally:
            self._remove(answer.get("folder"))
        return {"changed": changed}

    def _receive(
        self, home: StudentHome, report: Report, said: dict[str, Any], machine: str, *, check_mode: bool
    ) -> bool:
        """Bring one student's work home; return whether home changed. Raise WorkError or ValueError if it is not."""
        if said["missing"]:
            report.missing = True
            report.outside = said["outside"]
            report.conclude()
            return False
        if said["reason"]:
            raise WorkError(said["reason"])
        manifest = Manifest.unpacked(said["manifest"])
        manifest.settled = manifest.settled and not home.goes_on_elsewhere(machine)
        report.note_manifest(manifest)
        if check_mode:
            counts = home.folder.foresee(manifest)
            report.note_counts(counts, home.folder.broken | set(manifest.broken))
            report.conclude()
            if counts.any() and report.verified:
                report.verified, report.would_verify = False, True
                report.reason = "check mode: nothing was brought home"
            return counts.any()
        pack = self._fetch(home, said, manifest.allocated) if said["pack"] or said["inline"] else ""
        counts = home.receive(manifest, pack)
        if manifest.settled:
            home.goes_on_at(machine)
        report.note_counts(counts, home.folder.broken)
        report.conclude()
        if report.verified:
            home.mark_collected()
        return counts.any()

    def _receive_autosaved(self, home: StudentHome, report: Report, said: dict[str, Any], *, check_mode: bool) -> None:
        """Bring home what the machine saved itself of one student's folder, or note why it is not."""
        report.autosave_reason = said["reason"]
        try:
            saved = [Saved(*row) for row in said["saved"]]
            if check_mode or not saved:
                report.autosaved = len(saved)
                return
            home.discard()  # what is left of work that did not arrive
            report.autosaved = home.receive_autosaved(saved, self._fetch(home, said, 0))
        except (WorkError, AnsibleError, ValueError, TypeError) as error:
            report.autosave_reason = str(error).strip()
        finally:
            if not check_mode:
                home.discard()

    def _fetch(self, home: StudentHome, said: dict[str, Any], allocated: int) -> str:
        """Bring a pack home, whose content takes `allocated` bytes of its own there, and return where it is."""
        home.check_room(said["pack_bytes"], allocated)
        pack = f"{home.make_incoming()}/pack"
        if said["inline"]:
            home.write_pack(pack, base64.b64decode(said["inline"], validate=True))
            return pack
        try:
            self._connection.fetch_file(said["pack"], pack)
        except AnsibleConnectionFailure:
            raise
        except AnsibleError as error:
            home.check_room(said["pack_bytes"], allocated)  # filled up meanwhile: that is the better sentence
            raise WorkError(f"the work was packed but could not be fetched: {str(error).splitlines()[0]}") from error
        return pack

    def _remove(self, folder: str | None) -> None:
        """Remove the packs from the machine; if the connection is gone, a later collect does."""
        if folder:
            with suppress(AnsibleError):
                self._low_level_execute_command(self._connection._shell.remove(folder, recurse=True))
