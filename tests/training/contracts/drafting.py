"""Drafts contracts of tables that tests write, and reads what was drafted."""

import runpy
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from models.columns import column_mapping
from models.columns.column_mapping import ColumnMapping
from models.customer import checks, tables
from models.customer.contract import Contract
from models.customer.feature import Feature
from training.contracts import draft
from training.contracts.settings import DraftSettings


@dataclass(frozen=True)
class Drafted:
    """A draft, read back."""

    table: Path
    folder: Path
    report: str

    @property
    def contract(self) -> Contract:
        found: Contract = runpy.run_path(str(self.folder / "features.py"))["CONTRACT"]
        return found

    @property
    def mapping(self) -> ColumnMapping:
        return column_mapping.read(self.folder / "columns.toml", self.contract)

    @property
    def columns(self) -> str:
        return (self.folder / "columns.toml").read_text()

    def feature(self, name: str) -> Feature:
        return next(feature for feature in self.contract.features if feature.name == name)

    def became(self, column: str) -> str:
        """Return what the report says of a column, blanks reduced."""
        [line] = [line for line in self.report.splitlines() if line.startswith(f"{column}  ")]
        return " ".join(line.removeprefix(column).split())

    def rows(self) -> pd.DataFrame:
        """Return the table as a fit reads it with the draft."""
        table = tables.read(self.table, style=self.mapping.csv).to_pandas()
        return column_mapping.labelled(self.mapping, table, self.contract)

    def fitting_share(self) -> float:
        rows = self.rows()
        broken = [rows["churned"].isna().to_numpy(), *checks.find_violations(self.contract, rows).values()]
        return 1 - float(np.logical_or.reduce(broken).mean())


def drafted(table: Path, *, target: str | None = None, columns: Path | None = None) -> Drafted:
    """Draft a contract of a table, in a folder beside it."""
    folder = table.parent / "draft"
    settings = DraftSettings(data=str(table), target=target, columns=columns, output_dir=folder)
    return Drafted(table, folder, draft.draft(settings))
