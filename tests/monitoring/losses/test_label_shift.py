"""The churn rate is found from probabilities alone, where only the shares of churners and stayers changed."""

import numpy as np
import pytest

from models.bundles.risk import RiskPolicy
from monitoring.losses import label_shift
from training.data import synthetic

TABLE, TRUTH = synthetic.sample(60_000, seed=3)
LEFT = TABLE["churned"].to_numpy() == 1


@pytest.mark.parametrize(("rate", "is_sure"), [(0.255, False), (0.4, True), (0.6, True)])
def test_the_rate_is_found_and_a_calm_one_is_not_sure(rate: float, *, is_sure: bool) -> None:
    rng = np.random.default_rng(1)
    churners = round(6_000 * rate)
    scores = np.concatenate([rng.choice(TRUTH[LEFT], churners), rng.choice(TRUTH[~LEFT], 6_000 - churners)])
    found = label_shift.estimate(scores, RiskPolicy(), before=float(TRUTH.mean()), before_rows=5_000)
    assert found.rate.low < rate < found.rate.high
    assert found.rate.high - found.rate.low < 0.07
    assert found.saved.low <= found.saved.value
    assert found.is_sure == is_sure


def test_a_smaller_test_set_leaves_rate_and_saving_more_open() -> None:
    scores = np.random.default_rng(1).choice(TRUTH[LEFT], 6_000)
    small, large = (
        label_shift.estimate(TRUTH[:6_000], RiskPolicy(), before=0.25, before_rows=rows) for rows in (500, 50_000)
    )
    assert small.rate.value == large.rate.value
    assert small.rate.high - small.rate.low > 1.5 * (large.rate.high - large.rate.low)
    assert small.saved.high - small.saved.low > 1.5 * (large.saved.high - large.saved.low)
    assert label_shift.estimate(scores, RiskPolicy(), before=0.25, before_rows=500).rate.high == 1
