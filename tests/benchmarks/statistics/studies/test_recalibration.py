"""The study of a moved churn rate measures true costs, and both repairs lower them."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from benchmarks.statistics import moved_rates
from benchmarks.statistics.studies import recalibration
from benchmarks.statistics.studies.recalibration import ALONE, BEFORE, LEARNED, Repaired
from models.bundles.recalibration import Recalibration


def test_both_repairs_lower_the_error_and_the_cost_of_a_rate_that_doubled() -> None:
    pool = moved_rates.train(moved_rates.Customers.draw(8_000, seed=5), 2_000, seed=6)
    assert [part.sum() for part in pool.share(0.3)] == pytest.approx([0.7, 0.3])
    found = list(recalibration.repeat(pool, 0.5, np.random.default_rng(0)))
    before = found[0]
    assert before.error == pytest.approx(0.15, abs=0.04)
    for one in found[1:]:
        assert one.cost < before.cost
        assert one.error < before.error / 2
        assert one.saves == pytest.approx(before.cost - one.cost)
        assert one.proposed
        assert one.estimate == pytest.approx(one.saves, rel=0.5)
    shown = list(recalibration.rows(found))
    assert [row[1] for row in shown] == ["none", "500 outcomes", "5,000 scores"]
    assert pool.error(Recalibration(1.0, 1.1), 0.5) < before.error


def test_the_true_saving_of_what_is_proposed_is_divided_by_what_was_estimated() -> None:
    fields: dict[str, Any] = {"error": 0.02, "cost": 188.0, "holds": True, "rate_holds": None}
    before = Repaired(0.4, BEFORE, saves=0.0, proposed=False, estimate=None, **fields)
    missed = Repaired(0.4, LEARNED, saves=-90.0, proposed=False, estimate=None, **fields)
    told = [(1.0, 2.0), (3.0, 4.0), (5.0, 2.0)] * 7
    found = [Repaired(0.4, LEARNED, saves=saves, proposed=True, estimate=one, **fields) for saves, one in told]
    alone = [replace(one, taught_by=ALONE) for one in found[:19]]
    none, outcomes, scores = (row[-1] for row in recalibration.rows([before, missed, *found, *alone]))
    value, low, high = (float(one.strip("()")) for one in outcomes.replace(" to ", " ").split())
    assert value == pytest.approx(9 / 8, abs=0.01)
    assert 0.8 < low < value - 0.1
    assert value + 0.1 < high < 1.6
    assert (none, scores) == ("", "")
