"""`python -m lab`: see lab/README.md."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

from lab import acme, control, layout, lifecycle, state
from lab.faults import MESSAGE
from lab.lateness import USUAL
from lab.shell import LabError

HOST_ACTIONS = {
    "cut": "take the machine's link down: it runs, but nobody reaches it",
    "heal": "take the link up again",
    "kill": "end the machine as if its power went",
}

# What `late` may be told, and what is late then.
LATE = {
    "launch": "until what was launched is shown",
    "tags": "until tags that were set are read",
    "ending": "that shutting down takes",
    "console": "after each boot until consoles have output",
    "names": "until name servers know of a change of Route 53",
}


def main() -> int:
    """Run one command; return the exit status."""
    arguments = _parser().parse_args()
    if os.geteuid() != 0:
        return _as_root()
    try:
        _run(arguments)
    except LabError as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    return 0


def _run(arguments: argparse.Namespace) -> None:
    if arguments.command not in ("up", "down"):
        state.require_ours(state.holder())
    match arguments.command:
        case "up":
            lifecycle.up(arguments.roster, on_time=arguments.on_time)
        case "down":
            lifecycle.down(keep_state=arguments.keep_state)
        case "status":
            _status()
        case "fault":
            _fault(arguments)
        case "quota":
            control.ask("POST", "quota", {key: getattr(arguments, key) for key in ("code", "limit", "region")})
        case "region":
            control.ask("POST", "region", {"name": arguments.name})
        case "late":
            control.ask("POST", "late", USUAL if arguments.usual else {name: vars(arguments)[name] for name in USUAL})
        case "endpoint" if arguments.what == "stop":
            control.stop()
        case "acme" if arguments.what == "stop":
            acme.stop()
        case "acme":
            lifecycle.restart_authority(arguments.valid_for)
        case "endpoint":
            lifecycle.start_endpoint()
        case action:
            control.ask("POST", action, {"seat": arguments.seat})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m lab", description="An EC2 of real hosts on this machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="bring the lab up; safe to repeat")
    up.add_argument("--roster", type=_file, help="the class's roster (default: students.example.csv)")
    up.add_argument("--on-time", action="store_true", help="with an EC2 that is never late, unlike AWS: see late")
    down = commands.add_parser("down", help="end it and leave nothing behind")
    down.add_argument("--keep-state", action="store_true", help="leave lab/state: mail, the class's state, logs")
    commands.add_parser("status", help="show what is up")
    fault = commands.add_parser("fault", help="let API calls fail")
    fault.add_argument("--action", help="the API action, as RunInstances; or boot: a host that does not come up")
    fault.add_argument("--code", help="the error code, as InsufficientInstanceCapacity")
    fault.add_argument("--message", default=MESSAGE, help="what is said beside the code")
    fault.add_argument("--times", type=_positive, default=1, help="how many calls fail (default: 1)")
    fault.add_argument("--after", type=int, default=0, help="how many calls go through before (default: 0)")
    fault.add_argument("--seat", default="", help="only calls for this machine: its Name tag, or its instance id")
    fault.add_argument("--left", type=int, help="let EC2 have so many machines left, of --type, in --zone")
    fault.add_argument("--type", default="", help="the instance type (default: all together)")
    fault.add_argument("--zone", default="", help="the zone, as us-east-1a (default: all together)")
    fault.add_argument("--clear", action="store_true", help="forget the faults that still wait")
    quota = commands.add_parser("quota", help="grant the account another quota, as AWS does when it is asked")
    quota.add_argument("code", help="the quota's code, as L-1216C47A")
    quota.add_argument("limit", type=float, help="how many vCPUs may run at once, or TiB of gp3 be there")
    quota.add_argument("--region", default="us-east-1", help="the region (default: us-east-1)")
    region = commands.add_parser("region", help="enable a region that not every account may use")
    region.add_argument("name", help="the region, as eu-south-1")
    late = commands.add_parser("late", help="let EC2 be late, as AWS is; without options, on time")
    for option, what in LATE.items():
        late.add_argument(f"--{option}", dest=f"{option}_s", metavar="S", type=float, default=0, help=f"seconds {what}")
    late.add_argument("--usual", action="store_true", help="as late as a new lab")
    for name, what in HOST_ACTIONS.items():
        action = commands.add_parser(name, help=what)
        action.add_argument("seat", help="the machine's Name tag, or its instance id")
    endpoint = commands.add_parser("endpoint", help="stop or start the endpoint process; hosts live on")
    endpoint.add_argument("what", choices=["stop", "start"])
    authority = commands.add_parser("acme", help="stop or start the authority; one that starts knows no accounts")
    authority.add_argument("what", choices=["stop", "start"])
    authority.add_argument("--valid-for", type=_positive, metavar="S", help="seconds for which certificates are valid")
    return parser


def _file(text: str) -> Path:
    path = Path(text).resolve()
    if not path.is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return path


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def _status() -> None:
    if control.process() is None:
        print("The lab is down, or its endpoint is stopped.")
        return
    found = control.ask("GET", "status")
    print(f"EC2 endpoint  {layout.ENDPOINT_URL}")
    print(f"Mail          127.0.0.1:{layout.MAIL_PORT}, kept in {layout.MAIL}")
    print(f"Mirror        {layout.MIRROR_URL}")
    print(f"ACME          {layout.ACME_DIRECTORY if acme.background().pid else 'stopped'}")
    for fault in found["faults"]:
        of = f" of {fault['seat']}" if fault["seat"] else ""
        print(f"Waiting fault {fault['action']}{of} {fault['code']}, {fault['times']} times after {fault['after']}")
    print("Late         ", ", ".join(f"{option} {found['lateness'][f'{option}_s']:g} s" for option in LATE))
    if found["opted_in"]:
        print("Enabled       also", ", ".join(found["opted_in"]))
    for pool in found["capacity"]:
        print(f"Left          {pool['free']} of {pool['instance_type'] or 'all'} in {pool['zone'] or 'all zones'}")
    for machine in found["machines"]:
        if machine["state"] != "terminated":
            told = [machine[key] for key in ("id", "state", "type", "address", "name")]
            print("  ".join(each for each in [*told, f"ran for {machine['ran_s'] / 3600:.2f} h"] if each))


def _fault(arguments: argparse.Namespace) -> None:
    if arguments.clear:
        control.ask("DELETE", "faults")
        return
    if arguments.left is not None:
        pool = {"free": arguments.left, "zone": arguments.zone, "instance_type": arguments.type}
        control.ask("POST", "capacity", pool)
        return
    if not (arguments.action and arguments.code):
        raise LabError(
            "A fault needs --action and --code, as in: --action RunInstances --code RequestLimitExceeded\n"
            "or --left, as in: --left 0 --zone us-east-1a"
        )
    wanted = {key: getattr(arguments, key) for key in ("action", "code", "message", "times", "after", "seat")}
    control.ask("POST", "faults", wanted)


def _as_root() -> int:
    """Run the same command as root, with this user's cache."""
    print("The lab needs root for its network and hosts: running it with sudo.", file=sys.stderr)
    kept = {
        "HOME": str(Path.home()),
        "XDG_CACHE_HOME": str(layout.CACHE.parent),
        "PATH": os.environ["PATH"],
        "PYTHONDONTWRITEBYTECODE": "1",  # root's files would lie in this user's checkout
    }
    settings = [f"{name}={value}" for name, value in kept.items()]
    try:
        return subprocess.run(
            ["sudo", "env", *settings, sys.executable, "-m", "lab", *sys.argv[1:]], check=False
        ).returncode
    except FileNotFoundError:
        print("lab: there is no sudo on this machine: run the command as root.", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
