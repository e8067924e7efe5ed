"""Customers of whom another share churns than in training, and what a model says of them."""

from dataclasses import dataclass

import numpy as np

from models.bundles import recalibration
from models.bundles.recalibration import Recalibration
from models.bundles.risk import Costs, Offer, RiskPolicy
from models.customer.contract import Labels, Matrix, Vector
from models.features import CONTRACT
from monitoring.losses import decision_costs
from training.data import synthetic
from training.learning import evaluation, model

TESTED = 2_000
COSTS = Costs(
    value_of_kept_customer=500,
    medium=Offer(contact_cost=15, success_rate=0.1),
    high=Offer(contact_cost=85, success_rate=0.3),
)


@dataclass(frozen=True)
class Customers:
    """Customers with the true probabilities that they churn."""

    matrix: Matrix
    truth: Vector

    @classmethod
    def draw(cls, rows: int, *, seed: int) -> "Customers":
        """Draw synthetic customers."""
        table, truth = synthetic.sample(rows, seed=seed)
        return cls(CONTRACT.to_matrix(table), truth)


@dataclass(frozen=True)
class Pool:
    """Customers, and what a model says of them."""

    probability: Vector
    truth: Vector
    policy: RiskPolicy
    before: float
    """Mean probability of the test set."""

    def share(self, rate: float) -> tuple[Vector, Vector]:
        """Return the weight of each customer who stays, and who churns, if so many churn; their sums are 1."""
        share = self.truth.mean() * len(self.truth)
        stayed, churned = (1 - self.truth) / (len(self.truth) - share), self.truth / share
        return (1 - rate) * stayed, rate * churned

    def draw(self, rate: float, rows: int, rng: np.random.Generator) -> tuple[Vector, Labels]:
        """Draw customers of whom so many churn."""
        chosen = rng.choice(2 * len(self.truth), rows, p=np.concatenate(self.share(rate)))
        churned, place = np.divmod(chosen, len(self.truth))
        return self.probability[place], churned

    def error(self, line: Recalibration, rate: float) -> float:
        """Return the calibration error of the map in the pool."""
        served, (stayed, churned) = line.apply(self.probability), self.share(rate)
        weights = (stayed + churned) * len(self.truth)
        right = recalibration.fit(served, churned / (stayed + churned), weights=weights)
        return recalibration.error(served, right, weights=weights)

    def cost(self, probability: Vector, policy: RiskPolicy, rate: float) -> float:
        """Return what decisions cost a customer of the pool."""
        (stays, leaves), (stayed, churned) = decision_costs.cost_of(probability, policy), self.share(rate)
        return float(stayed @ stays + churned @ leaves)


def train(customers: Customers, trained: int, *, seed: int) -> Pool:
    """Train a model on new customers, test it on others, and let it score the pool."""
    table, _ = synthetic.sample(trained + TESTED, seed=seed)
    matrix, churned = CONTRACT.to_matrix(table), table["churned"].to_numpy(np.int64)
    served = model.served(parameters=dict(model.PARAMETERS), constraints=None, seed=5, threads=1)
    served.fit(matrix[:trained], churned[:trained])
    before = float(evaluation.predict(served, matrix[trained:]).mean())
    policy = RiskPolicy(costs=COSTS).at_break_even
    return Pool(evaluation.predict(served, customers.matrix), customers.truth, policy, before)
