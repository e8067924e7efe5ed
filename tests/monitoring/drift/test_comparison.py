"""Two tables are put side by side without losing what is missing, unreadable or new."""

import numpy as np
import pandas as pd

from models.customer.contract import Contract
from monitoring.drift.comparison import compare
from monitoring.drift.row_counts import PREDICTION

ROWS = pd.DataFrame(
    {
        "plan": ["basic", "pro"],
        "region": ["north", "south"],
        "auto_renew": [True, False],
        "newsletter": [True, False],
        "seats": [1, 2],
        "spend": [1.0, 2.0],
        "peak_spend": [3.0, 4.0],
        PREDICTION: [0.1, 0.2],
    }
)


def test_columns_are_numbers_or_labels(second_contract: Contract) -> None:
    compared = compare(second_contract, ROWS, ROWS)
    assert compared.kinds == {
        "plan": "label",
        "region": "label",
        "auto_renew": "label",
        "newsletter": "label",
        "seats": "number",
        "spend": "number",
        "peak_spend": "number",
        PREDICTION: "number",
    }
    assert compared.live["auto_renew"].tolist() == ["true", "false"]
    assert compared.judged == [*second_contract.names, PREDICTION]


def test_what_is_missing_or_unreadable_is_counted_in_a_column_of_its_own(second_contract: Contract) -> None:
    compared = compare(second_contract, ROWS, ROWS.assign(seats=[np.nan, "many"], region=[np.nan, "south"]))
    assert compared.live["seats missing"].tolist() == ["missing", "unreadable"]
    assert compared.live["region missing"].tolist() == ["missing", "known"]
    assert compared.reference["seats missing"].tolist() == ["known", "known"]
    assert [name for name in compared.kinds if name.endswith("missing")] == ["region missing", "seats missing"]


def test_a_label_outside_the_contract_stays_a_label(second_contract: Contract) -> None:
    compared = compare(second_contract, ROWS, ROWS.assign(plan=["gold", "pro"], auto_renew=[2, 1]))
    assert compared.live["plan"].tolist() == ["not in the contract", "pro"]
    assert compared.live["auto_renew"].tolist() == ["not in the contract", "true"]


def test_what_cannot_be_judged_is_said_in_words(second_contract: Contract) -> None:
    compared = compare(
        second_contract,
        ROWS.assign(seats=None, spend=7.0, region=None),
        ROWS.assign(peak_spend=None, spend=7.0, region=None, plan="pro"),
    )
    assert compared.unjudged == {
        "region": "no value in the reference and the live rows",
        "region missing": "always missing",
        "seats": "no value in the reference",
        "spend": "always 7.0",
        "peak_spend": "no value in the live rows",
    }
