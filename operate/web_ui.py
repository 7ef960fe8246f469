"""The web UI's development server: whether it can run on this machine, and its packages."""

import hashlib
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from shared.file_lock import exclusive_lock

UI_FOLDER = Path(__file__).resolve().parent.parent / "ui"
_SERVER = UI_FOLDER / "node_modules" / "vite" / "bin" / "vite.js"
_FINGERPRINT = UI_FOLDER / "node_modules" / ".lock-fingerprint"
_OLDEST_NODE = (20, 19)
_INSTALL = ("ci", "--no-audit", "--no-fund", "--loglevel=error")
_SHOWN_LINES = 5


def web_ui_command() -> tuple[Path, tuple[str, ...]]:
    """Return the folder of the web UI, and what serves it for development."""
    return UI_FOLDER, (shutil.which("node") or "node", str(_SERVER))


def prepare_web_ui(say: Callable[[str], None]) -> str | None:
    """Install the web UI's packages where they are not those of the lock; return what stands in the way."""
    node, npm = shutil.which("node"), shutil.which("npm")
    version = _read_version(node) if node else None
    if npm is None or version is None or _as_numbers(version) < _OLDEST_NODE:
        return f"it needs Node {'.'.join(map(str, _OLDEST_NODE))} or later with npm"
    with exclusive_lock(UI_FOLDER / ".install.lock"):
        wanted = f"{hashlib.sha256((UI_FOLDER / 'package-lock.json').read_bytes()).hexdigest()} {version}\n"
        if _FINGERPRINT.exists() and _FINGERPRINT.read_text("ascii") == wanted:
            return None
        say("Installing the packages of the web UI ...")
        done = subprocess.run(  # noqa: S603  # a fixed command
            [npm, *_INSTALL],
            cwd=UI_FOLDER,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode != 0:
            reasons = " / ".join(done.stdout.strip().splitlines()[:_SHOWN_LINES])
            return f"npm could not install its packages: {reasons}"
        _FINGERPRINT.write_text(wanted, "ascii")
    return None


def _read_version(node: str) -> str | None:
    try:
        answer = subprocess.run(  # noqa: S603  # a program of that name, asked for its version
            [node, "--version"], capture_output=True, text=True, check=True, timeout=30
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return answer.stdout.strip()


def _as_numbers(version: str) -> tuple[int, ...]:
    parts = version.removeprefix("v").split(".")
    return tuple(int(part) for part in parts[:2] if part.isdigit())
