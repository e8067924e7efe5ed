"""Reads live rows from the prediction log: the inputs of past predictions, with their outcomes.

Rows are read in chunks, in the order of their ids, so that equal logs give equal rows.
"""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sqlalchemy as sa
from sqlalchemy import Connection

from models import durations
from models.addresses import redact_passwords
from models.bundles import pins
from models.bundles.manifest import LiveRows
from models.customer.contract import Contract, Feature, Labels, Mask, Vector
from models.log import connections, row_ids
from models.log.log_tables import OUTCOMES, PREDICTIONS
from training.data.live_errors import InputsNotKept, NoOutcomes
from training.data.splitting import RowTimes
from training.settings import FitSettings

_CHUNK_ROWS = 10_000
_NEWEST_FRACTION = 0.2
_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class Counts:
    """Numbers of predictions and outcomes in the period that is read."""

    predictions: int
    outcomes: int
    newest_outcome_share: float
    older_outcome_share: float


@dataclass(frozen=True)
class LiveOutcomes:
    """Outcomes, times and model versions of the live rows that have all inputs."""

    churned: Labels
    moments: RowTimes
    waited_days: Vector
    """Days from prediction to outcome."""
    version: npt.NDArray[np.int32]
    """Index of the model of each row in `versions`."""
    versions: tuple[str, ...]
    counts: Counts
    without_inputs: int
    other_contract: int

    def only(self, kept: Mask) -> "LiveOutcomes":
        """Return the rows that the mask selects."""
        moments = RowTimes(made_at=self.moments.made_at[kept], known_at=self.moments.known_at[kept])
        return replace(
            self,
            churned=self.churned[kept],
            moments=moments,
            waited_days=self.waited_days[kept],
            version=self.version[kept],
        )


@dataclass(frozen=True)
class _Chunk:
    columns: dict[str, pd.Series]
    facts: npt.NDArray[np.float64]
    """(n, 4): time of the prediction, time of the outcome, churned, index of the model."""
    without_inputs: int
    other_contract: int


def read(settings: FitSettings, contract: Contract, *, now: datetime) -> tuple[pd.DataFrame, LiveOutcomes]:
    """Read the predictions that have an outcome: the contract's columns, unchecked, and the outcomes and times.

    Raises:
        LogUnsupported, LogMissing, LogUnreadable: the log cannot be read.
        NoOutcomes, InputsNotKept: the log has no such predictions.
    """
    url, mature = settings.log_url, _mature_after(settings)
    asked = PREDICTIONS.c.prediction_id < row_ids.first_id(now - mature)
    if settings.since:
        asked &= PREDICTIONS.c.prediction_id >= row_ids.first_id(now - durations.parse(settings.since))
    known = OUTCOMES.c.recorded_at if settings.outcomes_known == "recorded" else OUTCOMES.c.observed_at
    versions: dict[str, int] = {}
    with connections.connection(url) as connection:
        counts = _count(connection, asked)
        if not counts.outcomes:
            raise NoOutcomes(url=redact_passwords(url), predictions=counts.predictions)
        chunks = [_chunk(rows, contract, versions) for rows in _rows(connection, asked, known)]
    facts = np.concatenate([chunk.facts for chunk in chunks])
    without_inputs, other_contract = (
        sum(getattr(chunk, name) for chunk in chunks) for name in ("without_inputs", "other_contract")
    )
    if not len(facts):
        raise InputsNotKept(url=redact_passwords(url), without_inputs=without_inputs, other_contract=other_contract)
    made_at, known_at, churned, version = facts.T
    table = pd.DataFrame({name: _whole(chunks, name) for name in contract.names})
    return table, LiveOutcomes(
        churned=churned.astype(np.int64),
        moments=RowTimes(made_at=made_at, known_at=np.maximum(known_at, made_at + mature.total_seconds())),
        waited_days=(known_at - made_at) / _DAY_SECONDS,
        version=version.astype(np.int32),
        versions=tuple(versions),
        counts=counts,
        without_inputs=without_inputs,
        other_contract=other_contract,
    )


