"""The web UI's packages: installed when they are not those of the lock, and never without a reason said."""

import shutil
from pathlib import Path

import pytest

from operate import web_ui
from operate.web_ui import prepare_web_ui

NPM = """#!/bin/sh
echo "$@" >> calls
{then}
"""
WORKS = "mkdir -p node_modules"
FAILS = "echo 'npm error network: no answer'; exit 1"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A web UI with a lock, on a machine whose only programs are those in `bin`."""
    (tmp_path / "bin").mkdir()
    for needed in ("sh", "mkdir"):
        program = shutil.which(needed)
        assert program is not None
        (tmp_path / "bin" / needed).symlink_to(program)
    (tmp_path / "package-lock.json").write_text("{}")
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.setattr(web_ui, "UI_FOLDER", tmp_path)
    monkeypatch.setattr(web_ui, "_FINGERPRINT", tmp_path / "node_modules" / ".lock-fingerprint")
    return tmp_path


def put(folder: Path, name: str, text: str) -> None:
    program = folder / "bin" / name
    program.write_text(text)
    program.chmod(0o755)


def put_node(folder: Path, version: str) -> None:
    put(folder, "node", f"#!/bin/sh\necho {version}\n")


def calls(folder: Path) -> list[str]:
    return (folder / "calls").read_text().splitlines() if (folder / "calls").exists() else []


def test_without_node_nothing_is_tried(folder: Path) -> None:
    put(folder, "npm", NPM.format(then=WORKS))
    assert prepare_web_ui(print) == "it needs Node 20.19 or later with npm"
    assert calls(folder) == []


@pytest.mark.parametrize("version", ["v18.20.4", "v20.18.3", "nothing that is a version"])
def test_an_older_node_is_not_enough(folder: Path, version: str) -> None:
    put(folder, "npm", NPM.format(then=WORKS))
    put_node(folder, version)
    assert prepare_web_ui(print) == "it needs Node 20.19 or later with npm"
    assert calls(folder) == []


def test_packages_are_installed_once_for_each_lock_and_node(folder: Path) -> None:
    said: list[str] = []
    put(folder, "npm", NPM.format(then=WORKS))
    put_node(folder, "v20.19.0")
    for _ in range(2):
        assert prepare_web_ui(said.append) is None
    assert calls(folder) == ["ci --no-audit --no-fund --loglevel=error"]
    assert said == ["Installing the packages of the web UI ..."]
    (folder / "package-lock.json").write_text("{ }")
    assert prepare_web_ui(said.append) is None
    put_node(folder, "v22.1.0")
    assert prepare_web_ui(said.append) is None
    assert len(calls(folder)) == 3


def test_a_failed_installation_says_why_and_is_tried_again(folder: Path) -> None:
    put(folder, "npm", NPM.format(then=FAILS))
    put_node(folder, "v20.19.0")
    for _ in range(2):
        assert prepare_web_ui(print) == "npm could not install its packages: npm error network: no answer"
    assert len(calls(folder)) == 2
