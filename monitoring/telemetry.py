"""Prometheus gauges with the figures of the last run of each job.

The records are read at each scrape, so the gauges are never stale. A figure that the last run did not measure has no
gauge; a run without a verdict has only exit code and time.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import GaugeMetricFamily

from monitoring.runs import run_store
from monitoring.runs.run_store import Job

PREDICTIONS = "churn_probability"
"""The column of predictions in a drift record; all others are inputs."""


@dataclass(frozen=True)
class Figure:
    """A gauge without labels, and the number of a record that it shows."""

    name: str
    documentation: str
    where: str
    """The job and the keys into its record, separated by dots."""


FIGURES = (
    Figure("churn_drift_share", "Share of the feature importance in drifted columns.", "drift.drift_share"),
    Figure("churn_live_refused_share", "Share of requests refused with 422.", "drift.refused_share"),
    Figure("churn_live_outcomes_rows", "Predictions with an outcome.", "performance.outcomes_rows"),
    Figure("churn_live_roc_auc", "ROC-AUC on outcomes.", "performance.live.roc_auc.value"),
    Figure("churn_live_roc_auc_low", "Lower end of its 95 % interval.", "performance.live.roc_auc.low"),
    Figure("churn_live_brier", "Brier score on outcomes.", "performance.live.brier.value"),
    Figure(
        "churn_live_calibration_error",
        "Mean calibration error of the probabilities on outcomes.",
        "performance.live.calibration_error.value",
    ),
    Figure("churn_estimated_roc_auc", "ROC-AUC expected from probabilities.", "performance.estimated.roc_auc.value"),
    Figure("churn_reference_roc_auc", "ROC-AUC on the test set.", "performance.reference.roc_auc.value"),
)


class RunCollector:
    """A Prometheus collector: the gauges of the newest record of each job."""

    def __init__(self, output_dir: Path, periods_seconds: Mapping[Job, float]) -> None:
        """Read the records below `output_dir`; `periods_seconds` has the period of each scheduled job."""
        self._output_dir, self._periods_seconds = output_dir, periods_seconds

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Read the newest records and yield their gauges."""
        records = {job: record for job in get_args(Job) if (record := run_store.newest(self._output_dir, job))}
        yield _by("job", "churn_monitor_period_seconds", "Time between the starts of two runs.", self._periods_seconds)
        yield from _runs(records)
        yield from _drift(records.get("drift", {}).get("columns", []))
        for figure in FIGURES:
            if (value := _find(records, figure.where)) is not None:
                yield GaugeMetricFamily(figure.name, figure.documentation, value)


@contextmanager
def serving(output_dir: Path, *, host: str, port: int, periods_seconds: Mapping[Job, float]) -> Iterator[int]:
    """Serve the gauges from a thread while the context is open; yields the port, a free one for 0."""
    registry = CollectorRegistry()
    registry.register(RunCollector(output_dir, periods_seconds))
    server, thread = start_http_server(port, host, registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _runs(records: Mapping[Job, Mapping[str, Any]]) -> Iterator[GaugeMetricFamily]:
    ended = {job: datetime.fromisoformat(record["finished_at"]).timestamp() for job, record in records.items()}
    codes = {job: record["exit_code"] for job, record in records.items()}
    rows = {job: record["window_rows"] for job, record in records.items() if "window_rows" in record}
    yield _by("job", "churn_monitor_last_run_timestamp_seconds", "Time at which the last run ended.", ended)
    yield _by("job", "churn_monitor_exit_code", "0 all is well, 1 drift or fallen quality, 2 cannot tell.", codes)
    yield _by("job", "churn_monitor_window_rows", "Predictions in the window of the last run.", rows)


def _drift(columns: Iterable[Mapping[str, Any]]) -> Iterator[GaugeMetricFamily]:
    ratios = {column["name"]: column["ratio"] for column in columns}
    predictions = ratios.pop(PREDICTIONS, None)
    yield _by("column", "churn_drift_column_ratio", "Distance of an input in units of its limit.", ratios)
    if predictions is not None:
        documentation = "Distance of the predictions in units of its limit."
        yield GaugeMetricFamily("churn_drift_prediction_ratio", documentation, predictions)


def _by(label: str, name: str, documentation: str, values: Mapping[Any, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for label_value, value in values.items():
        family.add_metric([label_value], value)
    return family


def _find(record: Any, where: str) -> Any:
    for key in where.split("."):
        record = (record or {}).get(key)
    return record
