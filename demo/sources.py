"""The sources of the demo's customers: the synthetic population, or your own table.

Some rows of a table are held out of training. They are sent with their outcomes from the table, and then again after a
shift.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demo import shift, synthetic_customers
from demo.populations import CALM, SHIFTED, LabelledCustomers, Population
from models.bundles import bundle
from models.bundles.manifest import Description
from models.columns import column_mapping
from models.customer import tables
from models.customer.contract import Labels
from models.features import CONTRACT
from training.data import datasets
from training.data.datasets import MINIMUM_PER_CLASS, Dataset
from training.errors import DataError
from training.settings import FitSettings

CUSTOMERS = 1_000
MOST_CUSTOMERS = 10_000
"""Limit of outcomes in one request to the service."""
NEEDED_ROWS = 1_000
SHIFTED_FEATURES = 3
_SEED = 7

Worlds = tuple[Population, Population]
"""The calm population and the shifted one."""


class TooFewCustomers(DataError):
    """A table is too small for a held-out part."""

    def __init__(self, *, path: Path, rows: int) -> None:
        self.path, self.rows = path, rows
        super().__init__(
            f"{path}: {rows:,} rows fulfil the contract; the demo needs {NEEDED_ROWS:,}, since it holds a quarter out "
            "of training. Bring more rows, or only train, with `make train`."
        )


@dataclass(frozen=True)
class Source:
    """The training rows of a model, and the customers that are sent to it."""

    flags: tuple[str, ...]
    """Options of `fit` that name the training rows."""
    customers: int
    """Number of customers to send from each population."""
    worlds: Callable[[Description], Worlds]
    """Returns the two populations for a model; for a table, its most important features are shifted."""


def of(path: Path | None, columns: Path | None, *, folder: Path) -> Source:
    """Return the source of customers; the training and held-out parts of a table are first written to `folder`.

    Raises:
        DataError, ContractError: the table cannot be trained on, or no source has the contract's fields.
    """
    if path is None:
        synthetic = _synthetic()
        return Source((), CUSTOMERS, lambda _: synthetic)
    learned, held_out = split(path, columns, folder=folder)
    kept = _load(held_out, columns)
    flags = ("--data", str(learned), *(("--columns", str(columns)) if columns else ()))
    return Source(flags, len(kept.churned), lambda model: _worlds(kept, model))


def worlds(path: Path | None, columns: Path | None, *, models_dir: Path) -> Worlds:
    """Return the two synthetic populations, or those of a whole table for the pinned model.

    Raises:
        DataError, ContractError: the table has no valid customers, or no source has the contract's fields.
        BundleError: the pinned bundle cannot be loaded.
    """
    if path is None:
        return _synthetic()
    return _worlds(_load(path, columns), bundle.load(models_dir, contract=CONTRACT).manifest)


def split(path: Path, columns: Path | None, *, folder: Path) -> tuple[Path, Path]:
    """Split a table into training and held-out rows, write both as .parquet or .csv, and return their paths.

    Raises:
        DataError, ContractError: the table cannot be trained on, or has too few rows (TooFewCustomers).
    """
    churned = _load(path, columns).churned
    if len(churned) < NEEDED_ROWS:
        raise TooFewCustomers(path=path, rows=len(churned))
    number = _number(churned)
    style = column_mapping.read(columns, CONTRACT).csv
    table = tables.read(path, used=(), style=style)
    order = np.random.default_rng(_SEED).permutation(len(table))
    suffix = ".parquet" if path.is_dir() or path.suffix.lower() == ".parquet" else ".csv"
    parts = (("learned", order[number:]), ("held_out", order[:number]))
    written = {name: folder / f"{name}{suffix}" for name, _ in parts}
    for name, rows in parts:
        with tables.writing(written[name], table.schema, style) as write:
            write(table.take(np.sort(rows)))
    return written["learned"], written["held_out"]


def _number(churned: Labels) -> int:
    """Return the number of held-out rows: enough to measure quality with rare outcomes, but at most a quarter."""
    share = float(churned.mean())
    needed = math.ceil(2 * MINIMUM_PER_CLASS / min(share, 1 - share))
    return min(max(CUSTOMERS, needed), MOST_CUSTOMERS, len(churned) // 4)


def _synthetic() -> Worlds:
    synthetic_customers.calm(1, seed=0)  # raises if the contract has other fields
    return CALM, SHIFTED


def _load(path: Path, columns: Path | None) -> Dataset:
    return datasets.load(FitSettings(data=str(path), columns=columns), CONTRACT)


def _worlds(customers: Dataset, model: Description) -> Worlds:
    by_importance = sorted(model.importance, key=lambda name: -model.importance[name].permutation)
    shifting = shift.of(CONTRACT, customers.features, by_importance[:SHIFTED_FEATURES])

    def calm(number: int, seed: int) -> LabelledCustomers:
        known = len(customers.churned)
        rows = np.random.default_rng(seed).choice(known, number, replace=number > known)
        return customers.features.iloc[rows].reset_index(drop=True), customers.churned[rows] == 1

    def shifted(number: int, seed: int) -> LabelledCustomers:
        table, churned = calm(number, seed)
        chance = np.random.default_rng([seed, 1])  # independent of the generator that drew the customers
        return shifting.apply(table, chance), chance.permutation(churned)

    description = f"of the same customers after a change ({shifting.told}), with shuffled outcomes"
    return (
        Population("calm", "customers of the table that were held out of training", calm),
        Population("shifted", description, shifted),
    )
