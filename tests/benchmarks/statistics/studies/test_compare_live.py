"""The study of trials that are looked at daily, with few repetitions."""

from benchmarks.statistics.studies import compare_live
from benchmarks.statistics.studies.compare_live import Trial


def test_a_better_challenger_is_found_and_an_equal_one_is_not() -> None:
    [equal] = compare_live.repeat("equal", 1, days=100)
    [better] = compare_live.repeat("best reachable", 1, days=365)
    assert (equal.better_at, equal.different_at) == (None, None)
    assert better.better_at is not None
    assert 1_000 <= compare_live.fixed_rows("best reachable") <= 2_500


def test_the_table_counts_trials() -> None:
    equal = [Trial("equal", None, None, 700, different_at_the_end=is_one) for is_one in (True, False)]
    trials = [*equal, Trial("better", 3_000, 2_000, 600, different_at_the_end=True)]
    found = compare_live.summarize(trials, {"better": 2_000})
    assert found.rows[0][0] == "equal"
    assert [cell.split()[0] for cell in found.rows[0][1:5]] == ["0.0%", "100.0%", "50.0%", "0.0%"]
    assert found.rows[1][-2:] == ("3,000", "2,000")
    assert "0.0% are called different within a year" in found.conclusion
    assert "1.50 times as many for a better one" in found.conclusion
