"""A log of a trial, as a service and its clients would have left it."""

from pathlib import Path

import sqlalchemy as sa

from demo.populations import CALM
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from models.log import log_tables
from models.log.log_tables import CHALLENGER_PREDICTIONS
from tests.live_log import DAY, NOW, add
from tests.stores import Shelf

ROWS = 1_500


class Log:
    """A log of customers whom one model answered, and perhaps another predicted in the shadow."""

    def __init__(self, shelf: Shelf, folder: Path) -> None:
        self._shelf = shelf
        self.url = f"sqlite:///{folder / 'predictions.db'}"

    def answer(
        self,
        version: str,
        *,
        seed: int,
        shadow: str | None = None,
        without_outcome: int = 0,
        are_named: bool = True,
    ) -> None:
        """Add customers with outcomes; with `are_named`, each has a digest of an id of its own."""
        customers = CALM.customers(ROWS, seed=seed)
        features = [customer.features for customer in customers]
        made = [NOW - (20 - number / ROWS) * DAY for number in range(ROWS)]
        ids = add(
            self.url,
            features,
            [customer.churned for customer in customers],
            made,
            [at + DAY for at in made],
            has_outcome=[number >= without_outcome for number in range(ROWS)],
            version=version,
            probability=self._score(version, features),
            digests=[f"{seed:016x}{number:016x}" if are_named else None for number in range(ROWS)],
        )
        if shadow:
            said = zip(ids, self._score(shadow, features), strict=True)
            policy = self._shelf.find(shadow).manifest.policy
            rows = [
                {
                    "prediction_id": identity,
                    "model_version": shadow,
                    "churn_probability": probability,
                    "churn_prediction": policy.churns(probability),
                    "risk_tier": policy.tier(probability),
                }
                for identity, probability in said
            ]
            engine = log_tables.connect(self.url)
            with engine.begin() as connection:
                connection.execute(sa.insert(CHALLENGER_PREDICTIONS), rows)
            engine.dispose()

    def repeat(self, *, predictions: int) -> None:
        """Let so many predictions in a row be of the same customer."""
        engine, table = log_tables.connect(self.url), log_tables.PREDICTIONS
        with engine.begin() as connection:
            ids = connection.scalars(sa.select(table.c.prediction_id).order_by(table.c.prediction_id)).all()
            for number, identity in enumerate(ids):
                own = table.c.prediction_id == identity
                digest = f"{number // predictions:032x}"
                connection.execute(sa.update(table).where(own).values(customer_digest=digest))
        engine.dispose()

    def invert(self, *, reported_by: str, share: float) -> None:
        """Add the opposite of the outcomes, by another reporter, of a share of the predictions."""
        engine, outcomes = log_tables.connect(self.url), log_tables.OUTCOMES
        with engine.begin() as connection:
            rows = connection.execute(sa.select(outcomes)).mappings().all()
            inverted = [
                {**row, "reported_by": reported_by, "churned": not row["churned"]}
                for row in rows[: round(len(rows) * share)]
            ]
            connection.execute(sa.insert(outcomes), inverted)
        engine.dispose()

    def _score(self, version: str, features: list[dict[str, float]]) -> list[float]:
        columns = {name: [row[name] for row in features] for name in CONTRACT.names}
        return [float(one) for one in Scorer.of(self._shelf.find(version)).score(CONTRACT.to_matrix(columns))]
