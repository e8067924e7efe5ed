"""Treatments in the prediction log, on SQLite and on PostgreSQL."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from pydantic import ValidationError
from sqlalchemy import Engine

from models.log import log_tables, migrations, row_ids, treatment_recording
from models.log.errors import OutcomesUnknown, TreatmentsContradicted
from models.log.treatments import Offer, Treatment
from monitoring import pruning
from monitoring.settings import PruneSettings
from tests import predictions

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)

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


def given(identity: str, offer: Offer = "high") -> Treatment:
    return Treatment(prediction_id=identity, offer=offer, given_at=MADE_AT + timedelta(hours=1))


def stored(engine: Engine) -> dict[str, str]:
    with engine.connect() as connection:
        return {row.prediction_id: row.offer for row in connection.execute(sa.select(log_tables.TREATMENTS))}


def test_a_treatment_is_kept_once_as_first_reported_and_a_different_one_is_refused(engine: Engine) -> None:
    one, other, third = predictions.add(engine, MADE_AT, rows=3)
    with engine.begin() as connection:
        draw = sa.update(log_tables.PREDICTIONS).values(held_out=True)
        connection.execute(draw.where(log_tables.PREDICTIONS.c.prediction_id == other))
    record = partial(treatment_recording.record, engine)

    told = record([given(one), given(other, "medium")], reported_by="crm")
    again = record([given(other, "medium"), given(one)], reported_by="billing")
    assert [(one.prediction_id, one.offer, one.is_new, one.breaks_holdout) for one in told] == [
        (one, "high", True, False),
        (other, "medium", True, True),
    ]
    assert [(one.is_new, one.reported_by) for one in again] == [(False, "crm")] * 2

    with pytest.raises(TreatmentsContradicted, match=r"another offer is known.*Nothing was recorded") as refused:
        record([given(third), given(one, "none")], reported_by="billing")
    assert refused.value.ids == [one]
    with pytest.raises(TreatmentsContradicted):
        record([given(third), given(third, "none")], reported_by="crm")
    unknown = row_ids.first_id(MADE_AT)
    with pytest.raises(OutcomesUnknown) as missing:
        record([given(third), given(unknown)], reported_by="crm")
    assert missing.value.ids == [unknown]
    assert stored(engine) == {one: "high", other: "medium"}

    [none] = record([given(third, "none")], reported_by="crm")
    assert (none.offer, none.breaks_holdout) == ("none", False)


def test_of_clients_at_the_same_time_one_is_refused(engine: Engine) -> None:
    [identity] = predictions.add(engine, MADE_AT, rows=1)

    def report(offer: Offer) -> str:
        try:
            treatment_recording.record(engine, [given(identity, offer)], reported_by="crm")
        except TreatmentsContradicted:
            return "refused"
        return offer

    with ThreadPoolExecutor(2) as pool:
        told = list(pool.map(report, ["medium", "high"]))
    [offer] = stored(engine).values()
    assert sorted(told) == sorted([offer, "refused"])


OWNER = "owner_of_log"


@pytest.fixture
def owned(postgres_url: str) -> Iterator[tuple[Engine, str]]:
    """A log from before treatments that belongs to an ordinary user: the engine of a superuser, and the user's URL."""
    superuser = log_tables.connect(postgres_url)
    with superuser.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {OWNER} LOGIN")
        connection.exec_driver_sql(f"GRANT CREATE ON SCHEMA public TO {OWNER}")
    url = sa.make_url(postgres_url).set(username=OWNER).render_as_string()
    owner, config = log_tables.connect(url), Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["engine"] = owner
    command.upgrade(config, "0004")
    owner.dispose()
    yield superuser, url
    with superuser.begin() as connection:
        connection.exec_driver_sql(f"DROP OWNED BY {OWNER}; DROP ROLE {OWNER}")
    superuser.dispose()


def test_after_the_upgrade_by_a_superuser_the_owner_of_the_log_writes_and_deletes_treatments(
    owned: tuple[Engine, str],
) -> None:
    superuser, url = owned
    assert migrations.upgrade(superuser)
    owner = log_tables.connect(url)
    [identity] = predictions.add(owner, MADE_AT, rows=1)
    treatment_recording.record(owner, [given(identity)], reported_by="crm")
    assert stored(owner) == {identity: "high"}
    owner.dispose()
    assert pruning.run(PruneSettings(log_url=url, keep_days=1)).startswith("deleted 1 predictions")
    assert stored(superuser) == {}


@pytest.mark.parametrize("is_early", [True, False])
def test_a_treatment_before_the_prediction_or_in_the_future_is_refused(*, is_early: bool) -> None:
    given_at = MADE_AT - timedelta(days=2) if is_early else datetime.now(UTC) + timedelta(days=2)
    with pytest.raises(ValidationError, match=r"before the time of the prediction|in the future"):
        Treatment(prediction_id=row_ids.first_id(MADE_AT), offer="high", given_at=given_at)
