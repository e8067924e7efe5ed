"""Evidently's part of the dashboard: a workspace with all runs and their newest decisions, and its own web app."""

import contextlib
import io
import logging
import tempfile
import uuid
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitoring.drift.row_counts import PREDICTION
from monitoring.runs import heading, report, run_store, web_files
from monitoring.runs.report import RenderedReport

with warnings.catch_warnings(action="ignore"):  # evidently 0.7 uses deprecated names of NumPy and Litestar
    from evidently.core.serialization import SnapshotModel
    from evidently.sdk.models import DashboardModel, DashboardPanelPlot, PanelMetric, ProjectModel
    from evidently.sdk.panels import bar_plot_panel, line_plot_panel
    from evidently.ui.service.api.static import BASE_PATH
    from evidently.ui.storage.local.base import LocalState
    from evidently.ui.workspace import Workspace

PROJECT = "Churn"
_ID = uuid.uuid5(uuid.NAMESPACE_URL, PROJECT)  # always the same, so that there is only one project
_COST = "Cost of decisions"
_DESCRIPTION = "Drift of live customers from the training sample, and quality of the pinned model on outcomes."


def add(
    drawn: RenderedReport, workspace: Path, *, run_id: str, name: str, tag: str, metadata: Mapping[str, str]
) -> None:
    """Add a run to the workspace; it takes 0.1 MB of disk, and 1 MB of the dashboard server's memory.

    Raises:
        OSError: the folder cannot be written to.
    """
    model = drawn.snapshot.to_snapshot_model()
    model.name, model.tags, model.metadata = name, [tag], dict(metadata)
    # The report has its own copy of Evidently's figures; without them a snapshot has a third of the size.
    model.metric_results = {figure: model.metric_results[figure] for figure in drawn.figures}
    model.top_level_metrics = list(drawn.figures)
    _open(workspace, cost=drawn.cost)
    _write(model, workspace, run_id)


def show_review(workspace: Path, *, run_id: str, decision: str, by: str, why: str) -> bool:
    """Show a decision in the list of runs and at the top of the report, in place of an earlier one.

    Returns whether the run is still on the dashboard.

    Raises:
        OSError: the folders cannot be written to.
    """
    runs = _open(workspace).state
    try:
        model = runs.read_snapshot(_ID, run_id)
    except FileNotFoundError:
        return False
    model.tags, model.metadata = [model.tags[0], decision], model.metadata | {"reviewed by": by, "why": why}
    report.show_decision(model.widgets, heading.decided(decision, by=by, why=why))
    _write(model, workspace, run_id)
    page = run_store.path(workspace.parent, model.tags[0], model.timestamp, ".html")
    if page.exists():
        report.write_page(model.widgets, heading.title(model.tags[0], model.name, model.timestamp), page)
    return True


def page() -> str:
    """Return the path of the project in Evidently's web app."""
    return f"/projects/{_ID}"


def evidently_app(workspace: Path) -> Any:
    """Return Evidently's own web app of the workspace, an ASGI application, with usage reporting off."""
    with warnings.catch_warnings(action="ignore"):  # as above
        from evidently.ui.service.app import create_app, get_config  # noqa: PLC0415  # takes half a second
    _open(workspace)  # creates the panels, so that the page has them before the first run
    config = get_config(workspace=str(workspace))
    config.telemetry.enabled = False
    root = logging.getLogger()
    handlers = list(root.handlers)
    with contextlib.redirect_stdout(io.StringIO()):  # evidently prints the wiring of its components
        app = create_app(config)
    root.handlers[:] = handlers  # evidently's web framework has replaced them
    return web_files.Corrected(app, Path(BASE_PATH), title=f"{PROJECT}: drift dashboard")


def _open(workspace: Path, *, cost: str | None = None) -> Workspace:
    """Open the workspace, and lay out the panels if they are missing or of an earlier version.

    `cost` says what a decision costs, and stays until the next run says otherwise.
    """
    opened = Workspace.create(str(workspace))
    shown = opened.get_dashboard(_ID).panels
    if not shown:
        opened.add_project(ProjectModel(id=_ID, name=PROJECT, description=_DESCRIPTION))
    told = cost and f"Per customer: {cost}."
    told = told or next((panel.subtitle for panel in shown if panel.id == _panel_id(_COST)), None)
    ours = _panels(told or "Per customer, at the prices of the model.")
    others = [panel for panel in shown if panel.title not in {panel.title for panel in ours}]
    if shown != [*ours, *others]:
        opened.save_dashboard(_ID, DashboardModel(tabs=[], panels=[*ours, *others]))
    return opened


