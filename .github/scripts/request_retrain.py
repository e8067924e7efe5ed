#!/usr/bin/env python3
"""`request_retrain.py COMMAND ...`: run a job of the monitor, and request a retraining if what it found advises one.

    python3 .github/scripts/request_retrain.py .venv/bin/python -m monitoring drift --since 24h
    python3 .github/scripts/request_retrain.py --record var/reports/20260301T120000.000000Z-drift.json

`--record` requests it for a run that a person decided about, with the reason of the last decision. The dashboard starts
this if MONITORING_RETRAIN_COMMAND="python3 .github/scripts/request_retrain.py --record".

A drift advises a retraining unless it is estimated to cost too little, as the monitor decides it. Only records of the
job that the command names are read, `drift` or `performance`: another one may run beside it. A job that found something
and left no record is a reason, too.

The exit code is that of the job (0, 1 or 2), or 2 if the request failed. For a record it is 0 if the request was sent,
and 1 if not. The request is a `repository_dispatch` of type
`retrain` with the job's verdict. RETRAIN_TOKEN is a token for it (contents: write, for one repository only), and
RETRAIN_REPOSITORY is `owner/name`; without them the script prints the request instead of sending it. It sends at most
one request in RETRAIN_EVERY_HOURS (24), and saves the last one in var/retrain-request.json.
"""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[2]))  # it decides as the monitor does, by the same function

from monitoring.retrain_requests import advice

FOUND, CANNOT_TELL = advice.FOUND, 2
OUTPUT = Path(os.environ.get("MONITORING_OUTPUT_DIR", "var"))
ASKED = OUTPUT / "retrain-request.json"
LIMIT_SECONDS = 20
JOB = re.compile(r"(?:^|\s)(drift|performance)(?:\s|$)")
TOLD = ("verdict", "summary", "model_version", "run_id")


def newest_record(command: list[str], since: float) -> dict[str, Any]:
    """Return the record that the job of the command wrote; nothing if the command names no job."""
    job = JOB.search(" ".join(command))
    written = (OUTPUT / "reports").glob(f"*Z-{job[1]}.json") if job else ()
    records = [path for path in written if path.stat().st_mtime >= since]
    found: dict[str, Any] = json.loads(max(records).read_text()) if records else {}
    return found


def request(command: list[str], record: dict[str, Any]) -> dict[str, Any]:
    """Return the body of the request."""
    payload = {name: record.get(name) for name in TOLD}
    reason = payload["summary"] or f"`{' '.join(command)}` ended with exit code {FOUND}"
    return {"event_type": "retrain", "client_payload": {"reason": reason, **payload}}


def send(body: dict[str, Any], *, repository: str, token: str) -> None:
    """Send the request.

    Raises:
        OSError: the server does not answer, or refuses the request.
    """
    server = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    asked = urllib.request.Request(f"{server}/repos/{repository}/dispatches", json.dumps(body).encode(), headers)  # noqa: S310  # an API
    with urllib.request.urlopen(asked, timeout=LIMIT_SECONDS):  # noqa: S310  # as above
        ASKED.write_text(json.dumps(body, indent=2) + "\n")


def main(command: list[str]) -> int:
    """Run the job, and request a retraining if necessary."""
    began = time.time() - 1
    code = subprocess.run(command, check=False).returncode
    if code != FOUND:
        return code
    record = newest_record(command, began)
    if record and not advice.is_advised({**record, "exit_code": code}):
        sys.stdout.write("not sent: the drift is estimated to cost too little for a retraining\n")
        return code
    return send_if_due(request(command, record), sent=code, kept=code)


def decided(path: Path) -> int:
    """Request the retraining that a person decided on."""
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        sys.stderr.write(f"{path}: the record cannot be read: {error}\n")
        return CANNOT_TELL
    body = request([str(path)], record)
    if reviews := record.get("reviews"):
        payload = body["client_payload"]
        payload["reason"] = f"{reviews[-1]['by']}: {reviews[-1]['why']} ({payload['reason']})"
    return send_if_due(body, sent=0, kept=FOUND)


def send_if_due(body: dict[str, Any], *, sent: int, kept: int) -> int:
    """Send a request, unless one was sent lately, and return the exit code: `sent`, `kept`, or 2 if that failed."""
    token, repository = os.environ.get("RETRAIN_TOKEN"), os.environ.get("RETRAIN_REPOSITORY")
    if not token or not repository:
        sys.stdout.write(
            f"{json.dumps(body, indent=2)}\nnot sent: RETRAIN_TOKEN and RETRAIN_REPOSITORY are not both set\n"
        )
        return kept
    pause_seconds = 3600 * float(os.environ.get("RETRAIN_EVERY_HOURS", "24"))
    if ASKED.exists() and time.time() - ASKED.stat().st_mtime < pause_seconds:
        sys.stdout.write(f"not sent: a retraining was requested less than {pause_seconds / 3600:g} h ago\n")
        return kept
    try:
        send(body, repository=repository, token=token)
    except OSError as error:
        sys.stderr.write(f"a retraining is due, but the request failed: {error}. Check RETRAIN_TOKEN.\n")
        return CANNOT_TELL
    sys.stdout.write(f"requested a retraining of {repository}\n")
    return sent


if __name__ == "__main__":
    words = sys.argv[1:]
    sys.exit(decided(Path(words[1])) if words[:1] == ["--record"] and len(words) == 2 else main(words))
