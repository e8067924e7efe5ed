"""Offers that a file reports are measured against the holdout, and shown on both pages and to Prometheus."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from demo.populations import CALM
from models.log import log_tables
from monitoring import telemetry
from monitoring.review_page.app import create_app
from monitoring.settings import DashboardSettings
from tests import live_log
from tests.e2e.commands.programs import Program

pytestmark = [pytest.mark.shipped, pytest.mark.shipped_model, pytest.mark.slow]


async def no_evidently(*_: object) -> None:
    """Stand in for Evidently's own app, which these pages do not ask."""


def hold_out_and_decide(url: str, ids: list[str]) -> None:
    """Draw a third of the customers, let three quarters of these churn at high risk and half of the others."""
    draws = np.random.default_rng(1).random((2, len(ids)))
    engine, table, outcomes = log_tables.connect(url), log_tables.PREDICTIONS, log_tables.OUTCOMES
    with engine.begin() as connection:
        for identity, draw, fate in zip(ids, *draws, strict=True):
            held_out = bool(draw < 1 / 3)
            drawn = {"held_out": held_out, "risk_tier": "high"}
            connection.execute(sa.update(table).where(table.c.prediction_id == identity).values(drawn))
            happened = {"churned": bool(fate < (0.75 if held_out else 0.5))}
            connection.execute(sa.update(outcomes).where(outcomes.c.prediction_id == identity).values(happened))
    engine.dispose()


def test_offers_of_a_file_are_measured_and_shown(
    root: Path, keep: Callable[..., list[str]], shelf: Path, tmp_path: Path
) -> None:
    monitoring, url, output = Program("monitoring", root), f"sqlite:///{tmp_path / 'log.db'}", tmp_path / "var"
    ids = keep(url, CALM, 1_200, days_ago=(20, 10))
    hold_out_and_decide(url, ids)
    flags = ("--log-url", url, "--models-dir", shelf, "--output-dir", output)

    silent = monitoring.run("performance", *flags, exit_code=1).out
    assert "no offers are reported, so there is no success rate" in silent
    assert "What offers did" not in newest(output, ".html").read_text()

    engine = log_tables.connect(url)
    with engine.connect() as connection:
        drawn = connection.execute(sa.select(log_tables.PREDICTIONS)).all()
    engine.dispose()
    free = [row.prediction_id for row in drawn if not row.held_out]
    pd.DataFrame({"prediction_id": free, "offer": "high", "given_at": live_log.NOW}).to_parquet(
        tmp_path / "calls.parquet"
    )
    told = monitoring.run("import-treatments", tmp_path / "calls.parquet", "--log-url", url).out
    assert told.startswith(f"recorded {len(free)} treatments of {len(free)} rows; 0 were already recorded")

    told = monitoring.run("performance", *flags, exit_code=1).out
    assert f"effect of the high offer: {len(free)} customers who may get it, {1_200 - len(free)} held out" in told
    assert "; offers are reported for 100.0% of those who may get it; success rate" in told
    record = newest(output, ".json")
    [_, high] = json.loads(record.read_text())["offers"]
    assert high["free"]["offers"] == high["free"]["rows"] == len(free)
    assert high["success_rate"]["low"] < 1 / 3 < high["success_rate"]["high"]
    report = newest(output, ".html").read_text()
    assert '"title": "What offers did, with 95 % intervals"' in report
    assert '"of the first, offers reported"' in report
    assert json.dumps([100 * high["success_rate"]["value"]]) in report  # the plot

    settings = DashboardSettings(output_dir=output)
    app = create_app(settings, evidently=no_evidently, evidently_page="/projects/0", project="Churn")
    with TestClient(app, base_url="http://127.0.0.1:8001") as client:
        page = client.get(f"/runs/{record.stem}").text
    assert f"{100 * high['success_rate']['value']:.1f}%" in page[page.index("What offers did") :]
    samples = [sample for family in telemetry.RunCollector(output, {}).collect() for sample in family.samples]
    gauges = {(sample.name, sample.labels.get("tier")): sample.value for sample in samples}
    assert gauges["churn_offer_success_rate", "high"] == high["success_rate"]["value"]


def newest(output: Path, suffix: str) -> Path:
    """Return the newest record or page."""
    return max((output / "reports").glob(f"*-performance{suffix}"))
