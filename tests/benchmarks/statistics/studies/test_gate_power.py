"""The study of the gate's power judges models whose true difference is known."""

import pytest

from benchmarks.statistics.studies import gate_power


def test_the_models_differ_by_what_is_asked() -> None:
    population = gate_power.draw(20_000, seed=1)
    error = gate_power.find_error(population, 0.02)
    assert population.roc_auc(0, gate_power.OWN) - population.roc_auc(1, error) == pytest.approx(0.02, abs=1e-4)
    assert gate_power.find_error(population, 0.0) == gate_power.OWN


def test_a_much_better_model_is_promoted_more_often_than_an_equal_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_power, "GAPS", (0.0, 0.02))
    found = list(gate_power.judge({2_000: 4}, gate_power.draw(20_000, seed=1)))
    equal, better = ({name: one[name] for name in ("gap", "rows", "repetitions")} for one in found)
    assert (equal, better) == (
        {"gap": 0.0, "rows": 2_000, "repetitions": 12},
        {"gap": 0.02, "rows": 2_000, "repetitions": 4},
    )
    promoted = [int(one["promoted"] or 0) / int(one["repetitions"] or 1) for one in found]
    assert promoted[0] < 0.3
    assert promoted[1] > 0.7
    study = gate_power.describe(found)
    assert study.columns == ("better by (ROC-AUC)", "2,000 rows")
    assert [row[0] for row in study.rows] == ["equal", "0.020"]
    assert "An equal model is promoted in" in study.conclusion
