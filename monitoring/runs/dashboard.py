"""The dashboard: Evidently's workspace, where runs gather and are reviewed, and its own page, which shows them.

Beside `monitoring.runs.report` the only module that knows Evidently.
"""

import contextlib
import io
import logging
import socket
import uuid
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path

from monitoring.drift.comparison import PREDICTION
from monitoring.runs.report import Drawn

with warnings.catch_warnings(action="ignore"):  # evidently 0.7 uses deprecated names of NumPy and Litestar
    import uvicorn
    from evidently.sdk.models import DashboardModel, DashboardPanelPlot, PanelMetric, ProjectModel
    from evidently.sdk.panels import bar_plot_panel, line_plot_panel
    from evidently.ui.workspace import Workspace

PROJECT = "Churn"
_ID = uuid.uuid5(uuid.NAMESPACE_URL, PROJECT)  # the same for all who make it, so that there is one
_DESCRIPTION = "What clients send, and what becomes of them, beside what the pinned model learned."


def add(drawn: Drawn, workspace: Path, *, run_id: str, name: str, tag: str, metadata: Mapping[str, str]) -> None:
    """Add a run to the list; it takes 0.1 MB there, and 1 MB of the memory of the page's server.

    Raises:
        OSError: the folder cannot be written to.
    """
    model = drawn.snapshot.to_snapshot_model()
    model.name, model.tags, model.metadata = name, [tag], dict(metadata)
    # The report shows its own copy of Evidently's figures: these would be two thirds of the size.
    model.metric_results = {figure: model.metric_results[figure] for figure in drawn.figures}
    model.top_level_metrics = list(drawn.figures)
    _open(workspace).state.write_snapshot(_ID, run_id, model)


def show_review(workspace: Path, *, run_id: str, decision: str, by: str, why: str) -> bool:
    """Show a decision in the list, in place of an earlier one; return whether the run still is there."""
    runs = _open(workspace).state
    try:
        model = runs.read_snapshot(_ID, run_id)
    except FileNotFoundError:
        return False
    model.tags, model.metadata = [model.tags[0], decision], model.metadata | {"reviewed by": by, "why": why}
    runs.write_snapshot(_ID, run_id, model)
    return True


def serve(workspace: Path, *, host: str, port: int, on_listening: Callable[[], None]) -> None:
    """Show the workspace as Evidently's own page until interrupted; its makers learn nothing of it."""
    with warnings.catch_warnings(action="ignore"):  # as above
        from evidently.ui.service.app import create_app, get_config  # noqa: PLC0415  # half a second that no job needs
    _open(workspace)  # so that the first visitor finds the panels, if empty
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


def _open(workspace: Path) -> Workspace:
    opened = Workspace.create(str(workspace))
    if not opened.get_dashboard(_ID).panels:
        opened.add_project(ProjectModel(id=_ID, name=PROJECT, description=_DESCRIPTION))
        opened.save_dashboard(_ID, DashboardModel(tabs=[], panels=_panels()))
    return opened


def _panels() -> list[DashboardPanelPlot]:
    """Lay out what there is to see: inputs on the left, outcomes on the right, and every column across."""
    columns = PanelMetric(metric="JobFigure", metric_labels={"group": "input"}, legend="{{name}}")
    across = line_plot_panel(
        "Distance of each input column", [columns], "In units of its limit: from 1 on a column has drifted."
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
            "How much of the model rests on drifted columns; from the limit on it is drift.",
            "half",
        ),
        line_plot_panel(
            "Distance of the predictions", _lines(predictions), "In units of its limit: from 1 on it is drift.", "half"
        ),
        bar_plot_panel(
            "Drifted columns",
            _lines({"columns": ("drift", "columns")}),
            "Missing values and predictions too.",
            "half",
        ),
        bar_plot_panel("Rows judged", _lines({"rows": ("rows", "judged")}), "By the drift job.", "half"),
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
            "How well customers are ranked, with the lower end of its 95 % interval.",
            "half",
        ),
        line_plot_panel(
            "Calibration error and Brier score", _lines(errors), "How far probabilities are from what happens.", "half"
        ),
        line_plot_panel(
            "Cost of decisions",
            _lines(sides("cost")),
            "Of a customer; a missed churner and a needless offer cost 1 together.",
            "half",
        ),
        bar_plot_panel("Predictions and outcomes", _lines(rows), "In the window of the performance job.", "half"),
    ]


def _lines(figures: Mapping[str, tuple[str, str]]) -> list[PanelMetric]:
    """Make lines of names for people, each with group and name in a `monitoring.runs.trend`."""
    return [
        PanelMetric(metric="JobFigure", metric_labels={"group": group, "name": name}, legend=legend)
        for legend, (group, name) in figures.items()
    ]
