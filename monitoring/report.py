"""The one door to Evidently: its presets measure and draw, its workspace remembers, its page shows.

Knows nothing of files of customers, nor of what becomes of a score.
"""

import contextlib
import io
import logging
import socket
import warnings
from collections.abc import Callable, Mapping
from datetime import datetime
from pathlib import Path

import pandas as pd
from scipy import stats

from monitoring.comparison import Comparison, Kind
from monitoring.verdict import Score

with warnings.catch_warnings(action="ignore"):  # evidently 0.7 uses deprecated names of NumPy and Litestar
    import uvicorn
    from evidently import DataDefinition, Dataset, Report
    from evidently.core.report import Snapshot
    from evidently.legacy.calculations.stattests import StatTest, jensenshannon_stat_test, register_stattest
    from evidently.legacy.core import ColumnType
    from evidently.presets import DataDriftPreset, DataSummaryPreset
    from evidently.sdk.models import PanelMetric
    from evidently.sdk.panels import bar_plot_panel, line_plot_panel
    from evidently.ui.service.app import create_app, get_config
    from evidently.ui.workspace import Project, Workspace

PROJECT = "Churn inputs"
METHODS: dict[Kind, str] = {"number": "K-S distance", "label": "Jensen-Shannon distance"}

Distance = Callable[[pd.Series, pd.Series], float]


class Measured:
    """One finished run of the presets."""

    def __init__(self, snapshot: Snapshot, scores: tuple[Score, ...]) -> None:
        self._snapshot = snapshot
        self.scores = scores

    def save(self, page: Path) -> None:
        """Write the page, which needs nothing beside it; 4 MB, nearly all of them the plotting library."""
        page.parent.mkdir(parents=True, exist_ok=True)
        self._snapshot.save_html(str(page))

    def add_to(self, workspace: Path, *, name: str) -> None:
        """Add the run to the workspace; 0.7 MB."""
        opened = Workspace.create(str(workspace))
        opened.add_run(_project(opened).id, self._snapshot, name=name)


def run(comparison: Comparison, limits: Mapping[str, float], *, model_version: str, at: datetime) -> Measured:
    """Measure the columns that have a limit, and summarise all."""
    _register_methods(limits)
    drift = DataDriftPreset(
        columns=list(limits),
        num_method=METHODS["number"],
        cat_method=METHODS["label"],
        threshold=1.0,  # a limit
        drift_share=0.001,  # any column is drift
    )
    report = Report([drift, DataSummaryPreset(columns=list(comparison.kinds))])
    with warnings.catch_warnings(action="ignore"):  # evidently divides by zero on empty columns
        current, reference = _dataset(comparison, comparison.live), _dataset(comparison, comparison.reference)
        snapshot = report.run(current, reference, timestamp=at, metadata={"model_version": model_version})
    ratios = {
        metric["config"]["column"]: float(metric["value"])
        for metric in snapshot.dict()["metrics"]
        if metric["config"]["type"].endswith(":ValueDrift")
    }
    scores = (Score(name, METHODS[comparison.kinds[name]], ratios[name], limit) for name, limit in limits.items())
    return Measured(snapshot, tuple(scores))


def add_blind_run(workspace: Path, *, name: str, reason: str, model_version: str | None, at: datetime) -> None:
    """Add a run that measured nothing, so that the list of runs shows no gap; no panel draws a point for it."""
    table = pd.DataFrame({"reason": [reason]})  # evidently refuses a table without columns
    metadata = {"reason": reason} | ({"model_version": model_version} if model_version else {})
    snapshot = Report([]).run(table, None, timestamp=at, metadata=metadata)
    Measured(snapshot, ()).add_to(workspace, name=name)


def serve(workspace: Path, *, host: str, port: int, on_listening: Callable[[], None]) -> None:
    """Show the workspace as Evidently's own page until interrupted; its makers learn nothing of it."""
    _project(Workspace.create(str(workspace)))  # so that the first visitor finds the panels, if empty
    config = get_config(host=host, port=port, workspace=str(workspace))
    config.telemetry.enabled = False
    root = logging.getLogger()
    handlers = list(root.handlers)
    with contextlib.redirect_stdout(io.StringIO()):  # evidently prints how it wires its components
        app = create_app(config)
    root.handlers[:] = handlers  # its web framework has put its own in their place
    _Server(uvicorn.Config(app, host=host, port=port, log_level="warning"), on_listening).run()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_listening()


def _register_methods(limits: Mapping[str, float]) -> None:
    """Teach Evidently to measure distances in units of their limit.

    Evidently takes a threshold as part of a metric's identity: limits that follow the number of rows would start a new
    line on the dashboard with every run. In units of the limit the threshold is 1 for every column and every run.
    """

    def in_units(distance: Distance) -> Callable[[pd.Series, pd.Series, ColumnType, float], tuple[float, bool]]:
        def measure(reference: pd.Series, live: pd.Series, _: ColumnType, threshold: float) -> tuple[float, bool]:
            ratio = distance(reference, live) / limits[str(reference.name)]
            return ratio, ratio >= threshold

        return measure

    for name, column_type, distance in (
        (METHODS["number"], ColumnType.Numerical, _kolmogorov_smirnov),
        (METHODS["label"], ColumnType.Categorical, _jensen_shannon),
    ):
        register_stattest(StatTest(name, f"{name} / limit", [column_type]), in_units(distance))


def _kolmogorov_smirnov(reference: pd.Series, live: pd.Series) -> float:
    return float(stats.ks_2samp(reference, live, method="asymp").statistic)  # Evidently has only its p-value


def _jensen_shannon(reference: pd.Series, live: pd.Series) -> float:
    return float(jensenshannon_stat_test(reference, live, ColumnType.Categorical, None).drift_score)


def _dataset(comparison: Comparison, table: pd.DataFrame) -> Dataset:
    numbers = [name for name, kind in comparison.kinds.items() if kind == "number"]
    labels = [name for name, kind in comparison.kinds.items() if kind == "label"]
    definition = DataDefinition(numerical_columns=numbers, categorical_columns=labels)
    return Dataset.from_pandas(table, data_definition=definition)


def _project(workspace: Workspace) -> Project:
    if found := workspace.search_project(PROJECT):
        return found[0]
    project = workspace.create_project(PROJECT, "Live inputs against the sample that the pinned model was trained on.")
    count = PanelMetric(metric="DriftedColumnsCount", metric_labels={"value_type": "count"}, legend="drifted columns")
    ratio = PanelMetric(metric="ValueDrift", legend="{{column}}")
    rows = PanelMetric(metric="RowCount", legend="live rows")
    for panel in (
        bar_plot_panel("Drifted columns", [count], "One drifted column is drift."),
        line_plot_panel("Distance of each column, in units of its limit", [ratio], "From 1 on it has drifted."),
        bar_plot_panel("Live rows", [rows]),
    ):
        project.dashboard.add_panel(panel)
    return project
