"""sshd as a service that holds the ports it is told to hold, and the way there from Ubuntu's socket.

Since 22.10 Ubuntu lets systemd hold port 22 (ssh.socket), which starts sshd with the first connection; the ports are
those of ssh.socket, not sshd's own. On the way from one to the other people were locked out of their machines
(dev-sec/ansible-collection-hardening 854 and 931, python/psf-salt 478): an sshd of which systemd knew no more kept the
port, the new one ended with 255, after which systemd does not try again, and /run/sshd was gone.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import is_wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ansible_collections.machine_learning.classroom.plugins.module_utils.host.host import Host

# It wants that; a service that stopped took it along.
RUNTIME_DIRECTORY = "/run/sshd"

# The arguments are addresses with ports, as in 0.0.0.0:22. Says of each that not ssh.service alone holds, who holds it.
# In few processes, for each machine is asked this in every run.
_AMISS = r"""
amiss() {
    main=$(systemctl show --property=MainPID --value ssh.service)
    ss -Hltnp | awk -v main="$main" -v addresses="$*" '
        { # LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=321,fd=3),("systemd",pid=1,fd=50))
            local = port = $4
            sub(/.*:/, "", port)
            for (rest = $0; match(rest, /"[^"]*",pid=[0-9]+/); rest = substr(rest, RSTART + RLENGTH)) {
                split(substr(rest, RSTART, RLENGTH), holder, "\"")
                pid = substr(holder[3], length(",pid=") + 1)
                if (pid == main) serves[local]
                else if (!((port, pid) in others)) {
                    others[port, pid]
                    said[port] = said[port] (said[port] ? "\n" : "") holder[2] ", process " pid
                }
            }
        }
        END {
            count = split(addresses, wanted, " ")
            for (i = 1; i <= count; i++) {
                port = wanted[i]
                sub(/.*:/, "", port)
                if (said[port] || !(wanted[i] in serves)) print wanted[i] ": " (said[port] ? said[port] : "nobody")
            }
        }' || echo "awk does not run"
    [ -d /run/sshd ] || echo "/run/sshd is missing"
}
"""

# The first argument is what to take away on the way back to ssh.socket, or nothing where there is none; the others are
# the addresses.
#
# Both units are stopped before systemd reads its units anew, for it may then forget a service that a socket started, or
# one that somebody has disabled: its sshd keeps the ports, a new one ends, and /run/sshd goes with it. That is why
# `enable` may not call update-rc.d, which reloads; but apt, snapd or cloud-init may have reloaded before, so whatever
# sshd still listens is ended. Sessions that are open, ours included, live on (KillMode=process).
_START = (
    _AMISS
    + r"""
trap '' PIPE # whoever asked may be gone
export SYSTEMCTL_SKIP_SYSV=1
back=$1
shift

holders() { # of the port of an address: "sshd",pid=321
    ss -Hltnp "sport = :${1##*:}" | grep -o '"[^"]*",pid=[0-9]*' | sort -u
}

stop() {
    systemctl stop ssh.socket ssh.service
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        strays=$(for address; do holders "$address"; done | sed -n 's/"sshd",pid=//p')
        [ -n "$strays" ] || break
        kill $strays
        sleep 0.1
    done
    systemctl daemon-reload
    systemctl reset-failed ssh.socket ssh.service
}

systemctl --no-reload --quiet enable ssh.service
systemctl --no-reload --quiet disable ssh.socket
stop "$@"
systemctl start ssh.service
found=$(amiss "$@")
if [ -z "$found" ]; then
    systemctl --quiet try-restart cron.service
    exit 0
fi
echo "$found"
[ -n "$back" ] || exit 1
rm -f "$back"
systemctl --no-reload --quiet disable ssh.service
systemctl --no-reload --quiet enable ssh.socket
stop "$@"
systemctl start ssh.socket
exit 1
"""
)

# By systemd itself, so that it comes to its end even if the connection that asked for it does not last: in the middle,
# nobody listens.
_DETACHED = ("systemd-run", "--quiet", "--wait", "--pipe", "--collect", "--service-type=oneshot", "sh", "-c")

# The arguments are _START, sshd's file, the port, the unit that gets it, sshd's addresses in one word, and those that
# it keeps. One process of systemd's does all of it, back as well: in between nobody holds the port, and whoever asked
# may have come through it. sshd's file changes in one step, so a machine that loses its power boots with one of the
# two, and as the unit leads to sshd, each is a way in.
_HAND_OVER = r"""
trap '' PIPE # whoever asked may be gone
start=$1 config=$2 port=$3 unit=$4 everything=$5
shift 5

