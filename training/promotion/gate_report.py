"""Formats the result of the gate: for a terminal, for a pull request, and in one line for the history."""

from collections.abc import Mapping

from training.card import table_rows
from training.promotion import paired_comparison
from training.promotion.gate_result import Check, Decision, GateResult

_EXPLAINED = (
    "Differences are paired: both models predict the same customers, and 1,000 bootstrap resamples give the 95 % "
    "intervals. Above zero, the challenger is better. *Significantly* means that, if the models were equal, at most "
    "5 % of comparisons would show such a difference in one of the three metrics."
)
_RESULTS: Mapping[Decision, str] = {
    "promoted": "is promoted",
    "refused": "is refused, the champion stays",
    "cannot tell": "may be better or worse, the gate cannot tell, and the champion stays",
}
_HEAD = ("check", "champion", "challenger", "better by", "allowed", "result")


def text(verdict: GateResult) -> str:
    """Format the result for a terminal: a table, and why the challenger is not promoted."""
    rows = [_HEAD, *map(_row, verdict.checks)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    reasons = [f"because {reason}" for reason in verdict.reasons]
    return "\n".join([_sentence(verdict), *_notes(verdict), *table, *reasons])


def markdown(verdict: GateResult) -> str:
    """Format the result as Markdown for a pull request."""
    reasons = [f"- {table_rows.escape(reason)}" for reason in verdict.reasons]
    table = table_rows.table(_HEAD, map(_row, verdict.checks))
    parts = [
        f"## {table_rows.escape(_sentence(verdict))}",
        *(line for note in _notes(verdict) for line in (table_rows.escape(note), "")),
        *([*reasons, ""] if reasons else []),
        *table,
        "",
        _EXPLAINED,
    ]
    return "\n".join([parts[0], "", *parts[1:], ""])


def summary(verdict: GateResult) -> str:
    """Summarize the result in one line."""
    gains = [f"{metric} better by {paired_comparison.signed(gain.better_by)}" for metric, gain in verdict.gains.items()]
    note = f" ({verdict.note})" if verdict.note else ""
    return f"gate against {verdict.champion}: {'; '.join(gains)}{note}"


def _notes(verdict: GateResult) -> list[str]:
    return [f"not compared with the champion: {verdict.note}"] if verdict.note else []


def _sentence(verdict: GateResult) -> str:
    result = _RESULTS[verdict.decision]
    rows = f" on {verdict.rows:,} customers that neither was trained on" if verdict.rows else ""
    return f"{verdict.challenger} {result}: compared with {verdict.champion}{rows}"


def _row(check: Check) -> tuple[str, ...]:
    result = "ok" if check.passed else "cannot tell" if check.unclear else "FAILED"
    return check.name, check.champion, check.challenger, check.better_by, check.allowed, result
