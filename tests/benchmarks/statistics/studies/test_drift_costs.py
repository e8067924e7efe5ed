"""The study of losses knows the truth, and the estimate is near it where the features moved."""

import numpy as np
import pytest

from benchmarks.statistics.studies import drift_costs


def test_moved_columns_get_the_loss_and_a_change_of_the_outcome_is_not_seen() -> None:
    found = {one.shift: one for one in drift_costs.measure(2_000, 3_000, 1)}
    tickets = found["one column: tickets"]
    assert tickets.cost == pytest.approx(tickets.true_cost, abs=8)
    assert tickets.true_cost > 20
    assert tickets.right is not None
    assert tickets.right > 0.6
    unseen = found["outcome given features"]
    assert unseen.true_cost > 30
    assert abs(unseen.cost) < 10
    assert len(list(drift_costs.rows(list(found.values())))) == len(drift_costs.SHIFTS)


def test_what_happens_with_right_probabilities_is_what_they_say() -> None:
    probability = np.random.default_rng(0).beta(1, 3, 2_000)
    assert drift_costs.happening(probability, probability)["roc_auc"] > 0.7
