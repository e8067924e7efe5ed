"""Rows on disk: pages, the backlog, and the shipper that moves them to a database."""

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext

from models.log import log_tables, migrations
from service.log import spool
from service.log.shipper import Shipper
from service.log.spool import Spool
from tests.service.log_pages import rows_in

FIRST_ROW = (f"{1:032x}", datetime(2026, 3, 1, tzinfo=UTC), "v1", {"plan": "a"}, None, 0.25, False, "low")
MADE_AT, FEATURES = "2026-03-01 12:00:00.000001", '{"plan":"a\\tb\u2028c"}'


def line(number: int, *, probability: str = "0.25", digest: str = r"\N") -> str:
    return f"{number:032x}\t{MADE_AT}\tv1\t{FEATURES}\t\\N\t{probability}\t0\tlow\t{digest}"


@pytest.fixture
def pages(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'deep' / 'log.db'}"
    return str(request.getfixturevalue("postgres_url"))


def rows_of(url: str, table: sa.Table = log_tables.PREDICTIONS) -> list[Any]:
    engine = log_tables.connect(url)
    with engine.connect() as connection:
        rows = list(connection.execute(sa.select(table)))
    engine.dispose()
    return rows


def ship(pages: Spool, url: str) -> bool:
    with closing(Shipper(pages, url)) as shipper:
        return shipper.ship()


def test_a_page_gives_back_its_rows(pages: Spool) -> None:
    size_bytes = pages.write("predictions", [line(1), line(2)], since=1)
    [page] = pages.pages()

    assert page.stat().st_size == size_bytes
    assert pages.waiting().size_bytes == 512 * page.stat().st_blocks >= size_bytes
    assert pages.waiting().since == 1
    assert spool.parse(page) == ("predictions", 1, 2)
    assert rows_in(page) == [tuple(line(number).split("\t")) for number in (1, 2)]


def test_pages_come_in_the_order_they_were_written(pages: Spool) -> None:
    for number in range(20):
        pages.write("predictions", [line(number)], since=1)

    assert [rows_in(page)[0][0] for page in pages.pages()] == [f"{number:032x}" for number in range(20)]


def test_a_page_that_was_never_finished_is_no_page(pages: Spool, tmp_path: Path) -> None:
    pages.write("predictions", [line(1)], since=1)
    (tmp_path / "spool" / "1-x.predictions.part").write_text("half a li")

    assert len(pages.pages()) == 1


@pytest.mark.postgres
def test_what_is_shipped_reads_as_it_was_written(pages: Spool, url: str) -> None:
    pages.write("predictions", [line(1, probability="0.9277254939079285"), line(2)], since=1)
    pages.write("traffic", [f'{3:032x}\t{MADE_AT}\t10\t2\t{{"seats": 2}}\t5'], since=1)

    assert ship(pages, url)
    first, second = rows_of(url)
    assert first.churn_probability == pytest.approx(0.9277254939079285, abs=1e-15)
    assert (first.features, first.inputs_digest, first.churn_prediction) == ({"plan": "a\tb\u2028c"}, None, False)
    assert second.made_at.isoformat(" ") == f"{MADE_AT}+00:00"
    assert pages.pages() == []
    [counted] = rows_of(url, log_tables.TRAFFIC)
    assert (counted.answered_requests, counted.refused_fields, counted.dropped_rows) == (10, {"seats": 2}, 5)


@pytest.mark.postgres
def test_pages_of_the_version_before_digests_of_customers_are_read_beside_new_ones(pages: Spool, url: str) -> None:
    earlier = line(1).rpartition("\t")[0]
    pages.write("predictions", [earlier, line(2, digest="ab" * 16)], since=1)
    repaired = pages.pages()[0].with_name("repaired.predictions.page")
    repaired.write_text(f"{line(3).rpartition(chr(9))[0]}\n{line(4)}\n")

    assert ship(pages, url)
    assert [found.customer_digest for found in rows_of(url)] == [None, "ab" * 16, None, None]
    assert pages.waiting().rejected_pages == 0


@pytest.mark.postgres
def test_a_page_that_comes_twice_adds_nothing(pages: Spool, url: str) -> None:
    for _ in range(2):
        pages.write("predictions", [line(1), line(2)], since=1)
        assert ship(pages, url)

    assert len(rows_of(url)) == 2


def test_a_page_that_no_database_can_take_makes_way_for_the_others(pages: Spool, tmp_path: Path) -> None:
    pages.write("predictions", ["too\tfew"], since=1)
    pages.write("inventions", [line(1)], since=1)
    pages.write("predictions", [line(2)], since=1)
    url = f"sqlite:///{tmp_path / 'log.db'}"

    assert ship(pages, url)
    assert len(rows_of(url)) == 1
    assert pages.waiting().rejected_pages == 2
    assert len(list((tmp_path / "spool").glob("*.rejected"))) == 2


