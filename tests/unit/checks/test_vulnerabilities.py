"""The vulnerability check: what fails, what does not, and that it reads what pip-audit really says."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from checks import vulnerabilities
from checks.vulnerabilities import BadIgnore, NotAnswered, main, read_ignored, read_report, run_pip_audit

FOUND = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["2.0"]}
SOUND = {"name": "sound", "version": "1", "vulns": []}
BROKEN = {"name": "broken", "version": "1", "vulns": [FOUND]}
UNKNOWN = {"name": "unknown", "skip_reason": "Dependency not found on PyPI"}


def report_of(*packages: dict[str, Any]) -> dict[str, Any]:
    return {"dependencies": list(packages), "fixes": []}


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    def run(report: Any, ignore: str = "") -> int:
        def answer(_lock: Path) -> Any:
            if isinstance(report, Exception):
                raise report
            return report

        (tmp_path / "pyproject.toml").write_text(f"[tool.vulnerabilities]\nignore = {{ {ignore} }}\n")
        monkeypatch.setattr(vulnerabilities, "PROJECT", tmp_path)
        monkeypatch.setattr(vulnerabilities, "run_pip_audit", answer)
        return main()

    return run


def test_a_vulnerability_fails_and_is_named(check: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(report_of(SOUND, BROKEN)) == 1
    assert "Vulnerable: broken 1: PYSEC-1 = CVE-1, fixed in 2.0" in capsys.readouterr().err


@pytest.mark.parametrize("known_as", ["PYSEC-1", "CVE-1"])
def test_one_that_is_ignored_with_a_reason_does_not(check: Any, known_as: str) -> None:
    assert check(report_of(BROKEN), f'"{known_as}" = "never called by us"') == 0
    assert check(report_of(BROKEN), '"PYSEC-2" = "another one altogether"') == 1


@pytest.mark.parametrize("reason", ['""', '"no"', "true"])
def test_an_ignored_one_needs_a_reason(check: Any, reason: str) -> None:
    assert check(report_of(SOUND), f'"PYSEC-1" = {reason}') == 1
    with pytest.raises(BadIgnore):
        read_ignored(f'[tool.vulnerabilities]\nignore = {{ "PYSEC-1" = {reason} }}')


def test_where_no_service_answers_a_line_says_so(check: Any, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(report_of(UNKNOWN)) == 0
    assert check(NotAnswered("nobody there")) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first == "Vulnerabilities: not checked, the registry here has no vulnerability service"
    assert second == "Vulnerabilities: not checked, nobody there"


def test_what_this_project_ignores_has_its_reasons() -> None:
    read_ignored((vulnerabilities.PROJECT / "pyproject.toml").read_text())


@pytest.fixture
def service() -> Iterator[str]:
    """A vulnerability service that knows one of jinja2 and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:  # the name that http.server calls
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            vulns = [OF_JINJA] if asked["package"]["name"] == "jinja2" else []
            body = json.dumps({"vulns": vulns}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


OF_JINJA = {
    "id": "GHSA-xxxx",
    "aliases": ["CVE-2019-10906"],
    "summary": "s",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "jinja2"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2.10.1"}]}],
        }
    ],
}


def test_it_reads_what_pip_audit_says(service: str, tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    hashed = "".join(f"{pin} --hash=sha256:{'0' * 64}\n" for pin in ("jinja2==2.4.1", "idna==3.7"))
    lock.write_text(hashed)
    checked, [found] = read_report(
        run_pip_audit(lock, ("--vulnerability-service", "osv", "--osv-url", service))
    )
    assert checked == 2
    assert (found.package, found.version, found.fixed_in) == ("jinja2", "2.4.1", ("2.10.1",))
    assert {"GHSA-xxxx", "CVE-2019-10906"} <= set(found.ids)


def test_a_service_that_is_not_there_is_no_finding(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"idna==3.7 --hash=sha256:{'0' * 64}\n")
    nowhere = ("--vulnerability-service", "osv", "--osv-url", "http://127.0.0.1:9")
    with pytest.raises(NotAnswered):
        run_pip_audit(lock, nowhere)
