"""The part of the card that warns: what the model does not know, whom its errors harm, and what watches for them."""

from models.bundles.manifest import Description
from models.bundles.quality import Figures
from models.bundles.segments import Segment
from training.card.table_rows import bullet, plain


def write(description: Description) -> list[str]:
    """Write the section."""
    counts = description.confusion
    missed, churned = counts.false_negatives, counts.false_negatives + counts.true_positives
    bothered, stayed = counts.false_positives, counts.false_positives + counts.true_negatives
    told = (
        ["It knows the customers of its data; another market, price list or year needs its own training."],
        ["It predicts who leaves, not whom an offer would keep."],
        [
            f"A customer who leaves unnoticed gets no offer: {missed:,} of {churned:,} churners of the test set.",
            *_most_missed(description),
        ],
        [
            f"A customer who would have stayed is bothered: {bothered:,} of {stayed:,} stayers of the test set. Where",
            "offers are better prices, those who are not selected pay more: do not select by what the law protects.",
        ],
        *_weakest(description),
        *_misjudged(description),
        [
            "When customers change, the figures above stop holding: `python -m monitoring drift` says so within its",
            "window, and `python -m monitoring performance` when outcomes show it, also by group of each feature.",
            "Neither sees a group that is too small to judge, nor one by a column that is no feature.",
        ],
    )
    return ["## Limits, and whom an error harms", "", *(line for sentences in told for line in bullet(*sentences))]


def _measured(description: Description) -> list[tuple[str, Segment, Figures]]:
    return [(plain(segment.name), segment, segment.figures) for segment in description.slices if segment.figures]


def _most_missed(description: Description) -> list[str]:
    if not (measured := _measured(description)):
        return []
    name, _, figures = min(measured, key=lambda found: found[2]["recall"].value)
    return [f"Most are missed among {name}: recall {figures['recall']}."]


def _weakest(description: Description) -> list[list[str]]:
    if not (measured := _measured(description)):
        return []
    name, segment, figures = min(measured, key=lambda found: found[2]["roc_auc"].value)
    return [[f"It ranks worst among {name}: ROC-AUC {figures['roc_auc']} over {segment.rows:,} customers."]]


def _misjudged(description: Description) -> list[list[str]]:
    gaps = [(name, figures["calibration_gap"]) for name, _, figures in _measured(description)]
    off = [f"{name} ({gap.value:+.3f})" for name, gap in gaps if not gap.low <= 0 <= gap.high]
    return [[f"More or fewer left than it said, by more than chance, among {', '.join(off)}."]] if off else []
