"""The study of the effect of offers finds intervals that cover, and the power that the numbers allow."""

from benchmarks.statistics.studies import treatment_effect


def test_intervals_cover_and_a_large_effect_is_found() -> None:
    found = treatment_effect.make([(400, 0.8, 0.0, 1.0), (400, 0.8, 0.3, 1.0)], repetitions=300)

    none, large = found.raw
    assert none["told"] == large["told"] == 300
    for one in (none, large):
        for figure in ("difference_covered", "saved_covered", "success_covered"):
            assert int(one[figure] or 0) / 300 > 0.9
    assert int(none["found"] or 0) <= 20
    assert large["found"] == 300
    assert int(large["called_unlike"] or 0) <= 6  # 1.5 are expected
    assert found.rows[1][:4] == ("400", "80%", "30%", "100%")
