"""A file of treatments is recorded as one of outcomes is."""

import csv
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy import Engine

from models.columns.errors import ColumnMissing
from models.log import log_tables, migrations, row_ids
from monitoring.imports import importing, report_files
from monitoring.imports.report_kinds import TREATMENTS
from monitoring.settings import ImportTreatmentsSettings
from tests import predictions

MADE_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
GIVEN, GIVEN_AT = "2026-03-02T09:30:00+02:00", datetime(2026, 3, 2, 7, 30, tzinfo=UTC)
UNKNOWN = row_ids.first_id(MADE_AT)


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'log.db'}"


@pytest.fixture
def engine(url: str) -> Engine:
    opened = log_tables.connect(url, create=True)
    migrations.upgrade(opened)
    return opened


def recorded(engine: Engine) -> dict[str, tuple[str, datetime, str]]:
    with engine.connect() as connection:
        rows = connection.execute(sa.select(log_tables.TREATMENTS))
        return {row.prediction_id: (row.offer, row.given_at, row.reported_by) for row in rows}


def rejected(path: Path) -> dict[str, str]:
    with path.with_suffix(".rejected.csv").open(newline="") as file:
        return {row["row"]: row["reasons"] for row in csv.DictReader(file)}


@pytest.mark.parametrize("chunk_rows", [2, 10_000])
def test_offers_are_recorded_once_and_what_cannot_be_is_set_aside(
    engine: Engine, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk_rows: int
) -> None:
    monkeypatch.setattr(report_files.chunks, "__kwdefaults__", {"rows": chunk_rows})
    ids = predictions.add(engine, MADE_AT, rows=6)
    path = tmp_path / "given.csv"
    rows = [
        f"{ids[0]},high,{GIVEN}",
        f"{ids[1]}, Medium ,2026-03-02 07:30 UTC",
        f"{ids[2]},no,{GIVEN}",
        f"{ids[0]},none,{GIVEN}",
        f"{UNKNOWN},high,{GIVEN}",
        f"{ids[3]},yes,{GIVEN}",
        f"{ids[4]},Call,soon",
        f"{ids[5]},high,2025-01-01",
        f"{ids[0]},high,{GIVEN}",
    ]
    path.write_text("\n".join(["prediction_id,offer,given_at", *rows]) + "\n")
    settings = ImportTreatmentsSettings(file=path, log_url=url, reported_by="crm")
    told = importing.run(settings, TREATMENTS).splitlines()

    assert told[0] == "recorded 3 treatments of 9 rows; 1 were already recorded"
    assert recorded(engine) == {
        ids[0]: ("high", GIVEN_AT, "crm"),
        ids[1]: ("medium", GIVEN_AT, "crm"),
        ids[2]: ("none", GIVEN_AT, "crm"),
    }
    reasons = rejected(path)
    assert reasons.keys() == {"4", "5", "6", "7", "8"}
    assert (reasons["4"], reasons["5"]) == ("another offer is known", "no such prediction")
    assert reasons["6"] == "offer: Input should name the offer, as medium or high; yes does not say which it was"
    problem, _, time = reasons["7"].partition("; ")
    listed = "so list Call under values of offer, in [treatments] of the columns file"
    assert (problem, time[:8]) == (f"offer: Input should be none, medium or high, {listed}", "given_at")
    assert reasons["8"] == "given_at: Input should not be before the time of the prediction"
    engine.dispose()


def test_an_offer_that_is_known_from_another_reporter_is_known_and_a_different_one_is_refused(
    engine: Engine, url: str, tmp_path: Path
) -> None:
    one, other = predictions.add(engine, MADE_AT, rows=2)
    path = tmp_path / "given.parquet"
    table = pd.DataFrame({"prediction_id": [one, other], "offer": ["medium", "none"], "given_at": [GIVEN_AT] * 2})
    table.to_parquet(path)
    importing.run(ImportTreatmentsSettings(file=path, log_url=url), TREATMENTS)
    # Two offers of the file differ from the known one, and the third agrees.
    table = pd.DataFrame(
        {
            "prediction_id": [one, one, one, other],
            "offer": ["high", "none", "medium", "none"],
            "given_at": [GIVEN_AT] * 4,
        }
    )
    table.to_parquet(path)
    told = importing.run(ImportTreatmentsSettings(file=path, log_url=url, reported_by="crm"), TREATMENTS)
    assert told.startswith("recorded 0 treatments of 4 rows; 2 were already recorded")
    assert rejected(path) == {"1": "another offer is known", "2": "another offer is known"}
    assert recorded(engine)[one] == ("medium", GIVEN_AT, "import")
    engine.dispose()


def test_offers_to_customers_who_were_held_out_are_named(
    engine: Engine, url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    one, other = predictions.add(engine, MADE_AT, rows=2)
    with engine.begin() as connection:
        connection.execute(sa.update(log_tables.PREDICTIONS).values(held_out=True))
    path = tmp_path / "given.csv"
    path.write_text(f"prediction_id,offer,given_at\n{one},high,{GIVEN}\n{other},none,{GIVEN}\n")
    settings = ImportTreatmentsSettings(file=path, log_url=url)
    told = importing.run(settings, TREATMENTS).splitlines()
    line = "1 of them are offers to customers who were held out; the log lines above name them"
    assert told == ["recorded 2 treatments of 2 rows; 0 were already recorded", line]
    assert caplog.messages == [f"{one}: import reports the high offer to a customer who was held out"]
    assert importing.run(settings, TREATMENTS) == "recorded 0 treatments of 2 rows; 2 were already recorded"
    engine.dispose()


def test_a_missing_column_is_mapped_in_the_section_of_treatments(engine: Engine, url: str, tmp_path: Path) -> None:
    engine.dispose()
    path, columns = tmp_path / "given.csv", tmp_path / "columns.toml"
    path.write_text("prediction_id,action,given_at\n")
    columns.write_text('[outcomes]\nobserved_at = { column = "day" }\n')
    settings = ImportTreatmentsSettings(file=path, log_url=url, columns=columns)
    with pytest.raises(ColumnMissing, match=r"Map offer in .*columns\.toml, under \[treatments\]\.$"):
        importing.run(settings, TREATMENTS)
