"""The model card's section that compares the model with other algorithms and with fits on other seeds."""

from models.bundles.manifest import Description
from training.card import table_rows
from training.card.table_rows import paragraph, table
from training.data import splitting
from training.learning import evaluation, presets
from training.learning.model import LINEAR_TREES, SERVED

_LINEAR = (
    "Its trees are a logistic regression, one for each column of the matrix, because that predicted better on these "
    "folds. "
)
_MORE = "Further trees learned from the outcomes what the regression leaves. "


def overtaken_by(description: Description) -> str | None:
    """Return the name of the algorithm with the highest mean ROC-AUC on the folds; None if it is the served one."""
    mean = {name: spreads["roc_auc"].mean for name, spreads in description.cross_validation.items()}
    best = max(mean, key=lambda name: mean[name], default=SERVED)
    return None if mean.get(best) == mean.get(SERVED) else best


def write(description: Description) -> list[str]:
    """Write the section."""
    spread = description.seeds["roc_auc"]
    training_rows = description.data.rows - sum(description.confusion.model_dump().values())
    return [
        "## Comparison with other models",
        "",
        *paragraph(
            "Cross-validation on five folds of the training set, the same for all models: means with standard",
            f"deviations, and the 95 % interval of the mean ROC-AUC. {_chosen(description)}",
            *_fewer(training_rows),
        ),
        "",
        *table(("model", "ROC-AUC", "95 % interval", "PR-AUC", "log loss"), table_rows.comparison(description)),
        *_ahead(description),
        "",
        *paragraph(
            f"Ten more fits with other seeds and random splits, on {_some(evaluation.COMPARED_ROWS, training_rows)}:",
            f"ROC-AUC {spread.mean:.4f} ± {spread.deviation:.4f}. The fits share rows, so all intervals are too",
            "narrow.",
        ),
    ]


def _some(rows: int, of_rows: int) -> str:
    return f"{rows:,} of the same rows" if of_rows > rows else "the same rows"


def _fewer(training_rows: int) -> list[str]:
    rows = evaluation.COMPARED_ROWS
    if training_rows * (1 - 1 / splitting.FOLDS) <= rows:
        return []
    return [f"The other models are trained on only {rows:,} rows of each fold. All are evaluated on the same rows."]


def _chosen(description: Description) -> str:
    """Say how the parameters were chosen."""
    learned = _LINEAR if description.parameters.get(LINEAR_TREES) else ""
    if tuning := description.tuning:
        return (
            f"The parameters are the best of {tuning.trials:,} trials on these folds ({tuning.pruned:,} were pruned), "
            f"so the figures of this model are slightly optimistic. {learned and learned + _MORE}The test set took no "
            "part."
        )
    name = presets.name_of(description.parameters)
    if name is None:
        return "The parameters are none of this version's presets."
    if name == presets.USUAL:
        return "The parameters are the usual ones; no other preset was better on these folds by more than chance."
    trees = description.parameters["n_estimators"]
    return (
        f"The parameters are those of the preset {name}, with {trees:g} trees: on these folds it was better than the "
        f"usual ones by more than chance. {learned}It was chosen among {len(presets.names())} presets on the same "
        "folds, so the figures of this model are slightly optimistic. The test set took no part."
    )


def _ahead(description: Description) -> list[str]:
    """Say which other models rank better, and whether that may be chance."""
    ahead = overtaken_by(description)
    if description.surely_ahead:
        found = (
            f"**{name} ranks the customers of these folds surely better than this model:** its ROC-AUC is higher by "
            f"{by.value:.3f} ({by.low:.3f} to {by.high:.3f})."
            for name, by in description.surely_ahead.items()
        )
        return ["", *paragraph(*found, "Search for better parameters with `--trials` before you serve this model.")]
    return ["", f"On these folds, {ahead} has a higher ROC-AUC than this model. It may be chance."] if ahead else []