def test_a_database_that_went_away_is_made_anew_and_gets_the_rest(pages: Spool, tmp_path: Path) -> None:
    database = tmp_path / "log.db"
    shipper = Shipper(pages, f"sqlite:///{database}")
    assert shipper.ship()
    database.unlink()
    pages.write("predictions", [line(1)], since=1)

    assert shipper.ship()
    assert pages.pages() == []
    assert len(rows_of(f"sqlite:///{database}")) == 1


def test_sqlite_copies_rows_from_its_write_ahead_log_long_before_its_own_limit(pages: Spool, tmp_path: Path) -> None:
    database, sizes = tmp_path / "log.db", []
    with closing(Shipper(pages, f"sqlite:///{database}")) as shipper:
        for first, rows in ((1, 1_000), (1_001, 1_500)):
            pages.write("predictions", [line(first + number) for number in range(rows)], since=1)
            assert shipper.ship()
            sizes.append(database.stat().st_size)
    assert sizes[1] > sizes[0] + 2_500 * len(line(1))


def test_a_locked_database_leaves_all_pages_where_they_are(
    pages: Spool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_tables, "BUSY_SECONDS", 0.1)
    url, database = f"sqlite:///{tmp_path / 'log.db'}", tmp_path / "log.db"
    shipper = Shipper(pages, url)
    shipper.ship()
    pages.write("predictions", [line(1)], since=1)
    locker = sqlite3.connect(database, isolation_level=None)
    locker.execute("BEGIN IMMEDIATE")

    assert not shipper.ship()
    assert "locked" in pages.explanation()
    assert len(pages.pages()) == 1
    locker.close()
    assert shipper.ship()
    assert len(rows_of(url)) == 1


def said(number: int, *, probability: str = "0.5") -> str:
    """What a challenger says of the customer of a line."""
    return f"{number:032x}\tv2\t{probability}\t1\tmedium"


@pytest.mark.postgres
def test_what_a_challenger_says_follows_its_predictions_once(pages: Spool, url: str) -> None:
    for _ in range(2):
        pages.write("predictions", [line(1), line(2)], since=5)
        pages.write("challenger_predictions", [said(1), said(2, probability="0.9277254939079285")], since=5)
        assert ship(pages, url)

    first, second = rows_of(url, log_tables.CHALLENGER_PREDICTIONS)
    assert (first.prediction_id, first.model_version) == (f"{1:032x}", "v2")
    assert (first.churn_prediction, first.risk_tier) == (True, "medium")
    assert second.churn_probability == pytest.approx(0.9277254939079285, abs=1e-15)
    assert pages.waiting().rejected_pages == 0


def test_a_page_that_comes_before_the_one_it_refers_to_is_tried_again_and_one_without_it_rejected(
    pages: Spool, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'log.db'}"
    with closing(Shipper(pages, url)) as shipper:
        for number in (1, 2):
            pages.write("challenger_predictions", [said(number)], since=1)
        assert shipper.ship()
        assert len(pages.pages()) == 2
        pages.write("predictions", [line(1)], since=0)
        assert shipper.ship()

    assert [found.prediction_id for found in rows_of(url, log_tables.CHALLENGER_PREDICTIONS)] == [f"{1:032x}"]
    assert pages.waiting().rejected_pages == 1


@pytest.mark.postgres
def test_a_log_of_the_first_shape_keeps_its_rows_and_learns_of_challengers(pages: Spool, url: str) -> None:
    engine = log_tables.connect(url, create=True)
    make_first_shape(engine)
    row = {column.name: value for column, value in zip(log_tables.PREDICTIONS.columns, FIRST_ROW, strict=False)}
    with engine.begin() as connection:
        connection.execute(sa.insert(log_tables.PREDICTIONS).values(row))
    engine.dispose()
    pages.write("predictions", [line(2)], since=1)
    pages.write("challenger_predictions", [said(1), said(2)], since=1)

    assert ship(pages, url)
    assert [found.prediction_id for found in rows_of(url)] == [f"{1:032x}", f"{2:032x}"]
    assert len(rows_of(url, log_tables.CHALLENGER_PREDICTIONS)) == 2


def make_first_shape(engine: sa.Engine) -> None:
    """Bring an empty database as far as the first version of this project did."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    config.attributes["engine"] = engine
    command.upgrade(config, "0001")


@pytest.mark.postgres
def test_migrations_make_the_tables_that_are_declared(url: str) -> None:
    engine = log_tables.connect(url, create=True)

    assert migrations.upgrade(engine)
    assert not migrations.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, log_tables.METADATA) == []
    engine.dispose()
