"""Where the demo's customers come from: the synthetic population, or a table of somebody's own.

Of a table some rows are held out of training: they are sent with the outcomes that the table has, and then once more
after a shift.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from demo import shift, synthetic_customers
from demo.populations import CALM, SHIFTED, Drawn, Population
from models.bundles import bundle
from models.bundles.manifest import Description
from models.customer import tables
from models.customer.contract import Labels
from models.features import CONTRACT
from training.data import datasets
from training.data.datasets import MINIMUM_PER_CLASS, Dataset
from training.errors import DataError
from training.settings import FitSettings

CUSTOMERS = 1_000
MOST_CUSTOMERS = 10_000
"""Outcomes of so many go to the service together."""
NEEDED_ROWS = 1_000
SHIFTED_FEATURES = 3
_SEED = 7

Worlds = tuple[Population, Population]
"""The calm one and the shifted one."""


class TooFewCustomers(DataError):
    """A table is too small to hold customers out of it."""

    def __init__(self, *, path: Path, rows: int) -> None:
        self.path, self.rows = path, rows
        super().__init__(
            f"{path}: {rows:,} rows hold to the contract; the demo needs {NEEDED_ROWS:,}, a quarter of which the model "
            "never learns from. Bring more rows, or only train, with `make train`."
        )


@dataclass(frozen=True)
class Source:
    """What a model learns from, and who is sent to it."""

    flags: tuple[str, ...]
    """What tells a fit where its rows are."""
    customers: int
    """How many are sent of each world."""
    worlds: Callable[[Description], Worlds]
    """Makes them for a model, of which the shift changes what it rests on most."""


def of(path: Path | None, columns: Path | None, *, folder: Path) -> Source:
    """Return the source of customers; of a table, both parts are written to the folder first.

    Raises:
        DataError, ContractError: the table cannot be trained on, or there is no source of the contract's fields.
    """
    if path is None:
        synthetic = _synthetic()
        return Source((), CUSTOMERS, lambda _: synthetic)
    learned, held_out = split(path, columns, folder=folder)
    kept = _load(held_out, columns)
    flags = ("--data", str(learned), *(("--columns", str(columns)) if columns else ()))
    return Source(flags, len(kept.churned), lambda model: _worlds(kept, model))


def worlds(path: Path | None, columns: Path | None, *, models_dir: Path) -> Worlds:
    """Return the worlds of the synthetic population, or of a table as a whole, for the pinned model.

    Raises:
        DataError, ContractError: the table does not hold customers, or there are none of the contract's fields.
        BundleError: there is no pinned model that can be trusted.
    """
    if path is None:
        return _synthetic()
    return _worlds(_load(path, columns), bundle.load(models_dir, fingerprint=CONTRACT.fingerprint).manifest)


def split(path: Path, columns: Path | None, *, folder: Path) -> tuple[Path, Path]:
    """Write the rows to learn from, and those held out, as two tables like the one they come from.

    Raises:
        DataError, ContractError: the table cannot be trained on, or TooFewCustomers, it has too few rows.
    """
    churned = _load(path, columns).churned
    if len(churned) < NEEDED_ROWS:
        raise TooFewCustomers(path=path, rows=len(churned))
    number = _number(churned)
    table = tables.read(path)
    order = np.random.default_rng(_SEED).permutation(len(table))
    parts = (("learned", order[number:]), ("held_out", order[:number]))
    written = {name: folder / f"{name}{path.suffix.lower()}" for name, _ in parts}
    for name, rows in parts:
        with tables.writing(written[name], table.schema) as write:
            write(table.take(np.sort(rows)))
    return written["learned"], written["held_out"]


def _number(churned: Labels) -> int:
    """Hold out so many that quality can be judged where outcomes are rare, too, and a quarter at most."""
    share = float(churned.mean())
    needed = math.ceil(2 * MINIMUM_PER_CLASS / min(share, 1 - share))
    return min(max(CUSTOMERS, needed), MOST_CUSTOMERS, len(churned) // 4)


def _synthetic() -> Worlds:
    synthetic_customers.calm(1, seed=0)  # refuses if the contract has other fields
    return CALM, SHIFTED


def _load(path: Path, columns: Path | None) -> Dataset:
    return datasets.load(FitSettings(data=str(path), columns=columns), CONTRACT)


def _worlds(customers: Dataset, model: Description) -> Worlds:
    by_importance = sorted(model.importance, key=lambda name: -model.importance[name].permutation)
    shifting = shift.of(CONTRACT, customers.features, by_importance[:SHIFTED_FEATURES])

    def calm(number: int, seed: int) -> Drawn:
        known = len(customers.churned)
        rows = np.random.default_rng(seed).choice(known, number, replace=number > known)
        return customers.features.iloc[rows].reset_index(drop=True), customers.churned[rows] == 1

    def shifted(number: int, seed: int) -> Drawn:
        table, churned = calm(number, seed)
        chance = np.random.default_rng([seed, 1])  # another one than that of the customers
        return shifting.apply(table, chance), chance.permutation(churned)

    told = f"the same customers after a change ({shifting.told}); which of them leave is drawn by lot"
    return (
        Population("calm", "customers of the table whom it did not learn from, and what became of them", calm),
        Population("shifted", told, shifted),
    )
