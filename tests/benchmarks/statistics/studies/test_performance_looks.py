"""The study of a year of looks at outcomes judges calm windows as the job does."""

from benchmarks.statistics.studies import performance_looks


def test_the_limits_of_repeated_looks_are_calm_for_a_fortnight_and_the_table_says_so() -> None:
    years = list(performance_looks.calm(20, seed=0, days=14))
    assert [one.rule for one in years] == ["single check", "looks"]
    assert years[1].runs == 0 <= years[0].runs

    study = performance_looks.summarize(years)
    assert [row[:3] for row in study.rows] == [["20", "single check", "1"], ["20", "looks", "1"]]
    assert study.rows[1][3:6] == ["0.00", "0.00", "0.00"]
    assert study.conclusion.startswith("By the limits of repeated looks, 0 of 365 looks at calm outcomes")
