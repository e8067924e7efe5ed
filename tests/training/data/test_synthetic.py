"""The population is seeded, holds to the contract, and its true probabilities are true."""

import numpy as np

from models.customer import checks
from models.features import CONTRACT
from training.data import synthetic


def test_equal_seeds_give_equal_customers() -> None:
    first, _ = synthetic.sample(500, seed=3)
    again, _ = synthetic.sample(500, seed=3)
    other, _ = synthetic.sample(500, seed=4)
    assert first.equals(again)
    assert not first.equals(other)


def test_every_customer_holds_to_the_contract() -> None:
    customers, _ = synthetic.sample(50_000, seed=1)
    assert checks.find_violations(CONTRACT, customers) == {}


def test_outcomes_happen_as_often_as_the_true_probabilities_say() -> None:
    customers, probability = synthetic.sample(100_000, seed=2)
    tenths = np.digitize(probability, np.quantile(probability, np.linspace(0.1, 0.9, 9)))
    for tenth in range(10):
        rows = tenths == tenth
        # Four standard errors of a fraction of 10,000.
        allowed = 4 * np.sqrt(probability[rows].mean() * (1 - probability[rows].mean()) / rows.sum())
        assert abs(customers["churned"][rows].mean() - probability[rows].mean()) < allowed


def test_a_customer_never_billed_has_no_total() -> None:
    customers, _ = synthetic.sample(5_000, seed=1)
    assert (customers["total_charges"].isna() == (customers["tenure_months"] == 0)).all()
    assert customers["total_charges"].isna().any()
