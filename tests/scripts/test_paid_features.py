"""Private repositories deploy without what costs money there, and say so."""

from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from tests.scripts.conftest import Script


@pytest.mark.parametrize(
    ("variables", "attest", "skipped"),
    [
        ({"PRIVATE": "false"}, "true", 0),
        ({"PRIVATE": "true"}, "false", 2),
        ({"PRIVATE": "true", "ENVIRONMENTS": "true", "ATTESTATIONS": ""}, "false", 1),
        ({"PRIVATE": "true", "ENVIRONMENTS": "true", "ATTESTATIONS": "true"}, "true", 0),
        ({"PRIVATE": "false", "ATTESTATIONS": "false"}, "false", 1),
    ],
)
def test_what_costs_money_is_used_only_where_it_is_had(
    variables: dict[str, str], attest: str, skipped: int, script: Script, tmp_path: Path
) -> None:
    done = script("paid_features.py", GITHUB_OUTPUT=str(tmp_path / "output"), **variables)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "output").read_text() == f"attest={attest}\n"
    assert done.stdout.count("::notice::") == len(done.stdout.splitlines()) == skipped
    assert ("The images are not signed" in done.stdout) == (attest == "false")


def test_a_variable_that_is_neither_true_nor_false_is_named(script: Script) -> None:
    done = script("paid_features.py", PRIVATE="true", ENVIRONMENTS="yes")
    assert (done.returncode, done.stdout) == (2, "::error::The variable ENVIRONMENTS is true or false.\n")


def test_the_workflow_signs_and_verifies_where_it_attests_and_nowhere_else(root: Path) -> None:
    jobs = yaml.safe_load((root / ".github" / "workflows" / "deploy.yml").read_text())["jobs"]
    signing = [step for step in jobs["image"]["steps"] if "actions/attest@" in step.get("uses", "")]
    assert [step["if"] for step in signing] == ["steps.paid.outputs.attest == 'true'"] * 4
    verifying = [step for step in jobs["host"]["steps"] if "verify_image.sh" in step.get("run", "")]
    assert len(verifying) == 2
    assert all(step["if"].endswith("needs.image.outputs.attested != 'false'") for step in verifying)
    assert jobs["image"]["outputs"]["attested"] == "${{ steps.paid.outputs.attest }}"
    assert "vars.ENVIRONMENTS" in jobs["host"]["environment"]
