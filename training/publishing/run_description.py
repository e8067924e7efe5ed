"""Describes the experiment, a run and a version for MLflow's pages, as Markdown."""

from collections.abc import Mapping, Sequence

from models.bundles.manifest import Description, Manifest
from training.card import table_rows
from training.card.comparison import overtaken_by
from training.card.table_rows import inline_code, table
from training.learning import evaluation
from training.learning.model import SERVED

EXPERIMENT = (
    "Fits of the churn model. Metrics without a prefix are of the test set, with the ends of their 95 % intervals as "
    "`_low` and `_high`. `folds/METRIC/ALGORITHM_mean` and `_std` are over the five folds of the training set: compare "
    "algorithms by these. `trial/log_loss` is of a trial of the parameter search; compare it with other trials only. "
    "`gate/METRIC_gain` says by how much a challenger is better than the champion, with the low end of the interval."
)
REGISTERED_MODEL = (
    "Probability that a customer churns. The version with the alias `champion` is served, according to "
    "`models/pinned.json`. The alias `challenger` is at the newest fit until that becomes the champion. The tag `gate` "
    "says what `python -m training promote` decided."
)
_GATE = "## Promotion gate"
_LONGEST = 5_000  # characters that MLflow's database holds of a description


def short(version: str) -> str:
    """Shorten a version to its date and eight digits, which commands accept.

    >>> short("20260301-1a2b3c4d5e6f708192a3b4c5d6e7f809")
    '20260301-1a2b3c4d'
    """
    return version[:17]


def of_version(manifest: Manifest) -> str:
    """Describe a version: its quality first, because MLflow's list shows only the beginning, and its data."""
    interval, test_rows = manifest.intervals["roc_auc"], sum(manifest.confusion.model_dump().values())
    return (
        f"ROC-AUC {manifest.metrics['roc_auc']:.3f} (95 % interval {interval.low:.3f} to {interval.high:.3f}) on "
        f"{test_rows:,} customers of the test set. Model {inline_code(manifest.version)}, made from "
        f"{manifest.data.rows:,} customers of {inline_code(manifest.data.source)}."
    )


def of_run(manifest: Manifest, *, card: str) -> str:
    """Describe a run: its model, the metrics of the test set and the algorithms; `card` is an address."""
    ahead = overtaken_by(manifest)
    sure = ", by more than chance" if ahead in manifest.surely_ahead else ""
    parts = [
        f"[Model card]({card}): {of_version(manifest)}",  # at the beginning, because MLflow folds what is below
        "\n".join(table(("test set", "value", "low", "high"), table_rows.metrics(manifest))),
        "\n".join(table(("five folds", "ROC-AUC", "95 % interval", "PR-AUC", "log loss"), _compared(manifest))),
        *([f"On these folds, {ahead} has a higher ROC-AUC than this model{sure}."] if ahead else []),
        *(f"- {table_rows.escape(warning)}." for warning in manifest.warnings),
    ]
    return "\n\n".join(parts)


def with_gate(description: str, report: str) -> str:
    """Add the gate's report to the description of a version, in place of an earlier report."""
    kept = description.partition(_GATE)[0].rstrip()
    return "\n\n".join([*([kept] if kept else []), _GATE, report.replace("## ", "### ", 1)])[:_LONGEST]


def test_metrics(description: Description) -> dict[str, float]:
    """Return the metrics of the model on the test set, with the ends of their intervals, by their names in MLflow."""
    found = dict(description.metrics)
    for metric, interval in description.intervals.items():
        found |= {f"{metric}_low": interval.low, f"{metric}_high": interval.high}
    return found


def fold_metrics(description: Description) -> dict[str, float]:
    """Return mean and standard deviation over the folds of all algorithms, by their names in MLflow."""
    found: dict[str, float] = {}
    for metric in evaluation.METRICS:
        for algorithm, spreads in description.cross_validation.items():
            prefix, spread = f"folds/{metric}/{algorithm.replace(' ', '_')}", spreads[metric]
            found |= {f"{prefix}_mean": spread.mean, f"{prefix}_std": spread.deviation}
    return found


def fold_rows(folds: Mapping[str, Sequence[Mapping[str, float]]]) -> list[dict[str, str | int | float]]:
    """Return one row of a table for each algorithm and fold, with its metrics."""
    return [
        {"algorithm": name, "fold": number, **result}
        for name, results in folds.items()
        for number, result in enumerate(results, start=1)
    ]


def _compared(description: Description) -> list[table_rows.Row]:
    mark = {SERVED: f"{SERVED} (this model)"}
    return [(mark.get(name, name), *rest) for name, *rest in table_rows.comparison(description)]
