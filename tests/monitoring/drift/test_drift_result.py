"""The verdict and its summary follow from the distances and from the feature importance."""

from dataclasses import replace

import pytest

from monitoring.drift.drift_result import ColumnDrift, DriftResult
from monitoring.drift.joint_drift import JointDrift


def score(feature: str | None, ratio: float, importance: float | None = None, column: str | None = None) -> ColumnDrift:
    return ColumnDrift(
        column or feature or "churn_probability", feature, importance, "K-S distance", ratio / 10, limit=0.1
    )


def verdict(*scores: ColumnDrift, window_rows: int = 1_200, reason: str | None = None) -> DriftResult:
    return DriftResult(
        scores=scores,
        min_drift_share=0.1,
        unjudged={"other": "always 3"},
        violations={"other above 2": 1_200},
        window_rows=window_rows,
        judged_rows=1_200,
        reference_rows=5_000,
        model_version="20260301-0123abcd",
        reason=reason,
    )


ROWS = "1,200 live rows against 5,000 reference rows of model 20260301-0123abcd"


@pytest.mark.parametrize(("ratio", "exit_code"), [(0.999, 0), (1.0, 1)])
def test_a_distance_at_its_limit_is_drift(ratio: float, exit_code: int) -> None:
    assert verdict(score("a", 0.2, 0.5), score("b", ratio, 0.5)).exit_code == exit_code


@pytest.mark.parametrize(("importance", "exit_code"), [(0.099, 0), (0.1, 1)])
def test_a_column_that_hardly_matters_is_no_drift(importance: float, exit_code: int) -> None:
    assert verdict(score("a", 0.2, 1 - importance), score("b", 9, importance)).exit_code == exit_code


def test_columns_that_hardly_matter_add_up() -> None:
    found = verdict(*(score(name, 2, 0.04) for name in "abc"))
    assert found.exit_code == 1
    assert found.drift_share == pytest.approx(0.12)


def test_a_feature_counts_once_though_its_missing_values_moved_too() -> None:
    found = verdict(score("a", 2, 0.06), score("a", 3, 0.06, column="a missing"))
    assert found.exit_code == 0
    assert found.drift_share == pytest.approx(0.06)


def test_predictions_that_moved_are_drift_whatever_the_inputs_did() -> None:
    found = verdict(score("a", 0.2, 1), score(None, 1.5))
    assert (found.exit_code, found.drift_share) == (1, 0)


def test_calm_is_said_with_what_was_compared() -> None:
    assert verdict(score("a", 0.2, 0.5), score("b", 0.3, 0.5)).summary == f"no drift in 2 columns; {ROWS}"


def test_drift_is_said_with_the_farthest_column_first() -> None:
    found = verdict(score("a", 1.5, 0.3), score("b", 0.2, 0.3), score("c", 4, 0.4))
    columns = "c (K-S distance 0.40, limit 0.10), a (K-S distance 0.15, limit 0.10)"
    assert found.summary == f"drift in 2 of 3 columns: {columns}; drifted features have 70% of the importance; {ROWS}"


def test_what_moved_and_does_not_matter_is_named() -> None:
    found = verdict(score("a", 0.2, 0.95), score("b", 1.5, 0.05))
    moved = "drifted features have 5% of the importance: b (K-S distance 0.15, limit 0.10)"
    assert found.summary == f"no drift that matters: {moved}; {ROWS}"


def test_calm_in_what_was_seen_cannot_tell_of_what_was_not() -> None:
    reason = "Half was hidden. Look again."
    found = verdict(score("a", 0.2, 0.5), reason=reason)
    assert (found.verdict, found.exit_code, found.record["reason"]) == (
        "cannot tell",
        2,
        "Half was hidden. Look again.",
    )
    seen = f"no drift in 1 column; {ROWS}"
    assert found.summary == f"cannot tell: Half was hidden. Look again. Partial result: {seen}"


