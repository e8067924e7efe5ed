"""Rows become JSON, and many rows become bodies within the limits."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from churn_client import Outcome, batches

ROWS = [{"row": row, "text": "x" * 1_000} for row in range(9_000)]


def test_all_rows_are_sent_once_in_order_within_the_limits() -> None:
    bodies = list(batches.split("customers", iter(ROWS), 4_000))
    sent = [json.loads(body)["customers"] for _, body in bodies]
    assert [row for rows in sent for row in rows] == ROWS
    assert [first for first, _ in bodies] == [0, 4_000, 8_000]


def test_a_body_is_as_large_as_it_may_be_and_no_larger() -> None:
    bodies = [body for _, body in batches.split("customers", ROWS, 10_000)]
    assert len(bodies) == 3
    assert max(map(len, bodies)) <= batches.MAX_BODY_BYTES
    assert len(bodies[0]) > batches.MAX_BODY_BYTES - 1_100


def test_a_body_may_have_just_the_largest_size() -> None:
    frame = len(batches.encode({"customers": ["", ""]}))
    row = "x" * ((batches.MAX_BODY_BYTES - frame) // 2)
    [(_, body)] = batches.split("customers", [row, row], 10_000)
    assert batches.MAX_BODY_BYTES - 1 <= len(body) <= batches.MAX_BODY_BYTES
    assert len(list(batches.split("customers", [row, f"{row}xx"], 10_000))) == 2


def test_a_row_beyond_the_limit_goes_alone() -> None:
    large = "x" * batches.MAX_BODY_BYTES
    assert [first for first, _ in batches.split("customers", ["a", large, "b"], 10_000)] == [0, 1, 2]


def test_times_keep_their_zone() -> None:
    outcome = Outcome(prediction_id="1", churned=False, observed_at=datetime(2026, 3, 1, tzinfo=UTC))
    assert json.loads(batches.encode(outcome))["observed_at"] == "2026-03-01T00:00:00+00:00"


def test_what_is_no_json_is_refused_before_it_is_sent() -> None:
    with pytest.raises(ValueError, match="Send None for an unknown value"):
        batches.encode({"monthly": float("nan")})
    with pytest.raises(TypeError, match=r"Decimal\('1'\) is no JSON value"):
        batches.encode({"monthly": Decimal(1)})
