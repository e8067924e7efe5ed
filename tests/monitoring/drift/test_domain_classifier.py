"""The classifier sees a change that leaves each column as it was, names its columns, and is calm otherwise."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from demo import synthetic_customers
from models.customer.contract import Contract
from models.features import CONTRACT
from monitoring.drift import domain_classifier
from monitoring.drift.joint_drift import JointDrift

REFERENCE = synthetic_customers.calm(3_000, seed=1)


def check(live: pd.DataFrame, reference: pd.DataFrame = REFERENCE, without: tuple[str, ...] = ()) -> JointDrift | str:
    return domain_classifier.check(
        CONTRACT, reference, live, without=without, false_alarm_rate=0.001, min_distance=0.05
    )


def permuted(rows: int) -> pd.DataFrame:
    live = synthetic_customers.calm(rows, seed=2)
    return live.assign(contract_type=np.random.default_rng(0).permutation(live["contract_type"]))


def test_permuted_contract_types_are_drift_of_contract_type_and_tenure() -> None:
    found = check(permuted(2_000))

    assert isinstance(found, JointDrift)
    assert found.drifted
    assert found.rows == (3_000, 2_000)
    assert list(found.features)[:2] == ["contract_type", "tenure_months"]
    assert sum(found.features.values()) == pytest.approx(1)


def test_many_columns_that_lost_their_dependence_count_though_each_has_a_small_share() -> None:
    number = next(feature for feature in CONTRACT.features if feature.kind == "number" and not feature.nullable)
    names = [f"number_{at}" for at in range(20)]
    contract = Contract(tuple(replace(number, name=name, limits={}) for name in names))
    random = np.random.default_rng(0)
    linked = (random.normal(size=(2_000, 1)) + random.normal(size=(2_000, 20))) / np.sqrt(2)
    before, after = (pd.DataFrame(rows, columns=names) for rows in (linked, random.normal(size=(2_000, 20))))

    found = domain_classifier.check(contract, before, after, without=(), false_alarm_rate=0.001, min_distance=0.05)

    assert isinstance(found, JointDrift)
    assert found.drifted
    assert max(found.features.values()) < 0.2
    assert len(found.needed) >= 15


@pytest.mark.parametrize(
    "live",
    [synthetic_customers.calm(1_000, seed=3), pd.concat([synthetic_customers.calm(250, seed=3)] * 4)],
    ids=["others", "each four times"],
)
def test_calm_customers_are_calm(live: pd.DataFrame) -> None:
    found = check(live)

    assert isinstance(found, JointDrift)
    assert not found.drifted
    assert found.features == {}


def test_the_training_rows_themselves_are_calm() -> None:
    found = check(REFERENCE.head(1_000))

    assert isinstance(found, JointDrift)
    assert not found.drifted


def test_without_the_columns_that_drifted_by_themselves_nothing_is_left_to_see() -> None:
    found = check(permuted(2_000), without=("contract_type",))

    assert isinstance(found, JointDrift)
    assert not found.drifted


def test_a_reason_is_given_where_nothing_can_be_compared() -> None:
    one_column = tuple(CONTRACT.names[1:])
    alike = pd.concat([REFERENCE.head(1)] * 300)

    assert check(permuted(300), without=one_column) == (
        "fewer than two inputs are left that did not drift by themselves"
    )
    assert check(alike, alike) == "there are too few different rows for 5 folds"
