"""Writes windows of any size for the drift job: a log in SQLite, and files, with random customers.

They are kept between runs, since ten million rows take minutes to write.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from demo import synthetic_customers
from models.bundles import bundle
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from models.log import log_tables, migrations
from service import random_ids
from service.settings import Settings

FOLDER = Path("var/benchmarks/drift")
START = datetime(2026, 3, 1, tzinfo=UTC)
END = START + timedelta(days=1)
_CHUNK_ROWS, _FILE_ROWS = 100_000, 1_000_000


def flags(source: str, rows: int) -> list[str]:
    """Write a window unless it exists, and return the options with which the drift job reads it."""
    path = FOLDER / f"{rows}{SOURCES[source][0]}"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f"unfinished{path.suffix}")
        unfinished.unlink(missing_ok=True)
        SOURCES[source][1](unfinished, rows)
        unfinished.rename(path)
    if source != "log":
        return ["--live", str(path)]
    return ["--log-url", f"sqlite:///{path}", "--from", START.isoformat(), "--to", END.isoformat()]


def folder(rows: int, *, with_ids: bool) -> Path:
    """Write a folder of files of a million rows unless it exists; `with_ids`, each customer is predicted twice.

    The second half has the customers of the first half, in the same order, with the log's columns of ids.
    """
    path = FOLDER / f"{rows}-{'predictions' if with_ids else 'customers'}"
    if not path.exists():
        unfinished = path.with_name("unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for number, first in enumerate(range(0, rows, _FILE_ROWS)):
            file_rows = min(_FILE_ROWS, rows - first)
            table = pd.concat(_customers(file_rows, first), ignore_index=True)
            table = _with_ids(table, first, rows) if with_ids else table
            pq.write_table(pa.Table.from_pandas(table), unfinished / f"part-{number:05}.parquet")
        unfinished.rename(path)
    return path


def _with_ids(some: pd.DataFrame, first: int, rows: int) -> pd.DataFrame:
    rng = np.random.default_rng(first)
    numbers = (first + np.arange(len(some))) % (rows // 2)
    digests = [hashlib.blake2b(str(number).encode(), digest_size=16).hexdigest() for number in numbers.tolist()]
    chance = rng.bytes(10 * len(some)).hex()
    ids = [f"{first + at:012x}{chance[20 * at : 20 * at + 20]}" for at in range(len(some))]
    return some.assign(customer_digest=digests, prediction_id=ids)


def _write_parquet(path: Path, rows: int) -> None:
    _write_table(pq.ParquetWriter, path, rows)


def _write_csv(path: Path, rows: int) -> None:
    _write_table(pc.CSVWriter, path, rows)


def _write_table(writer: Callable[..., pq.ParquetWriter | pc.CSVWriter], path: Path, rows: int) -> None:
    tables = (pa.Table.from_pandas(some, preserve_index=False) for some in _customers(rows))
    first = next(tables)
    with writer(path, first.schema) as file:
        file.write_table(first)
        for table in tables:
            file.write_table(table)


def _write_json_lines(path: Path, rows: int) -> None:
    with path.open("w") as file:
        for some in _customers(rows):
            file.write(some.to_json(orient="records", lines=True))


def _write_log(path: Path, rows: int) -> None:
    """Write predictions as the service does, evenly spread over the window."""
    engine = log_tables.connect(f"sqlite:///{path}", create=True)
    migrations.upgrade(engine)
    scorer = Scorer.of(bundle.load(Settings().models_dir, contract=CONTRACT))
    times = (START + at * ((END - START) / rows) for at in range(rows))
    for some in _customers(rows):
        features = json.loads(some.to_json(orient="records"))
        probabilities = scorer.score(CONTRACT.to_matrix(some)).tolist()
        with engine.begin() as connection:
            values = [
                prediction(at, row, probability, scorer)
                for row, probability, at in zip(features, probabilities, times, strict=False)
            ]
            connection.execute(sa.insert(log_tables.PREDICTIONS), values)
    engine.dispose()


def prediction(at: datetime, features: dict[str, float], probability: float, scorer: Scorer) -> dict[str, Any]:
    """Return a prediction as a row of the log."""
    return {
        "prediction_id": random_ids.draw_ids(int(at.timestamp() * 1000), 1)[0],
        "made_at": at,
        "model_version": scorer.version,
        "features": features,
        "churn_probability": probability,
        "churn_prediction": scorer.policy.churns(probability),
        "risk_tier": scorer.policy.tier(probability),
    }


def _customers(rows: int, before: int = 0) -> Iterator[pd.DataFrame]:
    for seed, first in enumerate(range(0, rows, _CHUNK_ROWS), before // _CHUNK_ROWS):
        yield synthetic_customers.calm(min(_CHUNK_ROWS, rows - first), seed=seed)


SOURCES: dict[str, tuple[str, Callable[[Path, int], None]]] = {
    "log": (".db", _write_log),
    "Parquet": (".parquet", _write_parquet),
    "CSV": (".csv", _write_csv),
    "JSON lines": (".jsonl", _write_json_lines),
}
"""Source to the suffix of its file and the function that writes it."""
