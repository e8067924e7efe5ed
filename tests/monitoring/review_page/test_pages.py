"""The list of runs and the page of a run: what needs a decision comes first, and what was found is all there."""

import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from monitoring.review_page.pages import LINE_RUNS
from monitoring.runs import run_store
from tests.monitoring.review_page.conftest import BLIND, CALM, DRIFT, FALLEN, NOON
from tests.monitoring.test_telemetry import OFFERS

Ran = Callable[..., str]


def seen(page: str) -> str:
    """Return the text of a page as a reader sees it."""
    return " ".join(re.sub(r"<[^>]+>", " ", page[page.index("<main") :]).split())


def test_runs_that_need_a_decision_come_first_and_the_newest_of_them_leads(client: TestClient, ran: Ran) -> None:
    decided = ran(DRIFT, 5, reviews=[{"decision": "ignore", "by": "Ben", "why": "a test", "at": NOON.isoformat()}])
    drift, blind, fallen = ran(DRIFT, 3), ran(BLIND, 2), ran(FALLEN, 4, "performance")
    calm = ran(CALM, 1)
    page = client.get("/").text
    links = list(dict.fromkeys(re.findall(r'href="/runs/([^"]+)"', page)))
    assert links == [blind, drift, fallen, calm, decided]
    assert "<h1>3 runs need a decision</h1>" in page
    text = seen(page)
    assert "monthly_charges (K-S distance 0.24, limit 0.08)" in text
    assert "Period 28 Feb 2026, 12:00 to 1 Mar 2026, 12:00 UTC Model 20260301-1a2b" in text
    assert "monthly_charges distance 0.240, limit 0.080, 45% of the model" in text
    assert "ROC-AUC 0.641, promised 0.848" in text
    assert "ignore , by Ben: a test" in text


def test_a_dashboard_without_runs_says_how_to_make_one(client: TestClient) -> None:
    text = seen(client.get("/").text)
    assert "No run yet" in text
    assert "python -m monitoring drift" in text


def test_when_all_is_decided_the_page_says_so(client: TestClient, ran: Ran) -> None:
    ran(CALM)
    assert "<h1>No run needs a decision</h1>" in client.get("/").text


@pytest.mark.parametrize(
    ("asked", "left"),
    [
        ("job=drift", {"drift", "calm"}),
        ("verdict=drift", {"drift"}),
        ("model=20260201-3c4d", {"fallen"}),
        ("job=drift&verdict=quality+fallen", set()),
    ],
)
def test_the_list_is_filtered_by_job_verdict_and_model(
    client: TestClient, ran: Ran, asked: str, left: set[str]
) -> None:
    names = {"drift": ran(DRIFT), "calm": ran(CALM, 1), "fallen": ran(FALLEN, 2, "performance")}
    page = client.get(f"/?{asked}").text
    assert {name for name, run in names.items() if f"/runs/{run}" in page} == left
    assert "Show all runs" in page


def test_a_long_list_is_shortened_until_all_runs_are_asked_for(client: TestClient, ran: Ran) -> None:
    names = [ran(DRIFT, hours) for hours in range(12)] + [ran(CALM, hours) for hours in range(20, 75)]
    page, everything = client.get("/").text, client.get("/?all").text
    assert "Show 2 older runs that need a decision" in page
    assert "Show 5 older runs" in page
    assert [name for name in names if f"/runs/{name}" not in page] == [*names[10:12], *names[-5:]]
    assert [name for name in names if f"/runs/{name}" not in everything] == []


def test_a_drift_run_shows_each_column_with_distance_limit_and_share_of_the_model(client: TestClient, ran: Ran) -> None:
    name = ran(DRIFT)
    text = seen(client.get(f"/runs/{name}").text)
    assert text.index("monthly_charges moved K-S distance 45% 0.240 0.080") < text.index(
        "tenure_months K-S distance 55%"
    )
    assert "Drifted share of the model 45%, limit 10%" in text


def test_a_performance_run_shows_its_figures_against_the_promise(client: TestClient, ran: Ran) -> None:
    text = seen(client.get(f"/runs/{ran(FALLEN, 0, 'performance')}").text)
    assert "ROC-AUC fallen 0.641 0.603 to 0.675 0.848 0.834 to 0.861 not yet 0.207 0.050" in text


