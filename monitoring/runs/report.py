"""The report of a run as an Evidently page: our result above, Evidently's presets below.

The presets measure with the distance functions of the drift job, so page and verdict agree.
"""

import html
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from models.bundles.segments import METRICS, Segment
from monitoring.drift import distances
from monitoring.drift.column_pair import Kind
from monitoring.drift.comparison import Comparison
from monitoring.drift.drift_result import MOST_DRAWN, DriftResult
from monitoring.quality.performance_result import PerformanceResult, display_name
from monitoring.runs import columns_table, heading, offer_plot, run_store, trend, web_files
from monitoring.runs.heading import Heading
from monitoring.runs.trend import Trend

with warnings.catch_warnings(action="ignore"):  # evidently 0.7 uses deprecated names of NumPy and Litestar
    import plotly.io
    from evidently import BinaryClassification, DataDefinition, Dataset, Report
    from evidently.core.container import MetricContainer
    from evidently.core.metric_types import SingleValue, SingleValueCalculation, SingleValueMetric, render_widgets
    from evidently.core.report import Context, Snapshot
    from evidently.legacy.calculations.stattests import StatTest, register_stattest
    from evidently.legacy.core import ColumnType
    from evidently.legacy.model.widget import BaseWidgetInfo
    from evidently.legacy.renderers.html_widgets import group_widget, plotly_data, table_data, text_widget
    from evidently.presets import DataDriftPreset, DataSummaryPreset
    from evidently.presets.classification import ClassificationQuality

_OUTCOME = BinaryClassification(target="outcome", prediction_probas="probability", pos_label="churned")
_DECISION = "decision"
"""The id of the widget with the decision."""
_COLUMN_TYPES: dict[Kind, ColumnType] = {"number": ColumnType.Numerical, "label": ColumnType.Categorical}


@dataclass(frozen=True)
class RenderedReport:
    """The finished report of a run."""

    snapshot: Snapshot
    title: str
    cost: str | None = None
    """What the cost of decisions is made of, for the dashboard; None if the run measured none."""

    @property
    def figures(self) -> list[str]:
        """The ids of the results that the dashboard's panels show."""
        results = self.snapshot.metric_results.items()
        return [id_ for id_, one in results if one.metric_value_location.metric.params["type"].endswith(":JobFigure")]

    def save(self, page: Path) -> None:
        """Write the page as one self-contained file of 4 MB, most of it the plotting library."""
        page.parent.mkdir(parents=True, exist_ok=True)
        write_page(self.snapshot.to_snapshot_model().widgets, self.title, page)


class JobFigure(SingleValueMetric):  # type: ignore[misc]  # evidently ships no types
    """A figure of `monitoring.runs.trend` for the panels, read from the metadata of the live rows."""

    group: str
    name: str


class _JobFigureCalculation(SingleValueCalculation[JobFigure]):  # type: ignore[misc]  # as above
    def calculate(self, _: Context, current_data: Dataset, reference_data: Dataset) -> tuple[SingleValue, None]:  # noqa: ARG002
        figure = self.result(current_data.metadata[self.metric.group][self.metric.name])
        figure.widget = []  # the summary shows it
        return figure, None

    def display_name(self) -> str:
        return str(self.metric.name)


class _Summary(MetricContainer):  # type: ignore[misc]  # as above
    """The job's own result, above Evidently's presets."""

    heading: str
    decision: str
    remarks: list[str] = []  # noqa: RUF012  # pydantic's
    tables: dict[str, list[list[str]]] = {}  # noqa: RUF012  # as above
    """Title to rows; the first row has the headings."""
    plots: dict[str, Any] = {}  # noqa: RUF012  # as above
    trend: dict[str, list[str]] = {}  # noqa: RUF012  # as above
    """Group to the names of its figures on the panels."""

    def generate_metrics(self, context: Context) -> list[JobFigure]:  # noqa: ARG002
        return [JobFigure(group=group, name=name) for group, names in self.trend.items() for name in names]

    def render(self, context: Context, child_widgets: Any = None) -> list[BaseWidgetInfo]:  # noqa: ARG002
        decision = text_widget(text=self.decision)
        decision.id = _DECISION
        remarks = [text_widget(text="\n\n".join(map(heading.escape, self.remarks)))] if self.remarks else []
        tables = [table_data(title=title, column_names=rows[0], data=rows[1:]) for title, rows in self.tables.items()]
        plots = [plotly_data(title=title, **plot) for title, plot in self.plots.items()]
        return [text_widget(text=self.heading), decision, *remarks, *tables, *plots]


class _Drift(MetricContainer):  # type: ignore[misc]  # as above
    """Evidently's preset without its verdict, which gives all columns the same weight, and with our figures."""

    columns: list[str]
    result: Any

    def generate_metrics(self, context: Context) -> Sequence[Any]:
        metrics: Sequence[Any] = self._preset.generate_metrics(context)
        return metrics

    def render(self, context: Context, child_widgets: Any = None) -> list[BaseWidgetInfo]:
        _, _, heading, table = self._preset.render(context, child_widgets)  # the first two are its verdict
        table.title = columns_table.title(self.result)
        table.params |= {
            "columns": columns_table.columns(table.params["columns"]),
            "data": columns_table.rows(table.params["data"], self.result),
        }
        return [heading, table]

    @property
    def _preset(self) -> DataDriftPreset:
        return DataDriftPreset(
            columns=self.columns,
            num_method=distances.METHODS["number"],
            cat_method=distances.METHODS["label"],
            threshold=1.0,  # distances are in units of their limit
        )


