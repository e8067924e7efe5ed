"""Study: how often hourly looks at the last day call calm customers drifted in a year, and how soon drift is found."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy import stats

from benchmarks.reporting import findings
from benchmarks.statistics import hourly_looks
from benchmarks.statistics.hourly_looks import HOURS
from benchmarks.statistics.study import Study
from demo import synthetic_customers
from models.bundles import bundle
from models.customer.feature import Feature
from models.features import CONTRACT
from monitoring.drift import baseline
from monitoring.drift.baseline import Baseline
from monitoring.drift.row_counts import PREDICTION
from monitoring.settings import DriftSettings

DAY_ROWS = {480: 20, 4_992: 4}
"""Customers a day (as many each hour) to the number of simulated years."""
REPETITIONS, MOST_DAYS, DAYS = 5, 30, 365
SLOW = 0.01
"""Standard deviations by which a column rises a day."""
ABOUT = """\
Customers come evenly over the day, and the job looks each hour at those of the last 24 hours: {looks:,} looks a year.
**single check** uses the limits of a run by itself for each look, **looks** those of repeated looks, at most {most:g}
false alarms a year. Each year has new reference rows. **runs** are looks with the verdict drift, **drifts** begin with
such a look after one without. *Slow* drift raises a column by {slow} standard deviations a day; *sudden* drift is that
of the demo. Their figures are the median days, or hours, until the first look with the verdict drift, of {times}
repetitions each; false alarms count as found."""


@dataclass(frozen=True)
class Year:
    """The looks of one year of calm by one rule."""

    day_rows: int
    rule: str
    seed: int
    runs: int
    """Looks with the verdict drift."""
    drifts: int
    """Looks with the verdict drift after one without."""


@dataclass(frozen=True)
class Found:
    """When drift was found by one rule."""

    day_rows: int
    rule: str
    column: str
    seed: int
    hours: int | None
    """From its beginning; None if it was not found."""


def make() -> Study:
    """Simulate calm years and drift."""
    settings = DriftSettings()
    learned = baseline.load(bundle.load(settings.models_dir, contract=CONTRACT), CONTRACT, rows=settings.sample_rows)
    return summarize(
        [year for rows, years in DAY_ROWS.items() for at in range(years) for year in calm_year(learned, rows, seed=at)],
        [found for rows in DAY_ROWS for at in range(REPETITIONS) for found in drift(learned, rows, seed=500 + at)],
    )


def rules(settings: DriftSettings) -> dict[float, str]:
    """Return the rate of a look to the name of the rule."""
    return {settings.false_alarm_rate: "single check", settings.false_alarms_per_year / (DAYS * HOURS): "looks"}


def calm_year(learned: Baseline, day_rows: int, *, seed: int, days: int = DAYS) -> list[Year]:
    """Look each hour of a year of calm."""
    reference = hourly_looks.draw_reference(learned, 10_000 + seed)
    rows = _predicted(learned, synthetic_customers.calm(day_rows * days, seed=20_000 + seed))
    settings = DriftSettings()
    named = rules(settings)
    looks = [
        {rate: hourly_looks.is_drift(learned, one.drifted[rate], settings.min_drift_share) for rate in named}
        for one in hourly_looks.look(reference, rows, day_rows // HOURS, tuple(named))
    ]
    found = []
    for rate, rule in named.items():
        verdicts = [False, *(one[rate] for one in looks)]
        began = sum(now and not before for before, now in pairwise(verdicts))
        found.append(Year(day_rows, rule, seed, sum(verdicts), began))
    return found


def drift(learned: Baseline, day_rows: int, *, seed: int) -> Iterator[Found]:
    """Raise each column slowly, let the customers of the demo come, and yield when each rule found it."""
    reference = hourly_looks.draw_reference(learned, 10_000 + seed)
    calm = synthetic_customers.calm(day_rows * MOST_DAYS, seed=20_000 + seed)
    days = np.arange(len(calm)) / day_rows
    for feature in CONTRACT.features:
        slow = _raise(calm, feature, SLOW * days, np.random.default_rng(seed))
        yield from _find(reference, _predicted(learned, slow), day_rows, f"slow, {feature.name}", seed)
    yield from sudden(learned, day_rows, seed=seed)


def sudden(learned: Baseline, day_rows: int, *, seed: int) -> Iterator[Found]:
    """Let the customers of the demo come after a day of calm, and yield when each rule found it."""
    reference = hourly_looks.draw_reference(learned, 10_000 + seed)
    before = synthetic_customers.calm(day_rows, seed=30_000 + seed)
    rows = pd.concat([before, synthetic_customers.shifted(day_rows, seed=40_000 + seed)], ignore_index=True)
    for one in _find(reference, _predicted(learned, rows), day_rows, "sudden, as in the demo", seed):
        yield Found(one.day_rows, one.rule, one.column, seed, one.hours and one.hours - HOURS)


def summarize(years: list[Year], found: list[Found]) -> Study:
    """Return the study of these simulations."""
    settings = DriftSettings()
    rows, kept = [], 0
    for day_rows in dict.fromkeys(one.day_rows for one in years):
        for rule in rules(settings).values():
            of_rule = [one for one in years if (one.day_rows, one.rule) == (day_rows, rule)]
            times = {name: _median(found, day_rows, rule, name) for name in dict.fromkeys(one.column for one in found)}
            kept += sum(one.runs for one in of_rule) if rule == "looks" else 0
            rows.append(
                [
                    f"{day_rows:,}",
                    rule,
                    str(len(of_rule)),
                    f"{sum(one.runs for one in of_rule) / len(of_rule):.2f}",
                    _a_year(sum(one.drifts for one in of_rule), len(of_rule)),
                    findings.rate(sum(one.runs > 0 for one in of_rule), len(of_rule)),
                    *times.values(),
                ]
            )
    simulated = sum(one.rule == "looks" for one in years)
    return Study(
        title="Drift: hourly looks for a year",
        about=ABOUT.format(looks=DAYS * HOURS, most=settings.false_alarms_per_year, slow=SLOW, times=REPETITIONS),
        columns=[
            "customers a day",
            "rule",
            "calm years",
            "runs a year",
            "drifts a year",
            "years with any",
            *dict.fromkeys(one.column for one in found),
        ],
        rows=rows,
        conclusion=(
            f"By the limits of repeated looks, {kept} of {simulated * DAYS * HOURS:,} looks at calm customers were "
            f"drift; {settings.false_alarms_per_year * simulated:g} are allowed."
        ),
        raw=[vars(one) for one in (*years, *found)],
    )


def _find(reference: Baseline, rows: pd.DataFrame, day_rows: int, column: str, seed: int) -> list[Found]:
    settings = DriftSettings()
    named = rules(settings)
    first: dict[float, int] = {}
    for one in hourly_looks.look(reference, rows, day_rows // HOURS, tuple(named)):
        for rate in named.keys() - first.keys():
            if hourly_looks.is_drift(reference, one.drifted[rate], settings.min_drift_share):
                first[rate] = one.hour + 1
        if len(first) == len(named):
            break
    return [Found(day_rows, rule, column, seed, first.get(rate)) for rate, rule in named.items()]


def _raise(rows: pd.DataFrame, feature: Feature, by: np.ndarray, random: np.random.Generator) -> pd.DataFrame:
    """Raise a column row by row by so many standard deviations; of a category, more rows get the first value."""
    column, chance = rows[feature.name], random.random(len(rows))
    if feature.kind == "category":
        first = column == feature.categories[0]
        moves = ~first & (chance < by * first.std() / (1 - first.mean()))
        return rows.assign(**{feature.name: column.mask(moves, feature.categories[0])})
    raised = column + by * column.std()
    if feature.kind == "integer":
        raised = np.floor(raised + chance).astype("int64")
    rows = rows.assign(**{feature.name: raised.clip(upper=feature.limits["le"])})
    return rows.assign(total_charges=rows["total_charges"].clip(lower=rows["monthly_charges"]))


def _predicted(learned: Baseline, rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(**{PREDICTION: learned.predict(rows)})


def _median(found: list[Found], day_rows: int, rule: str, column: str) -> str:
    of_rule = [one.hours for one in found if (one.day_rows, one.rule, one.column) == (day_rows, rule, column)]
    hours = float(np.median([np.inf if one is None else one for one in of_rule]))
    if np.isinf(hours):
        return f"over {MOST_DAYS} days" if column.startswith("slow") else "over a day"
    return f"{hours / HOURS:.1f} days" if column.startswith("slow") else f"{hours:.0f} h"


def _a_year(count: int, years: int) -> str:
    """Format a rate a year with its 95 % interval (Poisson, exact)."""
    low = stats.chi2.ppf(0.025, 2 * count) / 2 if count else 0.0
    return f"{count / years:.2f} ({low / years:.2f} to {stats.chi2.ppf(0.975, 2 * count + 2) / 2 / years:.2f})"
