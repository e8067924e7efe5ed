"""Reads live rows from the prediction log: the inputs of past predictions, with their outcomes.

Rows are read in chunks, in the order of their ids, so that equal logs give equal rows.
"""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from models.bundles import pin_history
from models.bundles.format.provenance import LiveRows, Reported
from models.customer.contract import Contract, Labels, Mask, Vector
from models.customer.feature import Feature
from models.customer.history import old_names
from models.log import connections, known_outcomes, reporters, row_ids
from models.log.log_tables import PREDICTIONS
from models.log.reporters import Trusted
from training.data import live_counts
from training.data.grouping import Groups
from training.data.live_counts import Counts
from training.data.live_errors import InputsNotKept, NoOutcomes
from training.data.splitting import RowTimes
from training.settings import FitSettings

_CHUNK_ROWS = 10_000
_DAY_SECONDS = 86_400


@dataclass(frozen=True)
class LiveOutcomes:
    """Outcomes, times, model versions and reporters of the live rows that have all inputs."""

    churned: Labels
    moments: RowTimes
    waited_days: Vector
    """Days from prediction to outcome."""
    version: npt.NDArray[np.int32]
    """Index of the model of each row in `versions`."""
    versions: tuple[str, ...]
    reporter: npt.NDArray[np.int32]
    """Index of the reporter of each row in `reporters`."""
    reporters: tuple[str, ...]
    customer: npt.NDArray[np.int64]
    """Number of the customer of each row; -1 if the log does not tell who it is."""
    counts: Counts
    without_inputs: int
    other_contract: int

    @property
    def groups(self) -> Groups | None:
        """The customer of each row; None if the log tells none."""
        is_unknown = self.customer < 0
        if is_unknown.all():
            return None
        alone = self.customer.max() + 1 + np.arange(len(self.customer))
        return Groups(np.where(is_unknown, alone, self.customer))

    def only(self, kept: Mask) -> "LiveOutcomes":
        """Return the rows that the mask selects."""
        moments = RowTimes(made_at=self.moments.made_at[kept], known_at=self.moments.known_at[kept])
        return replace(
            self,
            churned=self.churned[kept],
            moments=moments,
            waited_days=self.waited_days[kept],
            version=self.version[kept],
            reporter=self.reporter[kept],
            customer=self.customer[kept],
        )


@dataclass(frozen=True)
class _Chunk:
    columns: dict[str, pd.Series]
    facts: npt.NDArray[np.float64]
    """(n, 6): times of prediction and outcome, churned, and the indexes of model, reporter and customer."""
    without_inputs: int
    other_contract: int


@dataclass(frozen=True)
class _Numbers:
    """Indexes of model versions, reporters and customers, in the order in which rows name them."""

    versions: dict[str, int] = field(default_factory=dict)
    reporters: dict[str, int] = field(default_factory=dict)
    customers: dict[str, int] = field(default_factory=dict)


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
    trusted = reporters.parse(settings.trusted_reporters)
    numbers = _Numbers()
    with connections.connection(url) as connection:
        counts = live_counts.count(connection, asked, trusted)
        if not counts.outcomes:
            raise NoOutcomes(
                url=redact_passwords(url), predictions=counts.predictions, trusted=settings.trusted_reporters
            )
        rows = _rows(connection, asked, trusted, known_at=f"{settings.outcomes_known}_at")
        chunks = [_chunk(partition, contract, numbers) for partition in rows]
    facts = np.concatenate([chunk.facts for chunk in chunks])
    without_inputs, other_contract = (
        sum(getattr(chunk, name) for chunk in chunks) for name in ("without_inputs", "other_contract")
    )
    if not len(facts):
        raise InputsNotKept(url=redact_passwords(url), without_inputs=without_inputs, other_contract=other_contract)
    made_at, known_at, churned, version, reporter, customer = facts.T
    table = pd.DataFrame({name: _whole(chunks, name) for name in contract.names})
    return table, LiveOutcomes(
        churned=churned.astype(np.int64),
        moments=RowTimes(made_at=made_at, known_at=np.maximum(known_at, made_at + mature.total_seconds())),
        waited_days=(known_at - made_at) / _DAY_SECONDS,
        version=version.astype(np.int32),
        versions=tuple(numbers.versions),
        reporter=reporter.astype(np.int32),
        reporters=tuple(numbers.reporters),
        customer=customer.astype(np.int64),
        counts=counts,
        without_inputs=without_inputs,
        other_contract=other_contract,
    )


