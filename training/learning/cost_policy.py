"""Reads the costs file, and chooses the decision threshold and the tier bounds.

Where probabilities are right, an offer pays off from the break-even of its prices on, and no other bounds cost less.
Bounds that are searched on rows scatter around these. So the search is only for probabilities that are not calibrated.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import ValidationError

from models import plain_text
from models.bundles import recalibration, resampling
from models.bundles.manifest import CostSummary, Interval
from models.bundles.quality import Figure
from models.bundles.risk import Costs, RiskPolicy
from models.columns import toml_files
from models.customer.contract import Labels, Vector
from training.errors import CostsInvalid

NOBODY, MEDIUM, HIGH = "contact nobody", "the medium offer to everybody", "the high offer to everybody"
SMALL_ERROR = 0.02
"""Up to this calibration error, the break-even of the prices costs no more than the scatter of bounds by search."""
_RESAMPLES = 1_000
_BOUNDS = np.arange(1, 200) / 200
"""The bounds that are tried, in steps of 0.005; finer steps give no measurable difference."""
_WIDTH = len(_BOUNDS) + 1


def read(path: Path) -> Costs:
    """Read a costs file.

    Raises:
        CostsInvalid: the file is missing, is not TOML, or has an offer that is the cheapest choice for no customer.
    """
    try:
        return Costs.model_validate(toml_files.read(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        message = first["msg"].removeprefix("Value error, ")
        raise CostsInvalid(
            path=path, problem=plain_text.one_line(f"{place}: {message}" if place else message)
        ) from error
    except OSError as error:
        raise CostsInvalid(path=path, problem=error.strerror or "cannot be read") from error
    except ValueError as error:
        raise CostsInvalid(path=path, problem=plain_text.first_line(error)) from error


def choose(costs: Costs, probability: Vector, churned: Labels, customers: Labels | None = None) -> RiskPolicy:
    """Return the policy of the prices where out-of-fold rows are calibrated, or else the one with the lowest cost.

    `customers` (n,) has the customer of each row; None if each row is of a customer of its own.
    """
    if not is_calibrated(probability, churned, customers):
        return search(costs, probability, churned)
    medium, high = costs.break_even
    return RiskPolicy(threshold=medium, medium_from=medium, high_from=high, costs=costs)


def is_calibrated(probability: Vector, churned: Labels, customers: Labels | None = None) -> bool:
    """Return whether slope and intercept of a recalibration may be 1 and 0, or its error is at most 0.02.

    Few rows prove nothing, so the 95 % region of slope and intercept decides. With many rows, the region is so small
    that it contains hardly any model; then the error decides.
    """
    line = recalibration.fit(probability, churned, customers=resampling.numbered(customers))
    return line.may_be_calibrated or recalibration.error(probability, line) <= SMALL_ERROR


def search(costs: Costs, probability: Vector, churned: Labels) -> RiskPolicy:
    """Return the policy with the lowest cost on out-of-fold rows.

    A customer is predicted to churn if an offer pays off, so the threshold is the lower bound of the medium tier.
    """
    medium, high = _cheapest(costs, _count(probability, churned)[np.newaxis])
    return RiskPolicy(threshold=float(medium[0]), medium_from=float(medium[0]), high_from=float(high[0]), costs=costs)


def describe(
    costs: Costs,
    probability: Vector,
    churned: Labels,
    *,
    test: tuple[Labels, Mapping[str, tuple[Vector, RiskPolicy]]],
    seed: int,
    customers: tuple[Labels | None, Labels | None] = (None, None),
) -> CostSummary:
    """Return intervals of the cheapest bounds, and the cost per customer of each policy on the test set.

    `probability` and `churned` are the rows that the bounds were chosen on. `test` has the outcomes of the test set
    and, for each model, this model first, its probabilities on the test set and its policy. `customers` has the
    customer of each of these and of each of those rows; None if each row is of a customer of its own.
    """
    chosen_for, tested = map(resampling.numbered, customers)
    medium, high = _cheapest(costs, _resample(probability, churned, chosen_for, seed=seed))
    outcomes, models = test
    plain = RiskPolicy(threshold=0.4, costs=costs)  # its three tiers contain 0, 0.5 and 1
    everybody = {NOBODY: 0.0, MEDIUM: 0.5, HIGH: 1.0}
    deciders = {**models, **{name: (np.full(len(outcomes), at), plain) for name, at in everybody.items()}}
    spent = {name: cost_per_customer(probability, outcomes, policy) for name, (probability, policy) in deciders.items()}
    ours, *others = spent
    return CostSummary(
        bounds_from="prices" if is_calibrated(probability, churned, customers[0]) else "folds",
        bounds={"medium_from": _interval(medium), "high_from": _interval(high)},
        cost={name: _mean(rows, tested) for name, rows in spent.items()},
        saved={name: _mean(spent[name] - spent[ours], tested) for name in others},
    )


def cost_per_customer(probability: Vector, churned: Labels, policy: RiskPolicy) -> Vector:
    """Compute the cost of each customer under a policy, offers included, (n,)."""
    tiers = np.searchsorted([policy.medium_from, policy.high_from], probability, side="right")
    return np.array([policy.cost(bound) for bound in (0.0, policy.medium_from, policy.high_from)])[tiers, churned]


def _mean(rows: Vector, of_row: Labels | None) -> Figure:
    """Compute a mean with its 95 % interval, by the normal approximation."""
    mean, reach = float(rows.mean()), 1.96 * resampling.deviation_of_mean(rows, of_row)
    return Figure(mean, mean - reach, mean + reach)


def saving_per_customer(probability: Vector, churned: Labels, policy: RiskPolicy) -> Vector:
    """Compute the saving for each customer, (n,): no contact compared with the high or the medium offer."""
    if policy.costs is None:
        raise ValueError("the policy has no costs, so no saving can be computed")
    of_nobody, of_medium, of_high = (np.array(policy.costs.of(tier)) for tier in ("low", "medium", "high"))
    offered = np.where((probability >= policy.high_from)[:, np.newaxis], of_nobody - of_high, of_nobody - of_medium)
    return np.asarray(offered[np.arange(len(churned)), churned])


def _count(probability: Vector, churned: Labels) -> npt.NDArray[np.int64]:
    """Count customers by outcome and by the number of bounds that they reach, (2, 200)."""
    return np.bincount(_cells(probability, churned), minlength=2 * _WIDTH).reshape(2, _WIDTH)


def _resample(probability: Vector, churned: Labels, of_row: Labels | None, *, seed: int) -> npt.NDArray[Any]:
    """Draw the counts of `_count` `_RESAMPLES` times."""
    if of_row is None:
        shares = _count(probability, churned).ravel() / len(churned)
        drawn: npt.NDArray[Any] = np.random.default_rng(seed).multinomial(len(churned), shares, _RESAMPLES)
    else:
        cells = _cells(probability, churned)
        drawn = resampling.counts(cells, 2 * _WIDTH, of_row, resamples=_RESAMPLES, seed=seed)
    return drawn.reshape(_RESAMPLES, 2, _WIDTH)


def _cells(probability: Vector, churned: Labels) -> Labels:
    """Return the position of each customer in the counts by outcome and number of bounds reached."""
    return churned * _WIDTH + np.searchsorted(_BOUNDS, probability, side="right")


def _cheapest(costs: Costs, counts: npt.NDArray[Any]) -> tuple[Vector, Vector]:
    """Return the cheapest lower bounds of the medium and the high tier, (n,) each, for (n, 2, 200) counts."""
    at_or_above = np.cumsum(counts[..., ::-1], axis=-1)[..., ::-1][..., 1:]
    spent = {
        tier: at_or_above[:, 0] * stays + at_or_above[:, 1] * (leaves - costs.of("low")[1])
        for tier in ("medium", "high")
        for stays, leaves in [costs.of(tier)]
    }
    # Customers at or above the high bound get the high offer instead of the medium one.
    instead = spent["high"] - spent["medium"]
    least_above = np.minimum.accumulate(instead[:, :0:-1], axis=1)[:, ::-1]
    medium = np.argmin(spent["medium"][:, :-1] + least_above, axis=1)
    above = np.arange(len(_BOUNDS)) > medium[:, np.newaxis]
    return _BOUNDS[medium], _BOUNDS[np.argmin(np.where(above, instead, np.inf), axis=1)]


def _interval(drawn: Vector) -> Interval:
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Interval(low=float(low), high=float(high))
