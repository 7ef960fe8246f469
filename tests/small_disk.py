"""A file system of some MiB, to be filled up. Mounting one needs root."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from local_servers.machine import new_folder

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small tmpfs needs root")
FILLER = "filler"


@contextlib.contextmanager
def small_disk(size_mib: int = 24, folder: Path | None = None) -> Iterator[Path]:
    """Mount it over a folder, a new one unless it is given."""
    place = folder or new_folder("disk-")
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
        if folder is None:
            place.rmdir()


def fill_up(disk: Path) -> Path:
    """Write a file that leaves no space, and return it."""
    filler = disk / FILLER
    with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(64 * 1024))
    return filler
