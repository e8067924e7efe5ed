"""Study: a moved churn rate, repaired by a new map from 500 outcomes, or estimated from scores alone."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np

from benchmarks.reporting import findings
from benchmarks.statistics.study import Study
from models.bundles import recalibration
from models.bundles.recalibration import Recalibration
from models.bundles.risk import Costs, Offer, RiskPolicy
from models.customer.contract import Labels, Matrix, Vector
from models.features import CONTRACT
from monitoring.losses import decision_costs, label_shift
from training.data import synthetic
from training.learning import evaluation, model

RATES = (0.255, 0.30, 0.35, 0.40, 0.50)
OUTCOMES, SCORES, REPETITIONS = 500, 5_000, 150
TRAINED, TESTED, POOL = 8_000, 2_000, 20_000
COSTS = Costs(
    value_of_kept_customer=500,
    medium=Offer(contact_cost=15, success_rate=0.1),
    high=Offer(contact_cost=85, success_rate=0.3),
)
BEFORE, LEARNED, ALONE = "none", f"{OUTCOMES} outcomes", f"{SCORES:,} scores"
ABOUT = (
    "{repetitions} times, a model is trained on {trained:,} new synthetic customers, of whom 25.5 % churn, and tested "
    "on {tested:,}. The truth is a pool of {pool:,} others with their true probabilities: churners and stayers are "
    "weighted so that another share churns, and look as ever. At each rate, 500 customers with outcomes teach a map "
    "(`recalibrate`), or 5,000 scores without outcomes teach an intercept (the estimate of `performance`, whose "
    "assumption holds here). **calibration error** and **cost** (USD a customer, at the prices of "
    "`training/costs.toml`) are of the pool: the mean, and the range of 95 % of the repetitions. **saved** is the true "
    "saving of the map. **interval holds** is the share of repetitions whose interval has that saving, **rate holds** "
    "the same of the churn rate, and **proposed** the share in which the saving is surely above zero (from scores, the "
    "interval of the rate must also be without the old one). **holds if proposed** is of these repetitions alone."
)


@dataclass(frozen=True)
class Repaired:
    """One repetition."""

    rate: float
    taught_by: str
    error: float
    cost: float
    saves: float
    """The true saving of the map, USD a customer."""
    holds: bool
    rate_holds: bool | None
    proposed: bool


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


def make() -> Study:
    """Repeat both repairs at every rate, each time of another model."""
    customers, rng = Customers.draw(POOL, seed=5), np.random.default_rng(0)
    pools = [train(customers, TRAINED, seed=6 + one) for one in range(REPETITIONS)]
    found = [one for rate in RATES for pool in pools for one in repeat(pool, rate, rng)]
    about = ABOUT.format(trained=TRAINED, tested=TESTED, pool=POOL, repetitions=REPETITIONS)
    columns = [
        "churn rate",
        "taught by",
        "calibration error",
        "cost",
        "saved",
        "interval holds",
        "rate holds",
        "proposed",
        "holds if proposed",
    ]
    return Study(
        title="Recalibration after the churn rate moved",
        about=about,
        columns=columns,
        rows=list(rows(found)),
        conclusion=conclude(found),
        raw=list(_counted(found)),
    )


def train(customers: Customers, trained: int, *, seed: int) -> Pool:
    """Train a model on new customers, test it on others, and let it score the pool."""
    table, _ = synthetic.sample(trained + TESTED, seed=seed)
    matrix, churned = CONTRACT.to_matrix(table), table["churned"].to_numpy(np.int64)
    served = model.served(parameters=dict(model.PARAMETERS), constraints=None, seed=5, threads=1)
    served.fit(matrix[:trained], churned[:trained])
    before = float(evaluation.predict(served, matrix[trained:]).mean())
    policy = RiskPolicy(costs=COSTS).at_break_even
    return Pool(evaluation.predict(served, customers.matrix), customers.truth, policy, before)


def repeat(pool: Pool, rate: float, rng: np.random.Generator) -> Iterator[Repaired]:
    """Yield the pool as it is, and each repair of it."""
    served = Recalibration(*recalibration.CALIBRATED)
    without = pool.cost(pool.probability, pool.policy, rate)
    yield Repaired(rate, BEFORE, pool.error(served, rate), without, 0.0, holds=True, rate_holds=None, proposed=False)
    outcomes, (scores, _) = pool.draw(rate, OUTCOMES, rng), pool.draw(rate, SCORES, rng)
    learned = recalibration.simplest(*outcomes)
    shift = label_shift.estimate(scores, pool.policy, before=pool.before, before_rows=TESTED)
    odds = np.log(shift.rate.value / (1 - shift.rate.value)) - np.log(pool.before / (1 - pool.before))
    saved = decision_costs.saved_by(learned, scores, pool.policy)
    measured = partial(_measured, pool, rate, without)
    yield measured(LEARNED, learned, (saved.low, saved.high), None, proposed=saved.surely > 0)
    holds = shift.rate.low <= rate <= shift.rate.high
    ends = shift.saved.low, shift.saved.high
    yield measured(ALONE, Recalibration(1.0, float(odds)), ends, holds, proposed=shift.is_sure)


def _measured(  # noqa: PLR0913  # the first three are bound once
    pool: Pool,
    rate: float,
    without: float,
    taught_by: str,
    line: Recalibration,
    ends: tuple[float, float],
    rate_holds: bool | None,  # noqa: FBT001  # a fact, no choice
    *,
    proposed: bool,
) -> Repaired:
    cost = pool.cost(line.apply(pool.probability), pool.policy, rate)
    saves = without - cost
    holds = bool(ends[0] <= saves <= ends[1])
    return Repaired(rate, taught_by, pool.error(line, rate), cost, saves, holds, rate_holds, proposed)


def rows(found: Sequence[Repaired]) -> Iterator[list[str]]:
    """Yield a row for each rate and repair."""
    for rate in dict.fromkeys(one.rate for one in found):
        for taught_by in (BEFORE, LEARNED, ALONE):
            own = [one for one in found if (one.rate, one.taught_by) == (rate, taught_by)]
            shown = [_range([one.error for one in own], 3), _range([one.cost for one in own], 2)]
            shown.append("" if taught_by == BEFORE else _range([one.saves for one in own], 2))
            shares: list[list[bool | None]] = [
                [one.holds for one in own],
                [one.rate_holds for one in own],
                [one.proposed for one in own],
                [one.holds for one in own if one.proposed],
            ]
            said = ["" if taught_by == BEFORE or None in some or not some else _share(some) for some in shares]
            yield [f"{rate:.1%}", taught_by, *shown, *said]


def conclude(found: Sequence[Repaired]) -> str:
    """Say what both repairs bring at a rate of 40 and of 50 %."""

    def mean(rate: float, taught_by: str) -> float:
        return float(np.mean([one.cost for one in found if (one.rate, one.taught_by) == (rate, taught_by)]))

    said = (
        f"At {rate:.0%}, decisions cost {mean(rate, BEFORE):.2f} USD a customer; {mean(rate, LEARNED):.2f} with a map "
        f"from 500 outcomes, and {mean(rate, ALONE):.2f} with the intercept from 5,000 scores."
        for rate in (0.4, 0.5)
    )
    calm = [one.proposed for one in found if one.rate == RATES[0] and one.taught_by != BEFORE]
    return (
        f"{' '.join(said)} Where the rate did not move, a map is proposed in {sum(calm)} of {len(calm)} repetitions. "
        f"The intervals of the saving hold in {_held(found, LEARNED)} with outcomes, and in {_held(found, ALONE)} from "
        f"scores alone; of what is proposed, {_held_of_proposed(found, LEARNED)} and {_held_of_proposed(found, ALONE)}."
    )


def _held(found: Sequence[Repaired], taught_by: str) -> str:
    shares = [
        np.mean([one.holds for one in found if (one.rate, one.taught_by) == (rate, taught_by)])
        for rate in dict.fromkeys(one.rate for one in found)
    ]
    return f"{min(shares):.1%} to {max(shares):.1%}"


def _held_of_proposed(found: Sequence[Repaired], taught_by: str) -> str:
    own = [one.holds for one in found if one.taught_by == taught_by and one.proposed]
    return f"{sum(own)} of {len(own)}"


def _counted(found: Sequence[Repaired]) -> Iterator[dict[str, str | float | bool]]:
    """Yield every repetition of a repair, without what is the same in all."""
    for one in found:
        if one.taught_by != BEFORE:
            fields = {name: value for name, value in asdict(one).items() if value is not None and name != "cost"}
            yield {name: round(value, 4) if isinstance(value, float) else value for name, value in fields.items()}


def _share(some: Sequence[bool | None]) -> str:
    return findings.rate(sum(map(bool, some)), len(some))


def _range(values: Sequence[float], digits: int) -> str:
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{np.mean(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
