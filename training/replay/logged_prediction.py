"""Finds a prediction in the log, or in the week that `prune --export` wrote, as it was logged."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from models import plain_text
from models.addresses import redact_passwords
from models.log import connections, row_ids
from models.log.log_tables import PREDICTIONS
from models.log.partitions.weeks import Week
from training.replay.errors import ArchiveUnreadable, InputsMissing, PredictionMissing

_COLUMNS = (
    "prediction_id",
    "made_at",
    "model_version",
    "inputs_digest",
    "churn_probability",
    "churn_prediction",
    "risk_tier",
    "logged_features",
)
_OF_LOG = "log_"
"""What the name of such a column begins with in a file whose customers have a feature of that name."""


@dataclass(frozen=True)
class LoggedPrediction:
    """What is known of a prediction."""

    prediction_id: str
    place: str
    """Where it was found."""
    made_at: datetime
    model_version: str
    features: Mapping[str, Any]
    """Values by the field names of the contract that the service had."""
    churn_probability: float
    churn_prediction: bool
    risk_tier: str


def find(prediction_id: str, *, log_url: str, archive: Path | None) -> LoggedPrediction:
    """Find a prediction in the archive if there is one, or else in the log.

    Raises:
        PredictionMissing: it is not there, or its id has no possible time.
        InputsMissing: it was logged without its inputs.
        ArchiveUnreadable, LogUnsupported, LogMissing, LogUnreadable: the place cannot be read.
    """
    try:
        _time(prediction_id)
    except (ValueError, OverflowError, OSError) as error:
        place = f"the log {redact_passwords(log_url)}" if archive is None else str(archive)
        why, remedy = "by its id, it was made after the year 9999", "Check the id"
        raise PredictionMissing(prediction_id=prediction_id, place=place, why=why, remedy=remedy) from error
    return _in_log(prediction_id, log_url) if archive is None else _in_archive(prediction_id, archive)


def _in_log(prediction_id: str, url: str) -> LoggedPrediction:
    place = f"the log {redact_passwords(url)}"
    asked = sa.select(PREDICTIONS).where(PREDICTIONS.c.prediction_id == prediction_id)
    with connections.connection(url) as connection:
        row = connection.execute(asked).mappings().first()
        oldest = connection.scalar(sa.select(sa.func.min(PREDICTIONS.c.prediction_id)))
    if row is None:
        why, remedy = _why_missing(prediction_id, oldest)
        raise PredictionMissing(prediction_id=prediction_id, place=place, why=why, remedy=remedy)
    return _made({str(name): value for name, value in row.items()}, row["features"], place)


def _why_missing(prediction_id: str, oldest: str | None) -> tuple[str, str]:
    made = f"by its id, it was made at {_time(prediction_id)}"
    if oldest is None:
        return f"{made}, and the log is empty", "Check --log-url, and name the folder of exported weeks with --live"
    if prediction_id < oldest:
        why = f"{made}, and the oldest row is of {_time(oldest)}: `prune` has probably deleted it"
        return why, "If the weeks were exported, name their folder with --live"
    why = f"{made}, and the log has older rows, so `prune` did not delete it"
    return why, "Check the id, and whether the service lost rows then (the metric churn_log_dropped_rows_total)"


def _time(identity: str) -> str:
    return f"{datetime.fromtimestamp(row_ids.milliseconds(identity) / 1000, UTC):%Y-%m-%d %H:%M} UTC"


def _in_archive(prediction_id: str, folder: Path) -> LoggedPrediction:
    path = folder / f"predictions-{Week.of_id(prediction_id).start:%Y-%m-%d}.parquet"
    if not path.is_file():
        raise PredictionMissing(
            prediction_id=prediction_id,
            place=str(folder),
            why=f"its week would be the file {path.name}, which is not there",
            remedy="Restore the file, or leave --live out if the log still has the row",
        )
    try:
        names = pq.read_schema(path).names
        own = {name: f"{_OF_LOG}{name}" if f"{_OF_LOG}{name}" in names else name for name in _COLUMNS}
        found = pq.read_table(path, filters=[(own["prediction_id"], "=", prediction_id)]).to_pylist()
        cells = {name: found[0].pop(column) for name, column in own.items()} if found else {}
    except (OSError, pa.ArrowException, KeyError) as error:
        raise ArchiveUnreadable(path=path, problem=plain_text.first_line(error).rstrip(".")) from error
    if not found:
        raise PredictionMissing(
            prediction_id=prediction_id,
            place=str(path),
            why="the week has other predictions",
            remedy="Check the id",
        )
    logged = cells["logged_features"]
    values = json.loads(logged) if logged is not None else found[0]
    return _made(cells, values if any(value is not None for value in values.values()) else None, str(path))


def _made(cells: Mapping[str, Any], features: object, place: str) -> LoggedPrediction:
    if not isinstance(features, dict):
        are_hashed = cells["inputs_digest"] is not None
        raise InputsMissing(prediction_id=cells["prediction_id"], are_hashed=are_hashed)
    return LoggedPrediction(
        prediction_id=cells["prediction_id"],
        place=place,
        made_at=cells["made_at"],
        model_version=cells["model_version"],
        features=features,
        churn_probability=cells["churn_probability"],
        churn_prediction=bool(cells["churn_prediction"]),
        risk_tier=cells["risk_tier"],
    )
