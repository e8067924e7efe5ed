"""Study: does the classifier between reference and window see a change of no margin, and is it calm otherwise?"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.decomposition import PCA

from benchmarks.reporting import findings
from benchmarks.statistics.study import Study
from demo import synthetic_customers
from models.customer.contract import Contract, Matrix
from models.features import CONTRACT
from monitoring.drift import domain_classifier
from monitoring.drift.joint_drift import JointDrift

REFERENCE = 5_000
KINDS = ((5, 500, 60, 20), (5, 5_000, 40, 20), (30, 500, 20, 10), (30, 5_000, 20, 10))
"""Columns, rows, windows without a change, and windows with permuted contract types."""
SINGLE, LOOK = 0.01 / 8, 0.5 / 8_760 / 8
"""The part of the check in the false alarm rate of a run of seven columns: of a single check, and of an hourly look."""
_MIN_DISTANCE, _EXPLAINED = 0.05, 0.65
ABOUT = """\
A window of calm customers, or one whose contract types are permuted among the customers, so that each column stays as
it was, against {reference:,} new reference rows. 30 columns are the five of the shipped contract and 25 numbers without
a meaning. **single check** and **hourly look** are the shares of windows in which the job's classifier called the
columns together drifted, at its part of the false alarms. **spread** is the standard deviation of its ROC-AUC without a
change, in units of that of the limit, which should not exceed 1. **components** is the share found by the
reconstruction error of principal components at the rate of a single check (two-sided; {explained:.0%} of the variance
explained; fitted to one half of the reference, compared with the other). **CPU** is of one check."""


COLUMNS = (
    *("columns", "rows", "window", "windows"),
    *("single check", "hourly look", "components", "ROC-AUC", "spread", "CPU"),
)


@dataclass(frozen=True)
class Window:
    """What was found in one window."""

    columns: int
    rows: int
    is_permuted: bool
    roc_auc: float
    spread: float
    """The distance of the ROC-AUC from chance, in standard deviations of the limit."""
    single: bool
    look: bool
    components: float
    """Standard deviations of the mean reconstruction error."""
    cpu_seconds: float


def make() -> Study:
    """Judge windows of every kind."""
    windows = [
        judge(columns, rows, is_permuted=at >= calm, seed=at)
        for columns, rows, calm, permuted in KINDS
        for at in range(calm + permuted)
    ]
    return summarize(windows)


def judge(columns: int, rows: int, *, is_permuted: bool, seed: int) -> Window:
    """Judge one window."""
    contract = _contract(columns)
    reference, live = (_draw(columns, size, seed=2 * seed + at) for at, size in enumerate((REFERENCE, rows)))
    if is_permuted:
        live["contract_type"] = np.random.default_rng(seed).permutation(live["contract_type"])
    began = time.process_time()
    found = domain_classifier.check(contract, reference, live, without=(), false_alarm_rate=SINGLE, min_distance=0.0)
    spent = time.process_time() - began
    if not isinstance(found, JointDrift):
        raise TypeError(found)
    deviation = (found.limit - 0.5) / stats.norm.isf(SINGLE)
    single, look = (0.5 + max(_MIN_DISTANCE / 2, stats.norm.isf(rate) * deviation) for rate in (SINGLE, LOOK))
    return Window(
        columns,
        rows,
        is_permuted,
        found.roc_auc,
        float((found.roc_auc - 0.5) / deviation),
        bool(found.roc_auc >= single),
        bool(found.roc_auc >= look),
        reconstruction(contract.to_matrix(reference), contract.to_matrix(live)),
        spent,
    )


def reconstruction(reference: Matrix, live: Matrix) -> float:
    """Return how many standard deviations the mean reconstruction error of the live rows is off."""
    fitted, held_out = np.array_split(np.nan_to_num(reference), 2)
    mean, deviation = fitted.mean(axis=0), fitted.std(axis=0) + 1e-9
    components = PCA(_EXPLAINED).fit((fitted - mean) / deviation)

    def errors(rows: Matrix) -> np.ndarray:
        scaled = (np.nan_to_num(rows) - mean) / deviation
        return np.asarray(np.linalg.norm(scaled - components.inverse_transform(components.transform(scaled)), axis=1))

    before, after = errors(held_out), errors(live)
    return float((after.mean() - before.mean()) / np.sqrt(before.var() / len(before) + after.var() / len(after)))


def summarize(windows: list[Window]) -> Study:
    """Return the study of these windows."""
    return Study(
        title="Drift: columns together",
        about=ABOUT.format(reference=REFERENCE, explained=_EXPLAINED),
        columns=COLUMNS,
        rows=list(_rows(windows)),
        conclusion=(
            f"Of {sum(not one.is_permuted for one in windows)} calm windows, "
            f"{sum(one.single for one in windows if not one.is_permuted)} were called drifted; of "
            f"{sum(one.is_permuted for one in windows)} with permuted contract types, "
            f"{sum(one.single for one in windows if one.is_permuted)} at the limit of a single check and "
            f"{sum(one.look for one in windows if one.is_permuted)} at that of an hourly look."
        ),
        raw=[vars(one) for one in windows],
    )


def _rows(windows: list[Window]) -> Iterator[list[str]]:
    kinds = dict.fromkeys((one.columns, one.rows, one.is_permuted) for one in windows)
    for columns, rows, is_permuted in kinds:
        of_kind = [one for one in windows if (one.columns, one.rows, one.is_permuted) == (columns, rows, is_permuted)]
        number = len(of_kind)
        yield [
            str(columns),
            f"{rows:,}",
            "permuted" if is_permuted else "calm",
            str(number),
            findings.rate(sum(one.single for one in of_kind), number),
            findings.rate(sum(one.look for one in of_kind), number),
            findings.rate(sum(abs(one.components) >= stats.norm.isf(SINGLE / 2) for one in of_kind), number),
            f"{np.mean([one.roc_auc for one in of_kind]):.3f}",
            "" if is_permuted else f"{np.std([one.spread for one in of_kind]):.2f}",
            f"{np.mean([one.cpu_seconds for one in of_kind]):.2f} s",
        ]


def _contract(columns: int) -> Contract:
    number = next(feature for feature in CONTRACT.features if feature.kind == "number" and not feature.nullable)
    more = range(columns - len(CONTRACT.features))
    return Contract((*CONTRACT.features, *(replace(number, name=f"number_{at}", limits={}) for at in more)))


def _draw(columns: int, rows: int, *, seed: int) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    more = {f"number_{at}": random.normal(size=rows) for at in range(columns - len(CONTRACT.features))}
    return synthetic_customers.calm(rows, seed=seed).assign(**more)