def test_drift_in_what_was_seen_is_drift_whatever_was_not() -> None:
    found = verdict(score("a", 2, 0.5), reason="Half was hidden. Look again.")
    assert (found.verdict, found.exit_code) == ("drift", 1)
    assert found.summary.startswith("drift in 1 of 1 columns: a (")
    assert found.summary.endswith(f"{ROWS}; warning: Half was hidden. Look again.")


def test_a_sample_is_said_to_be_one() -> None:
    assert "; 1,200 live rows sampled from 1,000,000 against" in verdict(window_rows=1_000_000).summary


def test_what_no_distance_shows_is_remarked() -> None:
    assert verdict().remarks == [
        "not compared: other, always 3",
        "outside the contract: other above 2, 1,200 live rows",
    ]


TOGETHER = JointDrift(0.63, 0.53, (5_000, 1_200), {"a": 0.6, "b": 0.4})


@pytest.mark.parametrize(("importance", "exit_code"), [(0.06, 1), (0.04, 0)])
def test_columns_that_drifted_together_count_by_their_importance(importance: float, exit_code: int) -> None:
    found = replace(verdict(score("a", 0.2, 0.5)), joint=TOGETHER, importance={"a": importance, "b": importance})

    assert (found.exit_code, found.drift_share) == (exit_code, 2 * importance)


def test_what_drifted_together_is_said_and_recorded() -> None:
    found = replace(verdict(score("a", 0.2, 0.5)), joint=TOGETHER, importance={"a": 0.3, "b": 0.3})

    named = "ROC-AUC 0.630, limit 0.530, by a 60%, b 40%"
    share = "these features have 60% of the importance"
    assert found.summary == f"drift in the columns together, and in none by itself: {named}; {share}; {ROWS}"
    assert found.remarks[0] == (
        f"columns together: a classifier tells 1,200 live rows and 5,000 reference rows apart with {named}"
    )
    assert found.details["joint"]["ratio"] == pytest.approx(13 / 3)
    assert found.details["joint"]["features"] == {"a": 0.6, "b": 0.4}


EVENLY = JointDrift(0.8, 0.53, (5_000, 1_200), {f"f{at}": 0.04 for at in range(25)})


def test_many_columns_that_drifted_together_evenly_are_drift() -> None:
    found = replace(verdict(score("f0", 0.2, 0.03)), joint=EVENLY, importance=dict.fromkeys(EVENLY.features, 0.03))

    assert (found.verdict, found.exit_code) == ("drift", 1)
    assert found.drift_share == pytest.approx(23 * 0.03)
    assert "by f0 4%, f1 4%, f2 4%, f3 4%, f4 4% and 18 more; these features have 69% of" in found.summary


def test_a_feature_that_the_classifier_hardly_needs_does_not_count() -> None:
    by_chance = replace(TOGETHER, features={"a": 0.6, "b": 0.35, "c": 0.05})
    found = replace(verdict(), joint=by_chance, importance={"a": 0.02, "b": 0.02, "c": 0.9})

    assert found.verdict == "no drift"
    assert found.drift_share == pytest.approx(0.04)
    assert found.details["joint"]["features"]["c"] == 0.05


def test_columns_that_drifted_together_by_no_single_one_are_drift() -> None:
    found = replace(verdict(score("a", 0.2, 0.5)), joint=replace(TOGETHER, features={}), importance={"a": 0.5})

    assert (found.exit_code, found.drift_share) == (1, 0)
    assert found.summary == (
        "drift in the columns together, and in none by itself: ROC-AUC 0.630, limit 0.530, by no single column; "
        f"it counts, since only several columns at once explain it; {ROWS}"
    )


def test_columns_that_were_not_classified_are_said_with_the_reason() -> None:
    found = replace(verdict(score("a", 0.2, 0.5)), unclassified="there are none")

    assert found.remarks[0] == "columns together: not compared, because there are none"
    assert found.details["joint"] is None
