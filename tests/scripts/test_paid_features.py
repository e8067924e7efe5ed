"""Private repositories deploy without what costs money there, and say so."""

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from tests import webhook_receiver
from tests.scripts.conftest import Script


@pytest.mark.parametrize(
    ("variables", "attest", "environment", "skipped"),
    [
        ({"PRIVATE": "false"}, "true", "production", 0),
        ({"PRIVATE": "true", "ENVIRONMENTS": "false"}, "false", "", 2),
        ({"PRIVATE": "true", "ENVIRONMENTS": "true", "ATTESTATIONS": ""}, "false", "production", 1),
        ({"PRIVATE": "true", "ENVIRONMENTS": "true", "ATTESTATIONS": "true"}, "true", "production", 0),
        ({"PRIVATE": "false", "ATTESTATIONS": "false"}, "false", "production", 1),
    ],
)
def test_what_costs_money_is_used_only_where_it_is_had(
    variables: dict[str, str], attest: str, environment: str, skipped: int, script: Script, tmp_path: Path
) -> None:
    done = script("paid_features.py", GITHUB_OUTPUT=str(tmp_path / "output"), **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "output").read_text() == f"attest={attest}\nenvironment={environment}\n"
    assert done.stdout.count("::notice::") == len(done.stdout.splitlines()) == skipped
    assert ("The images are not signed" in done.stdout) == (attest == "false")


@pytest.mark.parametrize(
    ("private", "status", "policy", "environment", "warnings"),
    [
        ("true", 200, '{"protected_branches": true}', "production", 0),
        ("true", 200, "null", "production", 1),
        ("true", 404, "null", "", 0),
        ("false", 200, "null", "production", 1),
        ("false", 404, "null", "production", 1),  # GitHub makes one, without rules
        ("false", 500, "null", "production", 0),
    ],
)
def test_github_is_asked_for_the_environment_and_who_may_use_it(
    private: str, status: int, policy: str, environment: str, warnings: int, script: Script, tmp_path: Path
) -> None:
    with webhook_receiver.receiving() as github:
        github.answer_with(status, f'{{"deployment_branch_policy": {policy}}}'.encode())
        api = {"GITHUB_API_URL": f"http://127.0.0.1:{github.port}", "GITHUB_REPOSITORY": "ann/shop"}
        told = {"GITHUB_TOKEN": "t", "GITHUB_OUTPUT": str(tmp_path / "output")}
        done = script("paid_features.py", PRIVATE=private, **api, **told)
    assert done.returncode == 0, done.stdout
    attest = "true" if private == "false" else "false"
    assert (tmp_path / "output").read_text() == f"attest={attest}\nenvironment={environment}\n"
    assert done.stdout.count("::warning::Every branch can use the environment `production`") == warnings
    [asked] = github.received
    assert (asked.path, asked.headers["Authorization"]) == ("/repos/ann/shop/environments/production", "Bearer t")


@pytest.mark.parametrize("status", [403, 500])
def test_without_an_answer_no_secrets_are_guessed(status: int, script: Script, tmp_path: Path) -> None:
    with webhook_receiver.receiving() as github:
        github.answer_with(status)
        api = {"GITHUB_API_URL": f"http://127.0.0.1:{github.port}", "GITHUB_REPOSITORY": "ann/shop"}
        told = {"GITHUB_TOKEN": "t", "GITHUB_OUTPUT": str(tmp_path / "output")}
        done = script("paid_features.py", PRIVATE="true", **api, **told)
    assert (done.returncode, "set the variable ENVIRONMENTS to true or false" in done.stdout) == (2, True)
    assert not (tmp_path / "output").exists()


def test_a_variable_that_is_neither_true_nor_false_is_named(script: Script) -> None:
    done = script("paid_features.py", PRIVATE="true", ENVIRONMENTS="yes")
    assert (done.returncode, done.stdout) == (2, "::error::The variable ENVIRONMENTS is true or false.\n")


def test_the_workflow_signs_and_verifies_where_it_attests_and_nowhere_else(root: Path) -> None:
    jobs = yaml.safe_load((root / ".github" / "workflows" / "deploy.yml").read_text())["jobs"]
    signing = [step for step in jobs["image"]["steps"] if "actions/attest@" in step.get("uses", "")]
    assert [step["if"] for step in signing] == ["needs.features.outputs.attest == 'true'"] * 4
    verifying = [step for step in jobs["host"]["steps"] if "verify_image.sh" in step.get("run", "")]
    assert len(verifying) == 2
    assert all(step["if"].endswith("needs.features.outputs.attest == 'true'") for step in verifying)
    assert jobs["host"]["environment"] == "${{ needs.features.outputs.environment }}"
    assert "features" in jobs["host"]["needs"]
