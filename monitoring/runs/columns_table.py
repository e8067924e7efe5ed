"""Evidently's table of columns with the drift job's own figures: importance, distance and limit."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from monitoring.drift.distances import METHODS
from monitoring.drift.drift_result import MOST_NAMED, ColumnDrift, DriftResult

_HEADINGS = {
    "column_name": "Column",
    "importance": "Importance",
    "distance": "Distance",
    "limit": "Limit",
    "ratio": "Distance / limit",
    "verdict": "Verdict",
    "reference_distribution": "Training sample",
    "current_distribution": "Live rows",
}
_ELSEWHERE = "The record and the review page have all."


def title(result: DriftResult) -> str:
    """Return the count of drifted columns, and the share of the importance that decides."""
    columns = f"{len(result.drifted)} of {len(result.scores)} columns drifted"
    return f"{columns}; their features have {result.drift_share:.0%} of the importance"


def rules(result: DriftResult) -> str:
    """Return how the columns make the verdict."""
    return (
        f"A column has drifted if its distance ({METHODS['number']} of numbers, {METHODS['label']} of labels) reaches "
        "its limit. Importance is the share of the model's predictions "
        "that rests on a feature; the column of its missing values counts with it, once. The verdict is drift if "
        f"drifted features have {result.min_drift_share:.0%} of the importance or more, or if the predictions "
        "drifted, which have no importance of their own. They are compared with those for the test customers of the "
        "model, which it did not learn from."
    )


def left_out(result: DriftResult, drawn: Collection[str], empty: Mapping[str, str]) -> list[str]:
    """Say which columns the table leaves out, and why; nothing if it has all.

    `empty` are columns without a value in a drawn table, each with the reason.
    """
    reasons = sorted({*empty.values()})
    said = [_not_drawn(reason, [name for name, why in empty.items() if why == reason]) for reason in reasons]
    hidden = [score for score in result.scores if score.column not in {*drawn, *empty}]
    if not hidden:
        return said
    drifted = sum(score.drifted for score in hidden)
    kind = f"{drifted:,} of them drifted" if drifted else "none of them drifted"
    order = "the predictions, drifted columns, then the most important ones"
    there = f"The table and the plots have {len(drawn)} columns: {order}."
    return [f"{there} {len(hidden):,} are left out; {kind}. {_ELSEWHERE}", *said]


def _not_drawn(reason: str, names: Sequence[str]) -> str:
    more = len(names) - MOST_NAMED
    named = ", ".join(names[:MOST_NAMED]) + (f" and {more:,} more" if more > 0 else "")
    return f"Not in the table and the plots, because {reason}: {named}. {_ELSEWHERE}"


def columns(evidently: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the definitions of our columns, from those of Evidently's table."""
    defined = {column["field"]: column for column in evidently}
    return [{**defined.get(field, {}), "field": field, "title": heading} for field, heading in _HEADINGS.items()]


def rows(evidently: list[dict[str, Any]], result: DriftResult) -> list[dict[str, Any]]:
    """Return the rows of Evidently's table with our figures, the largest distance over limit first."""
    scores = {score.column: score for score in result.scores}
    ordered = sorted(evidently, key=lambda row: -scores[row["column_name"]].ratio)
    return [{**row, **_figures(scores[row["column_name"]])} for row in ordered]


def _figures(score: ColumnDrift) -> Mapping[str, str]:
    return {
        "importance": "" if score.importance is None else f"{score.importance:.1%}",
        "distance": f"{score.distance:.3f}",
        "limit": f"{score.limit:.3f}",
        "ratio": f"{score.ratio:.2f}",
        "verdict": "drifted" if score.drifted else "not drifted",
    }
