"""The loss of a drift is what happens to known customers, and the columns that moved have it."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from models.bundles import quality
from models.bundles.quality import Figure
from models.bundles.risk import Costs, Offer, RiskPolicy
from models.features import CONTRACT
from monitoring.losses import drift_loss, reweighting
from monitoring.losses.drift_loss import DriftLoss, Reference
from training.data import synthetic

COSTS = Costs(
    value_of_kept_customer=500,
    medium=Offer(contact_cost=15, success_rate=0.1),
    high=Offer(contact_cost=85, success_rate=0.3),
)
POLICY = RiskPolicy(costs=COSTS).at_break_even
BEFORE, TRUTH = synthetic.sample(5_000, seed=1)
AFTER = synthetic.sample(5_000, seed=2)[0]


def find(live: pd.DataFrame, names: list[str]) -> DriftLoss:
    features = [feature for feature in CONTRACT.features if feature.name in names]
    columns = {
        one.name: reweighting.column(one, one.encode(BEFORE[one.name]), one.encode(live[one.name])) for one in features
    }
    reference = Reference(TRUTH, columns)
    found = drift_loss.estimate(reference, synthetic.churn_probability(live), POLICY, min_loss_fraction=0.01)
    assert found is not None
    return found


def test_one_column_that_moved_has_the_loss_and_it_is_what_happens() -> None:
    rng = np.random.default_rng(0)
    live = AFTER.assign(support_tickets=AFTER["support_tickets"] + rng.poisson(1, 5_000))
    found = find(live, ["contract_type", "support_tickets"])
    probability = synthetic.churn_probability(live)
    happens = quality.exact(probability, (rng.random(5_000) < probability).astype(np.int64), POLICY)
    assert found.cost.low < happens["cost"] - found.cost_before < found.cost.high
    fall, rise = found.parts["support_tickets"]
    assert rise == pytest.approx(found.cost.value, abs=3)
    assert fall == pytest.approx(found.roc_auc.value, abs=0.01)
    assert abs(found.parts["contract_type"][1]) < 2
    assert found.is_advised
    told = list(found.remarks)
    assert told[0].startswith("expected loss, if customers with the same features churn as before: ROC-AUC higher by ")
    assert told[1].startswith("of this cost: support_tickets +")
    assert told[2].startswith("by money, retraining is advised: the limit is 1.0% of ")


def test_columns_that_no_longer_go_together_are_the_rest() -> None:
    mixed = AFTER["contract_type"].sample(frac=1, random_state=0).to_numpy()
    found = find(AFTER.assign(contract_type=mixed), ["contract_type"])
    assert abs(found.parts["contract_type"][1]) < 1.5
    assert found.rest[1] == pytest.approx(found.cost.value - found.parts["contract_type"][1])
    assert not found.is_advised


def test_a_drift_of_no_single_column_says_so_and_a_gain_is_said_to_be_one() -> None:
    mixed = AFTER["contract_type"].sample(frac=1, random_state=0).to_numpy()
    found = find(AFTER.assign(contract_type=mixed), [])
    gain = replace(found, cost=Figure(-3.2, -10.5, 4.1), roc_auc=Figure(-0.02, -0.03, -0.01))
    told = list(gain.remarks)
    assert told[0].partition(": ")[2] == (
        "ROC-AUC higher by 0.020 (0.010 to 0.030), cost lower by 3.200 (-4.100 to 10.500) USD a customer"
    )
    assert told[1].startswith("no single column explains it: ")
    assert (found.parts, found.rest) == ({}, (found.roc_auc.value, found.cost.value))


def test_reference_rows_are_weighted_as_the_window_has_the_columns() -> None:
    features = {feature.name: feature for feature in CONTRACT.features}
    live = AFTER[(AFTER["tenure_months"] < 30) & (AFTER["contract_type"] < 2)]
    names = ["tenure_months", "contract_type"]
    columns = [
        reweighting.column(features[one], features[one].encode(BEFORE[one]), features[one].encode(live[one]))
        for one in names
    ]
    weights = reweighting.weights(columns, len(BEFORE))
    assert weights.mean() == pytest.approx(1)
    for name in names:
        assert np.average(BEFORE[name], weights=weights) == pytest.approx(live[name].mean(), rel=0.1)


def test_few_customers_have_no_loss() -> None:
    reference = Reference(TRUTH, {})
    assert drift_loss.estimate(reference, np.full(50, 0.1), POLICY, min_loss_fraction=0.01) is None
