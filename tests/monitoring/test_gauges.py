"""The gauges show what is in the log: shuffled values change the gauges that depend on them, and no others."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from models.bundles import bundle
from models.bundles.format import bundle_files
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from models.log import log_tables, migrations
from monitoring import drift_job, performance_job, telemetry
from monitoring.settings import DriftSettings, PerformanceSettings
from tests import predictions

ROWS = 2_000
LIVE = {"churn_live_roc_auc", "churn_live_roc_auc_low", "churn_live_brier"} | {
    f"churn_live_calibration_{figure}" for figure in ("error", "slope", "intercept")
}
PREDICTED = {"churn_drift_prediction_ratio", "churn_drift_joint_ratio", "churn_estimated_roc_auc"}
DRIFTED = {
    "churn_drift_share",
    "churn_drift_column_ratio support_tickets",
    "churn_monitor_exit_code drift",
    "churn_undecided_runs drift",
}
FALLEN = {"churn_monitor_exit_code performance", "churn_undecided_runs performance"}


@dataclass(frozen=True)
class Day:
    """What clients sent, and what became of their customers."""

    customers: pd.DataFrame
    churned: np.ndarray
    outcomes_rows: int = ROWS
    refused_requests: int = 10


def in_another_order(day: Day) -> Day:
    order = np.random.default_rng(1).permutation(ROWS)
    return replace(day, customers=day.customers.iloc[order].reset_index(drop=True), churned=day.churned[order])


def with_outcomes_shuffled(day: Day) -> Day:
    return replace(day, churned=np.random.default_rng(1).permutation(day.churned))


def with_one_input_shuffled(day: Day) -> Day:
    tickets = np.random.default_rng(1).permutation(day.customers["support_tickets"])
    return replace(day, customers=day.customers.assign(support_tickets=tickets))


def with_one_input_moved(day: Day) -> Day:
    return replace(day, customers=day.customers.assign(support_tickets=day.customers["support_tickets"] + 2))


def with_fewer_outcomes(day: Day) -> Day:
    return replace(day, outcomes_rows=ROWS // 2)


def with_more_refused(day: Day) -> Day:
    return replace(day, refused_requests=200)


@pytest.fixture(scope="module")
def scorer(root: Path) -> Scorer:
    return Scorer.of(bundle.load(root / "models", contract=CONTRACT))


@pytest.fixture(scope="module")
def calm(root: Path, scorer: Scorer) -> Day:
    """Customers of the sample that the pinned model learned from, who do as it predicts."""
    sample = pd.read_parquet(root / "models" / "store" / scorer.version / bundle_files.REFERENCE)[list(CONTRACT.names)]
    customers = sample.sample(ROWS, random_state=7, ignore_index=True)
    return Day(customers, np.random.default_rng(7).random(ROWS) < scorer.score(CONTRACT.to_matrix(customers)))


@pytest.fixture(scope="module")
def tell(root: Path, scorer: Scorer, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Day], dict[str, float]]:
    """Write a day's log, run both jobs over it, and return the gauges."""

    def tell(day: Day) -> dict[str, float]:
        folder = tmp_path_factory.mktemp("day")
        url = f"sqlite:///{folder / 'predictions.db'}"
        write(url, day, scorer)
        settings: dict[str, Any] = {"models_dir": root / "models", "output_dir": folder, "log_url": url}
        drift_job.run_drift(DriftSettings(**settings))
        performance_job.run_performance(PerformanceSettings(**settings))
        samples = [sample for family in telemetry.RunCollector(folder, {}).collect() for sample in family.samples]
        return {" ".join((sample.name, *sample.labels.values())): sample.value for sample in samples}

    return tell


@pytest.fixture(scope="module")
def before(calm: Day, tell: Callable[[Day], dict[str, float]]) -> dict[str, float]:
    return tell(calm)


def write(url: str, day: Day, scorer: Scorer) -> None:
    """Log a day's predictions and outcomes as the service does."""
    made_at = datetime.now(UTC) - timedelta(hours=1)
    inputs = day.customers.astype(object).where(day.customers.notna(), None).to_dict("records")
    probabilities = scorer.score(CONTRACT.to_matrix(day.customers)).tolist()
    made = [
        predictions.row(features, probability, at=made_at, version=scorer.version, policy=scorer.policy)
        for features, probability in zip(inputs, probabilities, strict=True)
    ]
    outcomes = [
        {"prediction_id": row["prediction_id"], "churned": churned, "observed_at": made_at, "recorded_at": made_at}
        for row, churned in zip(made, day.churned.tolist(), strict=True)
    ]
    traffic = {
        "traffic_id": predictions.draw_ids(made_at, 1)[0],
        "counted_at": made_at,
        "answered_requests": ROWS,
        "refused_requests": day.refused_requests,
        "refused_fields": {},
        "dropped_rows": 0,
    }
    engine = log_tables.connect(url, create=True)
    migrations.upgrade(engine)
    with engine.begin() as connection:
        connection.execute(log_tables.PREDICTIONS.insert(), made)
        connection.execute(log_tables.OUTCOMES.insert(), outcomes[: day.outcomes_rows])
        connection.execute(log_tables.TRAFFIC.insert(), traffic)
    engine.dispose()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "moved"),
    [
        (in_another_order, set()),
        (with_more_refused, {"churn_live_refused_share"}),
        (with_fewer_outcomes, LIVE | {"churn_live_outcomes_rows"}),
        (with_outcomes_shuffled, LIVE | FALLEN),
        pytest.param(with_one_input_shuffled, LIVE | PREDICTED | FALLEN, marks=pytest.mark.shipped_model),
        (with_one_input_moved, LIVE | PREDICTED | FALLEN | DRIFTED),
    ],
)
def test_a_change_moves_the_gauges_that_it_should_and_no_others(
    calm: Day,
    before: dict[str, float],
    tell: Callable[[Day], dict[str, float]],
    change: Callable[[Day], Day],
    moved: set[str],
) -> None:
    after = tell(change(calm))
    assert before.keys() == after.keys()
    different = {name for name in before if after[name] != pytest.approx(before[name], rel=1e-9)}
    assert {name for name in different if "timestamp" not in name} == moved