def test_a_performance_run_shows_the_map_that_it_proposes(client: TestClient, ran: Ran) -> None:
    proposal = "recalibration: log-odds + 0.62 would save 1.1 USD"
    name = ran(FALLEN | {"recalibration": {"proposed": True, "remark": proposal}}, 0, "performance")
    assert f"Remarks {proposal}" in seen(client.get(f"/runs/{name}").text)


def test_what_offers_did_is_shown_where_some_were_reported(client: TestClient, ran: Ran) -> None:
    assert "What offers did" not in client.get(f"/runs/{ran(FALLEN, 1, 'performance')}").text
    advice = "costs file: set success_rate = 0.2 under [high] instead of 0.3, and fit again with --costs"
    page = client.get(f"/runs/{ran(FALLEN | {'offers': OFFERS, 'costs_advice': advice}, 0, 'performance')}").text
    text = seen(page)
    too_few = "medium 200 who may get it, 20 held out; offers reported for 75%; too few outcomes"
    assert f"{too_few} not known not known not known" in text
    assert (
        "high worse than assumed 4,000 who may get it, 400 held out; offers reported for 100% 10.0 5.0 to 15.0" in text
    )
    assert "EUR -35.00 -60.00 to -10.00 20.0% 11.0% to 28.0% assumed 30.0%" in text
    assert f"Remarks {advice}" in text
    described = re.findall(r'aria-label="([^"]+; dashed [^"]+)"', page)
    assert described == [
        "Churn lower by, points: 10.0, 5.0 to 15.0; dashed at no effect",
        "Saved for each customer: EUR -35.00, -60.00 to -10.00; dashed at no effect",
        "Success rate: 20.0%, 11.0% to 28.0%; dashed at assumed 30.0%",
    ]
    drawn = r'points="6.0,11 ([0-9.]+),11"/>\s*<circle cx="([0-9.]+)" cy="11" r="4"/>'
    *_, points = re.findall(drawn, page)
    assert [float(one) for one in points] == pytest.approx([6 + 148 * 17 / 19, 6 + 148 * 9 / 19], abs=0.06)


def test_a_run_that_could_not_tell_shows_its_reason_once(client: TestClient, ran: Ran) -> None:
    assert seen(client.get(f"/runs/{ran(BLIND)}").text).count("12 rows") == 1
    partly = CALM | {"reason": "no outcome has come"}
    assert "Remarks no outcome has come" in seen(client.get(f"/runs/{ran(partly)}").text)


def test_times_are_shown_in_utc(client: TestClient, ran: Ran) -> None:
    name = ran(DRIFT, **{"from": "2026-03-01T01:00:00+02:00", "to": "2026-03-01T01:00:00-02:00"})
    assert "Period 28 Feb 2026, 23:00 to 1 Mar 2026, 03:00 UTC" in seen(client.get(f"/runs/{name}").text)


def test_a_figure_that_rounds_to_zero_has_no_sign(client: TestClient, ran: Ran) -> None:
    check = {"metric": "roc_auc", "worse_by": -0.0001, "limit": 0.0504, "broken": False}
    assert "not yet 0 0.050" in seen(client.get(f"/runs/{ran(FALLEN, job='performance', checks=[check])}").text)


def test_many_runs_of_one_job_leave_the_lines_of_the_other(client: TestClient, ran: Ran) -> None:
    ran(FALLEN, 100, "performance")
    for hours in range(LINE_RUNS + 1):
        ran(CALM, hours)
    page = client.get("/").text
    assert "ROC-AUC: 1 run, from 0.641" in page
    assert f"Share of the model that drifted: {LINE_RUNS} runs" in page


def test_the_lines_follow_the_runs_up_to_the_one_that_is_shown(client: TestClient, ran: Ran) -> None:
    early, _ = ran(CALM, 2, drift_share=0.2), ran(DRIFT, 1)
    later = ran(DRIFT, 0, drift_share=0.5)
    described = "Share of the model that drifted: {}, last {}, limit 0.100"
    assert described.format("3 runs, from 0.200 to 0.500", "0.500") in client.get(f"/runs/{later}").text
    assert described.format("1 run, from 0.200 to 0.200", "0.200") in client.get(f"/runs/{early}").text
    assert described.format("3 runs, from 0.200 to 0.500", "0.500") in client.get("/").text


