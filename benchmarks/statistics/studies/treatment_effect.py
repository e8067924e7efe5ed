"""Do the intervals of the effect of offers cover it? Groups are drawn from known churn rates and success rates."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import numpy as np

from benchmarks.reporting import findings
from benchmarks.statistics.study import Study
from models.bundles.quality import Figure
from models.bundles.risk import Costs, Offer
from monitoring.quality import treatment_effect
from monitoring.quality.treatment_effect import Arm, Arms

REPETITIONS = 4_000
_COSTS = Costs(
    value_of_kept_customer=500,
    medium=Offer(contact_cost=15, success_rate=0.1),
    high=Offer(contact_cost=85, success_rate=0.3),
)
_CASES = tuple(
    (held_out, churn_rate, success, share)
    for held_out in (100, 400, 2_000)
    for churn_rate, success, share in (
        (0.45, 0.0, 1.0),
        (0.45, 0.1, 1.0),
        (0.45, 0.1, 0.6),
        (0.8, 0.0, 1.0),
        (0.8, 0.3, 1.0),
        (0.8, 0.3, 0.6),
    )
)
"""Customers held out, their churn rate, the true success rate, and the share of the others who get an offer."""
_FALSE_ALARM_RATE = 0.01
"""Of a look that says whether the assumed success rates are right, both tiers together."""
_FREE_FOR_EACH = 9  # a holdout of 10 %


@dataclass
class Counts:
    """How often the intervals of one case cover the truth."""

    held_out: int
    churn_rate: float
    success_rate: float
    offered_share: float
    repetitions: int
    told: int = 0
    """Repetitions with enough churners for an effect."""
    difference_covered: int = 0
    saved_covered: int = 0
    success_covered: int = 0
    found: int = 0
    """Intervals of the difference above 0."""
    called_unlike: int = 0
    """Success rates that are called better or worse than assumed, where the true one is assumed."""


def make(cases: Iterable[tuple[int, float, float, float]] = _CASES, repetitions: int = REPETITIONS) -> Study:
    """Measure each case; all take half a minute."""
    found = [measure(*case, repetitions=repetitions, seed=at) for at, case in enumerate(cases)]
    return Study(
        title="Effect of offers",
        about=(
            f"{repetitions:,} repetitions of each case. A tenth of the customers of a tier is held out; of the others, "
            "a share gets an offer that keeps a share of those who would churn (*true success*). The columns say how "
            "often the 95 % interval of a figure covers its truth, and how often the offers are found to work: with a "
            "true success of 0 that is the false-alarm rate, else the power. The last column says how often the "
            "success rate is called unlike the assumed one though they are the same (0.1 % is assumed for 0 %): "
            f"{_FALSE_ALARM_RATE / len(treatment_effect.TIERS):.1%} of single looks are promised."
        ),
        columns=(
            "held out",
            "churn rate",
            "true success",
            "offered",
            "churn difference",
            "money",
            "success",
            "found",
            "called unlike",
        ),
        rows=[
            (
                f"{one.held_out:,}",
                f"{one.churn_rate:.0%}",
                f"{one.success_rate:.0%}",
                f"{one.offered_share:.0%}",
                *(
                    findings.rate(hits, one.told)
                    for hits in (
                        one.difference_covered,
                        one.saved_covered,
                        one.success_covered,
                        one.found,
                        one.called_unlike,
                    )
                ),
            )
            for one in found
        ],
        conclusion=_conclude(found),
        raw=[asdict(one) for one in found],
    )


def measure(held_out: int, churn_rate: float, success: float, share: float, *, repetitions: int, seed: int) -> Counts:
    """Draw groups again and again, and count how often the intervals cover."""
    rng, free = np.random.default_rng(seed), held_out * _FREE_FOR_EACH
    counts = Counts(held_out, churn_rate, success, share, repetitions)
    offer = _COSTS.high.model_copy(update={"success_rate": max(success, 0.001)})
    costs = _COSTS.model_copy(update={"high": offer})
    for _ in range(repetitions):
        offers = int(rng.binomial(free, share))
        churned = rng.binomial(offers, churn_rate * (1 - success)) + rng.binomial(free - offers, churn_rate)
        arms: Arms = {
            ("high", False): Arm(free, int(churned), offers),
            ("high", True): Arm(held_out, int(rng.binomial(held_out, churn_rate))),
        }
        _, effect = treatment_effect.of_tiers(arms, costs, false_alarm_rate=_FALSE_ALARM_RATE)
        if effect.reduced_churn_by is None or effect.saved is None or effect.success_rate is None:
            continue
        reduced = churn_rate * success * share
        counts.told += 1
        counts.difference_covered += _covers(effect.reduced_churn_by, reduced)
        saved = reduced * costs.value_of_kept_customer - offer.contact_cost * offers / free
        counts.saved_covered += _covers(effect.saved, saved)
        counts.success_covered += _covers(effect.success_rate, success)
        counts.found += effect.reduced_churn_by.low > 0
        counts.called_unlike += effect.verdict in ("better than assumed", "worse than assumed")
    return counts


def _covers(figure: Figure, truth: float) -> bool:
    return figure.low <= truth <= figure.high


def _conclude(found: Iterable[Counts]) -> str:
    shares = [
        hits / one.told for one in found for hits in (one.difference_covered, one.saved_covered, one.success_covered)
    ]
    alarms = [one.found / one.told for one in found if not one.success_rate]
    unlike = max((one.called_unlike / one.told for one in found if one.success_rate), default=0)
    return (
        f"The intervals cover in {min(shares):.1%} to {max(shares):.1%} of repetitions. Offers without effect are "
        f"found to work in at most {max(alarms, default=0):.1%}. A right success rate is called wrong in at most "
        f"{unlike:.1%} of single looks."
    )
