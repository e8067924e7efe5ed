"""Prometheus gauges with the figures of the last run of each job, the decisions about all runs, and the pinned model.

They are read at each scrape, so the gauges are never stale. A figure that the last run did not measure has no
gauge; a run without a verdict has only exit code and time. One whose record cannot be read could not tell. The gauges
of the log are those of the last drift run that looked at it: one over a file does not end an alert.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from models.bundles import pins
from models.errors import BundleError
from monitoring.errors import CANNOT_TELL
from monitoring.notices import outbox
from monitoring.notices.outbox import Outbox
from monitoring.runs import recorded_runs
from monitoring.runs.recorded_runs import RecordedRun, RecordedRuns
from monitoring.runs.run_store import Job

PREDICTIONS = "churn_probability"
"""The column of predictions in a drift record; all others are inputs."""


@dataclass(frozen=True)
class Figure:
    """A gauge without labels, and the number of a record that it shows."""

    name: str
    documentation: str
    where: str
    """The job and the keys into its record, or `log` and a key of what was last seen of it, separated by dots."""


FIGURES = (
    Figure("churn_drift_share", "Share of the feature importance in drifted columns.", "drift.drift_share"),
    Figure("churn_drift_joint_ratio", "Distance of the columns together in units of its limit.", "drift.joint.ratio"),
    Figure("churn_log_partition_weeks", "Weeks from this one on with partitions of the log.", "log.partition_weeks"),
    Figure("churn_log_default_rows", "Rows of the log in its default partitions.", "log.default_rows"),
    Figure("churn_live_refused_share", "Share of requests refused with 422.", "drift.refused_share"),
    Figure("churn_live_outcomes_rows", "Predictions with an outcome.", "performance.outcomes_rows"),
    Figure("churn_live_roc_auc", "ROC-AUC on outcomes.", "performance.live.roc_auc.value"),
    Figure("churn_live_roc_auc_low", "Lower end of its 95 % interval.", "performance.live.roc_auc.low"),
    Figure("churn_live_brier", "Brier score on outcomes.", "performance.live.brier.value"),
    Figure(
        "churn_live_calibration_error",
        "Mean distance of the probabilities from their logistic recalibration on outcomes.",
        "performance.live.calibration_error.value",
    ),
    Figure(
        "churn_live_calibration_slope",
        "Slope of that recalibration; below 1, the probabilities are too extreme.",
        "performance.live.calibration_slope.value",
    ),
    Figure(
        "churn_live_calibration_intercept",
        "Its intercept in log-odds; above 0, more customers churn than the probabilities say.",
        "performance.live.calibration_intercept.value",
    ),
    Figure("churn_estimated_roc_auc", "ROC-AUC expected from probabilities.", "performance.estimated.roc_auc.value"),
    Figure("churn_reference_roc_auc", "ROC-AUC on the test set.", "performance.reference.roc_auc.value"),
)
OFFER_FIGURES = {
    "reduced_churn_by": "Churn rate of the customers who were held out, less that of those who may get the offer",
    "saved": "Money saved for each customer who may get the offer, offers paid",
    "success_rate": "Share of the customers who would have churned and stayed with the offer",
}
"""Figures of an offer with an interval, by their names in the record."""


@dataclass(frozen=True)
class UnrecordedRun:
    """The last run of a job that leaves no records."""

    first_at: datetime
    """When the monitor started it for the first time."""
    finished_at: datetime
    exit_code: int


class RunCollector:
    """A Prometheus collector: the gauges of the newest record of each job, and of the notices if any were made."""

    def __init__(
        self,
        output_dir: Path,
        periods_seconds: Mapping[Any, float],
        models_dir: Path | None = None,
        unrecorded: Mapping[str, UnrecordedRun] = MappingProxyType({}),
    ) -> None:
        """Read the records below `output_dir`, and the pin of `models_dir`; each scheduled job has its period.

        `unrecorded` has the last runs of other jobs at each moment.
        """
        self._output_dir, self._periods_seconds, self._models_dir = output_dir, periods_seconds, models_dir
        self._unrecorded = unrecorded

    def collect(self) -> Iterator[Metric]:
        """Read the newest records and yield their gauges."""
        found, others = recorded_runs.read_all(self._output_dir), dict(self._unrecorded)
        records = {job: record for job in get_args(Job) if (record := _newest(found, job)) is not None}
        yield _by("job", "churn_monitor_period_seconds", "Time between the starts of two runs.", self._periods_seconds)
        if self._models_dir:
            yield from _model(self._models_dir)
        ends = {
            job: {"finished_at": run.finished_at.isoformat(), "exit_code": run.exit_code} for job, run in others.items()
        }
        yield from _runs({**records, **ends})
        documentation = "Time at which the oldest run that is kept began."
        first = {**_first(found), **{job: run.first_at.timestamp() for job, run in others.items()}}
        yield _by("job", "churn_monitor_first_run_timestamp_seconds", documentation, first)
        yield from _drift(records.get("drift", {}).get("columns", []))
        measured = {**records, "log": _log(found)}
        for figure in FIGURES:
            if (value := _find(measured, figure.where)) is not None:
                yield GaugeMetricFamily(figure.name, figure.documentation, value)
        yield from _offers(recorded_runs.offers(records.get("performance", {})))
        yield from _decisions(found.runs)
        if found.damaged:
            yield GaugeMetricFamily("churn_damaged_runs", "Records that cannot be read.", len(found.damaged))
        if notices := outbox.read(self._output_dir):
            yield from _notices(notices)


@contextmanager
def serving(
    output_dir: Path,
    *,
    host: str,
    port: int,
    periods_seconds: Mapping[Any, float],
    models_dir: Path | None = None,
    unrecorded: Mapping[str, UnrecordedRun] = MappingProxyType({}),
) -> Iterator[int]:
    """Serve the gauges from a thread while the context is open; yields the port, a free one for 0."""
    registry = CollectorRegistry()
    registry.register(RunCollector(output_dir, periods_seconds, models_dir, unrecorded))
    server, thread = start_http_server(port, host, registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _model(models_dir: Path) -> Iterator[GaugeMetricFamily]:
    """Yield which model the jobs judge; nothing if they cannot read it, since then they cannot tell."""
    with suppress(BundleError):
        version = pins.read(models_dir).version
        yield _by("model_version", "churn_monitor_model_info", "1 for the model that the jobs judge.", {version: 1})


def _newest(found: RecordedRuns, job: Job) -> Mapping[str, Any] | None:
    """Return the facts of a job's last run, only its time if they cannot be read; None if it never ran."""
    unread = [RecordedRun(path, {}) for path in found.damaged]
    runs = [run for run in (*found.runs, *unread) if run.job == job]
    newest = max(runs, key=lambda run: run.name, default=None)
    return None if newest is None else newest.facts or {"finished_at": newest.started_at.isoformat()}


