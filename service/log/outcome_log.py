"""Records outcomes in the prediction log; they are stored when `record` returns.

Predictions reach the database through the spool, a second later or after an outage, so an outcome may come before its
prediction.
"""

import logging
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from models.log import row_ids
from models.log.errors import LogMissing, OutcomesUnknown
from models.log.outcomes import Outcome
from service import audit
from service.errors import LogUnavailable, NotLoggedYet
from service.log.prediction_log import PredictionLog
from service.metrics.metrics import Metrics

if TYPE_CHECKING:  # imported with the first outcome: it takes 0.25 s and 25 MB
    from sqlalchemy import Engine

    from models.log.outcome_recording import Recorded

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
        if not self._url:
            raise LogUnavailable(reason="This service keeps no prediction log. Its operators can set SERVICE_LOG_URL.")
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415  # with the first outcome

        from models.log import log_tables, outcome_recording  # noqa: PLC0415  # with the first outcome

        on_the_way = self._find_ids_on_the_way()  # before the query: what leaves the spool later is in the database
        try:
            self._engine = self._engine or log_tables.connect(self._url)
            recorded = outcome_recording.record(self._engine, outcomes, reported_by=reported_by)
        except OutcomesUnknown as error:
            first, last = on_the_way
            if lost := [identity for identity in error.ids if not first <= identity < last]:
                raise OutcomesUnknown(ids=lost) from error
            raise NotLoggedYet(ids=error.ids) from error
        except (LogMissing, SQLAlchemyError) as error:
            logger.error("the prediction log cannot record outcomes: %s", getattr(error, "orig", error))  # noqa: TRY400
            raise LogUnavailable(
                reason="The prediction log does not answer. Nothing was recorded. Send the request again later."
            ) from error
        new = [one for one in recorded if one.is_new]
        self._metrics.count_outcomes(reported_by, Counter(one.churned for one in new))
        contradictions = [one for one in new if one.contradicts]
        self._metrics.count_contradictions(reported_by, len(contradictions))
        for one in contradictions:
            facts = ("prediction_id", "churned", "reported_by", "contradicts")
            audit.record("outcome contradicted", **{name: getattr(one, name) for name in facts})
        return recorded

    def close(self) -> None:
        """Close the connections to the database."""
        if self._engine is not None:
            self._engine.dispose()

    def _find_ids_on_the_way(self) -> tuple[str, str]:
        """Return the range of ids that may not be in the database yet: the first one, and the one after the last."""
        first, last = (datetime.fromtimestamp(seconds, UTC) for seconds in self._predictions.span_on_the_way())
        return row_ids.first_id(first - TO_SPOOL), row_ids.first_id(last + TO_SPOOL)
