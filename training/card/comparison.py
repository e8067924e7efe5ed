"""The part of the card that compares: how other algorithms, and other seeds, did on the same customers."""

from models.bundles.manifest import Description
from training.card import table_rows
from training.card.table_rows import paragraph, table
from training.data import splitting
from training.learning import evaluation
from training.learning.model import SERVED


def overtaken_by(description: Description) -> str | None:
    """Name the model that did better on the folds, if one did."""
    mean = {name: spreads["roc_auc"].mean for name, spreads in description.cross_validation.items()}
    best = max(mean, key=lambda name: mean[name], default=SERVED)
    return None if mean.get(best) == mean.get(SERVED) else best


def write(description: Description) -> list[str]:
    """Write the section."""
    ahead, tuning, spread = overtaken_by(description), description.tuning, description.seeds["roc_auc"]
    learned = description.data.rows - sum(description.confusion.model_dump().values())
    searched = (
        f"Parameters are the best of {tuning.trials:,} trials on these folds, {tuning.pruned:,} of them cut short, so "
        "its own figures flatter it a little."
        if tuning
        else "Its parameters are the usual ones, not searched for."
    )
    return [
        "## Against other models",
        "",
        *paragraph(
            "Five folds of the training customers, the same for all: means with standard deviations, and the 95 %",
            f"interval of the mean ROC-AUC. {searched}",
            *_fewer(learned),
        ),
        "",
        *table(("model", "ROC-AUC", "interval", "PR-AUC", "log loss"), table_rows.comparison(description)),
        *(["", f"On these folds {ahead} is ahead of this model."] if ahead else []),
        "",
        *paragraph(
            f"Split at random and fitted anew with ten other seeds, on {_some(evaluation.COMPARED_ROWS, learned)}:",
            f"ROC-AUC {spread.mean:.4f} ± {spread.deviation:.4f}. Fits share rows, so the intervals are too narrow.",
        ),
    ]


def _some(rows: int, of_rows: int) -> str:
    return f"{rows:,} of the same rows" if of_rows > rows else "the same rows"


def _fewer(learned: int) -> list[str]:
    rows = evaluation.COMPARED_ROWS
    if learned * (1 - 1 / splitting.FOLDS) <= rows:
        return []
    return [f"The others learn from {rows:,} rows of each fold only; all are judged on the same rows."]
