"""Records outcomes and treatments in the prediction log; they are stored when the call returns.

Predictions reach the database through the spool, a second later or after an outage, so a report may come before its
prediction.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from models.log import row_ids
from models.log.errors import LogMissing, OutcomesUnknown
from models.log.outcomes import Outcome
from models.log.treatments import Treatment
from service import audit
from service.errors import LogUnavailable, NotLoggedYet
from service.log.prediction_log import PredictionLog
from service.metrics.metrics import Metrics

if TYPE_CHECKING:  # imported with the first outcome: it takes 0.25 s and 25 MB
    from sqlalchemy import Engine

    from models.log.outcome_recording import Recorded
    from models.log.treatment_recording import Recorded as RecordedTreatment

logger = logging.getLogger(__name__)
TO_SPOOL = timedelta(seconds=5)
"""Longest time from a prediction to the spool, and largest difference between the clocks of two instances."""


class OutcomeLog:
    """Connects at first use. It waits for the database, so call it only from threads."""

    def __init__(self, url: str, predictions: PredictionLog, metrics: Metrics) -> None:
        self._url, self._predictions, self._metrics = url, predictions, metrics
        self._engine: Engine | None = None

    def record(self, outcomes: Sequence[Outcome], *, reported_by: str) -> "list[Recorded]":
        """Store a client's outcomes, all or none; takes milliseconds, or seconds if the database does not answer.

        An outcome that contradicts another reporter's is counted, and gets a line in the audit log.

        Raises:
            OutcomesUnknown: the log has no such predictions.
            OutcomesContradicted: the client has reported different outcomes for them.
            NotLoggedYet: some of the predictions are not in the database yet.
            LogUnavailable: there is no log, or its database does not answer.
        """
        with self._storing() as engine:
            from models.log import outcome_recording  # noqa: PLC0415  # with the first outcome

            recorded = outcome_recording.record(engine, outcomes, reported_by=reported_by)
        new = [one for one in recorded if one.is_new]
        self._metrics.count_outcomes(reported_by, Counter(one.churned for one in new))
        contradictions = [one for one in new if one.contradicts]
        self._metrics.count_contradictions(reported_by, len(contradictions))
        for one in contradictions:
            facts = ("prediction_id", "churned", "reported_by", "contradicts")
            audit.record("outcome contradicted", **{name: getattr(one, name) for name in facts})
        return recorded

    def record_treatments(self, treatments: Sequence[Treatment], *, reported_by: str) -> "list[RecordedTreatment]":
        """Store treatments, all or none, as `record` does outcomes.

        An offer to a customer who was held out is counted, and gets a line in the audit log.

        Raises:
            OutcomesUnknown, NotLoggedYet, LogUnavailable: as `record`.
            TreatmentsContradicted: different offers are known for them.
        """
        with self._storing() as engine:
            from models.log import treatment_recording  # noqa: PLC0415  # with the first treatment

            recorded = treatment_recording.record(engine, treatments, reported_by=reported_by)
        new = [one for one in recorded if one.is_new]
        self._metrics.count_treatments(reported_by, Counter(one.offer for one in new))
        broken = [one for one in new if one.breaks_holdout]
        self._metrics.count_broken_holdouts(reported_by, len(broken))
        for one in broken:
            facts = ("prediction_id", "offer", "reported_by")
            audit.record("held-out customer treated", **{name: getattr(one, name) for name in facts})
        return recorded

    @contextmanager
    def _storing(self) -> "Iterator[Engine]":
        """Give the engine, and translate what goes wrong with it."""
        if not self._url:
            raise LogUnavailable(reason="This service keeps no prediction log. Its operators can set SERVICE_LOG_URL.")
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415  # with the first outcome

        from models.log import log_tables  # noqa: PLC0415  # with the first outcome

        first, last = self._find_ids_on_the_way()  # before the query: what leaves the spool later is in the database
        try:
            self._engine = self._engine or log_tables.connect(self._url)
            yield self._engine
        except OutcomesUnknown as error:
            if lost := [identity for identity in error.ids if not first <= identity < last]:
                raise OutcomesUnknown(ids=lost) from error
            raise NotLoggedYet(ids=error.ids) from error
        except (LogMissing, SQLAlchemyError) as error:
            logger.error("the prediction log cannot record a report: %s", getattr(error, "orig", error))  # noqa: TRY400
            raise LogUnavailable(
                reason="The prediction log does not answer. Nothing was recorded. Send the request again later."
            ) from error

    def close(self) -> None:
        """Close the connections to the database."""
        if self._engine is not None:
            self._engine.dispose()

    def _find_ids_on_the_way(self) -> tuple[str, str]:
        """Return the range of ids that may not be in the database yet: the first one, and the one after the last."""
        first, last = (datetime.fromtimestamp(seconds, UTC) for seconds in self._predictions.span_on_the_way())
        return row_ids.first_id(first - TO_SPOOL), row_ids.first_id(last + TO_SPOOL)
