"""The study of comparisons and warnings counts what is said of samples whose truth is known."""

from benchmarks.statistics.studies import decisions


def test_intervals_hold_and_only_what_is_so_is_found() -> None:
    found = decisions.make(1, 5_000)
    by_case = {(one["what"], one["case"]): one for one in found.raw}

    groups = by_case["card: ROC-AUC of a group", "1,000 rows"]
    assert 10 < int(groups["samples"] or 0) < 20
    assert int(groups["hits"] or 0) >= int(groups["samples"] or 0) - 4
    sample = "gate: sample surely unlike the test set"
    assert by_case[sample, "2,000 rows, drawn fairly"]["hits"] == 0
    assert by_case[sample, "2,000 rows, churners at 0.5"]["hits"] == 13
    below = "gate: group surely below the floor"
    assert by_case[below, "1,000 rows, truth 0.58"]["hits"] == 0
    assert by_case[below, "1,000 rows, truth 0.42"]["hits"] == 2
    assert by_case["fit: another algorithm surely ahead", "4,000 rows, one better"]["hits"] == 4
    assert int(by_case["fit: another algorithm surely ahead", "4,000 rows, all equal"]["hits"] or 0) <= 1
    assert found.conclusion.startswith("The intervals hold in")
