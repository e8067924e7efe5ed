"""The checklist of a new repository names what workflows read, and what they say without it."""

import re
from pathlib import Path

import pytest

from tests.e2e.stranger import repository


def test_the_checklist_names_each_secret_and_variable_that_a_workflow_reads_and_no_other(root: Path) -> None:
    read: dict[tuple[str, str], set[str]] = {}
    for workflow in repository.workflows(root):
        for one in workflow.reads():
            read.setdefault(one, set()).add(workflow.file)
    assert len(read) > 20
    assert repository.documented(root) == read


def test_a_secret_of_the_environment_is_read_by_jobs_of_that_environment_alone(root: Path) -> None:
    listed = {row["name"] for row in rows(root) if row["kind"] == "environment"}
    [deploy] = [one for one in repository.workflows(root) if one.file == "deploy.yml"]
    for name, job in deploy.content["jobs"].items():
        read = {found["name"] for found in repository.NAMED.finditer(str(job)) if found["kind"] == "secrets"}
        assert read == (listed if "environment" in job else set()), name


def test_what_a_workflow_says_without_it_is_what_its_scripts_say(root: Path) -> None:
    scripts = (root / ".github" / "scripts").rglob("*.py")
    source = " ".join(re.sub(r'"\s*\n\s*f?"', "", path.read_text()) for path in scripts)
    quoted = [said for said in re.findall(r"`([^`\n]+)`", repository.checklist(root)) if " " in said]
    assert len(quoted) > 8
    assert [said for said in quoted if not all(part in source for part in said.split(" ... "))] == []


def rows(root: Path) -> list["re.Match[str]"]:
    return list(repository.ROW.finditer(repository.checklist(root)))


@pytest.mark.parametrize(("kind", "name"), [("secrets", "GUESSED"), ("vars", "DEPLOY_HOST")])
def test_another_name_is_not_documented(kind: str, name: str, root: Path) -> None:
    assert (kind, name) not in repository.documented(root)
