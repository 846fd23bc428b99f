"""The endpoint: moto's server in front of the hosts, with request log, faults, saved state and a control channel."""

from __future__ import annotations

import json
import logging
import pickle
import threading
import time
from typing import TYPE_CHECKING, Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.ec2.models import ec2_backends
from moto.moto_server.werkzeug_app import MotoRequestHandler
from moto.route53.models import route53_backends
from moto.s3.models import s3_backends
from werkzeug.serving import make_server

from lab import hosts, image, layout
from lab.api_request import ApiRequest
from lab.backends import LabEC2, LabImage
from lab.capacity import CAPACITY, Pool
from lab.faults import Fault, Faults
from lab.fleet import Fleet
from lab.front_door import FrontDoor, send
from lab.iam import Iam
from lab.lateness import LATENESS, USUAL
from lab.limits import Limits
from lab.meter import ran_s
from lab.regions import REGIONS
from lab.request_log import RequestLog, error_code
from lab.responses import install
from lab.s3 import S3Access
from lab.security_groups import SecurityGroups
from lab.shell import LabError
from lab.signatures import Signatures
from lab.state import write_private
from lab.throttling import Throttling

if TYPE_CHECKING:
    from collections.abc import Callable

    from lab.state import Secrets

log = logging.getLogger(__name__)

# Paths below it are the lab's own; AWS has none there.
CONTROL = "/lab/"
HOST_ACTIONS = {"cut": hosts.cut, "heal": hosts.heal, "kill": hosts.kill}


