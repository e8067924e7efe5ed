"""The shipper makes the partitions of a log in PostgreSQL, and stores rows also where it may not."""

import logging
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from models.log import log_tables, migrations, row_ids
from models.log.log_tables import PREDICTIONS
from models.log.partitions import catalogue
from models.log.partitions.weeks import Week
from service.log.page_format import NULL
from service.log.shipper import Shipper
from service.log.spool import Spool
from tests import predictions

pytestmark = pytest.mark.postgres
ROLE = "only_inserts"


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    opened = log_tables.connect(postgres_url)
    yield opened
    opened.dispose()


def ship(url: str, folder: Path) -> str:
    """Ship one prediction, and return its id."""
    now = datetime.now(UTC)
    [identity] = predictions.draw_ids(now, 1)
    cells = [identity, f"{now:%Y-%m-%d %H:%M:%S.%f}", "v1", NULL, NULL, "0.5", "1", "medium", NULL]
    folder.mkdir()
    spool = Spool(folder)
    spool.write("predictions", ["\t".join(cells)], since=int(now.timestamp() * 1000))
    shipper = Shipper(spool, url)
    assert shipper.ship()
    shipper.close()
    assert spool.pages() == []
    return identity


def place(engine: Engine, identity: str) -> str:
    with engine.connect() as connection:
        found = sa.select(sa.literal_column("tableoid::regclass::text", sa.Text))
        return connection.scalars(found.where(PREDICTIONS.c.prediction_id == identity)).one()


def test_the_first_row_of_a_log_is_in_the_partition_of_its_week(
    engine: Engine, postgres_url: str, tmp_path: Path
) -> None:
    identity = ship(postgres_url, tmp_path / "spool")
    assert place(engine, identity) == f"predictions_{Week.of(datetime.now(UTC)).name}"


def test_the_time_of_a_row_is_in_utc_whatever_the_time_zone_of_the_database(
    engine: Engine, postgres_url: str, tmp_path: Path
) -> None:
    with engine.begin() as connection:
        name = sa.make_url(postgres_url).database
        connection.exec_driver_sql(f"ALTER DATABASE {name} SET timezone = 'America/New_York'")
    identity = ship(f"{postgres_url}?pgbouncer=true", tmp_path / "spool")
    with engine.connect() as connection:
        made_at = connection.scalars(sa.select(PREDICTIONS.c.made_at)).one()
    assert abs(made_at.timestamp() * 1000 - row_ids.milliseconds(identity)) <= 1


def test_a_service_that_may_only_insert_stores_rows_and_names_the_remedy(
    engine: Engine, postgres_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    migrations.upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {ROLE} LOGIN")
        connection.exec_driver_sql(f"GRANT SELECT, INSERT ON ALL TABLES IN SCHEMA public TO {ROLE}")
    try:
        url = sa.make_url(postgres_url).set(username=ROLE).render_as_string()
        with caplog.at_level(logging.ERROR):
            identity = ship(url, tmp_path / "spool")
        assert place(engine, identity) == "predictions"
        [said] = caplog.messages
        assert "this user of the database does not own them. Rows are stored all the same." in said
        assert said.endswith("Run `python -m monitoring migrate` as the user of the database who owns the tables.")
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"DROP OWNED BY {ROLE}")
            connection.exec_driver_sql(f"DROP ROLE {ROLE}")
    with engine.connect() as connection:
        assert catalogue.state(connection) == "whole"
