"""A verdict follows from its scores and says so in plain words."""

import pytest

from monitoring.verdict import Score, Verdict


def verdict(*ratios: float) -> Verdict:
    return Verdict(
        scores=tuple(Score(f"column {at}", "K-S distance", ratio, limit=0.1) for at, ratio in enumerate(ratios)),
        unjudged={"other": "always 3"},
        violations={"other above 2": 1_200},
        live_rows=1_200,
        reference_rows=5_000,
        model_version="20260301-0123abcd",
    )


@pytest.mark.parametrize(("ratio", "exit_code"), [(0.999, 0), (1.0, 1)])
def test_a_distance_at_its_limit_is_drift(ratio: float, exit_code: int) -> None:
    assert verdict(0.2, ratio).exit_code == exit_code


def test_calm_is_said_with_what_was_compared() -> None:
    rows = "1,200 live rows against 5,000 reference rows of model 20260301-0123abcd"
    assert verdict(0.2, 0.3).summary == f"no drift in 2 columns; {rows}"


def test_drift_is_said_with_the_farthest_column_first() -> None:
    assert verdict(1.5, 0.2, 4).summary.startswith(
        "drift in 2 of 3 columns: column 2 (K-S distance 0.40, limit 0.10), column 0 (K-S distance 0.15, limit 0.10); "
    )


def test_what_no_distance_shows_is_remarked() -> None:
    assert verdict().remarks == [
        "cannot be judged: other, always 3",
        "outside the contract: other above 2, 1,200 live rows",
    ]