def draw_drift(comparison: Comparison, result: DriftResult, remarks: Sequence[str], top: Heading) -> RenderedReport:
    """Draw the report of the drift job: the compared columns, and a summary of their values.

    Of many columns, it draws the most telling ones: each takes Evidently a quarter of a second and 40 KB. Evidently
    cannot draw a column without a value in one of the drawn tables; the report names it.
    """
    _register_methods({score.column: score.ratio for score in result.scores})
    lines = trend.of_drift(result)
    empty = comparison.empty_when_drawn
    drawn = [score.column for score in result.drawn if score.column not in empty]
    shown_names = {*drawn, *list(comparison.unjudged)[: MOST_DRAWN - len(drawn)]}
    rules = [columns_table.rules(result), *columns_table.left_out(result, drawn, empty)]
    summary = _summary(top, remarks=[*rules, *remarks], trend=_names(lines))
    shown = replace(comparison, pairs={name: pair for name, pair in comparison.pairs.items() if name in shown_names})
    drift = _Drift(columns=[name for name in shown.kinds if name in drawn], result=result)
    with _drawing():
        current, reference = _dataset(shown, shown.live, lines), _dataset(shown, shown.reference)
        report = Report([summary, drift, DataSummaryPreset(columns=list(shown.kinds))])
        return RenderedReport(report.run(current, reference, timestamp=top.started_at), top.title)


def draw_performance(found: PerformanceResult, top: Heading) -> RenderedReport:
    """Draw the report of the performance job; without enough outcomes it has only the expected figures."""
    lines = trend.of_performance(found)
    tables = {"Against the test set": found.checks_table} if found.checks else {}
    tables |= {"Figures, with 95 % intervals": found.table} | _segments(found.segments)
    plots: dict[str, Any] = {}
    if offers := offer_plot.table(found):
        tables[offer_plot.TITLE], plots = offers, offer_plot.plots(found)
    summary = _summary(top, remarks=found.notes, tables=tables, plots=plots, trend=_names(lines))
    quality = ClassificationQuality(probas_threshold=found.policy.threshold, conf_matrix=True, pr_curve=True)
    outcomes = found.track.outcomes
    table = pd.DataFrame(
        {"outcome": np.where(outcomes.churned, "churned", "stayed"), "probability": outcomes.probability}
    )
    with _drawing():
        current = Dataset.from_pandas(table, DataDefinition(classification=[_OUTCOME]), metadata=lines)
        report = Report([summary, quality] if found.live else [summary])
        return RenderedReport(
            report.run(current, None, timestamp=top.started_at), top.title, cost=found.policy.cost_in_words
        )


def draw_reason(top: Heading) -> RenderedReport:
    """Draw the report of a run without measurements."""
    table = pd.DataFrame({"reason": [top.summary]})  # evidently refuses a table without columns
    return RenderedReport(Report([_summary(top)]).run(table, None, timestamp=top.started_at), top.title)


def show_decision(widgets: Sequence[BaseWidgetInfo], text: str) -> None:
    """Replace the decision among the widgets of a report; reports of earlier versions have no place for it."""
    for widget in widgets:
        if widget.id == _DECISION:
            widget.params = {"text": text}


def write_page(widgets: Sequence[BaseWidgetInfo], title: str, page: Path) -> None:
    """Write a report as a page of its own."""
    head = f"<head><title>{html.escape(title)}</title><style>{web_files.NARROW}</style>"
    run_store.replace(page, render_widgets([group_widget(title="", widgets=widgets)]).replace("<head>", head, 1))


def _summary(top: Heading, **more: Any) -> _Summary:
    return _Summary(heading=top.text, decision=top.undecided, **more)


@contextmanager
def _drawing() -> Iterator[None]:
    """Ignore Evidently's divisions by zero on empty columns, and omit Plotly's template, half the size of a plot."""
    template = plotly.io.templates.default
    plotly.io.templates.default = None
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        plotly.io.templates.default = template


def _names(lines: Trend) -> dict[str, list[str]]:
    return {group: list(values) for group, values in lines.items()}


def _segments(segments: Sequence[Segment]) -> dict[str, list[list[str]]]:
    if not segments:
        return {}
    rows = [
        [one.name, f"{one.rows:,}", *(str(one.figures[name]) if one.figures else "too few" for name in METRICS)]
        for one in segments
    ]
    return {"By group of customers": [["group", "outcomes", *map(display_name, METRICS)], *rows]}


def _register_methods(ratios: dict[str, float]) -> None:
    """Register our distances with Evidently, in units of their limit; they are of all rows, of which it has a sample.

    For Evidently, the threshold is part of a metric's identity. Limits depend on the number of rows, so each run would
    start a new line on the dashboard. In units of the limit, the threshold is 1 for every column and every run.
    """

    def measure(reference: pd.Series, _: pd.Series, __: ColumnType, threshold: float) -> tuple[float, bool]:
        ratio = ratios[str(reference.name)]
        return ratio, ratio >= threshold

    for kind, name in distances.METHODS.items():
        register_stattest(StatTest(name, f"{name} / limit", [_COLUMN_TYPES[kind]]), measure)


def _dataset(comparison: Comparison, table: pd.DataFrame, lines: Trend | None = None) -> Dataset:
    numbers = [name for name, kind in comparison.kinds.items() if kind == "number"]
    labels = [name for name, kind in comparison.kinds.items() if kind == "label"]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=labels)
    return Dataset.from_pandas(table[list(comparison.kinds)], data_definition=definition, metadata=lines)
