"""How often a canary that equals the champion is withdrawn, or made the champion, when `advance` looks at it daily.

Customers are drawn with their true probabilities, and both models say the truth with noise of the same size. Each
model answers customers of its own; a step begins with no outcomes, and ends when both models have enough of them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from benchmarks.reporting.findings import rate
from benchmarks.statistics.studies.compare_live import HORIZON_ROWS, NOISE, POLICY, noisy
from benchmarks.statistics.study import Study
from models.customer.contract import Labels
from training.data import synthetic
from training.promotion.live import live_gains, metric_differences
from training.promotion.paired_comparison import ScoredModel

TRIALS, DAYS, ROWS_A_DAY, MIN_ROWS, STEP_DAYS = 400, 200, 100, 500, 7
STEPS = (0.05, 0.25, 0.5, 1.0)
_ABOUT = (
    f"{TRIALS} canaries that equal the champion: both say the true log-odds of synthetic customers with noise of "
    f"standard deviation {NOISE}. {ROWS_A_DAY} outcomes a day for {DAYS} days; each share of {STEPS[:-1]} lasts at "
    f"least {STEP_DAYS} days and {MIN_ROWS} outcomes of either model, the last one until the end. They are judged each "
    f"day as `advance` does: on customers of their own, those of this step only, with a horizon of {HORIZON_ROWS:,} "
    f"and a level of 5 % that is divided among {len(STEPS)} steps."
)
_COLUMNS = ("canary", "withdrawn", "made the champion", "looks at a trial (mean)")


@dataclass(frozen=True)
class Trial:
    """What became of one canary."""

    ended: Literal["", "withdrawn", "champion"]
    """Empty if it answered the last share until the end."""
    day: int
    share: float
    """At the end."""
    looks: int


def make() -> Study:
    """Run all trials."""
    return summarize([*repeat(TRIALS)])


def repeat(trials: int, *, days: int = DAYS) -> Iterator[Trial]:
    """Run so many trials."""
    for seed in range(trials):
        yield _run(seed, days)


def summarize(trials: Sequence[Trial]) -> Study:
    """Make the table: shares of trials."""
    counts = {end: sum(trial.ended == end for trial in trials) for end in ("withdrawn", "champion")}
    looks = np.mean([trial.looks for trial in trials])
    withdrawn, champion = (rate(count, len(trials)) for count in counts.values())
    return Study(
        title="A canary that advances by itself",
        about=_ABOUT,
        columns=_COLUMNS,
        rows=[("equal", withdrawn, champion, f"{looks:.0f}")],
        conclusion=(
            f"Of {len(trials)} canaries that equal the champion, {counts['withdrawn']} are withdrawn and "
            f"{counts['champion']} are made the champion."
        ),
        raw=[asdict(trial) for trial in trials],
    )


def _run(seed: int, days: int) -> Trial:
    challenger, champion, churned = _draw(seed, ROWS_A_DAY * days)
    assigned = np.random.default_rng([seed, 2]).random(len(churned))
    step = began = looks = 0
    for day in range(1, days + 1):
        rows = slice(began * ROWS_A_DAY, day * ROWS_A_DAY)
        own = assigned[rows] < STEPS[step]
        if min(own.sum(), (~own).sum()) < MIN_ROWS:
            continue
        looks += 1
        sides = ((challenger, own), (champion, ~own))
        ours, theirs = ((ScoredModel(model.probability[rows][one], POLICY), churned[rows][one]) for model, one in sides)
        found = metric_differences.unpaired(ours, theirs)
        gains = live_gains.judge(found, horizon_rows=HORIZON_ROWS, level=live_gains.LEVEL / len(STEPS))
        if any(gain.is_surely_worse for gain in gains.values()):
            return Trial("withdrawn", day, STEPS[step], looks)
        if STEPS[step + 1] < 1 and day - began >= STEP_DAYS:
            step, began = step + 1, day
        elif STEPS[step + 1] == 1 and live_gains.is_better(gains):
            return Trial("champion", day, STEPS[step], looks)
    return Trial("", days, STEPS[step], looks)


def _draw(seed: int, rows: int) -> tuple[ScoredModel, ScoredModel, Labels]:
    customers, truth = synthetic.sample(rows, seed=seed)
    rng = np.random.default_rng([seed, 1])
    challenger, champion = (ScoredModel(noisy(truth, NOISE, rng), POLICY) for _ in range(2))
    return challenger, champion, customers["churned"].to_numpy()
