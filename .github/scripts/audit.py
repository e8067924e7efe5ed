#!/usr/bin/env python3
"""`audit.py [LOCK ...]`: look up known vulnerabilities of locked Python packages, by default those of both images.

It does not check the rest of an image, Debian's packages and Python itself; `sbom.py` lists them. The last line says
which lock files were looked up and which were not: dev.txt, for example, is on the machines of developers and CI alone.

Exit code 0: none, or only accepted ones; 1: some; 2: cannot tell, since the advisory service did not answer for every
package. Accepted vulnerabilities are in requirements/accepted-vulnerabilities.toml, each with a reason and a last day.
AUDIT_SERVICE_URL sets another OSV service than pip-audit's default.
"""

import json
import os
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import terminal

FOLDER = Path("requirements")
ACCEPTED = FOLDER / "accepted-vulnerabilities.toml"
DEPLOYED = ("requirements/service.txt", "requirements/jobs.txt")
"""Lock files of the images that a deployment starts."""
NONE, SOME, CANNOT_TELL = 0, 1, 2
PIP_AUDIT = Path(sys.executable).with_name("pip-audit")
FLAGS = ("--no-deps", "--disable-pip", "--require-hashes", "--vulnerability-service=osv")
QUIET = ("--format=json", "--desc=off", "--progress-spinner=off")


class CannotTell(Exception):
    """The packages could not be checked."""


@dataclass(frozen=True)
class Accepted:
    """A vulnerability that a person has accepted until a day."""

    id: str
    reason: str
    until: date


def accepted(path: Path) -> list[Accepted]:
    """Read the accepted vulnerabilities.

    Raises:
        CannotTell: an entry is incomplete.
    """
    entries = tomllib.loads(path.read_text()).get("accepted", [])
    for entry in entries:
        if entry.keys() != {"id", "reason", "until"} or not entry["reason"] or not isinstance(entry["until"], date):
            raise CannotTell(f"{path}: each entry needs an id, a reason, and until = a day. Complete this one: {entry}")
    return [Accepted(**entry) for entry in entries]


def packages(locks: Sequence[str]) -> list[dict[str, Any]]:
    """Return the advisory service's answer for each package.

    Raises:
        CannotTell: the service does not answer, or not for all packages.
    """
    service = [f"--osv-url={url}"] if (url := os.environ.get("AUDIT_SERVICE_URL")) else []
    files = [word for lock in locks for word in ("--requirement", lock)]
    done = subprocess.run([PIP_AUDIT, *FLAGS, *QUIET, *service, *files], capture_output=True, text=True, check=False)
    try:
        found: list[dict[str, Any]] = json.loads(done.stdout)["dependencies"]
    except (ValueError, LookupError):
        last = terminal.last_line(done.stderr)
        raise CannotTell(f"pip-audit failed: {last}. Try again when the advisory service answers.") from None
    skipped = [f"{package['name']} ({package['skip_reason']})" for package in found if "skip_reason" in package]
    if skipped or not found:
        raise CannotTell(f"not every package was looked up: {', '.join(skipped) or 'the lock files have none'}")
    return found


def main(locks: Sequence[str]) -> int:
    """Look up all packages, and print the vulnerabilities."""
    try:
        known, found = accepted(ACCEPTED), packages(locks := locks or DEPLOYED)
    except (CannotTell, OSError, tomllib.TOMLDecodeError) as error:
        sys.stderr.write(f"cannot tell: {error}\n")
        return CANNOT_TELL
    today, code = datetime.now(UTC).date(), NONE
    for package in found:
        for vulnerability in package["vulns"]:
            names = {vulnerability["id"], *vulnerability["aliases"]}
            excuse = next((entry for entry in known if entry.id in names), None)
            if excuse and today <= excuse.until:
                status = f"accepted until {excuse.until}: {excuse.reason}"
            else:
                code = SOME
                fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
                status = f"fixed in {fixed}" + (f"; accepted only until {excuse.until}" if excuse else "")
            terminal.write(f"{package['name']} {package['version']}: {vulnerability['id']}, {status}\n")
    sys.stdout.write(f"{len(found)} packages looked up{_of(locks)}\n")
    return code


def _of(locks: Sequence[str]) -> str:
    """Name the lock files that were looked up, and those that were not."""
    looked_up = [Path(lock).name for lock in locks]
    others = sorted(path.name for path in FOLDER.glob("*.txt") if path.name not in looked_up)
    return f", of {', '.join(looked_up)}" + (f"; not those of {', '.join(others)}" if others else "")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