def describe(happened: LiveOutcomes, settings: FitSettings, *, judged: Mask | None = None) -> LiveRows:
    """Summarize live rows for the manifest; both outcomes must occur. `judged` are the test rows, if not by time."""
    moments, counts = happened.moments, happened.counts
    left_out = 0 if judged is not None else int((~moments.is_judged & ~moments.is_learned).sum())
    judged = moments.is_judged if judged is None else judged
    return LiveRows(
        rows=len(moments.made_at),
        first_made_at=datetime.fromtimestamp(moments.made_at.min(), UTC),
        last_made_at=datetime.fromtimestamp(moments.made_at.max(), UTC),
        left_out_rows=left_out,
        predictions=counts.predictions,
        outcomes=counts.outcomes,
        newest_outcome_share=counts.newest_outcome_share,
        older_outcome_share=counts.older_outcome_share,
        without_inputs=happened.without_inputs,
        other_contract=happened.other_contract,
        models=_count_by(happened.versions, happened.version),
        canary_rows=int(_is_canary(happened, settings.models_dir).sum()),
        outcome_known_when=settings.outcomes_known,
        mature_after_days=_mature_after(settings) / timedelta(days=1),
        days_until_known={
            name: round(float(np.median(happened.waited_days[happened.churned == churned])), 2)
            for name, churned in (("churned", 1), ("stayed", 0))
        },
        reported=Reported(
            trusted=settings.trusted_reporters.split(",") if settings.trusted_reporters else None,
            rows=_count_by(happened.reporters, happened.reporter),
            test_rows=_count_by(happened.reporters, happened.reporter[judged]),
            contradicted_predictions=counts.contradicted,
        ),
    )


def _count_by(names: Sequence[str], index: npt.NDArray[np.int32]) -> dict[str, int]:
    """Count rows by name, without names that have no rows."""
    counts = np.bincount(index, minlength=len(names)).tolist()
    return {name: rows for name, rows in zip(names, counts, strict=True) if rows}


def _mature_after(settings: FitSettings) -> timedelta:
    return durations.parse(settings.mature_after) if settings.mature_after else timedelta()


def _is_canary(happened: LiveOutcomes, models_dir: Path) -> Mask:
    """Return a mask of the rows that a challenger answered: the last change of its model before them is `challenge`."""
    found = np.zeros(len(happened.version), dtype=np.bool_)
    history = pin_history.read(models_dir).changes
    for position, version in enumerate(happened.versions):
        rows = np.flatnonzero(happened.version == position)
        events = [event for event in history if event.version == version]
        is_challenge = np.array([False, *(event.change == "challenge" for event in events)])
        changed_at = [event.at.timestamp() for event in events]
        found[rows] = is_challenge[np.searchsorted(changed_at, happened.moments.made_at[rows], side="right")]
    return found


def _rows(
    connection: Connection, asked: sa.ColumnElement[bool], trusted: Trusted, *, known_at: str
) -> Iterator[Sequence[sa.Row[Any]]]:
    known = known_outcomes.select(trusted)
    of_prediction = [PREDICTIONS.c[name] for name in ("made_at", "model_version", "features", "customer_digest")]
    of_outcome = [known.c[known_at].label("known_at"), known.c.churned, known.c.reported_by]
    query = (
        sa.select(*of_prediction, *of_outcome)
        .select_from(PREDICTIONS.join(known, known_outcomes.of_prediction(known)))
        .where(asked)
        .order_by(PREDICTIONS.c.prediction_id)
        .execution_options(yield_per=_CHUNK_ROWS)
    )
    yield from connection.execute(query).partitions()


def _chunk(rows: Sequence[sa.Row[Any]], contract: Contract, numbers: _Numbers) -> _Chunk:
    with_inputs = [row for row in rows if row.features is not None]
    inputs = [old_names.of_today(contract, row.features) for row in with_inputs]
    usable = [row for row, values in zip(with_inputs, inputs, strict=True) if values is not None]
    customers = [values for values in inputs if values is not None]
    facts = [
        (
            row.made_at.timestamp(),
            row.known_at.timestamp(),
            row.churned,
            numbers.versions.setdefault(row.model_version, len(numbers.versions)),
            numbers.reporters.setdefault(row.reported_by, len(numbers.reporters)),
            -1 if (own := row.customer_digest) is None else numbers.customers.setdefault(own, len(numbers.customers)),
        )
        for row in usable
    ]
    return _Chunk(
        columns={feature.name: _column(customers, feature) for feature in contract.features},
        facts=np.array(facts, dtype=np.float64).reshape(-1, 6),
        without_inputs=len(rows) - len(with_inputs),
        other_contract=len(with_inputs) - len(usable),
    )


def _column(customers: Sequence[Mapping[str, Any]], feature: Feature) -> pd.Series:
    values = [customer[feature.name] for customer in customers]
    if feature.holds_texts:  # a million rows share a few texts
        values = [sys.intern(value) if isinstance(value, str) else value for value in values]
    return pd.Series(values, dtype=None if values else feature.dtype)


def _whole(chunks: Sequence[_Chunk], name: str) -> pd.Series:
    """Concatenate a column and remove it from the chunks, so that only one column is in memory twice."""
    return pd.concat([chunk.columns.pop(name) for chunk in chunks], ignore_index=True)
