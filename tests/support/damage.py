"""What people break on a machine of ada's: one thing of each kind that configure.yml sees to."""

from __future__ import annotations

from dataclasses import dataclass, replace

FOLDER = "/home/ubuntu/machine_learning_aws"
STORE = "/var/lib/machine_learning_aws"
FRONT = "/etc/machine_learning_aws/front"
UNITS = "/etc/systemd/system"


@dataclass(frozen=True)
class Damage:
    """A thing that is broken by the script `done`; `mended` succeeds where it is as it should be."""

    role: str
    what: str
    done: str
    mended: str
    also: frozenset[str] = frozenset()
    """Roles that it concerns as well."""


def mode(role: str, path: str, wrong: str, right: str) -> Damage:
    """Let a path have a wrong mode."""
    return Damage(role, f"mode of {path}", f"chmod {wrong} {path}", f'[ "$(stat -c %a {path})" = {right} ]')


def text(role: str, path: str) -> Damage:
    """Let a file end with a line too many."""
    line = "# somebody was here"
    return Damage(role, f"text of {path}", f"echo '{line}' >> {path}", f"! grep -q '{line}' {path}")


def file(role: str, path: str) -> Damage:
    """Let a file be gone."""
    return Damage(role, f"no {path}", f"rm {path}", f"[ -s {path} ]")


def unit(role: str, name: str) -> Damage:
    """Let a unit have stopped."""
    return Damage(role, f"{name} stopped", f"systemctl stop {name}", f"systemctl is-active --quiet {name}")


def at_boot(role: str, name: str) -> Damage:
    """Let a unit no longer start with the machine."""
    return Damage(role, f"{name} disabled", f"systemctl disable --quiet {name}", f"systemctl is-enabled --quiet {name}")


DAMAGES = [
    at_boot("system", "class-host-keys.service"),
    text("system", f"{UNITS}/class-host-keys.service"),
    file("system", f"{UNITS}/apt-daily-upgrade.timer.d/50-machine-learning-class.conf"),
    text("system", "/etc/needrestart/conf.d/50-machine-learning-class.conf"),
    mode("student", f"{FOLDER}/daily_user/ada", "755", "700"),
    Damage("student", "owner of a home", "chown root /home/ada", '[ "$(stat -c %U /home/ada)" = ada ]'),
    Damage(
        "student",
        "another password",
        "getent shadow ada | cut -d: -f2 > /run/hash; echo ada:another | chpasswd",
        '[ "$(getent shadow ada | cut -d: -f2)" = "$(cat /run/hash)" ]',
    ),
    Damage(
        "student",
        "an account that has ended",
        "usermod --expiredate 1 ada",
        '[ -z "$(getent shadow ada | cut -d: -f8)" ]',
    ),
    Damage(
        "student", "not of the group", "gpasswd --delete ada students", "id -nG ada | tr ' ' '\\n' | grep -qx students"
    ),
    text("student", "/etc/ssh/sshd_config.d/10-machine-learning-class.conf"),
    file("student", f"{UNITS}/cron.service.d/10-machine-learning-class.conf"),
    at_boot("student", "ssh.service"),
    file("conda", "/etc/profile.d/conda_env.sh"),
    Damage("conda", "not in bash.bashrc", "sed -i /conda_env/d /etc/bash.bashrc", "grep -q conda_env /etc/bash.bashrc"),
    Damage(
        "data",
        "a data set that is gone",
        f"find {FOLDER}/data -type f -size +1k | head -n 1 | tee /run/gone | xargs rm",
        '[ -s "$(cat /run/gone)" ]',
    ),
    mode("data", f"{FOLDER}/data", "700", "755"),
    mode("data", STORE, "755", "700"),
    file("notebooks", f"{STORE}/delivered/ada.json"),
    unit("work", "my-work@ada.timer"),
    text("work", f"{UNITS}/my-work@.service"),
    mode("work", "/usr/local/bin/bring-back", "644", "755"),
    file("work", "/usr/local/lib/machine_learning_aws/my-work.pyz"),
    unit("jupyter", "jupyter@ada.service"),
    at_boot("jupyter", "jupyter-port@ada.socket"),
    text("jupyter", f"{UNITS}/jupyter@.service"),
    text("jupyter", f"{UNITS}/jupyter-port@ada.socket.d/port.conf"),
    mode("jupyter", "/etc/machine_learning_aws/jupyter/ada/token", "444", "400"),
    file("jupyter", "/etc/machine_learning_aws/jupyter/ada/token"),
    Damage(
        "front",
        "a gate that is closed",
        f"cp -p {FRONT}/keys.map /run/keys; : > {FRONT}/keys.map",
        f"[ -s /run/keys ] && cmp /run/keys {FRONT}/keys.map",
    ),
    # sshd is to have the port that nobody holds: so students come in whatever becomes of haproxy.
    replace(unit("front", "haproxy.service"), also=frozenset({"student"})),
    at_boot("front", "class-front-certificate.timer"),
    text("front", f"{UNITS}/haproxy.service.d/50-machine-learning-class.conf"),
    text("front", f"{FRONT}/haproxy.cfg"),
    mode("front", f"{FRONT}/tokens.map", "644", "640"),
]
