"""Outcomes in the prediction log, on SQLite and on PostgreSQL, from one client and from several."""

from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from models.log import log_tables, migrations, outcome_recording, row_ids
from models.log.errors import OutcomesContradicted, OutcomesUnknown
from models.log.outcome_recording import Recorded
from models.log.outcomes import MAX_OUTCOMES, Outcome
from tests import predictions

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
UNKNOWN = row_ids.first_id(MADE_AT)

pytestmark = pytest.mark.postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    sqlite = f"sqlite:///{tmp_path / 'log.db'}"
    opened = log_tables.connect(
        sqlite if request.param == "sqlite" else request.getfixturevalue("postgres_url"), create=True
    )
    migrations.upgrade(opened)
    yield opened
    opened.dispose()


def left(identity: str, *, after_days: float = 30, churned: bool = True) -> Outcome:
    return Outcome(prediction_id=identity, churned=churned, observed_at=MADE_AT + timedelta(days=after_days))


def record(engine: Engine, outcomes: Collection[Outcome], *, reported_by: str = "crm") -> list[Recorded]:
    return outcome_recording.record(engine, outcomes, reported_by=reported_by)


def stayed(identity: str) -> Outcome:
    return left(identity, churned=False)


def recorded(engine: Engine, reported_by: str = "crm") -> dict[str, bool]:
    query = sa.select(log_tables.OUTCOMES).where(log_tables.OUTCOMES.c.reported_by == reported_by)
    with engine.connect() as connection:
        return {row.prediction_id: row.churned for row in connection.execute(query)}


def test_outcomes_are_stored_as_they_were_reported(engine: Engine) -> None:
    ids = predictions.add(engine, MADE_AT, rows=3)
    before = datetime.now(UTC)
    told = record(engine, [left(ids[2]), stayed(ids[0])])

    assert [(one.prediction_id, one.churned, one.is_new) for one in told] == [
        (ids[2], True, True),
        (ids[0], False, True),
    ]
    assert {one.observed_at for one in told} == {MADE_AT + timedelta(days=30)}
    assert all(before <= one.recorded_at <= datetime.now(UTC) for one in told)
    assert recorded(engine) == {ids[2]: True, ids[0]: False}


def test_the_same_again_changes_nothing_and_tells_what_came_first(engine: Engine) -> None:
    one, other = predictions.add(engine, MADE_AT, rows=2)
    [first] = record(engine, [left(one)])
    again, new = record(engine, [left(one, after_days=60), left(other), left(other, after_days=60)])

    assert again == first._replace(is_new=False)
    assert (new.observed_at, new.is_new) == (MADE_AT + timedelta(days=30), True)


def test_an_unknown_prediction_is_named_and_refuses_all(engine: Engine) -> None:
    [known] = predictions.add(engine, MADE_AT, rows=1)
    with pytest.raises(OutcomesUnknown, match=rf"^{UNKNOWN}: no such prediction\.") as refused:
        record(engine, [left(known), left(UNKNOWN)])

    assert refused.value.ids == [UNKNOWN]
    assert recorded(engine) == {}


def test_a_contradiction_to_an_own_outcome_is_named_and_refuses_all(engine: Engine) -> None:
    one, other = predictions.add(engine, MADE_AT, rows=2)
    record(engine, [left(one)])
    with pytest.raises(OutcomesContradicted) as refused:
        record(engine, [left(other), stayed(one)])

    assert refused.value.ids == [one]
    assert recorded(engine) == {one: True}


def test_a_contradiction_among_those_sent_is_named_and_refuses_all(engine: Engine) -> None:
    one, other = predictions.add(engine, MADE_AT, rows=2)
    with pytest.raises(OutcomesContradicted) as refused:
        record(engine, [left(other), left(one), stayed(one), stayed(one)])

    assert refused.value.ids == [one]
    assert recorded(engine) == {}


def test_as_many_as_a_request_may_bring_are_stored_together(engine: Engine) -> None:
    outcomes = [left(identity) for identity in predictions.add(engine, MADE_AT, rows=MAX_OUTCOMES)]

    assert all(one.is_new for one in record(engine, outcomes))
    assert not any(one.is_new for one in record(engine, outcomes))
    assert len(recorded(engine)) == MAX_OUTCOMES


def test_of_many_ids_a_hundred_are_told(engine: Engine) -> None:
    unknown = [row_ids.first_id(MADE_AT + timedelta(seconds=number)) for number in range(103)]
    with pytest.raises(OutcomesUnknown, match=r" and 3 more: no such prediction\.") as refused:
        record(engine, [left(identity) for identity in unknown])

    assert refused.value.ids == unknown


def test_a_reporter_who_was_first_locks_out_no_other(engine: Engine) -> None:
    one, other = predictions.add(engine, MADE_AT, rows=2)
    record(engine, [stayed(one), stayed(other)], reported_by="stranger")
    told = record(engine, [left(one), stayed(other)])

    assert [(found.reported_by, found.churned, found.is_new, found.contradicts) for found in told] == [
        ("crm", True, True, ("stranger",)),
        ("crm", False, True, ()),
    ]
    assert recorded(engine) == {one: True, other: False}
    assert recorded(engine, "stranger") == {one: False, other: False}
    with pytest.raises(OutcomesContradicted) as refused:
        record(engine, [stayed(one)])
    assert refused.value.ids == [one]


def test_only_a_new_outcome_contradicts_and_a_confirmation_does_not(engine: Engine) -> None:
    one, other = predictions.add(engine, MADE_AT, rows=2)
    record(engine, [stayed(one), left(other)], reported_by="web")
    confirmed = record(engine, [stayed(one), left(other)], reported_by="app")
    first, again = (record(engine, [left(one), left(other)]) for _ in range(2))

    assert [found.contradicts for found in confirmed] == [(), ()]
    assert [found.contradicts for found in first] == [("app", "web"), ()]
    assert [found.contradicts for found in again] == [(), ()]


def test_of_two_reporters_at_the_same_time_one_is_told_of_the_contradiction(engine: Engine) -> None:
    for _ in range(10):
        [identity] = predictions.add(engine, MADE_AT, rows=1)
        with ThreadPoolExecutor(2) as clients:
            ours = clients.submit(record, engine, [left(identity)], reported_by="crm")
            theirs = clients.submit(record, engine, [stayed(identity)], reported_by="stranger")
        found = {one.reported_by: one.contradicts for [one] in (ours.result(), theirs.result())}
        assert found in (
            {"crm": ("stranger",), "stranger": ("crm",)},
            {"crm": ("stranger",), "stranger": ()},
            {"crm": (), "stranger": ("crm",)},
        )


def report(engine: Engine, outcomes: list[Outcome]) -> int | OutcomesContradicted:
    """Return how many were new, or why they were refused."""
    try:
        return sum(one.is_new for one in record(engine, outcomes))
    except OutcomesContradicted as error:
        return error


def test_of_clients_who_contradict_each_other_as_one_reporter_one_wins_everything(engine: Engine) -> None:
    for _ in range(10):
        ids = predictions.add(engine, MADE_AT, rows=50)
        reports = [[left(identity) for identity in ids], [stayed(identity) for identity in reversed(ids)]] * 2
        with ThreadPoolExecutor(len(reports)) as clients:
            told = list(clients.map(partial(report, engine), reports))

        numbers = [found for found in told if isinstance(found, int)]
        refusals = [found for found in told if isinstance(found, OutcomesContradicted)]
        assert sorted(numbers) == [0, 50]
        assert [error.ids for error in refusals] == [sorted(ids)] * 2
        assert len({recorded(engine)[identity] for identity in ids}) == 1
