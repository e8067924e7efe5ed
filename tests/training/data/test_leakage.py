"""A feature that reveals the outcome is found and named, whatever its kind; other features give no warning."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from models.bundles.format.provenance import Provenance
from models.customer.contract import Contract, Labels
from models.features import CONTRACT
from tests.training import random_split
from training.data import leakage, synthetic
from training.data.datasets import Dataset
from training.data.splitting import Split
from training.errors import DataError, LeakFound

ROWS = 2_000


def dataset(features: pd.DataFrame, churned: Labels) -> Dataset:
    provenance = Provenance(source="test", query=None, rows=len(churned), rejected_rows=0, sha256="0" * 64)
    return Dataset(features, churned, others=pd.DataFrame(), true_probability=None, provenance=provenance)


def customers() -> tuple[pd.DataFrame, Labels]:
    table, _ = synthetic.sample(ROWS, seed=1)
    return table[list(CONTRACT.names)], table["churned"].to_numpy()


def subscriptions(churned: Labels) -> pd.DataFrame:
    """Customers of the second contract of whom nothing tells the outcome."""
    rng, rows = np.random.default_rng(0), len(churned)
    return pd.DataFrame(
        {
            "plan": rng.choice(["basic", "plus", "pro"], rows),
            "region": rng.choice(np.array(["north", "south", None], dtype=object), rows),
            "auto_renew": rng.random(rows) < 0.5,
            "newsletter": rng.choice(np.array([True, False, None], dtype=object), rows),
            "seats": rng.choice([1, 5, 20, np.nan], rows),
            "spend": rng.random(rows) * 100,
            "peak_spend": 100 + rng.random(rows) * 100,
        }
    )


def check(features: pd.DataFrame, churned: Labels, contract: Contract = CONTRACT, *, stop: bool = True) -> list[str]:
    split = random_split.of(churned, seed=1)
    return leakage.check(dataset(features, churned), split, contract, stop=stop)


def mostly(churned: Labels, wrong: int) -> Labels:
    """The outcome, but for so many of 2,000 customers."""
    other = churned.copy()
    other[np.random.default_rng(0).permutation(ROWS)[:wrong]] ^= 1
    return other


@pytest.mark.parametrize("seed", range(3))
def test_nothing_is_said_of_honest_customers(seed: int) -> None:
    table, _ = synthetic.sample(ROWS, seed=seed)
    assert check(table[list(CONTRACT.names)], table["churned"].to_numpy()) == []


def test_nothing_is_said_of_honest_customers_of_every_kind_of_field(second_contract: Contract) -> None:
    _, churned = customers()
    assert check(subscriptions(churned), churned, second_contract) == []


@pytest.mark.parametrize("highest", [True, False], ids=["the higher", "the lower"])
def test_a_number_that_equals_the_outcome_stops_the_fit(*, highest: bool) -> None:
    features, churned = customers()
    features["support_tickets"] = churned if highest else 1 - churned
    with pytest.raises(LeakFound, match=r"support_tickets alone .* ROC-AUC of 1\.000.* set --on-leak warn") as caught:
        check(features, churned)
    assert len(caught.value.signs) == 1
    assert isinstance(caught.value, DataError)


def test_it_is_a_warning_where_that_was_asked_for() -> None:
    features, churned = customers()
    features["support_tickets"] = churned
    assert check(features, churned, stop=False) == [
        "support_tickets alone reaches a ROC-AUC of 1.000: it may be known only after the outcome"
    ]


def test_every_leak_is_named_at_once() -> None:
    features, churned = customers()
    features["support_tickets"], features["contract_type"] = (
        churned,
        np.where(churned == 1, 1, 2 * (features.index % 2)),
    )
    with pytest.raises(LeakFound) as caught:
        check(features, churned)
    assert [sign.split()[0] for sign in caught.value.signs] == ["support_tickets", "contract_type"]


def test_a_category_of_churners_only_is_found_wherever_it_stands_in_the_list() -> None:
    features, churned = customers()
    features["contract_type"] = np.where(churned == 1, 1, 2 * (features.index % 2))
    with pytest.raises(LeakFound, match=r"^contract_type alone"):
        check(features, churned)


def test_a_number_that_is_unknown_for_churners_is_found() -> None:
    features, churned = customers()
    features["total_charges"] = np.where(churned == 1, np.nan, 100 + 1_000 * np.random.default_rng(0).random(ROWS))
    with pytest.raises(LeakFound, match=r"^total_charges alone .* of 1\.000"):
        check(features, churned)


@pytest.mark.parametrize("churn", [0, 1])
def test_what_is_unknown_is_ranked_with_those_who_did_alike(churn: int) -> None:
    features, churned = customers()
    value = np.where(churned == churn, 200, 100) + np.random.default_rng(0).random(ROWS)
    alike = np.flatnonzero(churned == churn)
    value[alike[::2]] = np.nan
    features["total_charges"] = value
    with pytest.raises(LeakFound, match=r"^total_charges alone .* of 1\.000"):
        check(features, churned)
    features["total_charges"] = -value  # the other way up
    with pytest.raises(LeakFound, match=r"^total_charges alone .* of 1\.000"):
        check(features, churned)


@pytest.mark.parametrize("unknown_of", [0, 1])
@pytest.mark.parametrize(
    ("field", "otherwise"), [("region", "north"), ("newsletter", True), ("seats", 5.0), ("peak_spend", 150.0)]
)
def test_what_is_unknown_can_give_the_outcome_away_in_any_nullable_field(
    second_contract: Contract, field: str, otherwise: str | float, unknown_of: int
) -> None:
    _, churned = customers()
    features = subscriptions(churned)
    values = [None if churn == unknown_of else otherwise for churn in churned]
    features[field] = pd.Series(values, dtype=features[field].dtype)
    with pytest.raises(LeakFound, match=f"^{field} alone"):
        check(features, churned, second_contract)


@pytest.mark.parametrize("field", ["plan", "auto_renew", "spend"])
def test_other_kinds_of_fields_are_looked_at_too(second_contract: Contract, field: str) -> None:
    _, churned = customers()
    told = {"plan": np.where(churned == 1, "plus", "pro"), "auto_renew": churned == 0, "spend": 100.0 - churned}
    with pytest.raises(LeakFound, match=f"^{field} alone"):
        check(subscriptions(churned).assign(**{field: told[field]}), churned, second_contract)


def test_a_feature_that_nearly_tells_the_outcome_is_found_and_a_good_one_is_not() -> None:
    features, churned = customers()
    features["support_tickets"] = mostly(churned, 10)
    with pytest.raises(LeakFound, match=r"ROC-AUC of 0\.99\d"):
        check(features, churned)
    features["support_tickets"] = mostly(churned, 30)
    assert check(features, churned) == []


def test_the_roc_auc_that_is_told_is_that_of_scikit_learn_with_ties() -> None:
    features, churned = customers()
    features["support_tickets"] = 10 * churned + np.random.default_rng(0).integers(0, 11, ROWS)
    training = random_split.of(churned, seed=1).training
    expected = roc_auc_score(churned[training], features["support_tickets"].iloc[training])
    assert 0.99 < expected < 0.998
    [told] = check(features, churned, stop=False)
    assert told.startswith(f"support_tickets alone reaches a ROC-AUC of {expected:.3f}:")


def test_features_of_one_value_or_of_none_say_nothing(second_contract: Contract) -> None:
    _, churned = customers()
    features = subscriptions(churned).assign(plan="pro", seats=np.nan, spend=10.0, newsletter=None, region=None)
    assert check(features, churned, second_contract) == []


def test_the_outcomes_of_the_test_set_are_not_looked_at() -> None:
    features, churned = customers()
    features["support_tickets"] = churned
    split = random_split.of(churned, seed=1)
    flipped = churned.copy()
    flipped[split.test] ^= 1
    with pytest.raises(LeakFound, match=r"of 1\.000"):
        leakage.check(dataset(features, flipped), split, CONTRACT, stop=True)


def test_an_integer_that_only_numbers_the_rows_is_named() -> None:
    features, churned = customers()
    features["support_tickets"] = np.random.default_rng(0).permutation(ROWS)
    assert check(features, churned) == ["support_tickets has a distinct value in 100% of the rows: it looks like an id"]


def test_an_integer_that_repeats_now_and_then_is_no_id() -> None:
    features, churned = customers()
    features["support_tickets"] = np.random.default_rng(0).permutation(ROWS) // 2
    assert check(features, churned) == []


def repeated(share: float) -> tuple[pd.DataFrame, Labels, Split]:
    """Customers of whom so large a share of the test rows is in the training rows as well."""
    features, churned = customers()
    split = random_split.of(churned, seed=1)
    copies = int(share * len(split.test))
    features.iloc[split.test[:copies]] = features.iloc[split.training[:copies]].to_numpy()
    return features, churned, split


def test_test_rows_that_are_training_rows_too_are_counted() -> None:
    features, churned, split = repeated(0.1)
    assert leakage.check(dataset(features, churned), split, CONTRACT, stop=True) == [
        "10% of the test rows equal a training row: they may be the same customers"
    ]


def test_a_few_customers_alike_are_no_sign() -> None:
    features, churned, split = repeated(0.04)
    assert leakage.check(dataset(features, churned), split, CONTRACT, stop=True) == []


def test_rows_repeated_within_one_part_are_no_sign() -> None:
    features, churned = customers()
    split = random_split.of(churned, seed=1)
    half = len(split.test) // 2
    features.iloc[split.test[-half:]] = features.iloc[split.test[:half]].to_numpy()
    assert leakage.check(dataset(features, churned), split, CONTRACT, stop=True) == []
