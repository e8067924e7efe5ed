"""From a source to rows that can be trained on: read, map, check, count, and remember where they came from.

Knows nothing of models.
"""

import errno
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import sqlalchemy
from sqlalchemy.exc import SQLAlchemyError

from models import checks
from models.contract import Contract, Labels, Mask, Vector
from models.manifest import Provenance
from training import mapping, synthetic, tables
from training.addresses import shown
from training.errors import SourceUnreadable, TableUnreadable, TooFewRows, TooManyRejected
from training.settings import FitSettings

REJECTED_LIMIT = 0.05
MINIMUM_ROWS, MINIMUM_PER_CLASS = 200, 25

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Dataset:
    """Rows that hold to the contract, with what happened to each customer."""

    features: pd.DataFrame
    """The contract's columns."""
    churned: Labels
    others: pd.DataFrame
    """Columns of the source that are no features and were asked for by name, as numbers or texts."""
    true_probability: Vector | None
    """(n,) in (0, 1), known for the synthetic population only."""
    provenance: Provenance


def load(settings: FitSettings, contract: Contract) -> Dataset:
    """Read, map and check the rows that the settings name.

    Raises:
        DataError: which kind says why they cannot be trained on.
    """
    columns = mapping.read(settings.columns, contract)
    table, true_probability = _read(settings, contract)
    logger.info("read %d rows from %s", len(table), _source_name(settings))
    rows = mapping.labelled(columns, table, contract)
    others = _others(settings, table, contract)
    del table  # of many rows, one copy less is room for the fit
    kept = ~_rejected(rows, contract)
    if not kept.all():
        rows, others = (part[kept].reset_index(drop=True) for part in (rows, others))
    # One type a column, so that equal rows have one digest whatever file they came from.
    for feature in contract.features:
        if rows[feature.name].dtype != feature.dtype:
            rows[feature.name] = rows[feature.name].astype(np.dtype(feature.dtype))
    churned = rows[mapping.TARGET].to_numpy(dtype=np.int64)
    _require_enough(churned)
    provenance = Provenance(
        source=_source_name(settings),
        query=settings.query,
        rows=len(rows),
        rejected_rows=int((~kept).sum()),
        sha256=_content_digest(rows),
    )
    del rows[mapping.TARGET]
    return Dataset(
        features=rows,
        churned=churned,
        others=others,
        true_probability=None if true_probability is None else true_probability[kept],
        provenance=provenance,
    )


def _read(settings: FitSettings, contract: Contract) -> tuple[pd.DataFrame, Vector | None]:
    if settings.data == "synthetic":
        table, true_probability = synthetic.sample(settings.rows, seed=settings.seed)
        if not set(contract.names) <= set(table.columns):
            raise SourceUnreadable(source="synthetic", problem="these customers have the fields of the template only")
        return table, true_probability
    table = _read_sql(settings) if "://" in settings.data else _read_file(Path(settings.data))
    if table.empty:
        raise TooFewRows(rows=0, positives=0, needed=MINIMUM_ROWS, needed_per_class=MINIMUM_PER_CLASS)
    return table, None


def _others(settings: FitSettings, table: pd.DataFrame, contract: Contract) -> pd.DataFrame:
    asked = dict.fromkeys([*settings.slices, *([settings.time_column] if settings.time_column else [])])
    # A feature's name means the feature, wherever the source may have a column of that name.
    names = [name for name in asked if name not in contract.names or name == settings.time_column]
    mapping.require(names, table.columns.tolist())
    return pd.DataFrame({name: _numbers_or_texts(table[name]) for name in names}, index=range(len(table)))


def _numbers_or_texts(column: pd.Series) -> pd.Series:
    cells = column.reset_index(drop=True).replace("", None)
    numbers = pd.to_numeric(cells, errors="coerce")
    is_number = cells.dtype.kind not in "bM" and (numbers.isna() == cells.isna()).all()
    return numbers if is_number else cells.astype(str).where(cells.notna(), None)


def _read_file(path: Path) -> pd.DataFrame:
    try:
        whole = tables.read(path)
    except TableUnreadable as error:
        raise SourceUnreadable(source=str(path), problem=error.problem) from error
    if whole.misfit.any():
        raise SourceUnreadable(source=str(path), problem=f"row {whole.misfit.argmax() + 1} has {tables.MISFIT}")
    rows: pd.DataFrame = whole.table.to_pandas()
    return rows


def _read_sql(settings: FitSettings) -> pd.DataFrame:
    try:
        return _query(settings.data, settings.query)
    except (OSError, ValueError, SQLAlchemyError, ImportError) as error:
        raise SourceUnreadable(source=settings.data, problem=_first_line(error)) from error


def _query(address: str, query: str | None) -> pd.DataFrame:
    if query is None:
        raise ValueError("a database URL needs --query")
    url = sqlalchemy.make_url(address)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").is_file():
        raise FileNotFoundError(errno.ENOENT, "No such file")  # SQLite would make an empty one
    engine = sqlalchemy.create_engine(url)
    try:
        with engine.connect() as connection:
            return pd.read_sql_query(sqlalchemy.text(query), connection)
    finally:
        engine.dispose()


def _source_name(settings: FitSettings) -> str:
    if settings.data == "synthetic":
        return f"synthetic(rows={settings.rows}, seed={settings.seed})"
    return shown(settings.data)


def _rejected(rows: pd.DataFrame, contract: Contract) -> Mask:
    violations = checks.find_violations(contract, rows)
    unlabelled = rows[mapping.TARGET].isna().to_numpy()
    if unlabelled.any():
        violations[f"{mapping.TARGET} missing"] = unlabelled
    rejected: Mask = np.logical_or.reduce([unlabelled, *violations.values()])
    reasons = {reason: int(mask.sum()) for reason, mask in violations.items()}
    for reason, count in reasons.items():
        logger.warning("rejected: %s in %d rows", reason, count)
    if rejected.sum() > REJECTED_LIMIT * len(rows):
        raise TooManyRejected(rejected=int(rejected.sum()), rows=len(rows), limit=REJECTED_LIMIT, reasons=reasons)
    return rejected


def _require_enough(churned: Labels) -> None:
    positives = int(churned.sum())
    if len(churned) < MINIMUM_ROWS or min(positives, len(churned) - positives) < MINIMUM_PER_CLASS:
        raise TooFewRows(
            rows=len(churned), positives=positives, needed=MINIMUM_ROWS, needed_per_class=MINIMUM_PER_CLASS
        )


def _content_digest(rows: pd.DataFrame) -> str:
    hashed = pd.util.hash_pandas_object(rows, index=False).to_numpy()
    return hashlib.sha256(hashed.tobytes()).hexdigest()


def _first_line(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error).strip() or type(error).__name__
    return str(text).splitlines()[0]