def _write(model: SnapshotModel, workspace: Path, run_id: str) -> None:
    """Write a run's entry and move it into the workspace; Evidently would first empty the old one.

    It is written outside the workspace: files that vanish there end the watcher of a running dashboard.
    """
    workspace.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=workspace.parent, prefix=".unfinished-") as scratch:
        LocalState(scratch).write_snapshot(_ID, run_id, model)
        entry = Path(str(_ID), "snapshots", f"{run_id}.json")
        (workspace / entry).parent.mkdir(parents=True, exist_ok=True)
        Path(scratch, entry).replace(workspace / entry)


def _panel_id(title: str) -> uuid.UUID:
    return uuid.uuid5(_ID, title)


def _panels(cost: str) -> list[DashboardPanelPlot]:
    """Lay out the panels: inputs on the left, outcomes on the right, and the distances of all columns across."""
    columns = PanelMetric(metric="JobFigure", metric_labels={"group": "input"}, legend="{{name}}")
    across = line_plot_panel(
        "Distance of each input column",
        [*_lines({"limit": ("limit", "distance")}), columns],
        "In units of its limit: a column has drifted at 1 or more.",
    )
    top, *pairs = zip(_input_panels(), _outcome_panels(), strict=True)
    last = line_plot_panel(_COST, _lines(_sides("cost")), cost)
    laid_out = [*top, across, *(panel for pair in pairs for panel in pair), last]
    for panel in laid_out:
        panel.id = _panel_id(panel.title)
    return laid_out


def _input_panels() -> list[DashboardPanelPlot]:
    share = {"drift share": ("drift", "share"), "limit": ("limit", "share")}
    predictions = {"predictions": ("prediction", PREDICTION), "limit": ("limit", "distance")}
    return [
        line_plot_panel(
            "Drift share",
            _lines(share),
            "Share of the feature importance in drifted columns; at the limit or above it is drift.",
            "half",
        ),
        line_plot_panel(
            "Distance of the predictions", _lines(predictions), "In units of its limit: 1 or more is drift.", "half"
        ),
        bar_plot_panel(
            "Drifted columns",
            _lines({"columns": ("drift", "columns")}),
            "Number of drifted columns, with those of missing values and predictions.",
            "half",
        ),
        bar_plot_panel("Rows checked", _lines({"rows": ("rows", "judged")}), "By the drift job.", "half"),
    ]


def _outcome_panels() -> list[DashboardPanelPlot]:
    roc_auc = _sides("roc_auc") | {"outcomes, lower end": ("low", "roc_auc")}
    fall = {"ROC-AUC": ("fall", "roc_auc"), "calibration error": ("fall", "calibration_error")}
    errors = {"calibration error": ("live", "calibration_error"), "Brier score": ("live", "brier")}
    errors |= {"Brier score, test set": ("reference", "brier")}
    rows = {"predictions": ("rows", "predicted"), "with an outcome": ("rows", "observed")}
    return [
        line_plot_panel(
            "ROC-AUC", _lines(roc_auc), "Quality of the ranking, with the lower end of its 95 % interval.", "half"
        ),
        line_plot_panel(
            "Fall of quality",
            _lines(fall | {"limit": ("limit", "fall")}),
            "In units of its limit: 1 or more is fallen quality, below 0 is better than the test set.",
            "half",
        ),
        line_plot_panel(
            "Calibration error and Brier score",
            _lines(errors),
            "Distance of probabilities from the recalibrated ones, and from outcomes.",
            "half",
        ),
        bar_plot_panel("Predictions and outcomes", _lines(rows), "In the window of the performance job.", "half"),
    ]


def _sides(metric: str) -> dict[str, tuple[str, str]]:
    names = {"on outcomes": "live", "from probabilities": "estimated", "test set": "reference"}
    return {name: (group, metric) for name, group in names.items()}


def _lines(figures: Mapping[str, tuple[str, str]]) -> list[PanelMetric]:
    """Return a line per entry: legend to the group and name of its figure in `monitoring.runs.trend`."""
    return [
        PanelMetric(metric="JobFigure", metric_labels={"group": group, "name": name}, legend=legend)
        for legend, (group, name) in figures.items()
    ]
