"""What may be reported of a prediction."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from models.log import row_ids
from models.log.outcomes import Outcome

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ID = row_ids.first_id(MADE_AT)


def problem_with(**values: Any) -> tuple[tuple[int | str, ...], str]:
    with pytest.raises(ValidationError) as refused:
        Outcome.model_validate({"prediction_id": ID, "churned": True, "observed_at": MADE_AT} | values)
    [problem] = refused.value.errors()
    return problem["loc"], problem["type"]


@pytest.mark.parametrize("at", [MADE_AT, MADE_AT - timedelta(hours=23), datetime.now(UTC) + timedelta(hours=23)])
def test_an_outcome_may_be_seen_on_the_day_of_the_prediction_and_until_today(at: datetime) -> None:
    assert Outcome(prediction_id=ID, churned=True, observed_at=at).observed_at == at


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        (MADE_AT - timedelta(hours=25), "before_the_prediction"),
        (datetime.min.replace(tzinfo=UTC), "before_the_prediction"),
        (datetime.now(UTC) + timedelta(hours=25), "in_the_future"),
        (datetime.max.replace(tzinfo=UTC), "in_the_future"),
        (MADE_AT.replace(tzinfo=None), "timezone_aware"),
    ],
)
def test_a_time_that_cannot_be_is_refused(at: datetime, problem: str) -> None:
    assert problem_with(observed_at=at) == (("observed_at",), problem)


@pytest.mark.parametrize(
    "at", ["2026-06-01T10:00:00Z", "2026-06-01t12:00+02:00", "20260601T100000z", "2026-06-01 10:00 UTC", "1780308000"]
)
def test_a_time_is_read_in_every_notation_of_one_clock(at: str) -> None:
    sent = json.dumps({"prediction_id": ID, "churned": True, "observed_at": at})
    assert Outcome.model_validate_json(sent).observed_at == datetime(2026, 6, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("at", "problem"),
    [
        ("20260601", "Input should have timezone info"),
        ("46174", "Input should be a time as 2026-11-29T10:00Z; this number was understood as Excel's days"),
        ("20263501", "Input should be a time as 2026-11-29T10:00Z"),
        ("soon", "Input should be a time as 2026-11-29T10:00Z"),
    ],
)
def test_a_number_is_never_a_time_of_1970(at: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(problem)) as refused:
        Outcome.model_validate_json(json.dumps({"prediction_id": ID, "churned": True, "observed_at": at}))
    assert refused.value.errors()[0]["msg"] == problem


@pytest.mark.parametrize(
    ("field", "value", "problem"),
    [
        ("prediction_id", ID[:-1], "string_pattern_mismatch"),
        ("prediction_id", ID.upper(), "string_pattern_mismatch"),
        ("churned", 1, "bool_type"),
        ("note", "", "extra_forbidden"),
    ],
)
def test_nothing_is_repaired(field: str, value: object, problem: str) -> None:
    assert problem_with(**{field: value}) == ((field,), problem)
