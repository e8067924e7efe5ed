"""What a record says, as the rows and sentences of the page. Any fact of a record may be missing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from monitoring.quality.performance_result import display_name
from monitoring.review_page.lines import Line, Point, figure
from monitoring.runs.recorded_runs import RecordedRun

PREDICTIONS = "churn_probability"
"""The column of predictions in a drift record."""


@dataclass(frozen=True)
class Column:
    """A compared column of a drift run."""

    name: str
    importance: float | None
    """Share of the model, 0 to 1; None for the predictions."""
    method: str
    distance: str
    limit: str
    drifted: bool
    line: Line


@dataclass(frozen=True)
class Measured:
    """A figure with its 95 % interval."""

    value: str
    interval: str


@dataclass(frozen=True)
class Figure:
    """A figure of a performance run beside what the test set promised."""

    name: str
    live: Measured | None
    promised: Measured | None
    expected: Measured | None
    worse_by: str
    limit: str
    broken: bool | None
    """None if the figure is not checked."""


def columns(run: RecordedRun, history: Sequence[RecordedRun]) -> list[Column]:
    """Return the columns of a drift run, drifted ones first; `history` has the runs of its job, oldest first."""
    measured = _by_name(history)
    found = [_column(one, measured) for one in run.facts.get("columns", ())]
    return sorted(found, key=lambda one: (not one.drifted, -1 if one.importance is None else -one.importance))


def _by_name(history: Sequence[RecordedRun]) -> list[dict[str, Mapping[str, Any]]]:
    """Return the columns of each run by their name."""
    return [{one["name"]: one for one in run.facts.get("columns", ())} for run in history]


def _column_line(name: str, measured: Sequence[Mapping[str, Mapping[str, Any]]]) -> Line:
    """Return the distance of a column over the runs, in units of its limit."""
    ratios = [run.get(name, {}).get("ratio") for run in measured]
    points = [Point(ratio, 1.0 if name in run else None) for ratio, run in zip(ratios, measured, strict=True)]
    return Line(f"{name}, distance in limits", points, from_zero=True)


def figures(run: RecordedRun) -> list[Figure]:
    """Return the figures of a performance run, checked ones first; a drift run has none."""
    if run.job != "performance":
        return []
    sides = [run.facts.get(side) or {} for side in ("live", "reference", "expected")]
    if not sides[2]:
        sides[2] = run.facts.get("estimated") or {}
    checks = {check["metric"]: check for check in run.facts.get("checks", ())}
    names = dict.fromkeys([*checks, *(name for side in sides for name in side)])
    return [_figure(name, [side.get(name) for side in sides], checks.get(name)) for name in names]


def facts(run: RecordedRun) -> Iterator[tuple[str, str]]:
    """Return further facts of a run, label and value."""
    record = run.facts
    yield "Period", period(run)
    yield "Model", str(record.get("model_version") or "no model could be read")
    for label, name in (
        ("Rows in it", "window_rows"),
        ("Rows compared", "judged_rows"),
        ("With an outcome", "outcomes_rows"),
    ):
        if name in record:
            yield label, f"{record[name]:,}"
    if "drift_share" in record:
        limit = record.get("min_drift_share")
        yield "Drifted share of the model", f"{record['drift_share']:.0%}" + (f", limit {limit:.0%}" if limit else "")


def remarks(run: RecordedRun) -> list[str]:
    """Return what else the run has to say, a sentence each."""
    record = run.facts
    reason = str(record.get("reason") or "")
    said = [reason] if reason and reason not in run.summary else []
    if proposal := (record.get("recalibration") or {}).get("remark"):
        said.append(str(proposal))
    if advice := record.get("costs_advice"):
        said.append(str(advice))
    said += map(str, record.get("remarks", ()))
    if other := record.get("other_models_rows"):
        said.append(f"left out: {other:,} predictions of other models")
    if both := record.get("contradicted_rows"):
        said.append(f"left out: {both:,} predictions for which reporters gave both outcomes")
    return said


def period(run: RecordedRun) -> str:
    """Return the time that a run looked at, or the file or folder."""
    if run.facts.get("live") and run.job == "drift":
        return f"the rows of {run.facts['live']}"
    start, end = run.facts.get("from"), run.facts.get("to")
    if not (start and end):
        return "not known"
    begin, last = when(start), when(end)
    same_day = begin.rpartition(",")[0] == last.rpartition(",")[0]
    return f"{begin.removesuffix(' UTC')} to {last.rpartition(', ')[2] if same_day else last}"


def when(time: str) -> str:
    """Write an ISO 8601 time for people: 1 Mar 2026, 12:00 UTC."""
    at = datetime.fromisoformat(time).astimezone(UTC)
    return f"{at.day} {at:%b %Y, %H:%M} UTC"


def lines(history: Sequence[RecordedRun]) -> list[Line]:
    """Return the main figures over the runs, oldest first; those that no run measured are left out."""
    drift = [run for run in history if run.job == "drift"]
    quality = [run for run in history if run.job == "performance"]
    share = [Point(run.facts.get("drift_share"), run.facts.get("min_drift_share")) for run in drift]
    predictions = _column_line(PREDICTIONS, _by_name(drift))
    found = [
        Line("Share of the model that drifted", share, from_zero=True),
        Line("Distance of the predictions, in limits", predictions.points, from_zero=True),
        *(_quality_line(name, quality) for name in ("roc_auc", "calibration_error", "brier", "cost")),
    ]
    return [line for line in found if line.values]


def _quality_line(metric: str, history: Sequence[RecordedRun]) -> Line:
    def value(run: RecordedRun, side: str) -> float | None:
        found = ((run.facts.get(side) or {}).get(metric) or {}).get("value")
        return None if found is None else float(found)

    points = [Point(value(run, "live"), value(run, "reference")) for run in history]
    title = display_name(metric)
    return Line(title[0].upper() + title[1:], points, limit_name="promised")


def _column(one: Mapping[str, Any], measured: Sequence[Mapping[str, Mapping[str, Any]]]) -> Column:
    return Column(
        name=one["name"],
        importance=one.get("importance"),
        method=one.get("method", ""),
        distance=f"{one['distance']:z.3f}",
        limit=f"{one['limit']:z.3f}",
        drifted=bool(one.get("drifted")),
        line=_column_line(one["name"], measured),
    )


def _figure(name: str, sides: Sequence[Mapping[str, float] | None], check: Mapping[str, Any] | None) -> Figure:
    live, promised, expected = (_measured(side) for side in sides)
    title = display_name(name)
    return Figure(
        name=title[0].upper() + title[1:],
        live=live,
        promised=promised,
        expected=expected,
        worse_by=figure(check["worse_by"]) if check else "",
        limit=figure(check["limit"]) if check else "",
        broken=bool(check["broken"]) if check else None,
    )


def _measured(side: Mapping[str, float] | None) -> Measured | None:
    if not side:
        return None
    low, high = side.get("low"), side.get("high")
    interval = "" if low is None or high is None else f"{figure(low)} to {figure(high)}"
    return Measured(figure(side["value"]), interval)
