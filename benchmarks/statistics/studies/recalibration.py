"""Study: a moved churn rate, repaired by a new map from 500 outcomes, or estimated from scores alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.reporting import findings
from benchmarks.statistics import coverages, moved_rates
from benchmarks.statistics.moved_rates import TESTED, Customers, Pool
from benchmarks.statistics.study import Fact, Study
from models.bundles import recalibration
from models.bundles.recalibration import Recalibration
from monitoring.losses import decision_costs, label_shift
from monitoring.losses.decision_costs import Saving

RATES = (0.255, 0.30, 0.35, 0.40, 0.50)
OUTCOMES, SCORES, REPETITIONS = 500, 5_000, 150
TRAINED, POOL = 8_000, 20_000
MORE_AT, MORE = 0.35, 2
"""Rate at which few maps are proposed, and how often each model is taught again there."""
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
    "interval of the rate must also be without the old one). **holds if proposed** is of these repetitions alone. "
    "**true to estimated** is their mean true saving, divided by the mean of what `performance` says of it, with its "
    "95 % interval (bootstrap), where a map was proposed at least 20 times. At 35 %, each model is "
    "taught by outcomes {more} times."
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
    estimate: float | None = None
    """What the saving is said to be, where the map is proposed."""


def make() -> Study:
    """Repeat both repairs at every rate, each time of another model."""
    customers, rng = Customers.draw(POOL, seed=5), np.random.default_rng(0)
    pools = [moved_rates.train(customers, TRAINED, seed=6 + one) for one in range(REPETITIONS)]
    found = [one for rate in RATES for pool in pools for one in repeat(pool, rate, rng)]
    found += [learn(pool, MORE_AT, rng) for pool in pools for _ in range(MORE)]
    about = ABOUT.format(trained=TRAINED, tested=TESTED, pool=POOL, repetitions=REPETITIONS, more=1 + MORE)
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
        "true to estimated",
    ]
    return Study(
        title="Recalibration after the churn rate moved",
        about=about,
        columns=columns,
        rows=list(rows(found)),
        conclusion=conclude(found),
        raw=list(_counted(found)),
    )


def repeat(pool: Pool, rate: float, rng: np.random.Generator) -> Iterator[Repaired]:
    """Yield the pool as it is, and each repair of it."""
    served = Recalibration(*recalibration.CALIBRATED)
    without = pool.cost(pool.probability, pool.policy, rate)
    yield Repaired(rate, BEFORE, pool.error(served, rate), without, 0.0, holds=True, rate_holds=None, proposed=False)
    yield learn(pool, rate, rng)
    scores, _ = pool.draw(rate, SCORES, rng)
    shift = label_shift.estimate(scores, pool.policy, before=pool.before, before_rows=TESTED)
    odds = np.log(shift.rate.value / (1 - shift.rate.value)) - np.log(pool.before / (1 - pool.before))
    line, holds = Recalibration(1.0, float(odds)), shift.rate.low <= rate <= shift.rate.high
    yield _measured(pool, rate, ALONE, line, shift.saved, holds, proposed=shift.is_sure)


def learn(pool: Pool, rate: float, rng: np.random.Generator) -> Repaired:
    """Learn a map from outcomes; it is proposed by the probabilities of other customers."""
    outcomes, (scores, _) = pool.draw(rate, OUTCOMES, rng), pool.draw(rate, SCORES, rng)
    line = recalibration.simplest(*outcomes)
    saved = decision_costs.saved_by(line, scores, pool.policy).if_proposed()
    return _measured(pool, rate, LEARNED, line, saved, None, proposed=saved.surely > 0)


def _measured(
    pool: Pool,
    rate: float,
    taught_by: str,
    line: Recalibration,
    told: Saving,
    rate_holds: bool | None,  # noqa: FBT001  # a fact, no choice
    *,
    proposed: bool,
) -> Repaired:
    cost = pool.cost(line.apply(pool.probability), pool.policy, rate)
    saves = pool.cost(pool.probability, pool.policy, rate) - cost
    holds, estimate = bool(told.low <= saves <= told.high), told.value if proposed else None
    return Repaired(rate, taught_by, pool.error(line, rate), cost, saves, holds, rate_holds, proposed, estimate)


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
            yield [f"{rate:.1%}", taught_by, *shown, *said, _true_to_estimated(own)]


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


def _counted(found: Sequence[Repaired]) -> Iterator[dict[str, Fact]]:
    """Yield what each repetition of a repair saved and was said to save, as short as many lines ask for."""
    for one in found:
        if one.taught_by != BEFORE:
            fields: dict[str, Fact] = {
                "rate": one.rate,
                "taught_by": one.taught_by,
                "saves": round(one.saves, 3),
                "holds": int(one.holds),
            }
            if one.rate_holds is not None:
                fields["rate_holds"] = int(one.rate_holds)
            fields["proposed"] = int(one.proposed)
            if one.estimate is not None:
                fields["estimate"] = round(one.estimate, 3)
            yield fields


def _true_to_estimated(own: Sequence[Repaired]) -> str:
    pairs = [(one.saves, one.estimate) for one in own if one.estimate is not None]
    return findings.ratio(*zip(*pairs, strict=True)) if len(pairs) >= coverages.LEAST_PROPOSED else ""


def _share(some: Sequence[bool | None]) -> str:
    return findings.rate(sum(map(bool, some)), len(some))


def _range(values: Sequence[float], digits: int) -> str:
    if len(values) == 1:
        return f"{values[0]:.{digits}f}"
    low, high = np.quantile(values, [0.025, 0.975])
    return f"{np.mean(values):.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
