"""A batch of another engine keeps all its rows, each with its prediction or the reasons against it."""

from pathlib import Path

import pyarrow as pa
import pytest

from models import batches
from models.columns.errors import ColumnMissing
from models.customer.errors import ColumnRepeated
from training.data import synthetic

ADDED = [*batches.PREDICTION.names, "rejected_because"]


@pytest.fixture
def batch() -> pa.RecordBatch:
    drawn = synthetic.sample(20, seed=5)[0].drop(columns="churned")
    drawn.loc[3, "tenure_months"] = -1
    return pa.RecordBatch.from_pandas(drawn.assign(id=range(20)), preserve_index=False)


@pytest.mark.shipped_model
def test_every_row_stays_with_a_prediction_or_reasons(root: Path, batch: pa.RecordBatch) -> None:
    scored = batches.score(batch, models_dir=root / "models")
    assert scored.schema.names == [*batch.schema.names, *ADDED]
    assert scored.select(batch.schema.names).equals(batch)
    rows = scored.to_pylist()
    assert [row["id"] for row in rows if row["churn_probability"] is None] == [3]
    assert [row["rejected_because"] for row in rows if row["id"] in (2, 3)] == [None, "tenure_months below 0"]
    assert all(0 < row["churn_probability"] < 1 for row in rows if row["id"] != 3)
    assert len({row["model_version"] for row in rows}) == 1


@pytest.mark.shipped_model
def test_results_do_not_depend_on_where_batches_begin(root: Path, batch: pa.RecordBatch) -> None:
    whole = batches.score(batch, models_dir=root / "models")
    parts = batches.score_all([batch[:3], batch[3:4], batch[4:4], batch[4:]], models_dir=root / "models")
    assert pa.Table.from_batches(parts, whole.schema).equals(pa.Table.from_batches([whole]))


@pytest.mark.shipped
def test_a_columns_file_maps_a_batch_and_a_lacking_column_is_named(
    root: Path, batch: pa.RecordBatch, tmp_path: Path
) -> None:
    names = {"tenure_months": "months"}
    foreign = batch.rename_columns([names.get(name, name) for name in batch.schema.names])
    (tmp_path / "columns.toml").write_text('[features]\ntenure_months = { column = "months" }\n')
    scored = batches.score(foreign, models_dir=root / "models", columns=tmp_path / "columns.toml")
    assert scored.select(ADDED).slice(4).equals(batches.score(batch, models_dir=root / "models").select(ADDED).slice(4))
    with pytest.raises(ColumnMissing, match='no column "tenure_months"'):
        batches.score(foreign, models_dir=root / "models")
    with pytest.raises(ColumnRepeated, match=r"churn_probability, churn_prediction, .* twice"):
        batches.score(scored, models_dir=root / "models", columns=tmp_path / "columns.toml")


class FakeSchema:
    """A schema as Spark has it: `add` changes it."""

    def __init__(self, fields: list[str]) -> None:
        self.fields = fields

    def add(self, name: str, kind: str) -> None:
        self.fields.append(f"{name} {kind}")


def test_a_spark_schema_gets_the_added_columns_and_stays_itself() -> None:
    kinds = {pa.float64(): "double", pa.bool_(): "boolean", pa.string(): "string"}
    given = FakeSchema(["id long"])
    added = [f"{field.name} {kinds[field.type]}" for field in [*batches.PREDICTION, batches.REASONS]]
    assert batches.for_spark(given).fields == ["id long", *added]
    assert given.fields == ["id long"]
