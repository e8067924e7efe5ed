"""How often a trial that is looked at daily calls equal models different, and what a better one costs in outcomes.

Customers are drawn with their true probabilities, and both models say the truth with noise of their own, which is
smaller for a better challenger. Each day brings outcomes, and `compare-live` judges all of them, as in shadow mode.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist

import numpy as np
from scipy import stats

from benchmarks.reporting.findings import rate
from benchmarks.statistics.study import Study
from models.bundles import calibration
from models.bundles.risk import Costs, Offer, RiskPolicy
from models.customer.contract import Labels, Vector
from training.data import synthetic
from training.promotion.live import live_gains, metric_differences
from training.promotion.live.metric_differences import Difference
from training.promotion.paired_comparison import METRICS, ScoredModel

ROWS_A_DAY, DAYS, FIRST_ROWS, HORIZON_ROWS = 10, 365, 500, 5_000
NOISE = 0.5
"""Of the champion, in log-odds."""
CHALLENGERS: Mapping[str, tuple[float, int]] = {
    "equal": (NOISE, 400),
    "better": (0.2, 60),
    "best reachable": (0.0, 60),
}
"""Noise of the challenger, and repetitions."""
POWER = 0.8
POLICY = RiskPolicy(
    threshold=0.5,
    medium_from=0.3,
    high_from=0.7,
    costs=Costs(
        currency="USD",
        value_of_kept_customer=500,
        medium=Offer(contact_cost=15, success_rate=0.1),
        high=Offer(contact_cost=85, success_rate=0.3),
    ),
)
_LEVEL = 0.05 / len(METRICS)
_QUANTILE = NormalDist().inv_cdf(1 - _LEVEL / 2)
_MANY_ROWS = 400_000
_NOISES = ", ".join(f"{noise:g} ({name})" for name, (noise, _) in CHALLENGERS.items())
_ABOUT = (
    f"{ROWS_A_DAY} outcomes a day for {DAYS} days, judged each day from {FIRST_ROWS} on in shadow mode, with a horizon "
    f"of {HORIZON_ROWS:,}. Both models say the true log-odds of synthetic customers with noise of their own: standard "
    f"deviation {NOISE} of the champion, and of the challenger {_NOISES}. Different: better or worse in ROC-AUC, "
    "Brier score or cost on any day, corrected for three metrics. Intervals for one look have the same level of 5 %. "
    "Outcomes for one look: what a test at one time, fixed before, needs to find 80 % of such challengers in the "
    "metric that needs fewest."
)
_COLUMNS = (
    "challenger",
    "different, looked at daily",
    "intervals for one look, looked at daily",
    "intervals for one look, looked at once",
    "called better within the year",
    "outcomes until 80 % are called better",
    "outcomes for one look",
)


@dataclass(frozen=True)
class Trial:
    """One year of a trial; numbers of outcomes at the first day of a finding, None without one."""

    challenger: str
    better_at: int | None
    """It was called better."""
    different_at: int | None
    """It was called better or worse in a metric."""
    fixed_different_at: int | None
    """Intervals for one look, looked at daily, called it better or worse."""
    different_at_the_end: bool
    """The interval for one look, looked at once at the end of the year, called it better or worse."""


def make() -> Study:
    """Run all trials."""
    trials = [trial for name in CHALLENGERS for trial in repeat(name, CHALLENGERS[name][1])]
    return summarize(trials, {name: fixed_rows(name) for name in CHALLENGERS if name != "equal"})


def repeat(name: str, repetitions: int, *, days: int = DAYS) -> Iterator[Trial]:
    """Run a year of a challenger so often."""
    for seed in range(repetitions):
        yield _run(name, seed, days)


def fixed_rows(name: str) -> int:
    """Return the outcomes with which one look finds the challenger better in its best metric, with a power of 80 %."""
    found = metric_differences.paired(*_draw(name, _MANY_ROWS, seed=10_000)).values()
    needed = _QUANTILE + NormalDist().inv_cdf(POWER)
    return round(min((needed * one.deviation / one.better_by) ** 2 for one in found if one.better_by > 0))


def summarize(trials: Sequence[Trial], needed: Mapping[str, int]) -> Study:
    """Make the table: shares of trials, and the outcomes that a better challenger took."""
    rows, costs, alarms = [], [], {}
    for name in dict.fromkeys(trial.challenger for trial in trials):
        own = [trial for trial in trials if trial.challenger == name]
        hits = [
            sum(trial.different_at is not None for trial in own),
            sum(trial.fixed_different_at is not None for trial in own),
            sum(trial.different_at_the_end for trial in own),
            sum(trial.better_at is not None for trial in own),
        ]
        alarms[name] = [count / len(own) for count in hits]
        took, one_look = _until_power(own), needed.get(name)
        rows.append((name, *(rate(count, len(own)) for count in hits), *map(_count, (took, one_look))))
        if took and one_look:
            costs.append(f"{took / one_look:.2f} times as many for a {name} one ({_range(own, one_look)})")
    return Study(
        title="A trial that is looked at daily",
        about=_ABOUT,
        columns=_COLUMNS,
        rows=rows,
        conclusion=(
            f"Of equal models, {alarms['equal'][0]:.1%} are called different within a year of daily looks, and "
            f"{alarms['equal'][1]:.1%} by intervals for one look. The price is outcomes: to find {POWER:.0%} of the "
            f"better challengers, daily looks need {', '.join(costs)} as one look whose time is fixed before."
        ),
        raw=[asdict(trial) for trial in trials],
    )


def _until_power(trials: Sequence[Trial]) -> int | None:
    """Return the outcomes with which 80 % of the trials have called the challenger better; None if fewer ever do."""
    found = sorted(trial.better_at for trial in trials if trial.better_at is not None)
    needed = math.ceil(POWER * len(trials))
    return found[needed - 1] if len(found) >= needed else None


def _range(trials: Sequence[Trial], one_look: int) -> str:
    """Describe the 95 % interval of how many times as many: the ranks of the trials between which 80 % may be."""
    found = sorted(trial.better_at for trial in trials if trial.better_at is not None)
    low, high = (int(rank) for rank in stats.binom.ppf([0.025, 0.975], len(trials), POWER))
    least = f"{found[max(low, 1) - 1] / one_look:.1f}"
    most = f"to {found[high] / one_look:.1f}" if high < len(found) else "or more"
    return f"{least} {most} by {len(trials)} trials"


def _count(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def _draw(name: str, rows: int, seed: int) -> tuple[ScoredModel, ScoredModel, Labels]:
    customers, truth = synthetic.sample(rows, seed=seed)
    rng = np.random.default_rng([seed, 1])
    challenger, champion = (ScoredModel(noisy(truth, noise, rng), POLICY) for noise in (CHALLENGERS[name][0], NOISE))
    return challenger, champion, customers["churned"].to_numpy()


def noisy(truth: Vector, noise: float, rng: np.random.Generator) -> Vector:
    """Return the true probabilities with noise of this standard deviation in log-odds."""
    return np.asarray(1 / (1 + np.exp(-calibration.log_odds(truth) - noise * rng.normal(size=len(truth)))))


def _run(name: str, seed: int, days: int) -> Trial:
    challenger, champion, churned = _draw(name, ROWS_A_DAY * days, seed)
    better_at = different_at = fixed_at = None
    is_fixed = False
    for rows in range(FIRST_ROWS, ROWS_A_DAY * days + 1, ROWS_A_DAY):
        ours, theirs = (ScoredModel(model.probability[:rows], POLICY) for model in (challenger, champion))
        found = metric_differences.paired(ours, theirs, churned[:rows])
        gains = live_gains.judge(found, horizon_rows=HORIZON_ROWS)
        if better_at is None and live_gains.is_better(gains):
            better_at = rows
        if different_at is None and any(
            low > 0 or high < 0 for low, high in (gain.corrected for gain in gains.values())
        ):
            different_at = rows
        is_fixed = any(_is_different_at_one_look(one) for one in found.values())
        if fixed_at is None and is_fixed:
            fixed_at = rows
    return Trial(name, better_at, different_at, fixed_at, is_fixed)


def _is_different_at_one_look(found: Difference) -> bool:
    return not found.doubt and abs(found.better_by) > _QUANTILE * found.deviation / found.rows**0.5
