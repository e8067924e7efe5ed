"""Metrics of the prediction log, and of the outcomes and treatments that are reported to it."""

from collections.abc import Mapping

from service.metrics.registry import Registry


class LogMetrics:
    """Metrics of the prediction log of one app."""

    def __init__(self, registry: Registry) -> None:
        self._log_queue = registry.total("churn_log_queue_rows", "Predictions in memory that are not on disk yet.")
        self._log_spool = registry.most("churn_log_spool_bytes", "Size of rows on disk, not in the database yet.")
        self._log_behind = registry.most(
            "churn_log_behind_seconds", "Age of the oldest prediction that is not in the database yet."
        )
        self._log_rejected = registry.most(
            "churn_log_rejected_pages", "Pages of rows that were set aside: damaged, or rejected by the database."
        )
        self._log_rows = registry.counter("churn_log_rows", "Predictions written to disk for the database.")
        self._log_dropped = registry.counter("churn_log_dropped_rows", "Predictions that are missing from the log.")
        self._outcomes = registry.counter(
            "churn_outcomes", "Recorded outcomes, each counted once.", ["churned", "reported_by"]
        )
        self._contradictions = registry.counter(
            "churn_outcomes_contradicted", "Recorded outcomes that contradict another reporter's.", ["reported_by"]
        )
        self._treatments = registry.counter(
            "churn_treatments", "Recorded treatments, each counted once.", ["offer", "reported_by"]
        )
        self._broken_holdouts = registry.counter(
            "churn_holdouts_broken", "Recorded offers to customers who were held out.", ["reported_by"]
        )

    def describe_log_queue(self, rows: int) -> None:
        """Set the number of predictions in memory."""
        self._log_queue.set(rows)

    def describe_log(self, *, spool_bytes: int, rejected_pages: int, behind_seconds: float) -> None:
        """Set what is not in the database yet."""
        self._log_spool.set(spool_bytes)
        self._log_behind.set(behind_seconds)
        self._log_rejected.set(rejected_pages)

    def count_logged(self, rows: int) -> None:
        """Count predictions that are on disk."""
        self._log_rows.inc(rows)

    def count_dropped(self, rows: int) -> None:
        """Count predictions that are missing from the log."""
        self._log_dropped.inc(rows)

    def count_outcomes(self, reported_by: str, churned: Mapping[bool, int]) -> None:
        """Count new outcomes of a reporter by whether the customer churned."""
        for left, outcomes in churned.items():
            self._outcomes.labels(str(left).lower(), reported_by).inc(outcomes)

    def count_contradictions(self, reported_by: str, outcomes: int) -> None:
        """Count new outcomes of a reporter that contradict another reporter's."""
        self._contradictions.labels(reported_by).inc(outcomes)

    def count_treatments(self, reported_by: str, offers: Mapping[str, int]) -> None:
        """Count new treatments of a reporter by the offer that was made."""
        for offer, treatments in offers.items():
            self._treatments.labels(offer, reported_by).inc(treatments)

    def count_broken_holdouts(self, reported_by: str, treatments: int) -> None:
        """Count new offers of a reporter to customers who were held out."""
        self._broken_holdouts.labels(reported_by).inc(treatments)