def test_the_full_report_stands_apart_from_the_page(client: TestClient, ran: Ran, tmp_path: Path) -> None:
    name = ran(DRIFT)
    assert f"/runs/{name}/report" not in client.get(f"/runs/{name}").text
    assert client.get(f"/runs/{name}/report").status_code == 404
    (tmp_path / "reports" / f"{name}.html").write_text("<script>1</script>")
    assert f'href="/runs/{name}/report"' in client.get(f"/runs/{name}").text
    report = client.get(f"/runs/{name}/report")
    assert report.text == "<script>1</script>"
    assert report.headers["content-security-policy"].startswith("sandbox allow-scripts; default-src 'none'; ")


def test_a_damaged_record_is_named_and_hides_no_other(client: TestClient, ran: Ran, tmp_path: Path) -> None:
    good, bad = ran(DRIFT), ran(DRIFT, 1)
    path = tmp_path / "reports" / f"{bad}.json"
    for damage in ("{", "[]", "\xff"):
        path.write_text(damage, encoding="latin-1")
        page = client.get("/").text
        assert f"1 record cannot be read, and so cannot be decided about: {bad}.json" in page
        assert f"/runs/{good}" in page
        assert client.get(f"/runs/{bad}").status_code == 500


@pytest.mark.parametrize(
    ("job", "odd"),
    [
        ("drift", {"exit_code": None}),
        ("drift", {"from": "yesterday"}),
        ("drift", {"to": "2026-03-01T12:00:00"}),
        ("drift", {"from": "0001-01-01T00:00:00+23:00"}),
        ("drift", {"columns": None}),
        ("drift", {"columns": [{"name": "tenure_months"}]}),
        ("drift", {"drift_share": None}),
        ("drift", {"window_rows": "many"}),
        ("drift", {"summary": "\ud800"}),
        ("drift", {"reviews": [{"decision": "accept", "why": "planned", "at": "2026-03-01T12:00:00+00:00"}]}),
        ("drift", {"retrain_requests": [{}]}),
        ("performance", {"live": "customers.csv"}),
        ("performance", {"live": {"roc_auc": {"value": None}}}),
        ("performance", {"checks": [{"metric": "roc_auc"}]}),
        ("performance", {"offers": [{"tier": "high", "free": {"rows": 4}, "held_out": {"rows": 4, "offers": 0}}]}),
    ],
)
def test_a_record_with_an_odd_fact_is_named_and_hides_no_other(
    client: TestClient, ran: Ran, job: run_store.Job, odd: dict[str, object]
) -> None:
    good, bad = ran(DRIFT), ran(DRIFT if job == "drift" else FALLEN, 1, job, **odd)
    page = client.get("/")
    assert (page.status_code, f"/runs/{good}" in page.text) == (200, True)
    assert f"1 record cannot be read, and so cannot be decided about: {bad}.json" in page.text
    assert client.get(f"/runs/{good}").status_code == 200
    assert "cannot be read" in client.get(f"/runs/{bad}").text


def test_a_file_whose_name_has_no_time_is_no_run(client: TestClient, ran: Ran, tmp_path: Path) -> None:
    name = "20269999T120000.000000Z-drift"
    (tmp_path / "reports" / f"{ran(DRIFT)}.json").rename(tmp_path / "reports" / f"{name}.json")
    assert "No run yet" in seen(client.get("/").text)
    assert client.get(f"/runs/{name}").status_code == 404


def test_figures_without_an_interval_are_shown(client: TestClient, ran: Ran) -> None:
    name = ran(FALLEN, job="performance", expected={"roc_auc": {"value": 0.85}})
    assert "0.834 to 0.861 0.850 0.207" in seen(client.get(f"/runs/{name}").text)


def test_a_record_with_hardly_any_facts_has_a_page(client: TestClient, tmp_path: Path) -> None:
    name = run_store.write({}, tmp_path, "performance", NOON + timedelta(hours=1)).stem
    assert "cannot tell" in seen(client.get("/").text)
    assert "Period not known" in seen(client.get(f"/runs/{name}").text)


def test_evidentlys_own_pages_are_one_click_away(client: TestClient) -> None:
    assert '<a href="/projects/0a">' in client.get("/").text
    assert client.get("/projects/0a").text == "of Evidently"
