"""Makes a small data set of the sampled rows of a table, split by their hashes like all others."""

import numpy as np
import pandas as pd

from models.bundles.format.provenance import Provenance
from models.customer.contract import Labels
from training.data import other_columns, splitting
from training.data.datasets import Dataset
from training.data.grouping import Groups
from training.data.hashing import hash_split
from training.data.splitting import FOLDS, MINIMUM_PER_CLASS, Split
from training.errors import HashSplitImpossible
from training.partitioned.passes import Summary, Task
from training.settings import FitSettings

_COUNTED = (
    "Unless the usual parameters were taken, their number is the one with the lowest loss of the training rows that "
    "the first fold holds out. "
)


def build(summary: Summary, settings: FitSettings, task: Task, provenance: Provenance) -> tuple[Dataset, Split]:
    """Return the sampled training rows and, after them, the sampled test rows, with their split.

    Raises:
        HashSplitImpossible: a part has too few customers who churned or stayed.
    """
    training, test = summary.training.whole(), summary.test.whole()
    hashes = np.concatenate([training.hashes, test.hashes])
    others = pd.concat([training.others, test.others], ignore_index=True)
    plain = settings.model_copy(update={"group_column": None})
    dataset = Dataset(
        features=pd.concat([training.features, test.features], ignore_index=True),
        churned=np.concatenate([training.churned, test.churned]),
        others=other_columns.read(plain, others, task.contract, task.source.mapping).slices,
        true_probability=None,
        provenance=provenance,
        groups=None if task.group is None else Groups(hashes.astype(np.int64), task.group),
    )
    rows = np.arange(len(hashes))
    first, later = rows[: len(training.hashes)], rows[len(training.hashes) :]
    held_out = [np.flatnonzero(hash_split.held_out(settings.seed, fold).of(training.hashes)) for fold in range(FOLDS)]
    folds = [(~np.isin(first, held), held) for held in held_out]
    for name, part in (("the training set", first), ("the test set", later), *(("a fold", held) for held in held_out)):
        _require_classes(name, dataset.churned[part], settings)
    return dataset, Split(first, later, splitting.judged(folds), "")


def told(summary: Summary, split: Split, settings: FitSettings, *, group: str | None, edges: int) -> str:
    """Say how the rows were split, and which of them were used for what."""
    (trained, tested), sampled, judged = summary.rows.sum(axis=1).tolist(), len(split.training), len(split.test)
    by, together = ("row", "equal rows") if group is None else ("customer", f"rows of one customer, as {group} tells,")
    kept = f"all {tested:,}" if judged == tested else f"{judged:,} of {tested:,}"
    drawn = "" if judged == tested else ", drawn by hash"
    used = "all training rows" if sampled == trained else f"{sampled:,} training rows, drawn by hash"
    counted = "" if sampled == trained else _COUNTED
    return (
        f"{hash_split.BY_HASH} {by}, and the folds by its hash with seed {settings.seed}: {trained:,} rows to train on "
        f"and {tested:,} to test on; {together} stay together. The figures of the test set are of {kept} test "
        f"rows{drawn}. The served trees learned from all training rows, with at most {edges} thresholds of a column. "
        f"{counted}Other algorithms, other seeds and the parameter search learned from {used}, and the reference is "
        "drawn from them. The content digest is a sum over rows, so it does not depend on their order"
    )


def _require_classes(part: str, churned: Labels, settings: FitSettings) -> None:
    stayed, left = np.bincount(churned, minlength=2).tolist()
    if min(stayed, left) < MINIMUM_PER_CLASS:
        options = {"--edges": settings.edges is not None, "--cluster": bool(settings.cluster)}
        options["--partition-column"] = bool(settings.partition_column)
        asked = [name for name, is_given in options.items() if is_given]  # else the table is too large for a whole fit
        otherwise = f"omit {' and '.join(asked)}" if asked else "name a --group-column with more different values"
        needed, remedy = MINIMUM_PER_CLASS, f"Bring more rows, or {otherwise}."
        raise HashSplitImpossible(part=part, churned=left, stayed=stayed, needed_per_class=needed, remedy=remedy)
