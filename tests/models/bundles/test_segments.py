"""Each customer belongs to the segments of the contract, each segment is measured alone, and small ones are listed."""

import numpy as np
import pandas as pd
import pytest

from models.bundles import quality, segments
from models.bundles.risk import RiskPolicy
from models.bundles.segments import Segment
from models.customer.contract import Contract, Labels, Vector
from models.features import CONTRACT
from training.data import synthetic


def outcomes(rows: int) -> tuple[Vector, Labels]:
    rng = np.random.default_rng(0)
    probability = rng.beta(0.8, 2, rows)
    return probability, (rng.random(rows) < probability).astype(np.int64)


def customers(rows: int, seed: int) -> pd.DataFrame:
    return synthetic.sample(rows, seed=seed)[0]


def find(live: pd.DataFrame, reference: pd.DataFrame, contract: Contract) -> dict[str, Segment]:
    columns = [
        (feature, feature.encode(live[feature.name]), feature.encode(reference[feature.name]))
        for feature in contract.features
    ]
    probability, churned = outcomes(len(live))
    found = segments.find(
        columns,
        probability=probability,
        churned=churned,
        policy=RiskPolicy(),
        min_rows=200,
    )
    return {segment.name: segment for segment in found}


def test_categories_and_quarters_of_numbers_are_segments() -> None:
    reference, live = customers(4_000, 1), customers(2_000, 2)
    found = find(live, reference, CONTRACT)
    quarters = reference["tenure_months"].quantile([0.25, 0.5, 0.75]).tolist()
    low, middle, high = (f"{edge:g}" for edge in quarters)
    assert list(found)[:4] == [
        f"tenure_months below {low}",
        f"tenure_months {low} to {middle}",
        f"tenure_months {middle} to {high}",
        f"tenure_months from {high}",
    ]
    assert list(found)[-3:] == [f"contract_type {label}" for label in ("month-to-month", "one-year", "two-year")]
    assert found[f"tenure_months below {low}"].rows == (live["tenure_months"] < quarters[0]).sum()
    assert found["contract_type two-year"].rows == (live["contract_type"] == 2).sum()


def test_a_segment_has_the_figures_of_its_own_customers() -> None:
    live = customers(2_000, 2)
    probability, churned = outcomes(2_000)
    segment = find(live, live, CONTRACT)["contract_type one-year"]
    inside = (live["contract_type"] == 1).to_numpy()
    alone = quality.measured(probability[inside], churned[inside], RiskPolicy())
    assert segment.churned == churned[inside].sum()
    assert segment.figures == {metric: alone[metric] for metric in segments.METRICS}


def test_a_small_segment_is_named_without_figures() -> None:
    live = customers(1_000, 2).assign(contract_type=0)
    live.loc[:99, "contract_type"] = 1
    found = find(live, live, CONTRACT)
    assert [
        (found[name].rows, found[name].figures) for name in ("contract_type one-year", "contract_type two-year")
    ] == [
        (100, None),
        (0, None),
    ]


def test_where_inputs_were_not_kept_there_are_no_segments() -> None:
    live = customers(500, 2)
    of_nobody = pd.DataFrame({name: [None] * 500 for name in CONTRACT.names})
    assert find(of_nobody, live, CONTRACT) == {}


def test_what_is_unknown_is_a_segment_of_its_own(second_contract: Contract) -> None:
    live = pd.DataFrame(
        {
            "plan": ["basic", "plus"] * 300,
            "region": ["north", None, "south"] * 200,
            "auto_renew": [True, False] * 300,
            "newsletter": [True, False, None] * 200,
            "seats": [5.0, np.nan] * 300,
            "spend": [10.0] * 600,
            "peak_spend": [np.nan] * 600,
        }
    )
    found = find(live, live, second_contract)
    rows = {name: segment.rows for name, segment in found.items()}
    assert rows == {
        "plan basic": 300, "plan plus": 300, "plan pro": 0,
        "region north": 200, "region south": 200, "region unknown": 200,
        "auto_renew false": 300, "auto_renew true": 300,
        "newsletter false": 200, "newsletter true": 200, "newsletter unknown": 200,
        "seats any value": 300,
        "spend any value": 600,
    }  # fmt: skip


@pytest.mark.parametrize("edges", [[0, 0, 0, 7], [0, 0, 3, 7]])
def test_a_band_below_the_least_value_is_none(edges: list[int]) -> None:
    live = customers(400, 1).assign(support_tickets=edges * 100)
    names = [name for name in find(live, live, CONTRACT) if name.startswith("support_tickets")]
    assert "support_tickets below 0" not in names
    assert names[0].startswith("support_tickets below")
