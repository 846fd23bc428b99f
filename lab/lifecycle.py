"""Bringing the lab up and taking it down again, so that nothing of it stays."""

from __future__ import annotations

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lab import acme, control, debian_packages, hosts, image, layout, mirror, network, podman, security_groups, state
from lab.shell import LabError

if TYPE_CHECKING:
    from collections.abc import Iterator

DEFAULT_ROSTER = layout.PROJECT / "students.example.csv"


def up(roster: Path | None, *, on_time: bool) -> None:
    """Bring the lab up; what is up already stays as it is.

    `roster` becomes the class's roster; None leaves the one in use. `on_time` lets EC2 never be late.
    """
    with state.alone():
        state.require_ours(state.holder())
        _refuse_another_cache()
        with step("Debian packages"):
            if packages := debian_packages.missing():
                debian_packages.install(packages)
        layout.CACHE.mkdir(parents=True, exist_ok=True)
        state.hold()
        state.make_folders()
        with step("Network"):
            podman.configure()
            _refuse_foreign_hosts()
            network.up()
        # The image waits for packages to unpack, the mirror for wheels: together they take as long as one.
        with ThreadPoolExecutor() as pool:
            host_image = pool.submit(_image, image.RELEASES[0])
            content = pool.submit(_mirror)
            authority = pool.submit(acme.provide, layout.CACHE)
            host_image.result()
            authority.result()
        own = state.Secrets.load()
        state.write_environment(own)
        state.write_inventory(own, roster or state.roster_in_use() or DEFAULT_ROSTER, content.result())
        with step("Endpoint, mail, mirror server"):
            _serve(content.result())
            if on_time:
                control.ask("POST", "late")
        with step("Authority (ACME)"):
            acme.start(layout.CACHE)
    print(f"The lab is up: {layout.ENDPOINT_URL}. Use it with:  source lab/activate")


def down(*, keep_state: bool) -> None:
    """Take everything of this checkout's lab away, however much of it is there.

    Images and mirror stay in the cache; `keep_state` also leaves lab/state, with mail and the class's state.
    """
    with state.alone():
        holder = state.holder()
        if holder not in (None, layout.PROJECT) and (holder / "lab").exists():
            print(f"Nothing of this checkout is up; the lab on this machine is that of {holder}.")
            return
        _refuse_another_cache()
        control.stop()
        acme.stop()
        if layout.PODMAN.exists() and shutil.which("podman"):
            with step("Hosts"):
                podman.configure()
                _remove_hosts()
        with step("Network, mounts, control groups"):
            if shutil.which("ip"):
                network.down()
            if shutil.which("nft"):
                security_groups.remove()
            podman.unmount()
            podman.remove_cgroups()
        shutil.rmtree(layout.RUN, ignore_errors=True)
        if not keep_state and layout.STATE.exists():
            shutil.rmtree(layout.STATE)
    print("The lab is down." + (f" Its state is kept in {layout.STATE}." if keep_state else ""))


def start_endpoint() -> None:
    """Start the background process of a lab that is up."""
    _require_up()
    if control.process() is None:
        control.start(layout.MIRROR_LINK.resolve())


def restart_authority(seconds: int | None) -> None:
    """Let the ACME authority of a lab that is up start anew, with certificates that are valid for `seconds`."""
    _require_up()
    acme.start(layout.CACHE, seconds, anew=True)


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what was done and how long it took."""
    started = time.monotonic()
    yield
    print(f"  {what}: {time.monotonic() - started:.1f} s", flush=True)


def _require_up() -> None:
    if not layout.MIRROR_LINK.exists():
        raise LabError("The lab is not up. Bring it up:  make lab   (or only itself:  python -m lab up)")


def _image(release: image.Release) -> None:
    started = time.monotonic()
    built = image.ensure(release)
    word = "built" if built else "from the cache"
    print(f"  Host image ({release.name}), {word}: {time.monotonic() - started:.1f} s", flush=True)


def _mirror() -> Path:
    with step("Mirror content"):
        return mirror.build(layout.CACHE)


def _serve(content: Path) -> None:
    """Let the background process run with these files and images; one that runs with others starts anew."""
    if control.process() is not None:
        amis = [release.ami for release in image.RELEASES]
        try:
            current = control.ask("GET", "status")["amis"] == amis and layout.MIRROR_LINK.resolve() == content.resolve()
        except LabError:
            current = False
        if current:
            return
        control.stop()
    layout.MIRROR_LINK.unlink(missing_ok=True)
    layout.MIRROR_LINK.symlink_to(content)
    control.start(content)


def _refuse_another_cache() -> None:
    """Raise LabError when this checkout's lab is in another cache: nothing here would find its hosts."""
    content = layout.MIRROR_LINK.resolve()
    if layout.MIRROR_LINK.exists() and not content.is_relative_to(layout.CACHE.resolve()):
        raise LabError(
            f"This lab's files are in {content}, not in {layout.CACHE}:\n"
            "another user brought it up, or XDG_CACHE_HOME was another. Run this again as it was run then."
        )


def _foreign_hosts() -> dict[str, Path]:
    """Return the hosts of other checkouts that share the cache: a reboot leaves them without a running lab."""
    checkouts = {each["Names"][0]: Path(each["Labels"].get(podman.LABEL, "")) for each in podman.containers()}
    return {name: checkout for name, checkout in checkouts.items() if checkout != layout.PROJECT}


def _refuse_foreign_hosts() -> None:
    """Raise LabError when another checkout still has hosts; remove those whose checkout is gone."""
    for name, checkout in _foreign_hosts().items():
        state.require_ours(checkout)
        hosts.remove(name)


def _remove_hosts() -> None:
    """Remove this lab's hosts and the images made from them."""
    foreign = _foreign_hosts()
    ours = [each["Names"][0] for each in podman.containers() if each["Names"][0] not in foreign]
    with ThreadPoolExecutor() as pool:
        list(pool.map(hosts.remove, ours))
    if not foreign:
        image.drop_all_but_bases()
