#!/usr/bin/env python3
"""Say which features of GitHub a deployment uses; in private repositories, attestations and environments cost money.

Reads PRIVATE (whether the repository is private) and the repository's variables ATTESTATIONS and ENVIRONMENTS (true or
false). Without them, a public repository uses both; a private one has no attestations, and GitHub's API is asked with
GITHUB_TOKEN whether GITHUB_REPOSITORY has the environment `production`. Sets the outputs `attest` and `environment`,
prints a notice for each that is skipped, and warns if every branch can use the environment. Exit code 2: cannot tell.
"""

import http.client
import json
import os
import sys
import urllib.error
import urllib.request
from typing import Any

import actions
import terminal

PRODUCTION = "production"
LIMIT_SECONDS = 20
NOT_FOUND = 404
SKIPPED = {
    "ATTESTATIONS": "The images are not signed: in a private repository, attestations need GitHub Enterprise.",
    "ENVIRONMENTS": "This private repository has no environment `production`, which needs a paid plan.",
}
OPEN = "Every branch can use the environment `production`. Make it for the branch `main` alone. See docs/deploy.md."


def main() -> int:
    """Set the outputs, and print the notices."""
    uses = {name: os.environ.get(name, "") for name in SKIPPED}
    if wrong := [name for name, value in uses.items() if value not in {"true", "false", ""}]:
        return _say(f"The variable {wrong[0]} is true or false.")
    is_private = os.environ.get("PRIVATE") == "true"
    uses["ATTESTATIONS"] = uses["ATTESTATIONS"] or str(not is_private).lower()
    found: dict[str, Any] | None = {}
    try:
        found = ask()
    except (OSError, http.client.HTTPException, LookupError, ValueError) as error:
        if is_private and not uses["ENVIRONMENTS"]:
            return _say(
                f"Cannot tell whether there is an environment `{PRODUCTION}`: {error!r}. Run it again, or set the "
                "variable ENVIRONMENTS to true or false."
            )
    uses["ENVIRONMENTS"] = uses["ENVIRONMENTS"] or str(not is_private or found is not None).lower()
    if uses["ENVIRONMENTS"] == "true" and (found is None or found.get("deployment_branch_policy", "unknown") is None):
        sys.stdout.write(f"::warning::{OPEN}\n")
    for name, sentence in SKIPPED.items():
        if uses[name] == "false":
            sys.stdout.write(f"::notice::{sentence} {name}=true uses it. See docs/deploy.md.\n")
    actions.output(attest=uses["ATTESTATIONS"], environment=PRODUCTION if uses["ENVIRONMENTS"] == "true" else "")
    return 0


def ask() -> dict[str, Any] | None:
    """Ask GitHub for the environment; None if the repository has none.

    Raises:
        OSError, HTTPException, ValueError: there is no answer, or a refusal.
        KeyError: this is no workflow.
    """
    server = os.environ.get("GITHUB_API_URL", "https://api.github.com")
    address = f"{server}/repos/{os.environ['GITHUB_REPOSITORY']}/environments/{PRODUCTION}"
    headers = {"Authorization": f"Bearer {os.environ['GITHUB_TOKEN']}", "Accept": "application/vnd.github+json"}
    asked = urllib.request.Request(address, headers=headers)  # noqa: S310  # the API of the runner
    try:
        with urllib.request.urlopen(asked, timeout=LIMIT_SECONDS) as answer:  # noqa: S310  # as above
            found: dict[str, Any] = json.load(answer)
            return found
    except urllib.error.HTTPError as error:
        with error:
            if error.code == NOT_FOUND:
                return None
            raise


def _say(problem: str) -> int:
    terminal.write(f"::error::{problem}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
