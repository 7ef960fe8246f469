"""The locks against pyproject.toml: complete, hashed, without addresses."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
PINNED = re.compile(r"^(?P<name>[a-z0-9-]+)(\[[a-z0-9,-]+\])?==(?P<version>[^ ]+)", re.MULTILINE)


def read_lock(name: str) -> dict[str, set[str]]:
    versions: dict[str, set[str]] = {}
    for pin in PINNED.finditer((PROJECT / name).read_text()):
        versions.setdefault(canonicalize_name(pin["name"]), set()).add(pin["version"])
    return versions


def declared(*, development: bool) -> list[Requirement]:
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text())
    texts = project["project"]["dependencies"]
    if development:
        texts = texts + project["dependency-groups"]["dev"]
    return [Requirement(text) for text in texts]


@pytest.mark.parametrize(
    ("lock", "development"), [("requirements.lock", False), ("requirements-dev.lock", True)]
)
def test_every_declared_dependency_is_locked_within_its_range(lock: str, development: bool) -> None:
    locked = read_lock(lock)
    for requirement in declared(development=development):
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement.name} is not in {lock}: run make lock"
        assert all(requirement.specifier.contains(version) for version in versions), (
            f"{requirement} in {lock}"
        )


def test_the_services_run_on_what_was_tested() -> None:
    runtime, development = read_lock("requirements.lock"), read_lock("requirements-dev.lock")
    assert {name: development.get(name) for name in runtime} == runtime


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-dev.lock"])
def test_a_lock_has_a_hash_for_each_pin_and_no_address(lock: str) -> None:
    text = (PROJECT / lock).read_text()
    entries = re.split(r"\n(?=[^ ])", text.strip())
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", entry) for entry in entries)
    assert "://" not in text
    assert " @ " not in text
