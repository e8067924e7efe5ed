"""Loads the rows to train on: reads the source, maps its columns, checks the contract and records the provenance."""

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import numpy as np
import pandas as pd

from models.addresses import redact_passwords
from models.bundles.format.provenance import LiveRows, Provenance
from models.columns import column_mapping, origins
from models.customer import checks
from models.customer.contract import Contract, Labels, Mask, Vector
from models.customer.offending import OffendingValues
from training.data import databases, live, other_columns, sources
from training.data.grouping import Groups
from training.data.live import LiveOutcomes
from training.data.other_columns import OtherColumns
from training.data.splitting import RowTimes
from training.errors import GroupingImpossible, SplitImpossible, TooFewRows, TooManyRejected
from training.settings import FitSettings

REJECTED_LIMIT = 0.05
MINIMUM_ROWS, MINIMUM_PER_CLASS = 200, 25

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dataset:
    """Rows that satisfy the contract, with the outcome of each customer."""

    features: pd.DataFrame
    """The contract's columns."""
    churned: Labels
    others: pd.DataFrame
    """Columns of the source that are not features and were requested by name, as numbers or texts."""
    true_probability: Vector | None
    """(n,) in (0, 1), known for the synthetic population only."""
    provenance: Provenance
    moments: RowTimes | None = None
    """Times of the live rows, which are the last rows; None if there are no live rows."""
    times: pd.Series | None = None
    """The column that `--time-column` names, as the source has it."""
    groups: Groups | None = None
    """The customer of each row; None if rows are not grouped."""
    time_format: str | None = None
    """How the columns file says that times are written."""
    happened: LiveOutcomes | None = None
    """Outcomes and reporters of the live rows, which are the last rows; None if there are no live rows."""


@dataclass(frozen=True)
class _Part:
    """The rows of one source that satisfy the contract."""

    rows: pd.DataFrame
    """The contract's columns and `churned`."""
    others: OtherColumns
    source: str
    rejected_rows: int
    true_probability: Vector | None = None
    moments: RowTimes | None = None
    time_format: str | None = None
    live: LiveRows | None = None
    happened: LiveOutcomes | None = None


def load(settings: FitSettings, contract: Contract) -> Dataset:
    """Read, map and check the rows that the settings name; live rows come last.

    Raises:
        DataError: the rows cannot be used for training; the subclass says why.
        LogError: the prediction log cannot be read.
    """
    sources.require_fitting_options(settings)
    asked = ((_load_base, settings.base is not None), (_load_live, settings.with_live))
    parts = [load_part(settings, contract) for load_part, is_asked in asked if is_asked]
    part = parts[0] if len(parts) == 1 else _joined(*parts)
    rows = part.rows
    churned = rows[origins.TARGET].to_numpy(dtype=np.int64)
    require_enough(len(churned), positives=int(churned.sum()))
    provenance = Provenance(
        source=part.source,
        query=redact_passwords(settings.query) if settings.query else None,
        rows=len(rows),
        rejected_rows=part.rejected_rows,
        sha256=_content_digest(rows),
        live=part.live,
        customers=None if part.others.groups is None else part.others.groups.customers,
    )
    del rows[origins.TARGET]
    return Dataset(
        features=rows,
        churned=churned,
        others=part.others.slices,
        true_probability=part.true_probability,
        provenance=provenance,
        moments=part.moments,
        times=part.others.times,
        time_format=part.time_format,
        groups=part.others.groups,
        happened=part.happened,
    )


def _load_base(settings: FitSettings, contract: Contract) -> _Part:
    columns = column_mapping.read(settings.columns, contract)
    table, true_probability = sources.read(settings, contract, columns)
    source = sources.name(settings)
    logger.info("read %d rows from %s", len(table), source)
    if table.empty:
        require_enough(0, positives=0)
    columns = columns.fitted(contract, table.columns.tolist())
    rows = column_mapping.labelled(columns, table, contract)
    others = other_columns.read(settings, table, contract, columns)
    del table  # frees one copy of a large table before the fit
    if columns.target.leave_out_unknown:
        rows, others = _with_outcome(rows, others)
    kept = ~_rejected(rows, contract)
    if not kept.all():
        rows, others = rows[kept].reset_index(drop=True), others.only(kept)
    return _Part(
        rows=_retyped(rows, contract),
        others=others,
        source=source,
        rejected_rows=int((~kept).sum()),
        true_probability=None if true_probability is None else true_probability[kept],
        time_format=columns.csv.time,
    )


def _with_outcome(rows: pd.DataFrame, others: OtherColumns) -> tuple[pd.DataFrame, OtherColumns]:
    known = rows[origins.TARGET].notna().to_numpy()
    if known.all():
        return rows, others
    logger.info("left out %d rows without an outcome", int((~known).sum()))
    return rows[known].reset_index(drop=True), others.only(known)


