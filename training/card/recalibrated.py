"""The model card's paragraphs about a map that was learned anew."""

from models.bundles.calibration import Recalibrated
from models.bundles.manifest import Description
from training.card import table_rows
from training.card.table_rows import inline_code, paragraph, table


def line_in_words(how: Recalibrated) -> str:
    """Say how the new log-odds come from the earlier ones.

    >>> line_in_words(Recalibrated(version="20260301-1a2b3c4d", trained_on="a.csv", trained_rows=9, outcomes=9,
    ...                            first_made_at=None, last_made_at=None, slope=1, intercept=0.62))
    'log-odds + 0.620'
    """
    factor = "" if how.slope == 1 else f"{how.slope:.3f} * "
    return f"{factor}log-odds {'-' if how.intercept < 0 else '+'} {abs(how.intercept):.3f}"


def origin(how: Recalibrated | None) -> list[str]:
    """Say whose trees these are; empty for a model whose map was fitted with its trees."""
    if how is None:
        return []
    between = f" between {how.first_made_at:%Y-%m-%d} and {how.last_made_at:%Y-%m-%d}" if how.first_made_at else ""
    return [
        *paragraph(
            f"Recalibrated from {inline_code(how.version)} on {how.outcomes:,} outcomes{between}. The trees are those",
            f"of that model, trained on {how.trained_rows:,} rows of {inline_code(how.trained_on)}; only the map from",
            "their probabilities to the served ones is new. Parameters, comparison of algorithms and other seeds are",
            "of the training of the trees. All other figures are of rows that neither trees nor map were learned from.",
        ),
        "",
    ]


def calibration(description: Description, how: Recalibrated) -> list[str]:
    """Write the section about calibration of a recalibrated model."""
    return [
        "## Calibration",
        "",
        *paragraph(
            "Of 100 customers with a predicted probability of 0.3, about 30 should churn. The outcomes showed that",
            f"they did not, so the map was learned anew. The new log-odds are {line_in_words(how)}, of the log-odds of",
            "the earlier model. A slope is learned only if the outcomes surely ask for one.",
        ),
        "",
        *table(("on the rows that judge the map", "before", "after"), table_rows.calibration(description)),
        "",
        "![Calibration](figures/calibration.png)",
    ]
