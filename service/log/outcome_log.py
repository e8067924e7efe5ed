"""Outcomes on their way into the prediction log: when `record` returns, they are stored.

Predictions come there by way of the spool, a second later or after an outage, so an outcome may be ahead of its
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
from service.errors import LogUnavailable, NotLoggedYet
from service.log.prediction_log import PredictionLog
from service.metrics import Metrics

if TYPE_CHECKING:  # imported when the first outcome comes: it takes 0.25 s and 25 MB
    from sqlalchemy import Engine

    from models.log.outcome_recording import Recorded

logger = logging.getLogger(__name__)
TO_SPOOL = timedelta(seconds=5)
"""Longest way of a prediction to the spool, and most that the clocks of two instances differ."""


class OutcomeLog:
    """Connects when first used; waits for the database, so it is for threads."""

    def __init__(self, url: str, predictions: PredictionLog, metrics: Metrics) -> None:
        self._url, self._predictions, self._metrics = url, predictions, metrics
        self._engine: Engine | None = None

    def record(self, outcomes: Sequence[Outcome]) -> "list[Recorded]":
        """Store outcomes, all of them or none; milliseconds, or seconds where the database does not answer.

        Raises:
            OutcomesUnknown, OutcomesContradicted: there are no such predictions, or they have other outcomes.
            NotLoggedYet: some of the predictions are on their way to the database.
            LogUnavailable: there is no log, or it does not answer.
        """
        if not self._url:
            raise LogUnavailable(reason="This service keeps no prediction log. Its operators can set SERVICE_LOG_URL.")
        from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415  # as above

        from models.log import log_tables, outcome_recording  # noqa: PLC0415  # as above

        on_the_way = self._find_ids_on_the_way()  # before the database is asked: what leaves the spool then is there
        try:
            self._engine = self._engine or log_tables.connect(self._url)
            recorded = outcome_recording.record(self._engine, outcomes)
        except OutcomesUnknown as error:
            first, last = on_the_way
            if lost := [identity for identity in error.ids if not first <= identity < last]:
                raise OutcomesUnknown(ids=lost) from error
            raise NotLoggedYet(ids=error.ids) from error
        except (LogMissing, SQLAlchemyError) as error:
            logger.error("the prediction log takes no outcomes: %s", getattr(error, "orig", error))  # noqa: TRY400
            raise LogUnavailable(
                reason="The prediction log does not answer. Nothing was recorded; send it again later."
            ) from error
        self._metrics.count_outcomes(Counter(one.churned for one in recorded if one.is_new))
        return recorded

    def close(self) -> None:
        """Let go of the database."""
        if self._engine is not None:
            self._engine.dispose()

    def _find_ids_on_the_way(self) -> tuple[str, str]:
        """Return the least id that the database may not have yet, and the one after the last."""
        now, waited = datetime.now(UTC), timedelta(seconds=self._predictions.behind_seconds)
        return row_ids.first_id(now - waited - TO_SPOOL), row_ids.first_id(now + TO_SPOOL)