def _load_live(settings: FitSettings, contract: Contract) -> _Part:
    if settings.time_column:
        raise SplitImpossible(column=settings.time_column, problem="live rows have their own times")
    if settings.group_column:
        raise GroupingImpossible(column=settings.group_column, problem="the log tells the customers of live rows apart")
    asked = [name for name in settings.slices if name not in contract.names_of_today]
    column_mapping.require(asked, contract.names, remedy=other_columns.name_other_options)
    table, happened = live.read(settings, contract, now=datetime.now(UTC))
    source = f"live({databases.name(settings.log_url)})"
    logger.info("read %d rows from %s", len(happened.churned), source)
    lacking = {"inputs": happened.without_inputs, "the inputs of this contract": happened.other_contract}
    for what, count in lacking.items():
        if count:
            logger.warning("left out %d rows that were logged without %s", count, what)
    rows = column_mapping.features(column_mapping.ColumnMapping(), table, contract, logged=True)
    del table
    rows = column_mapping.with_target(rows, happened.churned)
    kept = ~_rejected(rows, contract)
    if not kept.all():
        rows, happened = rows[kept].reset_index(drop=True), happened.only(kept)
    require_enough(len(happened.churned), positives=int(happened.churned.sum()))
    return _Part(
        rows=_retyped(rows, contract),
        others=OtherColumns(pd.DataFrame(index=range(len(happened.churned))), groups=happened.groups),
        source=source,
        rejected_rows=int((~kept).sum()),
        moments=happened.moments,
        live=live.describe(happened, settings),
        happened=happened,
    )


def _joined(base: _Part, live_part: _Part) -> _Part:
    return replace(
        live_part,
        rows=pd.concat([base.rows, live_part.rows], ignore_index=True),
        others=_joined_others(base, live_part),
        source=f"{base.source} and {live_part.source}",
        rejected_rows=base.rejected_rows + live_part.rejected_rows,
    )


def _joined_others(base: _Part, live_part: _Part) -> OtherColumns:
    slices = pd.concat([base.others.slices, live_part.others.slices], ignore_index=True)
    groups, alone = live_part.others.groups, len(base.rows)  # other rows have no id that could be compared
    if groups is not None:
        groups = replace(groups, codes=np.concatenate([np.arange(-alone, 0), groups.codes]))
    return OtherColumns(slices, groups=groups)


def _retyped(rows: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    """Convert each column to its contract dtype, so that equal rows from any source have the same digest."""
    for feature in contract.features:
        if rows[feature.name].dtype != feature.dtype:
            rows[feature.name] = rows[feature.name].astype(np.dtype(feature.dtype))
    rows[origins.TARGET] = rows[origins.TARGET].astype(np.float64)
    return rows


def _rejected(rows: pd.DataFrame, contract: Contract) -> Mask:
    violations = checks.find_violations(contract, rows)
    unlabelled = rows[origins.TARGET].isna().to_numpy()
    if unlabelled.any():
        violations[f"{origins.TARGET} missing"] = unlabelled
    rejected: Mask = np.logical_or.reduce([unlabelled, *violations.values()])
    reasons, values = {reason: int(mask.sum()) for reason, mask in violations.items()}, OffendingValues()
    values.count(contract, rows, violations)
    require_few_rejected(int(rejected.sum()), len(rows), reasons, values)
    return rejected


def require_few_rejected(rejected: int, rows: int, reasons: Mapping[str, int], values: OffendingValues) -> None:
    """Log why rows of a table were rejected.

    Raises:
        TooManyRejected: they are more than 5 % of the rows.
    """
    for reason, count in reasons.items():
        logger.warning("rejected: %s in %d rows%s", reason, count, values.listed(reason))
    if rejected > REJECTED_LIMIT * rows:
        raise TooManyRejected(rejected=rejected, rows=rows, limit=REJECTED_LIMIT, reasons=reasons, values=values)


def require_enough(rows: int, *, positives: int) -> None:
    """Check that there are enough rows to split and evaluate.

    Raises:
        TooFewRows: there are not.
    """
    if rows < MINIMUM_ROWS or min(positives, rows - positives) < MINIMUM_PER_CLASS:
        raise TooFewRows(rows=rows, positives=positives, needed=MINIMUM_ROWS, needed_per_class=MINIMUM_PER_CLASS)


def _content_digest(rows: pd.DataFrame) -> str:
    hashed = pd.util.hash_pandas_object(rows, index=False).to_numpy()
    return hashlib.sha256(hashed.tobytes()).hexdigest()
