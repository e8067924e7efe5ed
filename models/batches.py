"""Scores rows of any table with a model: each row gets its prediction, or the reasons why it has none.

File scoring is made of this, and other engines call `score` on batches of theirs, as Spark does with `mapInArrow`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
import pyarrow as pa

from models.bundles import bundle, pins
from models.bundles.bundle import Bundle
from models.bundles.calibration import Calibration
from models.bundles.format.bundle_files import GRAPH
from models.bundles.pins import BundleRef
from models.bundles.risk import RiskPolicy
from models.bundles.scorer import Scorer
from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.columns.conversions import Conversions
from models.customer import checks
from models.customer.contract import Contract, Mask, Matrix
from models.customer.errors import ColumnRepeated
from models.customer.offending import OffendingValues
from models.features import CONTRACT

PREDICTION = pa.schema(
    [
        ("churn_probability", pa.float64()),
        ("churn_prediction", pa.bool_()),
        ("risk_tier", pa.string()),
        ("model_version", pa.string()),
    ]
)
"""The columns of a prediction."""
REASONS = pa.field("rejected_because", pa.string())
"""The column of `score` with the reasons of a rejected row; null for a scored row."""
_SPARK_KINDS = {
    "churn_probability": "double",
    "churn_prediction": "boolean",
    "risk_tier": "string",
    "model_version": "string",
    "rejected_because": "string",
}


@dataclass(frozen=True)
class Model:
    """What scoring needs of a bundle. It can be pickled, and then needs no store where it is used."""

    version: str
    graph: bytes = field(repr=False)
    policy: RiskPolicy
    calibration: Calibration
    encoding: Contract
    """It encodes customers of today for this model."""
    today: Contract
    """It checks customers for this model."""

    @classmethod
    def of(cls, found: Bundle) -> Self:
        """Read the parts of a verified bundle."""
        manifest = found.manifest
        graph = found.read(GRAPH)
        return cls(manifest.version, graph, manifest.policy, manifest.calibration, found.contract, found.today)

    @cached_property
    def scorer(self) -> Scorer:
        """The open graph."""
        settings: dict[str, Any] = {"policy": self.policy, "calibration": self.calibration, "content": self.graph}
        return Scorer(Path(GRAPH), version=self.version, **settings)

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "scorer"}


@dataclass(frozen=True)
class ScoredRows:
    """The results for a part of a table."""

    rejected: Mask
    """(n,) the rows without a prediction."""
    broken: Mapping[str, Mask]
    """The rows that break each rule, (n,) by reason."""
    kept: pd.DataFrame
    """The other rows, in the contract's columns."""
    predictions: pa.Table
    """Their predictions."""

    @property
    def reasons(self) -> list[str]:
        """All reasons of each rejected row, as one text."""
        rejected = np.flatnonzero(self.rejected)
        return ["; ".join(reason for reason, mask in self.broken.items() if mask[at]) for at in rejected]


class RowScorer:
    """Scores the rows of one table, and counts what should be told of them."""

    def __init__(self, model: Model, declared: ColumnMapping, present: Sequence[str]) -> None:
        """Fit the columns file to a table with these columns.

        Raises:
            ColumnsError, ColumnRepeated: they do not fit.
        """
        self.columns = declared.fitted(model.today, present)
        self.foreign = self.columns.foreign_columns(model.today)
        """The columns of the table that features are made of."""
        column_mapping.require(self.foreign, present, remedy=self.columns.remedy)
        self.conversions, self.values = Conversions(), OffendingValues()
        self.encoding = model.encoding
        self._model = model

    def score(self, table: pa.Table, broken: Mapping[str, Mask] | None = None) -> ScoredRows:
        """Score rows; those in `broken` are rejected in any case."""
        contract = self._model.today
        cells = table.select(self.foreign).replace_schema_metadata(None).to_pandas()
        rows = column_mapping.features(self.columns, cells, contract, self.conversions)
        broken = dict(broken or {}) | checks.find_violations(contract, rows)
        self.values.count(contract, rows, broken)
        rejected: Mask = np.logical_or.reduce([np.zeros(len(rows), dtype=np.bool_), *broken.values()])
        kept = rows[~rejected]
        return ScoredRows(rejected, broken, kept, _predict(self._model.scorer, self.encoding.to_matrix(kept)))


def score(
    batch: pa.RecordBatch, *, models_dir: str | Path = "models", columns: str | Path | None = None
) -> pa.RecordBatch:
    """Return a batch with the columns of a prediction and `rejected_because` behind its own; every row stays.

    `columns` is the columns file. The pinned model is verified at its first use, and again when another one is pinned.

    Raises:
        ColumnsError, ColumnRepeated: the batch lacks columns, or would have some twice.
        BundleError: no model is pinned, or it failed verification.
    """
    schema = pa.schema([*batch.schema, *PREDICTION, REASONS])
    if taken := [name for name in schema.names[len(batch.schema) :] if name in batch.schema.names]:
        raise ColumnRepeated(columns=taken)
    pin = pins.read(Path(models_dir))
    model = _pinned(Path(models_dir), pin.version, pin.digest)
    declared = column_mapping.read(None if columns is None else Path(columns), CONTRACT)
    table = pa.Table.from_batches([batch])
    scored = RowScorer(model, declared, table.schema.names).score(table)
    position = np.zeros(len(batch), dtype=np.int64)
    position[~scored.rejected] = np.arange(len(scored.predictions))
    predictions = scored.predictions.take(pa.array(position, mask=scored.rejected))
    reasons = np.full(len(batch), None, dtype=object)
    reasons[scored.rejected] = scored.reasons
    made = [column.combine_chunks() for column in predictions.columns[:-1]]
    made += [pa.repeat(pa.scalar(model.version), len(batch)), pa.array(reasons, REASONS.type)]
    return pa.RecordBatch.from_arrays([*batch.columns, *made], schema=schema)


def score_all(parts: Iterable[pa.RecordBatch], **options: Any) -> Iterator[pa.RecordBatch]:
    """Score batches one after another, as Spark's `mapInArrow` asks; the options are those of `score`."""
    return (score(part, **options) for part in parts)


def for_spark(schema: Any) -> Any:
    """Return the schema of a Spark table with the columns that `score` adds."""
    longer = type(schema)([*schema.fields])
    for name, kind in _SPARK_KINDS.items():
        longer.add(name, kind)
    return longer


@lru_cache(maxsize=4)
def _pinned(models_dir: Path, version: str, digest: str) -> Model:
    return Model.of(bundle.load(models_dir, contract=CONTRACT, named=BundleRef(version=version, digest=digest)))


def _predict(scorer: Scorer, matrix: Matrix) -> pa.Table:
    probability = scorer.score(matrix).tolist()
    decisions = [scorer.policy.churns(value) for value in probability]
    tiers = [scorer.policy.tier(value) for value in probability]
    return pa.table([probability, decisions, tiers, pa.repeat(scorer.version, len(tiers))], schema=PREDICTION)
