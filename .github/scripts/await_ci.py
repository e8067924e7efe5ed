#!/usr/bin/env python3
"""Wait until the workflow `ci` has succeeded for exactly the commit GITHUB_SHA, since nothing else is deployed.

It asks the Actions API of GITHUB_REPOSITORY with GITHUB_TOKEN. Runs of pull requests do not count: they test a merge of
the commit, not the commit. Exit code 0: it succeeded; 1: it did not, or not in time; 2: cannot tell.
"""

import argparse
import http.client
import json
import os
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Sequence
from typing import Any

import terminal

WORKFLOW = "ci.yml"
EVENTS = ("push", "workflow_dispatch")
REQUEST_SECONDS = 20
FORBIDDEN, TOO_MANY = 403, 429
SUCCEEDED, REFUSED, CANNOT_TELL = 0, 1, 2


class CannotTell(Exception):
    """The API does not say."""


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="await_ci.py", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--limit-seconds", type=float, default=3600, help="time limit of all waiting")
    parser.add_argument("--start-seconds", type=float, default=300, help="time limit until there is a run that counts")
    parser.add_argument("--pause-seconds", type=float, default=15, help="time between two questions")
    return parser.parse_args(arguments)


def runs(repository: str, commit: str) -> list[dict[str, Any]]:
    """Return the runs that count of the workflow on a commit.

    Raises:
        CannotTell: the answer is a refusal, or no list of runs.
        OSError, HTTPException: there was no whole answer, or the server was busy or failed; ask again.
    """
    api = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    asked = urllib.parse.urlencode({"head_sha": commit, "per_page": 100})
    address = f"{api}/repos/{repository}/actions/workflows/{WORKFLOW}/runs?{asked}"
    headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310  # the API of the runner
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_SECONDS) as answer:  # noqa: S310  # as above
            found: list[dict[str, Any]] = json.load(answer)["workflow_runs"]
            return [run for run in found if run["head_sha"] == commit and run["event"] in EVENTS]
    except urllib.error.HTTPError as error:
        if error.code >= 500 or error.code == TOO_MANY or (error.code == FORBIDDEN and "Retry-After" in error.headers):
            raise
        raise CannotTell(f"GitHub answered {error.code}. The job needs the permission `actions: read`.") from error
    except (ValueError, LookupError, TypeError) as error:
        raise CannotTell(f"the answer of {address} is no list of runs") from error


def judge(found: Sequence[dict[str, Any]]) -> tuple[int | None, str]:
    """Return an exit code, or None as long as a run may still succeed, and the sentence that says why."""
    for run in found:
        if run["conclusion"] == "success":
            return SUCCEEDED, f"ci succeeded: {run['html_url']}"
    unfinished = [run for run in found if run["status"] != "completed"]
    if unfinished:
        return None, f"ci has not ended: {unfinished[0]['html_url']}"
    ended = ", ".join(f"{run['conclusion']}: {run['html_url']}" for run in found)
    return REFUSED, f"ci did not succeed ({ended}). Repair it, or run it again, and then deploy."


def wait(repository: str, commit: str, given: argparse.Namespace) -> tuple[int, str]:
    """Ask until there is a verdict or a time limit has passed; return exit code and sentence."""
    began = time.monotonic()
    code, said, unanswered = None, "", False
    while True:
        try:
            found = runs(repository, commit)
        except (OSError, http.client.HTTPException) as error:
            unanswered, told = True, f"GitHub's API does not answer ({error})"
            found = []
        else:
            unanswered = False
            code, told = judge(found) if found else (None, "there is no run of ci for this commit yet")
        if code is not None:
            return code, told
        if told != said:
            terminal.write(f"waiting for {commit}: {told}\n")
            said = told
        passed = time.monotonic() - began
        limit = given.limit_seconds if found or unanswered else given.start_seconds
        if passed > limit:
            return (CANNOT_TELL if unanswered else REFUSED), f"{told}, after {passed:.0f} s. Run ci on it, then deploy."
        time.sleep(given.pause_seconds)


def main(arguments: Sequence[str]) -> int:
    """Wait, and say how it ended."""
    given = parse(arguments)
    missing = [name for name in ("GITHUB_REPOSITORY", "GITHUB_SHA", "GITHUB_TOKEN") if not os.environ.get(name)]
    if missing:
        terminal.write(f"::error::{', '.join(missing)} not set. Only a workflow can ask about its commit.\n")
        return CANNOT_TELL
    try:
        code, told = wait(os.environ["GITHUB_REPOSITORY"], os.environ["GITHUB_SHA"], given)
    except CannotTell as error:
        code, told = CANNOT_TELL, str(error)
    terminal.write(f"{'' if code == SUCCEEDED else '::error::Not deployed: '}{told}\n")
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