held() { # the unit has ten seconds
    for attempt in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
        group=$(systemctl show --property=ControlGroup --value "$unit")
        for process in $(ss -Hltnp "sport = :$port" | grep -o 'pid=[0-9]*' | sed 's/pid=//' | sort -u); do
            grep -q -F "$group" "/proc/$process/cgroup" 2> /dev/null && return 0
        done
        sleep 0.5
    done
    return 1
}

systemctl --quiet enable "$unit"
grep -v -x "Port $port" "$config" > "$config.new"
cp -p "$config" "$config.before"
chmod 644 "$config.new"
mv "$config.new" "$config"
sh -c "$start" sh "" "$@" && systemctl restart "$unit" && held && rm -f "$config.before" && exit 0
systemctl --quiet disable --now "$unit"
mv "$config.before" "$config"
sh -c "$start" sh "" $everything
exit 1
"""

# The arguments are _START, sshd's file, the port, the unit that has it, and all addresses that sshd shall hold then.
_TAKE_BACK = r"""
trap '' PIPE # whoever asked may have come through the unit
start=$1 config=$2 port=$3 unit=$4
shift 4
systemctl --quiet disable --now "$unit"
{
    grep -q "^Port " "$config" || echo "Port $port"
    sed "0,/^Port /s/^Port .*/&\\nPort $port/" "$config"
} > "$config.new"
chmod 644 "$config.new"
mv "$config.new" "$config"
sh -c "$start" sh "" "$@"
"""

# In one process of systemd's, so that the file never says what sshd has not read. The argument is the file.
_REREAD = 'mv "$1.new" "$1" && systemctl reload ssh.service'

_LOCKED = "NOTHING listens any more: keep your sessions open"


def listen(host: Host, config_file: str, *, changed: bool, units: bool) -> None:
    """Have ssh.service hold all of sshd's ports, with what changed of its configuration and of systemd's `units`.

    Fails in words if it does not; where ssh.socket listened before, that is taken up again, without `config_file`.
    """
    if _succeeds(host, "systemctl", "is-enabled", "--quiet", "ssh.socket") or not _succeeds(
        host, "systemctl", "is-active", "--quiet", "ssh.service"
    ):
        if host.change("let ssh.service listen instead of ssh.socket") and (found := _start(host, config_file)):
            again = _succeeds(host, "systemctl", "is-active", "--quiet", "ssh.socket")
            _fail(host, found, f"{'ssh.socket listens again' if again else _LOCKED}, and {config_file} was taken away")
        return
    if host.check_mode and not os.path.isdir(RUNTIME_DIRECTORY):  # without it, sshd does not say what it is told
        host.need(f"{RUNTIME_DIRECTORY} is missing")
        return
    steps = []
    if not is_wanted("ssh.service") and not _succeeds(host, "systemctl", "is-enabled", "--quiet", "ssh.service"):
        steps.append("enabled ssh.service")
    if changed or units or _amiss(host):
        steps.append("restarted ssh.service")  # for a reload opens no new port
    for step in steps:
        host.change(step)
    if steps and not host.check_mode and (found := _start(host)):
        serves = _succeeds(host, "systemctl", "is-active", "--quiet", "ssh.service")
        _fail(host, found, "It serves what it holds" if serves else _LOCKED)


def hand_over(host: Host, config_file: str, port: int, unit: str) -> bool:
    """Have `unit` hold `port`, at boot too, instead of sshd, to which it leads; returns whether sshd had it.

    Fails in words if `unit` does not come to hold it; then sshd has it again.
    """
    told = f"Port {port}\n"
    text = Path(config_file).read_text() if os.path.exists(config_file) else ""
    if told not in text.splitlines(keepends=True):
        return False
    if host.change(f"handed port {port} of sshd over to {unit}"):
        everything = list(_addresses(host))
        left = [address for address in everything if not address.endswith(f":{port}")]
        done = host.probe(
            [*_DETACHED, _HAND_OVER, "sh", _START, config_file, str(port), unit, " ".join(everything), *left]
        )
        if done.returncode != 0:
            host.fail(
                f"{unit} does not hold port {port} ({done.stdout.strip() or 'it did not start'}), so sshd holds it as "
                f"before. Look at it with `journalctl -u {unit}` on the machine, then run configure.yml again."
            )
    return True


def take_back(host: Host, config_file: str, port: int, unit: str) -> None:
    """Undo what `hand_over` did: `unit` ends, and sshd holds `port` again. Fails in words if it does not."""
    text = Path(config_file).read_text() if os.path.exists(config_file) else ""
    if f"Port {port}\n" in text.splitlines(keepends=True):
        host.run(["systemctl", "--quiet", "disable", "--now", unit], what=f"ended {unit}")
        return
    if host.change(f"gave port {port} of {unit} back to sshd"):
        now = list(_addresses(host))
        back = {f"{address.rpartition(':')[0]}:{port}" for address in now}
        told = now if "\nPort " in f"\n{text}" else []  # without any, sshd has the usual one meanwhile
        words = ["sh", _START, config_file, str(port), unit, *told, *sorted(back)]
        done = host.probe([*_DETACHED, _TAKE_BACK, *words])
        if done.returncode != 0:
            _fail(host, done.stdout or "it did not start", "It serves what it holds")


def refuse(host: Host, config_file: str, group: str) -> None:
    """Have sshd let nobody of `group` in any more, whatever they bring; who is logged in stays."""
    line = f"DenyGroups {group}\n"
    text = Path(config_file).read_text() if os.path.exists(config_file) else ""
    if line in text.splitlines(keepends=True):
        return
    if host.change(f"closed ssh to the group {group}"):
        for_all, match, for_some = text.partition("\nMatch ")  # what holds for some accounts alone comes last
        new = Path(f"{config_file}.new")
        new.write_text(f"{for_all}{line}{match}{for_some}")
        new.chmod(0o644)
        done = host.probe([*_DETACHED, _REREAD, "sh", config_file])
        if done.returncode != 0:
            host.fail(f"sshd does not read {config_file} anew: {done.stderr.strip()}. Run configure.yml again.")


def _start(host: Host, back: str = "") -> str:
    """Have ssh.service start anew and at boot; returns a line for each address that it does not hold then.

    With `back`, ssh.socket listens again in that case, and that file is taken away.
    """
    done = host.probe([*_DETACHED, _START, "sh", back, *_addresses(host)])
    return "" if done.returncode == 0 else done.stdout or "it did not start"


def _amiss(host: Host) -> str:
    """Return a line for each address that not ssh.service alone holds."""
    return host.probe(["sh", "-c", f'{_AMISS}amiss "$@"', "sh", *_addresses(host)]).stdout


def _addresses(host: Host) -> Iterable[str]:
    """Return the addresses, with their ports, that sshd is told to hold."""
    if not host.check_mode:
        os.makedirs(RUNTIME_DIRECTORY, mode=0o755, exist_ok=True)
    told = [line.split() for line in host.ask(["sshd", "-T"]).splitlines()]
    unknown = () if os.path.exists("/proc/net/if_inet6") else ("[",)
    return [words[1] for words in told if words[0] == "listenaddress" and not words[1].startswith(unknown)]


def _succeeds(host: Host, *argv: str) -> bool:
    return host.probe(argv).returncode == 0


def _fail(host: Host, found: str, state: str) -> None:
    """End the module: not ssh.service alone holds its ports, but who is named in `found`."""
    holders = ", ".join(found.splitlines())
    host.fail(
        f"ssh.service does not hold all ports of class_ssh_ports ({holders}). {state}. End that "
        "process, or leave the port out of class_ssh_ports, and run configure.yml again."
    )
