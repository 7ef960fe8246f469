"""`python -m checks.vulnerabilities`: known vulnerabilities of what the locks name, where a registry knows any.

Ids that do not concern this project stand in pyproject.toml, each with its reason:

    [tool.vulnerabilities]
    ignore = { "PYSEC-2026-1" = "in a part that is never called" }
"""

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
LOCK = PROJECT / "requirements-dev.lock"  # holds the services' packages too
WAIT_SECONDS = 60
SOCKET_SECONDS = 5


class NotAnswered(Exception):
    """No vulnerability service answered; the message says why."""


class BadIgnore(Exception):
    """What pyproject.toml ignores is not as it should be."""


@dataclass(frozen=True)
class Vulnerability:
    package: str
    version: str
    ids: tuple[str, ...]
    fixed_in: tuple[str, ...]

    def __str__(self) -> str:
        mended = f"fixed in {', '.join(self.fixed_in)}" if self.fixed_in else "not fixed yet"
        return f"{self.package} {self.version}: {' = '.join(self.ids)}, {mended}"


def main() -> int:
    """Print one line, or one for each vulnerability; return the exit code."""
    try:
        ignored = read_ignored((PROJECT / "pyproject.toml").read_text("utf-8"))
        checked, found = read_report(run_pip_audit(LOCK))
    except NotAnswered as reason:
        print(f"Vulnerabilities: not checked, {reason}")
        return 0
    except BadIgnore as fault:
        print(f"Vulnerabilities: {fault}", file=sys.stderr)
        return 1
    open_ones = [one for one in found if not ignored.keys() & set(one.ids)]
    for one in open_ones:
        print(f"Vulnerable: {one}", file=sys.stderr)
    if not open_ones:
        print(f"Vulnerabilities: none known in {checked} packages ({len(found)} ignored with a reason)")
    return 1 if open_ones else 0


def read_ignored(pyproject: str) -> Mapping[str, str]:
    """Return the ignored ids and their reasons. Raises BadIgnore."""
    ignored = tomllib.loads(pyproject).get("tool", {}).get("vulnerabilities", {}).get("ignore", {})
    for name, reason in ignored.items():
        if not isinstance(reason, str) or len(reason.split()) < 3:
            raise BadIgnore(f"{name} is ignored in pyproject.toml without a reason")
    return dict(ignored)


def run_pip_audit(lock: Path, options: Sequence[str] = ()) -> Any:
    """Return pip-audit's report of a lock, as JSON has it. Raises NotAnswered."""
    command = [
        *(sys.executable, "-m", "pip_audit", "--requirement", str(lock), "--disable-pip", "--no-deps"),
        *("--format", "json", "--progress-spinner", "off", "--timeout", str(SOCKET_SECONDS), *options),
    ]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_SECONDS, check=False)  # noqa: S603 - ours
    except subprocess.TimeoutExpired as error:
        raise NotAnswered(f"the registry did not answer within {WAIT_SECONDS} s") from error
    try:
        return json.loads(ran.stdout)
    except ValueError as error:
        last = (ran.stderr.strip().splitlines() or ["no output"])[-1]
        raise NotAnswered(f"pip-audit gave up: {last[:200]}") from error


def read_report(report: Any) -> tuple[int, list[Vulnerability]]:
    """Return how many packages the service knew, and what is wrong with them. Raises NotAnswered."""
    known = [one for one in report["dependencies"] if "skip_reason" not in one]
    if not known:
        raise NotAnswered("the registry here has no vulnerability service")
    return len(known), [found for one in known for found in _vulnerabilities(one)]


def _vulnerabilities(package: Mapping[str, Any]) -> Iterator[Vulnerability]:
    for found in package["vulns"]:
        ids = (found["id"], *found.get("aliases", ()))
        yield Vulnerability(package["name"], package["version"], ids, tuple(found["fix_versions"]))


if __name__ == "__main__":
    sys.exit(main())
