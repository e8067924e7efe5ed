"""The study of a moved churn rate measures true costs, and both repairs lower them."""

import numpy as np
import pytest

from benchmarks.statistics.studies import recalibration
from models.bundles.recalibration import Recalibration


def test_both_repairs_lower_the_error_and_the_cost_of_a_rate_that_doubled() -> None:
    pool = recalibration.train(recalibration.Customers.draw(8_000, seed=5), 2_000, seed=6)
    assert [part.sum() for part in pool.share(0.3)] == pytest.approx([0.7, 0.3])
    found = list(recalibration.repeat(pool, 0.5, np.random.default_rng(0)))
    before = found[0]
    assert before.error == pytest.approx(0.15, abs=0.04)
    for one in found[1:]:
        assert one.cost < before.cost
        assert one.error < before.error / 2
        assert one.saves == pytest.approx(before.cost - one.cost)
        assert one.proposed
    shown = list(recalibration.rows(found))
    assert [row[1] for row in shown] == ["none", "500 outcomes", "5,000 scores"]
    assert pool.error(Recalibration(1.0, 1.1), 0.5) < before.error
