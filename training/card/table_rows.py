"""The rows of the card's tables, as texts."""

import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping

from models.bundles import recalibration
from models.bundles.format.provenance import Provenance
from models.bundles.manifest import CostSummary, Description
from models.bundles.risk import RiskPolicy

NAMES = {
    "roc_auc": "ROC-AUC",
    "pr_auc": "PR-AUC",
    "f1": "F1",
    "precision": "precision",
    "recall": "recall",
    "accuracy": "accuracy",
    "brier": "Brier score",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
}
"""Display names of the metrics, in the order of every table."""
Row = tuple[str, ...]


def paragraph(*sentences: str) -> list[str]:
    """Join sentences, and wrap the lines."""
    return textwrap.wrap(" ".join(sentences), 120, break_long_words=False, break_on_hyphens=False)


def bullet(*sentences: str) -> list[str]:
    """Join sentences as an item of a list, and wrap the lines."""
    return textwrap.wrap("- " + " ".join(sentences), 120, subsequent_indent="  ", break_on_hyphens=False)


def escape(text: str) -> str:
    """Escape the Markdown characters in a text from the data."""
    return re.sub(r"([\\`*\[\]<>&|!])", r"\\\1", text)


def inline_code(text: str) -> str:
    """Format a text from the data as code."""
    return f"`{text.replace('`', chr(39))}`"


def noun(data: Provenance) -> str:
    """Return what a row is: a customer, unless several rows are known to be of one."""
    return "customers" if data.customers is None else "rows"


def of_rows(data: Provenance) -> str:
    """Say how many rows there are, and of how many customers.

    >>> of_rows(Provenance(source="a.csv", query=None, rows=4_800, rejected_rows=0, sha256="", customers=480))
    '4,800 rows of 480 customers'
    """
    return f"{data.rows:,} {noun(data)}" + ("" if data.customers is None else f" of {data.customers:,} customers")


def table(head: Row, rows: Iterable[Row]) -> list[str]:
    """Format a table, one line per row."""
    shown = (map(escape, row) for row in rows)
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *shown)]


def features(description: Description) -> Iterator[Row]:
    """Yield each feature with its kind, unit and allowed values."""
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    for feature in description.features:
        bounds = [f"{signs[limit]} {value:,}" for limit, value in feature["limits"].items()]
        labels = feature.get("labels") or feature["categories"]
        named = (
            str(value) if str(value) == label else f"{value} {label}"
            for value, label in zip(feature["categories"], labels, strict=True)
        )
        allowed = ", ".join([*bounds, *named])
        if feature["kind"] == "open_category":
            allowed = _learned(description.levels[feature["name"]], feature["most_levels"], feature["unseen"])
        kind = feature["kind"].replace("_", " ")
        yield feature["name"], kind, feature["unit"] or "", allowed + (" or null" * feature["nullable"])


def _learned(levels: Mapping[str, int], most: int, unseen: str) -> str:
    """Say how many levels were learned, how many customers have a rare one, and what becomes of others."""
    rows = sum(levels.values())
    rare = sum(sorted(levels.values(), reverse=True)[most:])
    kept = f"{min(most, len(levels)):,} levels of their own"
    if rare:
        kept += f", and {len(levels) - most:,} rare ones together ({rare / rows:.1%} of the training rows)"
    return f"any text: {kept}; others are unknown" if unseen == "unknown" else f"{kept}; others are refused"


def names(description: Description) -> dict[str, str]:
    """Return the display names of a model's metrics; one from before calibration was a line has no such figures."""
    left_out = () if description.has_recalibration else recalibration.FIGURES
    return {key: name for key, name in NAMES.items() if key not in left_out}


def metrics(description: Description) -> Iterator[Row]:
    """Yield each metric with its interval."""
    for key, name in names(description).items():
        interval = description.intervals[key]
        yield name, f"{description.metrics[key]:.4f}", f"{interval.low:.4f}", f"{interval.high:.4f}"


def confusion(description: Description) -> Iterator[Row]:
    """Yield the confusion matrix, one row per outcome."""
    counts = description.confusion
    yield "stayed", f"{counts.true_negatives:,}", f"{counts.false_positives:,}"
    yield "churned", f"{counts.false_negatives:,}", f"{counts.true_positives:,}"


def methods(description: Description) -> Iterator[Row]:
    """Yield the log loss of each calibration method; the chosen one is marked."""
    for method, loss in description.calibrated.log_loss.items():
        chosen = " (chosen)" if method == description.calibration.method else ""
        yield f"{method}{chosen}", f"{loss:.5f}"


def calibration(description: Description) -> Iterator[Row]:
    """Yield the metrics before and after calibration."""
    figures = {"brier", "log_loss", *recalibration.FIGURES}
    for key in (one for one in names(description) if one in figures):
        yield NAMES[key], f"{description.calibrated.before[key]:.4f}", f"{description.metrics[key]:.4f}"


def bounds(policy: RiskPolicy, priced: CostSummary, exact_medium: float, exact_high: float) -> Iterator[Row]:
    """Yield the lower bounds of the tiers, with their intervals."""
    chosen = {"medium": (policy.medium_from, exact_medium), "high": (policy.high_from, exact_high)}
    for (tier, (bound, exact)), interval in zip(chosen.items(), priced.bounds.values(), strict=True):
        yield tier, f"{bound:.3f}", f"{interval.low:.3f}", f"{interval.high:.3f}", f"{exact:.3f}"


def costs(priced: CostSummary) -> Iterator[Row]:
    """Yield the cost of each policy, the cheapest first, and how much more it costs than this model."""
    for name, cost in sorted(priced.cost.items(), key=lambda item: item[1].value):
        more = priced.saved.get(name)
        shown = f"{more.value:,.2f} ({more.low:,.2f} to {more.high:,.2f})" if more else ""
        yield name, f"{cost.value:,.2f}", shown


def slices(description: Description) -> Iterator[Row]:
    """Yield the figures of each group that is large enough."""
    for segment in description.slices:
        if segment.figures:
            shown = (str(segment.figures[metric]) for metric in ("roc_auc", "calibration_gap", "recall"))
            selected = f"{segment.figures['selection_rate'].value:.0%}"
            yield segment.name, f"{segment.rows:,}", f"{segment.churned / segment.rows:.0%}", selected, *shown


def differences(description: Description) -> Iterator[Row]:
    """Yield the largest differences between the groups of each column."""
    for column, rates in description.differences.items():
        yield column, *(f"{rate:.2f}" for rate in rates.values())


def importance(description: Description) -> Iterator[Row]:
    """Yield the importances of each feature, the most important first."""
    for name, one in sorted(description.importance.items(), key=lambda item: -item[1].permutation):
        yield name, f"{one.permutation:.4f}", f"{one.gain:.0%}"


def comparison(description: Description) -> Iterator[Row]:
    """Yield the metrics of each algorithm on the folds."""
    for name, spreads in description.cross_validation.items():
        roc_auc, *others = (spreads[metric] for metric in ("roc_auc", "pr_auc", "log_loss"))
        shown = [f"{spread.mean:.4f} ± {spread.deviation:.4f}" for spread in (roc_auc, *others)]
        yield name, shown[0], f"{roc_auc.low:.4f} to {roc_auc.high:.4f}", *shown[1:]
