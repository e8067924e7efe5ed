"""The rows of the card's tables, as texts."""

import re
import textwrap
from collections.abc import Iterable, Iterator

from models.bundles.manifest import Description, Priced
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
}
"""Metrics by name, as people write them, in the order of every table."""
Row = tuple[str, ...]


def paragraph(*sentences: str) -> list[str]:
    """Write sentences, wrapped."""
    return textwrap.wrap(" ".join(sentences), 120, break_long_words=False, break_on_hyphens=False)


def bullet(*sentences: str) -> list[str]:
    """Write sentences as an item of a list, wrapped."""
    return textwrap.wrap("- " + " ".join(sentences), 120, subsequent_indent="  ", break_on_hyphens=False)


def plain(text: str) -> str:
    """Write what comes from data so that no sign in it means anything."""
    return re.sub(r"([\\`*\[\]<>&|!])", r"\\\1", text)


def code(text: str) -> str:
    """Write what comes from data as code."""
    return f"`{text.replace('`', chr(39))}`"


def table(head: Row, rows: Iterable[Row]) -> list[str]:
    """Write a table, a line each."""
    shown = (map(plain, row) for row in rows)
    return [f"| {' | '.join(cells)} |" for cells in (head, ("---",) * len(head), *shown)]


def features(description: Description) -> Iterator[Row]:
    """Tell what a customer is."""
    signs = {"ge": "≥", "gt": ">", "le": "≤", "lt": "<"}
    for feature in description.features:
        bounds = [f"{signs[limit]} {value:,}" for limit, value in feature["limits"].items()]
        labels = feature.get("labels") or feature["categories"]
        named = (
            str(value) if str(value) == label else f"{value} {label}"
            for value, label in zip(feature["categories"], labels, strict=True)
        )
        allowed = ", ".join([*bounds, *named])
        yield feature["name"], feature["kind"], feature["unit"] or "", allowed + (" or null" * feature["nullable"])


def metrics(description: Description) -> Iterator[Row]:
    """Tell every metric with its interval."""
    for key, name in NAMES.items():
        interval = description.intervals[key]
        yield name, f"{description.metrics[key]:.4f}", f"{interval.low:.4f}", f"{interval.high:.4f}"


def confusion(description: Description) -> Iterator[Row]:
    """Tell what was decided and what happened."""
    counts = description.confusion
    yield "stayed", f"{counts.true_negatives:,}", f"{counts.false_positives:,}"
    yield "churned", f"{counts.false_negatives:,}", f"{counts.true_positives:,}"


def methods(description: Description) -> Iterator[Row]:
    """Tell how the methods of calibration did, the chosen one marked."""
    for method, loss in description.calibrated.log_loss.items():
        chosen = " (chosen)" if method == description.calibration.method else ""
        yield f"{method}{chosen}", f"{loss:.5f}"


def calibration(description: Description) -> Iterator[Row]:
    """Tell what calibration changed."""
    for key in ("brier", "log_loss", "calibration_error"):
        yield NAMES[key], f"{description.calibrated.before[key]:.4f}", f"{description.metrics[key]:.4f}"


def bounds(policy: RiskPolicy, priced: Priced, exact_medium: float, exact_high: float) -> Iterator[Row]:
    """Tell where the tiers begin."""
    chosen = {"medium": (policy.medium_from, exact_medium), "high": (policy.high_from, exact_high)}
    for (tier, (bound, exact)), interval in zip(chosen.items(), priced.bounds.values(), strict=True):
        yield tier, f"{bound:.3f}", f"{interval.low:.3f}", f"{interval.high:.3f}", f"{exact:.3f}"


def costs(priced: Priced) -> Iterator[Row]:
    """Tell what decisions cost, by who decides, the cheapest first, and how much more than by this model."""
    for name, cost in sorted(priced.cost.items(), key=lambda item: item[1].value):
        more = priced.saved.get(name)
        shown = f"{more.value:,.2f} ({more.low:,.2f} to {more.high:,.2f})" if more else ""
        yield name, f"{cost.value:,.2f}", shown


def slices(description: Description) -> Iterator[Row]:
    """Tell how every group does that is large enough."""
    for segment in description.slices:
        if segment.figures:
            shown = (str(segment.figures[metric]) for metric in ("roc_auc", "calibration_gap", "recall"))
            selected = f"{segment.figures['selection_rate'].value:.0%}"
            yield segment.name, f"{segment.rows:,}", f"{segment.churned / segment.rows:.0%}", selected, *shown


def differences(description: Description) -> Iterator[Row]:
    """Tell the largest differences between the groups of a column."""
    for column, rates in description.differences.items():
        yield column, *(f"{rate:.2f}" for rate in rates.values())


def importance(description: Description) -> Iterator[Row]:
    """Tell what each feature means, the most important first."""
    for name, one in sorted(description.importance.items(), key=lambda item: -item[1].permutation):
        yield name, f"{one.permutation:.4f}", f"{one.gain:.0%}"


def comparison(description: Description) -> Iterator[Row]:
    """Tell how every algorithm did on the folds."""
    for name, spreads in description.cross_validation.items():
        roc_auc, *others = (spreads[metric] for metric in ("roc_auc", "pr_auc", "log_loss"))
        shown = [f"{spread.mean:.4f} ± {spread.deviation:.4f}" for spread in (roc_auc, *others)]
        yield name, shown[0], f"{roc_auc.low:.4f} to {roc_auc.high:.4f}", *shown[1:]
