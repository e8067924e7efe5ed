"""The performance job finds fallen quality, and returns 2 on any error."""

import json
import logging
import re
import shutil
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from sklearn import metrics

from models.bundles import bundle
from models.bundles.manifest import Description, Interval
from models.bundles.risk import Costs, Offer
from models.bundles.scorer import Scorer
from models.bundles.segments import METRICS
from models.features import CONTRACT
from models.log import log_tables
from monitoring import performance_job
from monitoring.quality import labelled_predictions
from monitoring.settings import PerformanceSettings
from tests import changed_contract

Draw = Callable[[int, int], pd.DataFrame]
ROWS = 3_000


@dataclass(frozen=True)
class Outcome:
    """What a run left behind."""

    code: int
    said: str
    record: dict[str, Any]
    page: str


@pytest.fixture
def shelf(shelf: Path, customers: Draw, tmp_path: Path) -> Path:
    """The models folder, with the figures that its model truly reaches in the manifest."""
    published = bundle.load(shelf, contract=CONTRACT)
    probability = Scorer.of(published).score(CONTRACT.to_matrix(customers(20_000, 9)))
    reached = float(metrics.roc_auc_score(np.random.default_rng(9).random(20_000) < probability, probability))
    figures = {"roc_auc": reached}, {"roc_auc": Interval(low=reached - 0.012, high=reached + 0.012)}
    description = Description(**{name: getattr(published.manifest, name) for name in Description.model_fields})
    files = shutil.copytree(published.directory, tmp_path / "files", ignore=shutil.ignore_patterns("manifest.json"))
    promising = bundle.save(
        Path(files),
        description.model_copy(update=dict(zip(("metrics", "intervals"), figures, strict=True))),
        CONTRACT,
        trained_at=published.manifest.trained_at,
        models_dir=shelf,
    )
    bundle.pin(promising, models_dir=shelf)
    return shelf


@pytest.fixture
def priced(shelf: Path, tmp_path: Path) -> Callable[[], None]:
    """Pin the same model, with prices."""

    def priced() -> None:
        published = bundle.load(shelf, contract=CONTRACT)
        description = Description(**{name: getattr(published.manifest, name) for name in Description.model_fields})
        files = shutil.copytree(
            published.directory, tmp_path / "priced", ignore=shutil.ignore_patterns("manifest.json")
        )
        costs = Costs(
            currency="EUR",
            value_of_kept_customer=500,
            medium=Offer(contact_cost=15, success_rate=0.1),
            high=Offer(contact_cost=85, success_rate=0.3),
        )
        pin = bundle.save(
            Path(files),
            description.model_copy(update={"policy": description.policy.model_copy(update={"costs": costs})}),
            contract=CONTRACT,
            trained_at=published.manifest.trained_at + timedelta(days=1),
            models_dir=shelf,
        )
        bundle.pin(pin, models_dir=shelf)

    return priced


@pytest.fixture
def follow(log_url: str) -> Callable[..., None]:
    """Write outcomes of what is in the log, as its probabilities have them, of some customers shuffled or set."""

    def follow(
        *,
        share: float = 1,
        shuffled: float = 0,
        churned: bool | None = None,
        url: str = log_url,
        reported_by: str = "crm",
    ) -> None:
        rng = np.random.default_rng(0)
        engine = log_tables.connect(url)
        with engine.begin() as connection:
            rows = connection.execute(sa.select(log_tables.PREDICTIONS)).all()
            left = rng.random(len(rows)) < [row.churn_probability for row in rows]
            others = rng.random(len(rows)) < shuffled
            left[others] = rng.permutation(left[others])
            seen = [
                {"prediction_id": row.prediction_id, "churned": bool(one) if churned is None else churned}
                | {"reported_by": reported_by, "observed_at": row.made_at, "recorded_at": row.made_at}
                for row, one in zip(rows, left, strict=True)
                if rng.random() < share
            ]
            connection.execute(sa.insert(log_tables.OUTCOMES), seen)
        engine.dispose()

    return follow