def _log(found: RecordedRuns) -> Mapping[str, Any] | None:
    """Return what the last drift run that looked at the log saw of its partitions; None if there are none."""
    seen: Iterator[Mapping[str, Any] | None]
    seen = (run.facts["log"] for run in found.runs if run.job == "drift" and "log" in run.facts)
    return next(seen, None)


def _first(found: RecordedRuns) -> dict[str, float]:
    return {run.job: run.started_at.timestamp() for run in found.runs}  # newest first, so that the oldest stays


def _runs(records: Mapping[str, Mapping[str, Any]]) -> Iterator[GaugeMetricFamily]:
    times = {job: record.get("finished_at") for job, record in records.items()}
    ended = {job: datetime.fromisoformat(time).timestamp() for job, time in times.items() if time}
    codes = {job: record.get("exit_code", CANNOT_TELL) for job, record in records.items()}
    rows = {job: record["window_rows"] for job, record in records.items() if "window_rows" in record}
    yield _by("job", "churn_monitor_last_run_timestamp_seconds", "Time at which the last run ended.", ended)
    meaning = "0 all is well, 1 drift, fallen quality or a canary that was withdrawn, 2 cannot tell."
    yield _by("job", "churn_monitor_exit_code", meaning, codes)
    yield _by("job", "churn_monitor_window_rows", "Rows in the window of the last run; a customer counts once.", rows)


def _drift(columns: Iterable[Mapping[str, Any]]) -> Iterator[GaugeMetricFamily]:
    ratios = {column["name"]: column["ratio"] for column in columns}
    predictions = ratios.pop(PREDICTIONS, None)
    yield _by("column", "churn_drift_column_ratio", "Distance of an input in units of its limit.", ratios)
    if predictions is not None:
        documentation = "Distance of the predictions in units of its limit."
        yield GaugeMetricFamily("churn_drift_prediction_ratio", documentation, predictions)


def _offers(offers: Sequence[Mapping[str, Any]]) -> Iterator[GaugeMetricFamily]:
    """Yield what offers did, by tier; nothing where none was reported."""
    for figure, documentation in OFFER_FIGURES.items():
        labels = ["tier", "currency"] if figure == "saved" else ["tier"]
        measured = [([one.get(label) or "" for label in labels], one[figure]) for one in offers if one.get(figure)]
        for end, of_end in {"value": "", "low": ", lower end", "high": ", upper end"}.items():
            name = f"churn_offer_{figure}_{end}".removesuffix("_value")
            family = GaugeMetricFamily(name, f"{documentation}{of_end}.", labels=labels)
            for which, found in measured:
                family.add_metric(which, found[end])
            yield family
    assumed = {one["tier"]: rate for one in offers if (rate := one.get("assumed_success_rate")) is not None}
    yield _by("tier", "churn_offer_assumed_success_rate", "What the costs file says of that share.", assumed)


def _decisions(runs: Sequence[RecordedRun]) -> Iterator[GaugeMetricFamily]:
    due = Counter(run.job for run in runs if run.needs_decision)
    yield _by("job", "churn_undecided_runs", "Runs that need a decision.", {run.job: due[run.job] for run in runs})
    newest = Counter((run.job, run.reviews[-1]["decision"]) for run in runs if run.reviews)
    decided = GaugeMetricFamily("churn_decided_runs", "Runs by their newest decision.", labels=["job", "decision"])
    for labels, number in newest.items():
        decided.add_metric(labels, number)
    yield decided


def _notices(notices: Outbox) -> Iterator[Metric]:
    lost = CounterMetricFamily("churn_notices_lost", "Notices to the webhook that were given up.")
    lost.add_metric([], notices.lost_notices_total)
    yield lost
    behind = notices.behind_seconds(datetime.now(UTC))
    yield GaugeMetricFamily("churn_notices_behind_seconds", "Age of the oldest notice that waits.", behind)


def _by(label: str, name: str, documentation: str, values: Mapping[Any, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, documentation, labels=[label])
    for label_value, value in values.items():
        family.add_metric([label_value], value)
    return family


def _find(record: Any, where: str) -> Any:
    for key in where.split("."):
        record = (record or {}).get(key)
    return record
