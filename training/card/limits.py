"""The model card's section about limits: what the model cannot predict, who is harmed by errors, what is monitored."""

from models.bundles.manifest import Description
from models.bundles.quality import Figures
from models.bundles.segments import Segment
from training.card.table_rows import bullet, escape


def write(description: Description) -> list[str]:
    """Write the section."""
    counts = description.confusion
    missed, churned = counts.false_negatives, counts.false_negatives + counts.true_positives
    bothered, stayed = counts.false_positives, counts.false_positives + counts.true_negatives
    items = (
        ["The model fits the customers of its data. Train it again for another market, price list or year."],
        ["It predicts who churns, not who would stay because of an offer."],
        [
            f"A churner who is not selected gets no offer: {missed:,} of {churned:,} churners of the test set.",
            *_most_missed(description),
        ],
        [
            f"A stayer who is selected is contacted without need: {bothered:,} of {stayed:,} stayers of the test set.",
            "If offers are better prices, customers who are not selected pay more: do not select by attributes that",
            "the law protects.",
        ],
        *_weakest(description),
        *_misjudged(description),
        [
            "When customers change, the figures above no longer hold. `python -m monitoring drift` reports drift",
            "within its window. `python -m monitoring performance` reports a fall in quality when outcomes are known,",
            "also for groups of each feature. Neither detects a change in a group that is too small to evaluate, or in",
            "a group by a column that is not a feature.",
        ],
    )
    return ["## Limits, and who is harmed by errors", "", *(line for sentences in items for line in bullet(*sentences))]


def _measured(description: Description) -> list[tuple[str, Segment, Figures]]:
    return [(escape(segment.name), segment, segment.figures) for segment in description.slices if segment.figures]


def _most_missed(description: Description) -> list[str]:
    if not (measured := _measured(description)):
        return []
    name, _, figures = min(measured, key=lambda found: found[2]["recall"].value)
    return [f"The lowest recall is that of {name}: {figures['recall']}."]


def _weakest(description: Description) -> list[list[str]]:
    if not (measured := _measured(description)):
        return []
    name, segment, figures = min(measured, key=lambda found: found[2]["roc_auc"].value)
    return [[f"The lowest ROC-AUC is that of {name}: {figures['roc_auc']} over {segment.rows:,} customers."]]


def _misjudged(description: Description) -> list[list[str]]:
    gaps = [(name, figures["calibration_gap"]) for name, _, figures in _measured(description)]
    off = [f"{name} ({gap.value:+.3f})" for name, gap in gaps if not gap.low <= 0 <= gap.high]
    return [[f"The churn rate differs from the prediction by more than chance for {', '.join(off)}."]] if off else []
