"""The workflows use pinned actions and few permissions, and each step also runs on a laptop."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

SCRIPTS = Path(__file__).parents[2] / ".github" / "scripts"
WORKFLOWS = sorted((Path(__file__).parents[2] / ".github" / "workflows").glob("*.yml"))
PINNED = re.compile(r"uses: [\w-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
MAKE = r"make [a-z-]+( PYTHON=python)?"
SCRIPT = r"\.github/scripts/(?P<script>\w+\.(?:py|sh))( \"\$[A-Z_]+(/\w+)?\")?"
RUN = re.compile(rf"({MAKE}|{SCRIPT}|docker info)( #.*)?")

each_workflow = pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text())["jobs"]
    return found


@each_workflow
def test_every_action_is_pinned_by_commit_and_names_its_version(path: Path) -> None:
    uses = [line.strip().removeprefix("- ") for line in path.read_text().splitlines() if "uses:" in line]
    assert uses
    assert [line for line in uses if not PINNED.fullmatch(line)] == []


@each_workflow
def test_a_workflow_may_only_read_unless_one_job_says_otherwise(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text())
    assert workflow["permissions"] in ({}, {"contents": "read"})
    assert [name for name, job in jobs(path).items() if isinstance(job.get("permissions"), str)] == []


@each_workflow
def test_no_checkout_leaves_its_token_behind(path: Path) -> None:
    steps = [step for job in jobs(path).values() for step in job["steps"]]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert [step for step in checkouts if step["with"]["persist-credentials"] is not False] == []


@each_workflow
def test_every_job_ends_some_time(path: Path) -> None:
    assert [name for name, job in jobs(path).items() if "timeout-minutes" not in job] == []


@each_workflow
def test_a_workflow_is_what_github_takes_for_one(path: Path) -> None:
    checked(program("check-jsonschema"), "--builtin-schema", "vendor.github-workflows", str(path))


def test_dependabot_is_told_what_it_understands(root: Path) -> None:
    checked(
        program("check-jsonschema"), "--builtin-schema", "vendor.dependabot", str(root / ".github" / "dependabot.yml")
    )


def test_the_strictest_audit_finds_nothing_in_the_workflows(root: Path) -> None:
    checked(program("zizmor"), "--offline", "--persona", "pedantic", str(root / ".github"))


@each_workflow
def test_a_step_runs_a_word_of_make_or_a_script(path: Path) -> None:
    steps = [step["run"].strip() for job in jobs(path).values() for step in job["steps"] if "run" in step]
    assert steps
    found = [RUN.fullmatch(step) for step in steps]
    assert [step for step, match in zip(steps, found, strict=True) if not match] == []
    named = {match["script"] for match in found if match and match["script"]}
    assert [name for name in named if not os.access(SCRIPTS / name, os.X_OK)] == []


@each_workflow
def test_what_comes_from_outside_goes_through_the_environment(path: Path) -> None:
    steps = [step for job in jobs(path).values() for step in job["steps"]]
    assert [step["run"] for step in steps if "${{" in step.get("run", "")] == []


@pytest.mark.skipif(shutil.which("shellcheck") is None, reason="shellcheck is not installed")
def test_shellcheck_finds_nothing_in_the_scripts(root: Path) -> None:
    checked("shellcheck", *map(str, SCRIPTS.glob("*.sh")), str(root / ".ci" / "run"))


def program(name: str) -> str:
    """Return where a program of the development environment is."""
    return str(Path(sys.executable).with_name(name))


def checked(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_deployed_before_its_tests_and_a_rollback_waits_for_nothing(root: Path) -> None:
    workflow = yaml.safe_load((root / ".github" / "workflows" / "deploy.yml").read_text())
    host = workflow["jobs"]["host"]
    assert set(host["needs"]) == {"features", "tested", "image"}
    assert "needs.tested.result == 'success' && needs.image.result == 'success'" in host["if"]
    assert [step["run"] for step in workflow["jobs"]["tested"]["steps"] if "run" in step] == [
        ".github/scripts/await_ci.py"
    ]
    assert {workflow["jobs"][name]["if"] for name in ("tested", "image")} == {"inputs.action != 'rollback'"}
    assert workflow["concurrency"]["group"] == "${{ inputs.action == 'rollback' && 'rollback' || 'deploy' }}"
    tests = yaml.safe_load((root / ".github" / "workflows" / "ci.yml").read_text())
    assert (
        "github.ref == 'refs/heads/main' && github.sha" in tests["concurrency"]["group"]
    )  # no newer commit cancels it
