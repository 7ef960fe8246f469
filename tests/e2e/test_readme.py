"""The README's example does what the README says."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from local_servers.installation import PROJECT_ROOT, Installation
from tests.e2e.conftest import StartInstallation

README = (PROJECT_ROOT / "README.md").read_text("utf-8")
ADDRESS = "http://127.0.0.1:8000"


def block(language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert len(found) == 1, f"the README has {len(found)} blocks in {language}"
    return str(found[0])


@pytest.fixture
def with_default_folders(start_installation: StartInstallation, tmp_path: Path) -> Installation:
    """An installation whose data folder is `.data` in the test's folder, as after `make up`."""
    data = tmp_path / ".data"
    installation = start_installation(
        DATA_DIR=str(data), SQLITE_ROOT=str(data / "sqlite"), TARGET_DATABASE_URL=""
    )
    installation.start()
    return installation


def test_the_example_prints_what_the_readme_shows(with_default_folders: Installation, tmp_path: Path) -> None:
    bash = shutil.which("bash")
    assert bash is not None
    script = block("sh")
    assert ADDRESS in script
    done = subprocess.run(
        [bash, "-euo", "pipefail", "-c", script.replace(ADDRESS, with_default_folders.api.url)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stderr == ""
    assert done.stdout == block("text")
