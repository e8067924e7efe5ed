"""A window of a partitioned log reads the partitions of its weeks alone."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from models.log import log_tables, migrations
from models.log.errors import LogUnreadable
from models.log.partitions import upkeep
from models.log.partitions.weeks import Week
from monitoring.log import window
from monitoring.period import Period
from tests import predictions

pytestmark = pytest.mark.postgres
NOW = datetime.now(UTC)


@pytest.fixture
def engine(postgres_url: str) -> Iterator[Engine]:
    """A log whose readers do not wait for locks."""
    opened = log_tables.connect(postgres_url)
    migrations.upgrade(opened)
    upkeep.keep(opened, NOW)
    with opened.begin() as connection:
        database = connection.scalar(sa.select(sa.func.current_database()))
        connection.exec_driver_sql(f"ALTER DATABASE {database} SET lock_timeout = '1s'")
    yield opened
    opened.dispose()


def test_a_partition_of_another_week_is_not_even_opened(engine: Engine, postgres_url: str) -> None:
    this, later = Week.of(NOW), Week.of(NOW).later(2)
    predictions.add(engine, this.start + timedelta(days=1), rows=3)
    predictions.add(engine, later.start, rows=2)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"LOCK TABLE predictions_{later.name} IN ACCESS EXCLUSIVE MODE")
        found = window.read(postgres_url, Period(this.start, this.end), rows=100)
        assert (found.rows, found.customers, len(found.sample)) == (3, 3, 3)
        with pytest.raises(LogUnreadable, match="lock timeout"):
            window.read(postgres_url, Period(this.start, later.end), rows=100)
