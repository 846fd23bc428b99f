"""The host images: Debians that stand in for a vendor's cloud images, each built once and kept as a podman image.

An image is named after the hash of all that goes into it, and that name is its AMI id: a changed recipe is a new AMI,
as it is on EC2.
"""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from lab.layout import CACHE, MIRROR_URL, RECIPE
from lab.podman import podman, try_podman
from lab.shell import run

if TYPE_CHECKING:
    from pathlib import Path

REPOSITORY = "localhost/machine_learning_aws"
BASE_LABEL = "machine_learning_aws.base"


@dataclass(frozen=True)
class Release:
    """One release of Debian and the cloud image that it stands in for."""

    name: str
    suite: str
    packages: tuple[str, ...]
    ami_name: str
    owner: str
    parameter: str
    # The scripts of the recipe that turn a minimal Debian into it, in their order.
    scripts: tuple[str, ...] = ("customize",)

    @property
    def ami(self) -> str:
        """The AMI id: changes with every input of the image."""
        digest = hashlib.sha256(json.dumps([asdict(self), CUSTOMIZE_OPTIONS, MIRROR_URL]).encode())
        for path in sorted(path for path in RECIPE.rglob("*") if path.is_file()):
            digest.update(f"{path.relative_to(RECIPE)} {path.stat().st_mode & 0o111}\n".encode() + path.read_bytes())
        return f"ami-0{digest.hexdigest()[:16]}"


# As little as behaves like a cloud image. Not acl: Ansible's fallbacks for unprivileged users must not rest on it.
PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "libpam-systemd", "cloud-init", "openssh-server", "sudo", "passwd"),
    *("python3", "ca-certificates", "curl", "git", "rsync", "bzip2", "xz-utils"),
    *("iproute2", "iputils-ping", "procps", "less", "nano", "tzdata"),
    *("unattended-upgrades", "needrestart"),  # which may upgrade and restart what they like, in the middle of a class
)

# What 26.04 has in the place of sudo and of most of GNU's coreutils. sudo stays for its files below /etc.
RUST_PACKAGES = ("sudo-rs", "rust-coreutils")

# Documentation is half of the time of unpacking.
CUSTOMIZE_OPTIONS = (
    "--mode=root",
    "--variant=minbase",
    "--format=tar",
    "--skip=output/dev",
    "--aptopt=Acquire::Languages none",
    "--dpkgopt=force-unsafe-io",
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
)

CANONICAL = "099720109477"

# `up` builds the first; the others are built when their first host is launched.
RELEASES = (
    Release(
        name="debian-12",
        suite="bookworm",
        packages=PACKAGES,
        ami_name="ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-20251022",
        owner=CANONICAL,
        parameter="/aws/service/canonical/ubuntu/server/24.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
    ),
    Release(
        name="debian-13",
        suite="trixie",
        packages=(*PACKAGES, *RUST_PACKAGES),
        ami_name="ubuntu/images/hvm-ssd-gp3/ubuntu-resolute-26.04-amd64-server-20260423",
        owner=CANONICAL,
        parameter="/aws/service/canonical/ubuntu/server/26.04/stable/current/amd64/hvm/ebs-gp3/ami-id",
        scripts=("customize", "oxidize"),
    ),
)

# Hosts that boot side by side want the same image.
_building = threading.Lock()


def name(ami: str) -> str:
    """Return podman's name for the image `ami`."""
    return f"{REPOSITORY}:{ami}"


def exists(ami: str) -> bool:
    """Say whether the image `ami` is there."""
    return try_podman("image", "exists", name(ami)).returncode == 0


def ensure(release: Release) -> bool:
    """Build the image of `release` unless it is there; return whether it was built."""
    with _building:
        if exists(release.ami):
            return False
        archive = CACHE / f"{release.ami}.tar"
        try:
            _build(release, archive)
            changes = ('CMD ["/usr/sbin/lab-init"]', "STOPSIGNAL SIGRTMIN+3", f"LABEL {BASE_LABEL}={release.suite}")
            podman("import", "--quiet", *(f"--change={change}" for change in changes), str(archive), name(release.ami))
        finally:
            archive.unlink(missing_ok=True)
        _drop_older(release)
        return True


def provide(ami: str) -> None:
    """Build the image `ami` if it is a release's and not there yet; one made from a host is there, or gone for good."""
    for release in RELEASES:
        if release.ami == ami:
            ensure(release)


def _build(release: Release, archive: Path) -> None:
    """Write the root file system of `release` to `archive`."""
    run(
        # Ends with the process that asked for it, which may be the endpoint's.
        *("setpriv", "--pdeathsig=TERM", "mmdebstrap"),
        "--quiet",
        *CUSTOMIZE_OPTIONS,
        f"--include={','.join(release.packages)}",
        *(
            f'--customize-hook="{RECIPE / script}" "$1" "{MIRROR_URL}/apt/{release.suite}"'
            for script in release.scripts
        ),
        release.suite,
        str(archive),
        timeout=1800,
    )


def _drop_older(release: Release) -> None:
    """Remove images of `release` from earlier recipes; those that a host still uses stay."""
    found = podman("images", "--filter", f"label={BASE_LABEL}={release.suite}", "--format", "{{.Repository}}:{{.Tag}}")
    for image in found.splitlines():
        if image != name(release.ami):
            try_podman("rmi", image)


def remove(ami: str) -> None:
    """Remove the image `ami` that was made from a host, unless another host lives on it."""
    if ami not in {release.ami for release in RELEASES}:
        try_podman("rmi", name(ami))


def drop_all_but_bases() -> None:
    """Remove the images made from hosts: they end with their lab. The base images stay cached."""
    bases = {name(release.ami) for release in RELEASES}
    for image in podman("images", "--format", "{{.Repository}}:{{.Tag}}").splitlines():
        if image not in bases:
            try_podman("rmi", "--force", image)