def describe(happened: LiveOutcomes, settings: FitSettings) -> LiveRows:
    """Summarize live rows for the manifest; both outcomes must occur."""
    moments, counts = happened.moments, happened.counts
    answered = np.bincount(happened.version, minlength=len(happened.versions)).tolist()
    return LiveRows(
        rows=len(moments.made_at),
        first_made_at=datetime.fromtimestamp(moments.made_at.min(), UTC),
        last_made_at=datetime.fromtimestamp(moments.made_at.max(), UTC),
        left_out_rows=int((~moments.is_judged & ~moments.is_learned).sum()),
        predictions=counts.predictions,
        outcomes=counts.outcomes,
        newest_outcome_share=counts.newest_outcome_share,
        older_outcome_share=counts.older_outcome_share,
        without_inputs=happened.without_inputs,
        other_contract=happened.other_contract,
        models={version: rows for version, rows in zip(happened.versions, answered, strict=True) if rows},
        canary_rows=int(_is_canary(happened, settings.models_dir).sum()),
        outcome_known_when=settings.outcomes_known,
        mature_after_days=_mature_after(settings) / timedelta(days=1),
        days_until_known={
            name: round(float(np.median(happened.waited_days[happened.churned == churned])), 2)
            for name, churned in (("churned", 1), ("stayed", 0))
        },
    )


def _mature_after(settings: FitSettings) -> timedelta:
    return durations.parse(settings.mature_after) if settings.mature_after else timedelta()


def _is_canary(happened: LiveOutcomes, models_dir: Path) -> Mask:
    """Return a mask of the rows that a challenger answered: the last change of its model before them is `challenge`."""
    found = np.zeros(len(happened.version), dtype=np.bool_)
    history = pins.history(models_dir)
    for position, version in enumerate(happened.versions):
        rows = np.flatnonzero(happened.version == position)
        events = [event for event in history if event.version == version]
        is_challenge = np.array([False, *(event.change == "challenge" for event in events)])
        changed_at = [event.at.timestamp() for event in events]
        found[rows] = is_challenge[np.searchsorted(changed_at, happened.moments.made_at[rows], side="right")]
    return found


def _rows(
    connection: Connection, asked: sa.ColumnElement[bool], known: sa.Column[datetime]
) -> Iterator[Sequence[sa.Row[Any]]]:
    columns = PREDICTIONS.c.made_at, known.label("known_at"), OUTCOMES.c.churned, PREDICTIONS.c.model_version
    query = (
        sa.select(*columns, PREDICTIONS.c.features)
        .select_from(PREDICTIONS.join(OUTCOMES))
        .where(asked)
        .order_by(PREDICTIONS.c.prediction_id)
        .execution_options(yield_per=_CHUNK_ROWS)
    )
    yield from connection.execute(query).partitions()


def _count(connection: Connection, asked: sa.ColumnElement[bool]) -> Counts:
    ids = PREDICTIONS.c.prediction_id
    both = sa.select(sa.func.count(ids), sa.func.count(OUTCOMES.c.prediction_id))
    both = both.select_from(PREDICTIONS.outerjoin(OUTCOMES)).where(asked)
    predictions, outcomes = connection.execute(both).one()
    newest = max(1, int(predictions * _NEWEST_FRACTION))
    border = sa.select(ids).where(asked).order_by(ids.desc()).offset(newest - 1).limit(1).scalar_subquery()
    _, newest_outcomes = connection.execute(both.where(ids >= border)).one()
    return Counts(
        predictions=predictions,
        outcomes=outcomes,
        newest_outcome_share=newest_outcomes / newest,
        older_outcome_share=(outcomes - newest_outcomes) / max(1, predictions - newest),
    )


def _chunk(rows: Sequence[sa.Row[Any]], contract: Contract, versions: dict[str, int]) -> _Chunk:
    names = set(contract.names)
    with_inputs = [row for row in rows if row.features is not None]
    usable = [row for row in with_inputs if isinstance(row.features, dict) and names <= row.features.keys()]
    facts = [
        (
            row.made_at.timestamp(),
            row.known_at.timestamp(),
            row.churned,
            versions.setdefault(row.model_version, len(versions)),
        )
        for row in usable
    ]
    return _Chunk(
        columns={feature.name: _column(usable, feature) for feature in contract.features},
        facts=np.array(facts, dtype=np.float64).reshape(-1, 4),
        without_inputs=len(rows) - len(with_inputs),
        other_contract=len(with_inputs) - len(usable),
    )


def _column(rows: Sequence[sa.Row[Any]], feature: Feature) -> pd.Series:
    values = [row.features[feature.name] for row in rows]
    if feature.kind == "category":  # a million rows share a few texts
        values = [sys.intern(value) if isinstance(value, str) else value for value in values]
    return pd.Series(values, dtype=None if values else feature.dtype)


def _whole(chunks: Sequence[_Chunk], name: str) -> pd.Series:
    """Concatenate a column and remove it from the chunks, so that only one column is in memory twice."""
    return pd.concat([chunk.columns.pop(name) for chunk in chunks], ignore_index=True)
