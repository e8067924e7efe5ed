#!/usr/bin/env python3
"""`open_pull_request.py [REPORT]`: open a pull request for the model that is pinned in this checkout, but not in git.

The pull request adds the new pin, its bundle and the history, and removes the old bundle. Its text is the gate's
report, the reason of the training (RETRAIN_REASON), and the model card with its figures. The commit is made in a
worktree of its own, so the checkout stays unchanged. With RETRAIN_TOKEN, or an App (RETRAIN_APP_ID, RETRAIN_APP_KEY),
its checks start by themselves. With the repository's own GH_TOKEN, somebody has to approve them. Without any of these,
or with DRY_RUN, the script only creates a branch in this clone and prints the text. Exit code 0: proposed; 2: not done.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import actions
import app_token

BRANCH, BASE = "retraining", "main"
PIN, HISTORY, STORE = Path("models/pinned.json"), Path("models/history.jsonl"), Path("models/store")
AUTHOR = ("-c", "user.name=retraining", "-c", "user.email=retraining@users.noreply.github.com")
LONGEST_REASON = 1_000
APPROVE = (
    "The checks of this pull request wait: press **Approve workflows to run** below. They start by themselves if the "
    "repository has the secret RETRAIN_TOKEN, or an App; see docs/deploy.md."
)


def run(*command: str, cwd: Path | None = None) -> str:
    """Run git or gh, which read GH_TOKEN; return its output."""
    return subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()


def version_in(pin: str) -> str:
    """Return the model version in a pin."""
    version: str = json.loads(pin)["version"]
    return version


@contextmanager
def worktree() -> Iterator[Path]:
    """Check out the current commit in a temporary folder, which is removed after the block."""
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch) / "tree"
        run("git", "worktree", "add", "--quiet", "--detach", str(tree))
        try:
            yield tree
        finally:
            run("git", "worktree", "remove", "--force", str(tree))


def commit(version: str, tree: Path) -> str:
    """Commit the pinned model in place of the models in git; return the commit."""
    bundle = STORE / version
    run("git", "rm", "-r", "--quiet", "--", str(STORE), cwd=tree)
    shutil.copytree(bundle, tree / bundle)
    for file in (PIN, HISTORY):
        if file.is_file():
            shutil.copy(file, tree / file)
            run("git", "add", "--force", str(file), cwd=tree)
    run("git", "add", "--force", str(bundle), cwd=tree)
    run("git", *AUTHOR, "commit", "--quiet", "--message", f"Serve model {version}", cwd=tree)
    return run("git", "rev-parse", "HEAD", cwd=tree)


def describe(version: str, report: str) -> str:
    """Return the text of the pull request."""
    repository = os.environ.get("GITHUB_REPOSITORY")
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    bundle = STORE / version
    there = f"{server}/{repository}/blob/{BRANCH}/{bundle}" if repository else str(bundle)
    figures = sorted(path.relative_to(bundle).as_posix() for path in bundle.rglob("*.png"))
    reason = os.environ.get("RETRAIN_REASON", "")[:LONGEST_REASON].replace("`", "'") or "a person"
    return "\n\n".join(
        [
            report.strip(),
            f"Reason of the training:\n\n```text\n{reason}\n```",
            f"Model card: [{version}]({there}/MODEL_CARD.md). Merge to serve the model; revert to roll back.",
            *(f"![{Path(name).stem.replace('_', ' ')}]({there}/{name}?raw=true)" for name in figures),
        ]
    )


def own_token() -> str | None:
    """Return a token with which the checks of a pull request start by themselves; None if there is none.

    Raises:
        OSError: GitHub gave the App no token.
    """
    return os.environ.get("RETRAIN_TOKEN", "").strip() or app_token.request()


def propose(made: str, title: str, body: str, *, starts_checks: bool) -> str:
    """Push the commit, and open a pull request or update the open one; return its address."""
    run("gh", "auth", "setup-git")
    run("git", "push", "--quiet", "--force", "origin", f"{made}:refs/heads/{BRANCH}")
    with tempfile.NamedTemporaryFile("w", suffix=".md") as text:
        text.write(body)
        text.flush()
        words = ("--title", title, "--body-file", text.name)
        number = run("gh", "pr", "list", "--head", BRANCH, "--state", "open", "--json", "number", "--jq", ".[].number")
        if number:
            run("gh", "pr", "edit", number, *words)
        else:
            run("gh", "pr", "create", "--base", BASE, "--head", BRANCH, *words)
    if not starts_checks:  # checks that wait for an approval say nothing meanwhile; a run that is started by name does
        run("gh", "workflow", "run", "ci.yml", "--ref", BRANCH)
    return run("gh", "pr", "view", BRANCH, "--json", "url", "--jq", ".url")


def main(report: str = "var/retraining.md") -> int:
    """Propose the model, or print why it is not proposed."""
    version = version_in(PIN.read_text())
    if version == version_in(run("git", "show", f"HEAD:{PIN.as_posix()}")):
        sys.stderr.write(f"The pinned model, {version}, is already in git. Promote another one first: make retrain.\n")
        return 2
    try:
        body = describe(version, Path(report).read_text())
        with worktree() as tree:
            made = commit(version, tree)
        token = None if os.environ.get("DRY_RUN") else own_token()
        if os.environ.get("DRY_RUN") or not (token or os.environ.get("GH_TOKEN")):
            run("git", "branch", "--force", BRANCH, made)
            sys.stdout.write(
                f"{body}\n\nnot proposed: DRY_RUN is set, or GH_TOKEN is not. See the commit with: git show {BRANCH}\n"
            )
            return 0
        if token:
            os.environ["GH_TOKEN"] = token
        text = body if token else f"{body}\n\n{APPROVE}"
        address = propose(made, f"Serve model {version}", text, starts_checks=bool(token))
    except (OSError, subprocess.CalledProcessError) as error:
        sys.stderr.write(f"not proposed: {error}. The served model is unchanged. Run it again.\n")
        return 2
    actions.summary(f"Proposed: {address}")
    sys.stdout.write(f"{address}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
