"""Servers from the operating system's packages, where that is permitted: root on a system with apt-get."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from local_servers.errors import ServerMissing

# Asked by Debian's packages before they start a service; 101 is its word for "not here".
SERVICE_POLICY = Path("/usr/sbin/policy-rc.d")
NO_SERVICES = "#!/bin/sh\nexit 101\n"


def install_packages(what: str, packages: Sequence[str]) -> None:
    """Install packages without starting any service.

    Raises: ServerMissing, with one line that says what to do by hand.
    """
    by_hand = f"{what} is missing: install it (Debian: apt-get install {' '.join(packages)})"
    apt = shutil.which("apt-get")
    if apt is None or os.geteuid() != 0:
        raise ServerMissing(by_hand)
    options = ["-qq", "-y", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=120"]
    with services_not_started():
        for command in ([apt, "-qq", "update"], [apt, "install", *options, *packages]):
            done = subprocess.run(  # noqa: S603 - apt-get with fixed arguments
                command,
                env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                check=False,
            )
            if done.returncode != 0:
                last = done.stdout.decode(errors="replace").strip().splitlines()[-1:]
                raise ServerMissing(f"{by_hand}; apt-get could not: {''.join(last)}")


@contextlib.contextmanager
def services_not_started() -> Iterator[None]:
    """Hold Debian's packages back from starting what they install; a policy that is there stays as it is."""
    if SERVICE_POLICY.exists():
        yield
        return
    SERVICE_POLICY.write_text(NO_SERVICES)
    SERVICE_POLICY.chmod(0o755)
    try:
        yield
    finally:
        SERVICE_POLICY.unlink()
