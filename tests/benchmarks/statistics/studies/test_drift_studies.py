"""The studies of drift count as the job does, and their rules differ as they should."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.statistics import hourly_looks
from benchmarks.statistics.studies import drift_levels, drift_looks, drift_multivariate
from demo import synthetic_customers
from models.bundles import bundle
from models.features import CONTRACT
from monitoring.drift import baseline
from monitoring.drift.baseline import Baseline
from monitoring.drift.column_pair import NumberPair
from monitoring.drift.comparison import compare
from monitoring.drift.row_counts import PREDICTION


@pytest.fixture(scope="module")
def learned(root: Path) -> Baseline:
    return baseline.load(bundle.load(root / "models", contract=CONTRACT), CONTRACT, rows=50_000)


def test_an_hourly_look_counts_each_row_where_the_job_does(learned: Baseline) -> None:
    rows = synthetic_customers.calm(400, seed=1)
    rows = rows.assign(**{PREDICTION: learned.predict(rows)})
    first = compare(CONTRACT, learned.table, rows)

    for name, pair in first.pairs.items():
        job = pair.live if isinstance(pair, NumberPair) else pair.counts[1]
        counts = np.bincount(hourly_looks.cells(name, rows, first), minlength=len(job))
        assert counts[: len(job)].tolist() == job.tolist()


def test_limits_of_repeated_looks_raise_fewer_alarms_and_find_the_demos_shift_in_a_day(learned: Baseline) -> None:
    single, looks = drift_looks.calm_year(learned, 480, seed=0, days=30)
    assert (single.rule, looks.rule) == ("single check", "looks")
    assert looks.runs == 0 <= single.runs

    single_found, looks_found = drift_looks.sudden(learned, 480, seed=0)
    assert single_found.hours is not None
    assert looks_found.hours is not None
    assert 0 < single_found.hours <= looks_found.hours <= 24


def test_a_table_says_how_often_and_when(learned: Baseline) -> None:
    years = drift_looks.calm_year(learned, 480, seed=0, days=2)
    study = drift_looks.summarize(years, list(drift_looks.sudden(learned, 480, seed=0)))

    assert [row[:3] for row in study.rows] == [["480", "single check", "1"], ["480", "looks", "1"]]
    assert study.rows[1][-1].endswith(" h")


def test_pooled_levels_are_calm_where_single_ones_are_not() -> None:
    random = np.random.default_rng(0)
    found = drift_levels.count(500, 5_000, "none", drift_levels.zipf(500), 20, random)

    assert found.drifted <= 1
    assert found.unpooled >= 5


def test_the_classifier_finds_permuted_contract_types() -> None:
    calm, permuted = (drift_multivariate.judge(5, 1_000, is_permuted=one, seed=1) for one in (False, True))

    assert (calm.single, calm.look, permuted.single, permuted.look) == (False, False, True, True)
    assert [row[3] for row in drift_multivariate.summarize([calm, permuted]).rows] == ["1", "1"]
