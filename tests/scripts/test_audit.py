"""The audit of known vulnerabilities, with a local advisory service."""

import json
import re
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from demo.running_service import free_port
from tests.scripts.conftest import Script

FOUND = {
    "id": "PYSEC-2026-1",
    "aliases": ["CVE-2026-0001"],
    "affected": [
        {
            "package": {"name": "numpy", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99.1"}]}],
        }
    ],
}


class Advisories(BaseHTTPRequestHandler):
    """Knows of one vulnerability, in numpy, or of none; or is out of order."""

    vulnerable, status = True, 200

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["package"]["name"]
        answer: dict[str, Any] = {"vulns": [FOUND]} if self.vulnerable and asked == "numpy" else {}
        body = json.dumps(answer).encode()
        self.send_response(self.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""


@pytest.fixture
def advisories(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setattr(Advisories, "vulnerable", True)
    yield f"http://127.0.0.1:{server.server_address[1]}/v1/query"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """A folder with the lock files of both images and of a developer, and nothing accepted."""
    (tmp_path / "requirements").mkdir()
    for name in ("service.txt", "jobs.txt", "dev.txt", "accepted-vulnerabilities.toml"):
        shutil.copy(root / "requirements" / name, tmp_path / "requirements")
    return tmp_path


def accept(folder: Path, *, days: int, reason: str = "not called", name: str = "CVE-2026-0001") -> None:
    until = (datetime.now(UTC) + timedelta(days=days)).date()
    text = f'[[accepted]]\nid = "{name}"\nreason = "{reason}"\nuntil = {until}\n'
    (folder / "requirements" / "accepted-vulnerabilities.toml").write_text(text)


def test_every_package_of_both_images_is_looked_up(
    script: Script, advisories: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Advisories, "vulnerable", False)
    done = script("audit.py", AUDIT_SERVICE_URL=advisories)
    locks = [(folder / "requirements" / name).read_text() for name in ("service.txt", "jobs.txt")]
    entries = {line.split()[0] for lock in locks for line in lock.splitlines() if "==" in line}
    [(looked_up, others)] = re.findall(
        r"^(\d+) packages looked up, of service.txt, jobs.txt; not those of (.+)$", done.stdout, re.MULTILINE
    )
    assert done.returncode == 0, done.stderr
    assert 0.8 * len(entries) < int(looked_up) <= len(entries)  # some are for other machines
    assert others == "dev.txt"


def test_a_vulnerability_is_named_with_the_version_that_mends_it(script: Script, advisories: str, folder: Path) -> None:
    done = script("audit.py", cwd=folder, AUDIT_SERVICE_URL=advisories)
    assert done.returncode == 1
    assert re.search(r"^numpy \S+: PYSEC-2026-1, fixed in 99.1$", done.stdout, re.MULTILINE)


@pytest.mark.parametrize("name", ["CVE-2026-0001", "PYSEC-2026-1"])
def test_one_that_is_accepted_passes_until_its_day(name: str, script: Script, advisories: str, folder: Path) -> None:
    accept(folder, days=1, name=name)
    done = script("audit.py", AUDIT_SERVICE_URL=advisories)
    assert (done.returncode, "not called" in done.stdout) == (0, True)
    accept(folder, days=-1, name=name)
    done = script("audit.py", AUDIT_SERVICE_URL=advisories)
    assert (done.returncode, "accepted only until" in done.stdout) == (1, True)


def test_none_is_accepted_without_a_reason(script: Script, advisories: str, folder: Path) -> None:
    accept(folder, days=1, reason="")
    done = script("audit.py", AUDIT_SERVICE_URL=advisories)
    assert (done.returncode, "needs an id, a reason" in done.stderr) == (2, True)


def test_without_the_advisory_service_nobody_can_tell(script: Script, folder: Path) -> None:
    done = script("audit.py", cwd=folder, AUDIT_SERVICE_URL=f"http://127.0.0.1:{free_port()}/")
    assert (done.returncode, done.stderr.startswith("cannot tell: ")) == (2, True)


def test_an_advisory_service_out_of_order_is_no_clean_bill(
    script: Script, advisories: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Advisories, "status", 500)
    assert script("audit.py", cwd=folder, AUDIT_SERVICE_URL=advisories).returncode == 2


def test_what_this_repository_accepts_is_well_formed(root: Path, script: Script, advisories: str) -> None:
    assert script("audit.py", cwd=root, AUDIT_SERVICE_URL=advisories).returncode in {0, 1}
