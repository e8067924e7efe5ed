"""The dashboard: an Evidently workspace with all runs and their reviews, served by Evidently's own web app."""

import contextlib
import io
import logging
import socket
import uuid
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from monitoring.drift.comparison import PREDICTION
from monitoring.runs.report import RenderedReport

with warnings.catch_warnings(action="ignore"):  # evidently 0.7 uses deprecated names of NumPy and Litestar
    import uvicorn
    from evidently.sdk.models import DashboardModel, DashboardPanelPlot, PanelMetric, ProjectModel
    from evidently.sdk.panels import bar_plot_panel, line_plot_panel
    from evidently.ui.workspace import Workspace

PROJECT = "Churn"
_ID = uuid.uuid5(uuid.NAMESPACE_URL, PROJECT)  # always the same, so that there is only one project
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
    _open(workspace).state.write_snapshot(_ID, run_id, model)


def show_review(workspace: Path, *, run_id: str, decision: str, by: str, why: str) -> bool:
    """Show a decision in the list of runs, in place of an earlier one; return whether the run is still there."""
    runs = _open(workspace).state
    try:
        model = runs.read_snapshot(_ID, run_id)
    except FileNotFoundError:
        return False
    model.tags, model.metadata = [model.tags[0], decision], model.metadata | {"reviewed by": by, "why": why}
    runs.write_snapshot(_ID, run_id, model)
    return True


def serve(workspace: Path, *, host: str, port: int, on_listening: Callable[[], None]) -> None:
    """Serve the workspace with Evidently's web app until interrupted, with usage reporting off."""
    with warnings.catch_warnings(action="ignore"):  # as above
        from evidently.ui.service.app import create_app, get_config  # noqa: PLC0415  # takes half a second
    _open(workspace)  # creates the panels, so that the page has them before the first run
    config = get_config(host=host, port=port, workspace=str(workspace))
    config.telemetry.enabled = False
    root = logging.getLogger()
    handlers = list(root.handlers)
    with contextlib.redirect_stdout(io.StringIO()):  # evidently prints the wiring of its components
        app = create_app(config)
    root.handlers[:] = handlers  # evidently's web framework has replaced them
    _Server(uvicorn.Config(app, host=host, port=port, log_level="warning"), on_listening).run()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, on_listening: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_listening = on_listening

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._on_listening()


def _open(workspace: Path) -> Workspace:
    opened = Workspace.create(str(workspace))
    if not opened.get_dashboard(_ID).panels:
        opened.add_project(ProjectModel(id=_ID, name=PROJECT, description=_DESCRIPTION))
        opened.save_dashboard(_ID, DashboardModel(tabs=[], panels=_panels()))
    return opened


def _panels() -> list[DashboardPanelPlot]:
    """Lay out the panels: inputs on the left, outcomes on the right, and the distances of all columns across."""
    columns = PanelMetric(metric="JobFigure", metric_labels={"group": "input"}, legend="{{name}}")
    across = line_plot_panel(
        "Distance of each input column", [columns], "In units of its limit: a column has drifted at 1 or more."
    )
    top, *pairs = zip(_input_panels(), _outcome_panels(), strict=True)
    return [*top, across, *(panel for pair in pairs for panel in pair)]


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
    def sides(metric: str) -> dict[str, tuple[str, str]]:
        names = {"on outcomes": "live", "from probabilities": "estimated", "test set": "reference"}
        return {name: (group, metric) for name, group in names.items()}

    errors = {"calibration error": ("live", "calibration_error"), "its limit": ("limit", "calibration_error")}
    errors |= {"Brier score": ("live", "brier"), "test set": ("reference", "brier")}
    rows = {"predictions": ("rows", "predicted"), "with an outcome": ("rows", "observed")}
    return [
        line_plot_panel(
            "ROC-AUC",
            _lines(sides("roc_auc") | {"outcomes, lower end": ("low", "roc_auc")}),
            "Quality of the ranking, with the lower end of its 95 % interval.",
            "half",
        ),
        line_plot_panel(
            "Calibration error and Brier score", _lines(errors), "Distance of probabilities from outcomes.", "half"
        ),
        line_plot_panel(
            "Cost of decisions",
            _lines(sides("cost")),
            "Per customer; a missed churner and a needless offer together cost 1.",
            "half",
        ),
        bar_plot_panel("Predictions and outcomes", _lines(rows), "In the window of the performance job.", "half"),
    ]


def _lines(figures: Mapping[str, tuple[str, str]]) -> list[PanelMetric]:
    """Return a line per entry: legend to the group and name of its figure in `monitoring.runs.trend`."""
    return [
        PanelMetric(metric="JobFigure", metric_labels={"group": group, "name": name}, legend=legend)
        for legend, (group, name) in figures.items()
    ]
