"""The part of the card that warns: what the model does not know, whom its errors harm, and what watches for them."""

from models.manifest import Description
from training.card_tables import bullet, plain


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
            "Groups that are missed more are in the table above; `python -m monitoring performance` follows them.",
        ],
        [
            f"A customer who would have stayed is bothered: {bothered:,} of {stayed:,} stayers of the test set. Where",
            "offers are better prices, those who are not selected pay more: do not select by what the law protects.",
        ],
        *_weakest(description),
        [
            "When customers change, the figures above stop holding: `python -m monitoring drift` says so within its",
            "window, and `python -m monitoring performance` when outcomes show it. Neither sees what happens to a",
            "group that is too small to judge.",
        ],
    )
    return ["## Limits, and whom an error harms", "", *(line for sentences in told for line in bullet(*sentences))]


def _weakest(description: Description) -> list[list[str]]:
    measured = [(segment.figures["roc_auc"], segment) for segment in description.slices if segment.figures]
    if not measured:
        return []
    roc_auc, segment = min(measured, key=lambda pair: pair[0].value)
    return [[f"It ranks worst among {plain(segment.name)}: ROC-AUC {roc_auc} over {segment.rows:,} customers."]]
