"""Tries a written draft: counts the rows of its own table that it accepts."""

import runpy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

from models.columns import column_mapping
from models.customer import checks
from models.customer.contract import Contract
from training.contracts.draft_files import COLUMNS, FEATURES

_MOST_ROWS = 10_000


@dataclass(frozen=True)
class Tried:
    """How many of the first rows satisfy a drafted contract."""

    fitting: int
    rows: int


def try_rows(folder: Path, table: pa.Table) -> Tried:
    """Read the first rows of a table with the draft in a folder, and count those that it accepts."""
    rows = table.slice(0, _MOST_ROWS)
    contract: Contract = runpy.run_path(str(folder / FEATURES))["CONTRACT"]
    mapping = column_mapping.read(folder / COLUMNS, contract)
    used = rows.select([rows.column_names.index(name) for name in mapping.foreign_columns(contract)])
    found = column_mapping.features(mapping, used.to_pandas(), contract)
    broken = checks.find_violations(contract, found).values()
    rejected = np.logical_or.reduce([np.zeros(len(rows), dtype=np.bool_), *broken])
    return Tried(int((~rejected).sum()), len(rows))
