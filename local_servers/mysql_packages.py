"""MySQL's own server from Debian's unstable packages, unpacked into a folder: the system stays as it is.

apt works in a private root (its own lists, cache and package status), so that it resolves and verifies the
packages without root and without touching the machine's. The programs then run through the unpacked loader.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from local_servers.errors import ServerMissing
from shared.file_lock import exclusive_lock

PACKAGE = "mysql-server-core"
SUITE = "sid"
# Counted as installed: only helper scripts of the server's, which are not used here, want it.
PLACEHOLDERS = ("perl",)
KEYRING_PACKAGE_FILE = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
BY_HAND = "MySQL 9 is missing: put its mysqld on PATH, or run where Debian's apt-get works"


@dataclass(frozen=True)
class MysqlPrograms:
    """How to run mysqld: the words before its options, and the options that its place makes necessary."""

    mysqld: tuple[str, ...]
    places: tuple[str, ...] = ()
    openssl_modules: str | None = None


def unpacked_mysql() -> MysqlPrograms:
    """The unpacked server, fetched first when it is not there. Raises: ServerMissing."""
    folder = cache_folder()
    folder.mkdir(parents=True, exist_ok=True)
    with exclusive_lock(folder / "lock"):
        if not (folder / "complete").exists():
            fetch(folder)
            (folder / "complete").touch()
    return describe(folder / "root")


def cache_folder() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "etl-engine" / f"mysql-{SUITE}"


def describe(root: Path) -> MysqlPrograms:
    usr = root / "usr"
    libraries = only(usr.rglob("libc.so.6")).parent
    loader = only(usr.rglob("ld-linux*.so.*"))
    return MysqlPrograms(
        mysqld=(str(loader), "--library-path", str(libraries), str(usr / "sbin" / "mysqld")),
        places=(
            f"--basedir={usr}",
            f"--lc-messages-dir={only(usr.rglob('english/errmsg.sys')).parent.parent}",
            f"--character-sets-dir={only(usr.rglob('charsets/Index.xml')).parent}",
            f"--plugin-dir={only(usr.rglob('mysql/plugin'))}",
        ),
        openssl_modules=str(libraries / "ossl-modules"),
    )


def only(found: Iterator[Path]) -> Path:
    first = next(found, None)
    if first is None:
        raise ServerMissing(
            "the unpacked MySQL packages lack a file; remove their cache folder and try again"
        )
    return first


def fetch(folder: Path) -> None:
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise ServerMissing(BY_HAND)
    apt, root = folder / "apt", folder / "root"
    for leftover in (apt, root):
        shutil.rmtree(leftover, ignore_errors=True)
    root.mkdir()
    download(apt)
    for package in sorted((apt / "cache" / "archives").glob("*.deb")):
        run(["dpkg-deb", "--extract", str(package), str(root)])
    shutil.rmtree(apt)


def download(apt: Path) -> None:
    """Download the packages and all they need, from the first of the machine's mirrors that has them."""
    for place in ("lists/partial", "cache/archives/partial", "preferences.d"):
        (apt / place).mkdir(parents=True)
    (apt / "status").write_text("".join(placeholder(name) for name in PLACEHOLDERS))
    problem = "apt-get names no mirror"
    for mirror in mirrors():
        signed = f"[signed-by={KEYRING_PACKAGE_FILE}] " if KEYRING_PACKAGE_FILE.exists() else ""
        (apt / "sources.list").write_text(f"deb {signed}{mirror} {SUITE} main\n")
        try:
            run(["apt-get", *private_options(apt), "update"])
            run(["apt-get", *private_options(apt), "install", "--yes", "--download-only", PACKAGE])
        except ServerMissing as error:
            problem = str(error)
            continue
        return
    raise ServerMissing(f"{BY_HAND}; {problem}")


def mirrors() -> Iterator[str]:
    """Where the machine's own apt gets its release from; works before any update of its lists."""
    codename = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.MULTILINE)
    if codename is None:
        return
    listing = run(["apt-get", "update", "--print-uris"])
    pattern = rf"^'(\S+)/dists/{codename[1]}/(?:In)?Release'"
    yield from dict.fromkeys(re.findall(pattern, listing, re.MULTILINE))


def private_options(apt: Path) -> Sequence[str]:
    settings = {
        "Dir::Etc::sourcelist": str(apt / "sources.list"),
        "Dir::Etc::sourceparts": "-",
        "Dir::Etc::preferences": str(apt / "preferences"),
        "Dir::Etc::preferencesparts": str(apt / "preferences.d"),
        "Dir::State": str(apt),
        "Dir::State::lists": str(apt / "lists"),
        "Dir::State::status": str(apt / "status"),
        "Dir::Cache": str(apt / "cache"),
        "Acquire::Languages": "none",
        "Acquire::Retries": "2",
        # apt's own unprivileged user could not enter this folder.
        "APT::Sandbox::User": "",
        "APT::Install-Recommends": "false",
        "APT::Keep-Downloaded-Packages": "true",
        "APT::Update::Pre-Invoke": "",
        "APT::Update::Post-Invoke": "",
        "APT::Update::Post-Invoke-Success": "",
    }
    return ["-qq", *(part for name, value in settings.items() for part in ("-o", f"{name}={value}"))]


def placeholder(name: str) -> str:
    architecture = run(["dpkg", "--print-architecture"]).strip()
    return (
        f"Package: {name}\nStatus: install ok installed\nVersion: 99\nMaintainer: none\n"
        f"Architecture: {architecture}\nMulti-Arch: allowed\nDescription: stands in for the real one\n\n"
    )


def run(command: list[str]) -> str:
    """The output of a tool. Raises: ServerMissing with its last line when it fails."""
    done = subprocess.run(  # noqa: S603 - apt-get and dpkg with arguments of our own making
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"},
        text=True,
        errors="replace",
        check=False,
    )
    if done.returncode != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:]
        raise ServerMissing(f"{command[0]} failed: {''.join(last)}")
    return done.stdout
