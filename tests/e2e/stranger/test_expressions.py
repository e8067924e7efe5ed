"""Expressions of workflows mean here what GitHub documents."""

import pytest

from tests.e2e.stranger import expressions
from tests.e2e.stranger.expressions import NotUnderstood

CONTEXTS = {
    "inputs": {"action": "rollback", "trials": ""},
    "vars": {},
    "github": {"event": {"private": True}},
    "needs": {},
}
FUNCTIONS = {"success": lambda: False, "cancelled": lambda: False}


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("inputs.action == 'Rollback'", True),
        ("inputs.action != 'rollback'", False),
        ("inputs.trials || vars.RETRAIN_TRIALS || '20'", "20"),
        ("inputs.action == 'rollback' && 'one' || 'other'", "one"),
        ("vars.NONE == ''", True),
        ("vars.NONE", None),
        ("needs.image.outputs.image", None),
        ("!vars.NONE && (github.event.private || false)", True),
        ("'it''s' != 'its' == true", True),
        ("1 == '1'", True),
        ("'a' == true", False),
    ],
)
def test_an_expression_has_the_value_that_github_gives_it(expression: str, value: object) -> None:
    assert expressions.evaluate(expression, CONTEXTS) == value


def test_a_condition_without_a_status_waits_for_success() -> None:
    assert not expressions.holds("inputs.action == 'rollback'", CONTEXTS, FUNCTIONS)
    assert expressions.holds("${{ !cancelled() && inputs.action == 'rollback' }}", CONTEXTS, FUNCTIONS)


def test_a_text_is_filled_as_github_fills_it() -> None:
    assert expressions.fill("${{ vars.NONE }}/${{ github.event.private }}/x", CONTEXTS) == "/true/x"


@pytest.mark.parametrize("expression", ["hashFiles('x')", "env.A", "inputs['a']", "1 <", "(1", "steps.*.id"])
def test_what_is_not_understood_is_no_value(expression: str) -> None:
    with pytest.raises(NotUnderstood):
        expressions.evaluate(expression, CONTEXTS)