@pytest.fixture
def assess(shelf: Path, log_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run the job over the log."""

    def assess(**settings: Any) -> Outcome:
        chosen = {"log_url": log_url, "models_dir": shelf, "output_dir": tmp_path / "var"} | settings
        code = performance_job.run_performance(PerformanceSettings.model_validate(chosen))
        written = max((tmp_path / "var" / "reports").glob("*-performance.json"), default=None)
        record = json.loads(written.read_text()) if written else {}
        page = Path(record["report"]).read_text() if record.get("report") else ""
        return Outcome(code, capsys.readouterr().out, record, page)

    return assess


def test_a_stranger_cannot_make_quality_fall_where_reporters_are_named(
    keep: Any, follow: Any, assess: Any, customers: Draw
) -> None:
    keep(customers(ROWS, 2))
    follow()
    follow(shuffled=1, reported_by="stranger")
    trusted = assess(trusted_reporters="crm")
    assert (trusted.code, trusted.record["outcomes_rows"], trusted.record["contradicted_rows"]) == (0, ROWS, 0)
    everybody = assess()
    left_out = everybody.record["contradicted_rows"]
    assert ROWS / 5 < left_out == ROWS - everybody.record["outcomes_rows"]
    assert f"left out: {left_out:,} predictions for which reporters gave both outcomes" in everybody.said


def test_a_model_that_keeps_its_promise_is_as_good_as_promised(
    keep: Any, follow: Any, assess: Any, customers: Draw
) -> None:
    keep(customers(ROWS, 2))
    follow(share=0.5)
    outcome = assess()
    assert (outcome.code, outcome.record["verdict"], outcome.record["reason"]) == (0, "as good as promised", None)
    assert outcome.said.startswith("as good as promised: ROC-AUC 0.")
    assert re.search(r"^churned at medium bound  \d", outcome.said, re.MULTILINE)  # figures stand apart from names
    live, reference = outcome.record["live"]["roc_auc"], outcome.record["reference"]["roc_auc"]
    assert live["low"] < reference["value"] < live["high"]
    assert outcome.record["window_rows"] == ROWS
    assert outcome.record["outcomes_rows"] == pytest.approx(ROWS / 2, abs=100)


def test_outcomes_that_no_longer_follow_the_probabilities_are_fallen_quality(
    keep: Any, follow: Any, assess: Any, customers: Draw
) -> None:
    keep(customers(ROWS, 2))
    follow(shuffled=0.4)
    outcome = assess()
    assert (outcome.code, outcome.record["verdict"]) == (1, "quality fallen")
    assert outcome.said.startswith("quality fallen: ROC-AUC worse by 0.")
    assert outcome.record["estimate_error"]["roc_auc"] > 0.05
    assert {check["metric"]: check["broken"] for check in outcome.record["checks"]}["roc_auc"]


def test_probabilities_that_are_too_low_are_fallen_quality_though_they_rank_as_well(
    keep: Any, assess: Any, customers: Draw, log_url: str, follow: Any
) -> None:
    keep(customers(ROWS, 2))
    follow()
    engine = log_tables.connect(log_url)
    with engine.begin() as connection:
        connection.execute(
            sa.update(log_tables.PREDICTIONS).values(churn_probability=log_tables.PREDICTIONS.c.churn_probability * 0.8)
        )
    engine.dispose()
    outcome = assess()
    assert outcome.code == 1
    assert [check["metric"] for check in outcome.record["checks"] if check["broken"]] == ["calibration_error"]
    assert outcome.record["live"]["calibration_gap"]["low"] > 0.05
    assert outcome.record["recalibration"]["calibration_fell"]


def test_the_estimate_comes_close_to_what_then_happens(keep: Any, follow: Any, assess: Any, customers: Draw) -> None:
    keep(customers(ROWS, 2))
    before = assess()
    follow()
    after = assess()
    calm = after.record["recalibration"]
    assert (calm["calibration_fell"], calm["proposed"], calm["least_saving"] > 0) == (False, False, True)
    estimate = before.record["estimated"]["roc_auc"]
    assert estimate["low"] < after.record["live"]["roc_auc"]["value"] < estimate["high"]
    assert after.record["estimate_error"]["roc_auc"] == pytest.approx(
        estimate["value"] - after.record["live"]["roc_auc"]["value"]
    )


def test_without_outcomes_it_cannot_tell_but_says_what_to_expect(keep: Any, assess: Any, customers: Draw) -> None:
    keep(customers(ROWS, 2))
    outcome = assess()
    assert (outcome.code, outcome.record["live"], outcome.record["checks"]) == (2, None, [])
    assert outcome.record["reason"].startswith("0 outcomes, at least 200 are needed. Report outcomes")
    assert f"ROC-AUC{' ' * 44}{outcome.record['reference']['roc_auc']['value']:.3f} (" in outcome.said
    assert outcome.record["estimated"]["roc_auc"]["value"] > 0.6
    assert f"{outcome.record['estimated']['roc_auc']['value']:.3f} (" in outcome.said


def test_an_empty_period_cannot_tell(keep: Any, assess: Any, customers: Draw) -> None:
    keep(customers(300, 2))
    outcome = assess(since="5m")
    assert (outcome.code, outcome.record["window_rows"], outcome.record["estimated"]) == (2, 0, None)


def test_a_month_is_looked_at_unless_another_period_is_named(keep: Any, assess: Any, customers: Draw) -> None:
    now = datetime.now(UTC)
    keep(customers(10, 2), at=now - timedelta(days=29))
    keep(customers(100, 2), at=now - timedelta(days=31))
    begin = (now - timedelta(days=32)).isoformat()
    chosen: list[dict[str, str]] = [{}, {"since": "40d"}, {"since": "10d"}, {"from_time": begin}]
    assert [assess(**period).record["window_rows"] for period in chosen] == [10, 110, 0, 110]


@pytest.mark.parametrize("churned", [True, False])
def test_outcomes_of_one_kind_cannot_tell(
    keep: Any, follow: Any, assess: Any, customers: Draw, *, churned: bool
) -> None:
    keep(customers(500, 2))
    follow(churned=churned)
    outcome = assess()
    assert outcome.code == 2
    assert "of 500 customers churned; at least 20 must have churned, and as many stayed" in outcome.record["reason"]


def test_too_few_outcomes_cannot_tell(keep: Any, follow: Any, assess: Any, customers: Draw) -> None:
    keep(customers(500, 2))
    follow(share=0.2)
    assert assess().code == 2
    assert assess(min_rows=50).code == 0


def test_another_models_predictions_are_left_out_and_told(keep: Any, follow: Any, assess: Any, customers: Draw) -> None:
    keep(customers(ROWS, 2))
    keep(customers(400, 3), version="20250101-00000000")
    follow()
    outcome = assess()
    assert (outcome.record["outcomes_rows"], outcome.record["other_models_rows"]) == (ROWS, 400)
    assert "left out: 400 predictions of other models\n" in outcome.said


def test_segments_are_told_with_the_worst_and_the_small_ones(
    keep: Any, follow: Any, assess: Any, customers: Draw
) -> None:
    keep(customers(2_000, 2).assign(contract_type=np.repeat([0, 1], [1_900, 100])))
    follow()
    outcome = assess()
    segments = {segment["name"]: segment for segment in outcome.record["segments"]}
    assert segments["contract_type month-to-month"]["figures"].keys() == set(METRICS)
    assert "segments with too few outcomes: contract_type one-year, contract_type two-year\n" in outcome.said
    measured = [segment["figures"]["roc_auc"]["value"] for segment in segments.values() if segment["figures"]]
    worst = min(segments.values(), key=lambda one: one["figures"]["roc_auc"]["value"] if one["figures"] else 1)
    assert f"lowest ROC-AUC of {len(measured)} segments: {worst['name']}, " in outcome.said


def test_without_inputs_quality_is_judged_all_the_same(keep: Any, follow: Any, assess: Any, customers: Draw) -> None:
    keep(customers(ROWS, 2), inputs=False)
    follow()
    outcome = assess()
    assert (outcome.code, outcome.record["segments"]) == (0, [])
    assert "no segments: the log has no inputs\n" in outcome.said


@pytest.mark.postgres
def test_postgresql_holds_a_log_as_well(
    keep: Any, follow: Any, assess: Any, customers: Draw, postgres_url: str
) -> None:
    keep(customers(ROWS, 2), url=postgres_url)
    follow(url=postgres_url)
    assert assess(log_url=postgres_url).code == 0


def test_no_log_cannot_tell(assess: Any) -> None:
    outcome = assess()
    assert (outcome.code, outcome.record["verdict"]) == (2, "cannot tell")
    assert outcome.said.startswith(f"cannot tell: {outcome.record['reason']}\n")
    assert "no such prediction log" in outcome.record["reason"]


def test_a_database_without_our_tables_cannot_tell(assess: Any, tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    outcome = assess(log_url=f"sqlite:///{tmp_path / 'empty.db'}")
    assert outcome.code == 2
    assert "no such table: predictions" in outcome.record["reason"]


def test_an_unreachable_database_cannot_tell(assess: Any) -> None:
    outcome = assess(log_url="postgresql://churn:secret@127.0.0.1:1/churn")
    assert outcome.code == 2
    assert "secret" not in outcome.said


def test_without_a_pin_it_cannot_tell(assess: Any, tmp_path: Path) -> None:
    record = assess(models_dir=tmp_path / "nowhere").record
    assert (record["exit_code"], record["model_version"]) == (2, None)


def test_a_period_that_ends_before_it_begins_cannot_tell(assess: Any) -> None:
    assert assess(from_time="2026-03-02", to_time="2026-03-01").code == 2


def test_an_unexpected_error_cannot_tell_and_leaves_its_traceback_in_the_log(
    assess: Any, keep: Any, customers: Draw, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    keep(customers(300, 2))
    monkeypatch.setattr(labelled_predictions, "read", fail)
    with caplog.at_level(logging.ERROR):
        outcome = assess()
    assert (outcome.code, outcome.record["reason"]) == (2, "an unexpected error. See its traceback in the log.")
    assert "ZeroDivisionError" in caplog.text


def test_a_verdict_that_cannot_be_kept_cannot_tell(
    keep: Any, follow: Any, assess: Any, customers: Draw, tmp_path: Path
) -> None:
    keep(customers(ROWS, 2))
    follow()
    (tmp_path / "taken").touch()
    outcome = assess(output_dir=tmp_path / "taken")
    assert outcome.code == 2
    assert outcome.said.startswith(f"cannot tell: {tmp_path / 'taken'}: Not a directory. Give a folder")


def on_dashboard(output_dir: Path) -> dict[tuple[str, str], float]:
    """Group and name of each figure that a panel can draw, over all runs, to its value."""
    runs = [json.loads(path.read_text()) for path in (output_dir / "workspace").glob("*/snapshots/*.json")]
    results = [result for run in runs for result in run["metric_results"].values() if "value" in result]
    located = [(result["metric_value_location"]["metric"]["params"], result["value"]) for result in results]
    return {(params["group"], params["name"]): value for params, value in located if "group" in params}


def test_the_page_and_the_panels_show_what_the_record_holds(
    keep: Any, follow: Any, assess: Any, customers: Draw, tmp_path: Path
) -> None:
    keep(customers(ROWS, 2))
    follow(share=0.5)
    outcome = assess()
    record, drawn = outcome.record, on_dashboard(tmp_path / "var")
    for side in ("live", "estimated", "reference"):
        for name, figure in record[side].items():
            assert drawn[side, name] == figure["value"]
    assert drawn["low", "roc_auc"] == record["live"]["roc_auc"]["low"]
    assert {check["metric"]: check["worse_by"] / check["limit"] for check in record["checks"]} == {
        name: value for (group, name), value in drawn.items() if group == "fall"
    }
    assert drawn["limit", "fall"] == 1
    for check in record["checks"]:
        assert f'"{check["worse_by"]:.3f}", "{check["limit"]:.3f}", "good"]' in outcome.page
    assert (drawn["rows", "predicted"], drawn["rows", "observed"]) == (ROWS, record["outcomes_rows"])
    assert record["summary"] in outcome.page
    assert all(
        f"{figure['value']:z.3f} ({figure['low']:z.3f} to " in outcome.page for figure in record["live"].values()
    )
    assert all(segment["name"] in outcome.page for segment in record["segments"])
    [roc_auc] = re.findall(r'"([0-9.]+)", "label": "ROC AUC"', outcome.page)
    assert float(roc_auc) == pytest.approx(record["live"]["roc_auc"]["value"], abs=2e-3)  # Evidently's own


def test_without_outcomes_the_page_and_the_panels_show_what_to_expect(
    keep: Any, assess: Any, customers: Draw, tmp_path: Path
) -> None:
    keep(customers(ROWS, 2))
    outcome = assess()
    drawn = on_dashboard(tmp_path / "var")
    assert {group for group, _ in drawn} == {"estimated", "reference", "rows"}
    assert drawn["estimated", "roc_auc"] == outcome.record["estimated"]["roc_auc"]["value"]
    assert outcome.record["reason"] in outcome.page


def panels(output_dir: Path) -> dict[str, dict[str, Any]]:
    [dashboard] = (output_dir / "workspace").glob("*/dashboard.json")
    return {panel["title"]: panel for panel in json.loads(dashboard.read_text())["panels"]}


def test_every_limit_on_the_panels_is_constant_while_the_number_of_rows_changes(
    keep: Any, follow: Any, assess: Any, judge: Any, customers: Draw, tmp_path: Path
) -> None:
    limits = []
    for rows in (500, ROWS):
        url = f"sqlite:///{tmp_path / str(rows)}.db"
        keep(customers(rows, 2), url=url)
        follow(url=url)
        assert (judge(log_url=url).code, assess(log_url=url).code) == (0, 0)
        limits.append({name: value for name, value in on_dashboard(tmp_path / "var").items() if name[0] == "limit"})
        shutil.rmtree(tmp_path / "var" / "workspace")
    assert limits[0] == limits[1] == {("limit", "share"): 0.1, ("limit", "distance"): 1, ("limit", "fall"): 1}


def test_the_cost_is_told_in_the_prices_of_the_model(
    keep: Any, follow: Any, assess: Any, judge: Any, customers: Draw, tmp_path: Path, priced: Any
) -> None:
    keep(customers(ROWS, 2))
    follow()
    assess()
    assert panels(tmp_path / "var")["Cost of decisions"]["subtitle"] == (
        "Per customer: a missed churner and a needless offer together cost 1."
    )
    priced()
    keep(customers(ROWS, 2))
    outcome = assess(min_rows=2)
    told = "Per customer: an offer costs 15 EUR at medium and 85 EUR at high risk, and a lost customer 500 EUR."
    assert panels(tmp_path / "var")["Cost of decisions"]["subtitle"] == told
    assert '"cost, EUR"' in outcome.page
    judge(customers(300, 2))
    assert panels(tmp_path / "var")["Cost of decisions"]["subtitle"] == told


def test_panels_of_an_earlier_version_are_replaced_and_those_of_a_user_stay(
    keep: Any, assess: Any, customers: Draw, tmp_path: Path
) -> None:
    keep(customers(ROWS, 2))
    assess()
    laid_out = panels(tmp_path / "var")
    [dashboard] = (tmp_path / "var" / "workspace").glob("*/dashboard.json")
    old = [laid_out["ROC-AUC"] | {"id": str(uuid.uuid4()), "values": []}]
    dashboard.write_text(json.dumps({"tabs": [], "panels": [*old, laid_out["Rows checked"] | {"title": "My own"}]}))
    assess()
    assert list(panels(tmp_path / "var")) == [*laid_out, "My own"]
    assert panels(tmp_path / "var")["ROC-AUC"] == laid_out["ROC-AUC"]


def test_every_line_of_every_panel_is_a_figure_that_a_job_makes(
    keep: Any, follow: Any, assess: Any, judge: Any, customers: Draw, tmp_path: Path
) -> None:
    keep(customers(ROWS, 2))
    follow()
    assert (judge().code, assess().code) == (0, 0)
    made = set(on_dashboard(tmp_path / "var"))
    made |= {("reference", name) for group, name in made if group == "live"}  # a trained model's manifest has them
    [dashboard] = (tmp_path / "var" / "workspace").glob("*/dashboard.json")
    lines = [line["metric_labels"] for panel in json.loads(dashboard.read_text())["panels"] for line in panel["values"]]
    assert len(lines) > 15
    assert [line for line in lines if "name" in line and (line["group"], line["name"]) not in made] == []
    assert {line["group"] for line in lines if "name" not in line} == {"input"}


def test_segments_are_those_of_fields_that_the_model_has(
    shelf: Path, keep: Any, follow: Any, customers: Draw, log_url: str, tmp_path: Path
) -> None:
    keep(customers(ROWS, 2).assign(region="north"))
    follow()
    today = changed_contract.after(without=["contract_type"])
    settings = PerformanceSettings(log_url=log_url, models_dir=shelf, output_dir=tmp_path / "var")
    found = performance_job.assess(settings, today, datetime.now(UTC))
    assert {segment.feature for segment in found.segments} == {*today.names} - {"region"}
