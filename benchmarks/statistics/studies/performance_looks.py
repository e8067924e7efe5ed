"""Study: how often daily looks at outcomes say that quality has fallen, in years in which it has not."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from benchmarks.reporting import findings
from benchmarks.statistics.study import Study
from models.bundles import bundle, quality
from models.bundles.scorer import Scorer
from models.customer.contract import Labels, Vector
from models.features import CONTRACT
from monitoring.quality import performance_checks
from monitoring.settings import PerformanceSettings
from training.data import synthetic

DAY_ROWS = {20: 6, 200: 3}
"""Outcomes a day to the number of simulated years."""
DAYS, WINDOW_DAYS = 365, 30
ABOUT = """\
Outcomes of new customers of the shipped model come every day, and the job looks each day at those of the last
{window} days: {looks} looks a year. **single check** uses the limits of a run by itself for each look, **looks** those
of repeated looks, at most {most:g} false alarms a year. Each year has a new test set, of the size of the model's.
**runs** are looks with the verdict "quality fallen", **ROC-AUC** and **calibration** those in which that check failed;
all of them are false alarms. The limit of the calibration error is computed for the first window of a year."""


@dataclass(frozen=True)
class Year:
    """The looks of one calm year by one rule."""

    day_rows: int
    rule: str
    seed: int
    runs: int
    """Looks with the verdict "quality fallen"."""
    roc_auc: int
    calibration_error: int


def make() -> Study:
    """Simulate calm years."""
    return summarize([year for rows, years in DAY_ROWS.items() for at in range(years) for year in calm(rows, seed=at)])


def rules(settings: PerformanceSettings) -> dict[str, float]:
    """Return the name of each rule to the rate of a look."""
    return {"single check": settings.false_alarm_rate, "looks": settings.false_alarms_per_year / DAYS}


def calm(day_rows: int, *, seed: int, days: int = DAYS) -> Iterator[Year]:
    """Look each day of a year of outcomes as ever, at the model's own probabilities, which are nearly right."""
    settings = PerformanceSettings()
    model, random = bundle.load(settings.models_dir, contract=CONTRACT), np.random.default_rng(1_000 * day_rows + seed)
    policy, scorer = model.manifest.policy, Scorer.of(model)
    reference = quality.measured(*_draw(scorer, sum(dict(model.manifest.confusion).values()), random), policy)
    probability, churned = _draw(scorer, day_rows * (WINDOW_DAYS + days), random)
    named = rules(settings)
    first = probability[: day_rows * WINDOW_DAYS]
    chance = {
        rule: quality.chance_calibration_error(first, policy, rate=rate / performance_checks.CHECKS)
        for rule, rate in named.items()
    }
    broken: dict[str, deque[set[str]]] = {rule: deque() for rule in named}
    for day in range(days):
        window = slice(day_rows * day, day_rows * (day + WINDOW_DAYS))
        live = quality.measured(probability[window], churned[window], policy)
        for rule, rate in named.items():
            checks = performance_checks.check(
                live,
                reference,
                chance[rule],
                false_alarm_rate=rate,
                min_fall=settings.min_fall,
                min_calibration_error=settings.min_calibration_error,
            )
            broken[rule].append({one.metric for one in checks if one.broken})
    for rule, looks in broken.items():
        of_check = (sum(name in look for look in looks) for name in ("roc_auc", "calibration_error"))
        yield Year(day_rows, rule, seed, sum(map(bool, looks)), *of_check)


def _draw(scorer: Scorer, rows: int, random: np.random.Generator) -> tuple[Vector, Labels]:
    """Draw customers; return the model's probabilities and the outcomes."""
    customers, _ = synthetic.sample(rows, seed=int(random.integers(2**32)))
    return scorer.score(CONTRACT.to_matrix(customers)), customers["churned"].to_numpy()


def summarize(years: list[Year]) -> Study:
    """Return the study of these years."""
    settings = PerformanceSettings()
    rows = []
    for day_rows, rule in dict.fromkeys((one.day_rows, one.rule) for one in years):
        found = [one for one in years if (one.day_rows, one.rule) == (day_rows, rule)]
        a_year = (
            sum(counts) / len(found)
            for counts in zip(*((o.runs, o.roc_auc, o.calibration_error) for o in found), strict=True)
        )
        any_run = findings.rate(sum(one.runs > 0 for one in found), len(found))
        rows.append([str(day_rows), rule, str(len(found)), *(f"{count:.2f}" for count in a_year), any_run])
    kept = [one for one in years if one.rule == "looks"]
    return Study(
        title="Quality: daily looks for a year",
        about=ABOUT.format(window=WINDOW_DAYS, looks=DAYS, most=settings.false_alarms_per_year),
        columns=["outcomes a day", "rule", "calm years", "runs a year", "ROC-AUC", "calibration", "years with any"],
        rows=rows,
        conclusion=(
            f"By the limits of repeated looks, {sum(one.runs for one in kept)} of {len(kept) * DAYS:,} looks at calm "
            f"outcomes said that quality has fallen; {settings.false_alarms_per_year * len(kept):g} are allowed."
        ),
        raw=[vars(one) for one in years],
    )
