#!/usr/bin/env python3
"""Look up known vulnerabilities of both images' Python packages, and keep one issue about them.

The issue has the label `audit`. It is opened when something is found, rewritten when that changes, and closed when
nothing is left. GITHUB_REPOSITORY is `owner/name`, and GH_TOKEN a token that may write issues; without them the script
prints what the issue would say. Exit code 0: the issue says what is so; 1: something was found, and there is no token;
2: cannot tell, or the issue could not be written.
"""

import http.client
import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import actions
import terminal

NONE, SOME, CANNOT_TELL = 0, 1, 2
LABEL, TITLE = "audit", "Known vulnerabilities of Python packages"
LIMIT_SECONDS = 20
REMEDY = (
    "Update these packages with `make lock`, or accept a vulnerability in "
    "`requirements/accepted-vulnerabilities.toml`, with a reason and a last day. `make audit-issue` looks them up. A "
    "deployment stops at them."
)


def main() -> int:
    """Look up, and bring the issue up to date."""
    command = (sys.executable, str(Path(__file__).with_name("audit.py")))
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    terminal.write(done.stdout)
    if done.returncode not in {NONE, SOME}:
        return CANNOT_TELL
    text = describe(done.stdout) if done.returncode == SOME else None
    if not os.environ.get("GH_TOKEN") or not os.environ.get("GITHUB_REPOSITORY"):
        sys.stdout.write(f"{text or ''}no issue was written: GH_TOKEN and GITHUB_REPOSITORY are not both set\n")
        return done.returncode
    try:
        told = bring_up_to_date(text)
    except (OSError, ValueError, LookupError) as error:
        terminal.write(f"{done.stdout}\n")
        sys.stderr.write(f"the issue could not be written: {terminal.printable(str(error))}. Run it again.\n")
        return CANNOT_TELL
    actions.summary(told)
    sys.stdout.write(f"{told}\n")
    return 0


def describe(output: str) -> str:
    """Return the text of the issue; names from outside stand in a block of code."""
    lines = [line for line in dict.fromkeys(output.split("\n")) if line and "packages looked up" not in line]
    listed = terminal.printable("\n".join(lines)).replace("`", "'")
    return f"`make audit-issue` found:\n\n```text\n{listed}\n```\n\n{REMEDY}\n"


def bring_up_to_date(text: str | None) -> str:
    """Open, rewrite or close the issue; return one line about it.

    Raises:
        OSError: GitHub does not answer, or refuses.
        ValueError, LookupError: its answer has another form.
    """
    found = ask("GET", f"issues?state=open&labels={LABEL}&per_page=100")
    mine = next((issue for issue in found if issue["title"] == TITLE and "pull_request" not in issue), None)
    if mine is None:
        if text is None:
            return "No vulnerability is known, and no issue is open."
        opened = ask("POST", "issues", {"title": TITLE, "body": text, "labels": [LABEL]})
        if LABEL not in {label["name"] for label in opened["labels"]}:  # the next audit would not find it again
            raise LookupError(
                f"issue {opened['number']} has no label {LABEL}; create this label, and give it to the issue"
            )
        return f"Opened issue {opened['number']}."
    number = mine["number"]
    if text is None:
        ask("PATCH", f"issues/{number}", {"state": "closed", "state_reason": "completed"})
        return f"Closed issue {number}: no vulnerability is known any more."
    if (mine["body"] or "").replace("\r\n", "\n").strip() == text.strip():
        return f"Issue {number} says it already."
    ask("PATCH", f"issues/{number}", {"body": text})
    return f"Updated issue {number}."


def ask(method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """Send a request to GitHub's API, and return its answer."""
    server = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    url = f"{server}/repos/{os.environ['GITHUB_REPOSITORY']}/{path}"
    headers = {"Authorization": f"Bearer {os.environ['GH_TOKEN']}", "Accept": "application/vnd.github+json"}
    content = json.dumps(body).encode() if body else None
    asked = urllib.request.Request(url, content, headers, method=method)  # noqa: S310  # GitHub's API
    try:
        with urllib.request.urlopen(asked, timeout=LIMIT_SECONDS) as answer:  # noqa: S310  # as above
            return json.load(answer)
    except http.client.HTTPException as error:
        raise OSError(f"{method} {path.partition('?')[0]}: the answer is cut off ({error})") from error
    except urllib.error.HTTPError as error:
        with error:
            raise OSError(f"{method} {path.partition('?')[0]}: HTTP {error.code}") from error


if __name__ == "__main__":
    sys.exit(main())