class Endpoint:
    """A WSGI application that answers as AWS does, for the hosts of this lab."""

    def __init__(self, faults: Faults, own: Secrets) -> None:
        """Restore what an earlier run saved and look after its hosts."""
        self._faults = faults
        self._changes = threading.Event()
        self._fleet = Fleet(faults, self._changes.set)
        install(self._fleet)
        self._restore()
        self._security_groups = SecurityGroups()
        self._security_groups.apply(self._fleet.instances())
        signatures = Signatures({own.access_key: own.secret_key, own.owner_access_key: own.owner_secret_key})
        self._door = FrontDoor(
            [signatures, REGIONS, Throttling(), Iam(own.owner_access_key), S3Access(), Limits(), faults]
        )
        self._log = RequestLog(layout.REQUESTS)
        threading.Thread(target=self._save_changes, daemon=True).start()
        threading.Thread(target=self._fleet.watch, daemon=True).start()
        self._fleet.settle_all()

    @property
    def fleet(self) -> Fleet:
        """The hosts that it looks after."""
        return self._fleet

    def serve(self) -> None:
        """Answer requests until the process ends."""
        # The request log replaces werkzeug's.
        logging.getLogger("werkzeug").setLevel(logging.ERROR)
        server = make_server("127.0.0.1", layout.ENDPOINT_PORT, self, threaded=True, request_handler=MotoRequestHandler)
        server.serve_forever()

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
        """Answer one request."""
        started = time.monotonic()
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        path = environ.get("PATH_INFO", "/")
        if path.startswith(CONTROL):
            return self._control(environ["REQUEST_METHOD"], path.removeprefix(CONTROL), body, start_response)
        request = ApiRequest.read(environ, body)
        with self._fleet.lock:
            LATENESS.write_tags()  # permissions go by them, too
        if refusal := self._door.refusal(request):
            answer, status = send(start_response, refusal.status, *refusal.body(request)), refusal.status
        else:
            answer, status = self._answer(request, environ, body, start_response)
        code = error_code(b"".join(answer)) if status >= 400 else ""
        self._log.add(request.action, status, time.monotonic() - started, code)
        return answer

    def _answer(
        self, request: ApiRequest, environ: dict[str, Any], body: bytes, start_response: Callable[..., Any]
    ) -> tuple[list[bytes], int]:
        """Let moto answer; what it changed is on disk before the answer leaves."""
        begun: list[Any] = []

        def begin(status: str, headers: list[tuple[str, str]], error: Any = None) -> None:
            begun[:] = [status, headers, error]

        with self._fleet.lock:
            answer = list(self._door.answer(environ, body, begin))
            status = int(begun[0].split()[0])
            if status < 400 and not request.reads_only:
                self._security_groups.apply(self._fleet.instances())
                self._save()
        start_response(*begun)
        return answer, status

    def _control(self, method: str, what: str, body: bytes, start_response: Callable[..., Any]) -> list[bytes]:
        """Answer the lab's own commands."""
        values = json.loads(body or b"{}")
        result: Any = {}
        try:
            match method, what:
                case "GET", "status":
                    result = self._status()
                case "POST", "faults":
                    self._faults.add(Fault(**values))
                    result = self._faults.waiting()
                case "POST", "capacity":
                    CAPACITY.limit(Pool(**values))
                case "DELETE", "faults":
                    self._faults.clear()
                    CAPACITY.clear()
                case "POST", "late":
                    self._set_lateness(values)
                case "POST", "quota":
                    self._set_quota(**values)
                case "POST", "region":
                    self._enable_region(values["name"])
                case "POST", _ if what in HOST_ACTIONS:
                    instance = self._fleet.instance(values["seat"])
                    HOST_ACTIONS[what](instance.id)
                case _:
                    return send(start_response, 404, "text/plain", f"There is no {method} {what}.")
        except LabError as error:
            return send(start_response, 400, "text/plain", str(error))
        return send(start_response, 200, "application/json", json.dumps(result))

    def _set_lateness(self, seconds: dict[str, float]) -> None:
        """Be so late from now on, also in a process after this one."""
        with self._fleet.lock:
            LATENESS.set(**seconds)
            self._save()

    def _set_quota(self, code: str, limit: float, region: str) -> None:
        """Grant the account another quota in `region`."""
        with self._fleet.lock:
            try:
                ec2_backends[DEFAULT_ACCOUNT_ID][region].set_limit(code, limit)
            except (KeyError, ValueError) as error:
                raise LabError(str(error)) from error
            self._save()

    def _enable_region(self, name: str) -> None:
        """Let the account use a region that not every account may, also in a process after this one."""
        with self._fleet.lock:
            REGIONS.enable(name)
            self._save()

    def _status(self) -> dict[str, Any]:
        """Return what `python -m lab status` shows."""
        machines = [
            {
                "name": instance.name(),
                "id": instance.id,
                "type": instance.instance_type,
                "state": instance.state,
                "address": instance.public_ip or "",
                "ran_s": round(ran_s(instance)),
            }
            for instance in self._fleet.instances()
        ]
        return {
            "amis": [release.ami for release in image.RELEASES],
            "machines": sorted(machines, key=lambda machine: (machine["name"], machine["id"])),
            "faults": self._faults.waiting(),
            "capacity": CAPACITY.left(),
            "lateness": LATENESS.settings,
            "opted_in": REGIONS.opted_in,
        }

    def _save(self) -> None:
        """Write everything that must outlive this process."""
        with self._fleet.lock:
            data = pickle.dumps(
                {
                    **{name: _in_use(service) for name, service in _services().items()},
                    "addresses": self._fleet.addresses,
                    "lateness": LATENESS.settings,
                    "opted_in": REGIONS.opted_in,
                    "waiting_tags": LATENESS.waiting_tags(),  # bound to these backends
                }
            )
        write_private(layout.ENDPOINT_STATE, data)

    def _restore(self) -> None:
        """Take up what an earlier run saved; a new lab is as late as usual."""
        if not layout.ENDPOINT_STATE.exists():
            LATENESS.set(**USUAL)
            return
        with layout.ENDPOINT_STATE.open("rb") as file:
            saved = SavedState(file).load()
        for name, service in _services().items():
            for (account, region), backend in saved.get(name, {}).items():  # a lab of before had EC2 alone
                service[account][region] = backend
        self._fleet.addresses = saved["addresses"]
        LATENESS.set(**saved.get("lateness", {}))  # a lab of before was on time
        REGIONS.enable(*saved.get("opted_in", []))
        for write in saved.get("waiting_tags", []):
            write()

    def _save_changes(self) -> None:
        """Save what hosts changed; several changes at once make one save."""
        while True:
            self._changes.wait()
            self._changes.clear()
            try:
                with self._fleet.lock:
                    self._security_groups.apply(self._fleet.instances())
                self._save()
            except (OSError, LabError):
                log.exception("The state could not be saved")


def _services() -> dict[str, Any]:
    """Return what outlives this process, by its name in the saved state."""
    return {"backends": ec2_backends, "route53": route53_backends, "s3": s3_backends}


def _in_use(service: Any) -> dict[tuple[str, str], Any]:
    """Return the parts of a service of moto's that are in use, by account and region."""
    return {
        (account, region): backend
        for account, regions in list(service.items())
        for region, backend in list(regions.items())
    }


# Where classes lay when an earlier version of the lab saved its state: a lab outlives an update of the project.
MOVED = {("lab.instances", "LabEC2"): LabEC2, ("lab.instances", "LabImage"): LabImage}


class SavedState(pickle.Unpickler):
    """Reads the state of a lab, also one that an earlier version saved."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the class that the state calls `module`.`name`."""
        return MOVED.get((module, name)) or super().find_class(module, name)
