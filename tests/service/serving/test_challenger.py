"""A challenger beside the champion, as clients and operators see it."""

import json
import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from models.answer_counts import BOUNDS_SECONDS, CUSTOMER_GROUPS
from models.bundles import bundle, pin_changes, pins
from models.bundles.bundle import Bundle
from models.bundles.format import bundle_files
from models.bundles.pins import Challenger, Pin
from models.features import CONTRACT, CustomerFeatures
from service.customers import Customer
from service.log import spool, spool_writer
from service.log.spool import Spool
from service.model import model_router, predictor
from service.model.model_router import ModelRouter, place
from tests.service.log_pages import logged, rows_in
from tests.service.stores import challenge, publish_another, withdraw
from tests.service.test_metrics import scrape
from tests.waiting import wait_until

NAMES = [f"C-{number}" for number in range(60)]


@pytest.fixture
def another(shelf: Path, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return publish_another(shelf, tmp_path_factory)


@pytest.fixture
def begin(start: Callable[..., Any], shelf: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Serve what is pinned on the shelf; its log, if it keeps one, lies in `var`."""
    monkeypatch.setattr(spool_writer, "WRITE_SECONDS", 0.01)
    return lambda **settings: start(models_dir=shelf, output_dir=shelf / "var", **settings)


def refresh(client: Any) -> None:
    client.app_state["inference"].model.refresh()


def ask(client: Any, name: str | None = None, path: str = "/predict", **values: Any) -> dict[str, Any]:
    answer = client.post(path, json=CONTRACT.example | values | ({"customer_id": name} if name else {}))
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def score(shelf: Path, named: pins.BundleRef, customers: list[dict[str, Any]]) -> list[float]:
    rows = [CustomerFeatures.model_validate(customer) for customer in customers]
    return predictor.load(shelf, named).predict(rows).probabilities


def test_a_customer_keeps_its_model_whichever_way_it_is_asked(
    begin: Callable[..., Any], shelf: Path, another: Bundle
) -> None:
    challenge(shelf, another.manifest.version, "canary")
    client, restarted = begin(), begin()
    batch = {"customers": [CONTRACT.example | {"customer_id": name} for name in NAMES]}
    ways = [
        [ask(client, name)["model_version"] for name in NAMES],
        [ask(client, name, tenure_months=9)["model_version"] for name in NAMES],
        [ask(client, name, "/predict?explain=true")["model_version"] for name in NAMES],
        [made["model_version"] for made in client.post("/predict/batch", json=batch).json()["predictions"]],
        [ask(restarted, name)["model_version"] for name in NAMES],
    ]

    assert all(way == ways[0] for way in ways)
    assert set(ways[0]) == {pins.read(shelf).version, another.manifest.version}
    assert ask(client)["model_version"] == pins.read(shelf).version


def test_a_mixed_batch_is_its_customers_one_by_one_in_order_and_logged_by_model(
    begin: Callable[..., Any], shelf: Path, another: Bundle, customers: list[dict[str, Any]]
) -> None:
    challenge(shelf, version := another.manifest.version, "canary")
    client = begin(log_url="sqlite:///never-opened.db")
    named = [customer | {"customer_id": f"C-{at}"} for at, customer in enumerate(customers)]
    batch = client.post("/predict/batch", json={"customers": named}).json()["predictions"]
    singles = [ask(client, **customer) for customer in named[:40]]

    told = ("model_version", "churn_probability", "churn_prediction", "risk_tier")
    assert [[made[key] for key in told] for made in batch[:40]] == [[made[key] for key in told] for made in singles]
    first, second = (score(shelf, model, customers) for model in (pins.read(shelf), bundle.name(another)))
    expected = [second[at] if made["model_version"] == version else first[at] for at, made in enumerate(batch)]
    assert [made["churn_probability"] for made in batch] == expected
    wait_until(lambda: len(logged(shelf / "var", "predictions")) == 340)
    rows = {row[0]: row for row in logged(shelf / "var", "predictions")}
    for made, customer in zip(batch, customers, strict=True):
        assert rows[made["prediction_id"]][2] == made["model_version"]
        assert json.loads(rows[made["prediction_id"]][3] or "") == customer
    counted = scrape(client)
    for model in (pins.read(shelf).version, version):
        answered = sum(made["model_version"] == model for made in (*batch, *singles))
        assert sum(counted["churn_predictions_total", model, tier] for tier in ("low", "medium", "high")) == answered
        assert counted["churn_probability_count", model] == answered
    assert logged(shelf / "var", "challenger_predictions") == []


def counts(client: Any, metric: str, version: str) -> Counter[int]:
    """Return the counts of a model that are not 0, by the random group of customers."""
    found = {labels[1]: int(value) for labels, value in scrape(client).items() if labels[::2] == (metric, version)}
    return Counter({int(group): value for group, value in found.items() if value})


def group(name: str, version: str) -> int:
    return int(place(name, version) * 2**48) % CUSTOMER_GROUPS  # the lowest bits; the highest ones decide who answers


@pytest.mark.parametrize("share", [0.05, 0.5])
def test_the_groups_of_customers_are_independent_of_the_model_that_answers(shelf: Path, share: float) -> None:
    champion, version = predictor.load(shelf), "20000101-00000000"
    canary = replace(champion, manifest=champion.manifest.model_copy(update={"version": version}))
    named = Challenger(version=version, digest="0" * 64, mode="canary", share=share)
    customers = [Customer.model_validate(CONTRACT.example | {"customer_id": f"C-{at}"}) for at in range(20_000)]
    router = ModelRouter(champion, model_router.Challenger(named, canary))
    by_model = [predicted.groups for predicted in router.predict(customers, requests=len(customers))]
    counted = np.array([np.bincount(groups or [], minlength=CUSTOMER_GROUPS) for groups in by_model])
    assert counted.shape == (2, CUSTOMER_GROUPS)
    assert counted[1].sum() == pytest.approx(20_000 * share, rel=0.05)
    assert stats.chi2_contingency(counted).pvalue > 0.01
    assert stats.chisquare(counted.sum(axis=0)).pvalue > 0.01  # and equally large


def test_beside_a_canary_the_requests_of_each_model_are_timed_and_its_failures_counted(
    begin: Callable[..., Any], shelf: Path, another: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    champion, version = pins.read(shelf).version, another.manifest.version
    client = begin()
    ask(client, NAMES[0])
    assert not counts(client, "churn_model_answer_seconds_count", champion)  # there is nothing to compare with
    challenge(shelf, version, "canary")
    refresh(client)
    of_canary = {name for name in NAMES if place(name, version) < 0.5}
    for name in NAMES:
        ask(client, name)
    batch = {"customers": [CONTRACT.example | {"customer_id": name} for name in NAMES]}
    client.post("/predict/batch", json=batch)
    client.post("/predict", json=CONTRACT.example)  # without an id, chance does not decide who answers
    client.post("/predict/batch", json={"customers": [CONTRACT.example] * 2})
    answered = counts(client, "churn_model_answer_seconds_count", version)
    first = next(name for name in NAMES if name in of_canary)
    assert answered == Counter(group(name, version) for name in [*of_canary, first])
    assert counts(client, "churn_model_answer_seconds_count", champion).total() == len(NAMES) - len(of_canary) + 1
    buckets = {labels for labels in scrape(client) if labels[0] == "churn_model_answer_seconds_bucket"}
    assert {labels[1] for labels in buckets} == {str(number) for number in range(CUSTOMER_GROUPS)}
    assert {float(labels[2]) for labels in buckets} == {*BOUNDS_SECONDS, math.inf}
    assert not counts(client, "churn_model_failures_total", version)

    def fail(*_: object) -> None:
        raise ValueError("a graph that fails")

    monkeypatch.setattr(client.app_state["inference"].model.router.challenger.predictor.scorer, "score", fail)
    for name in NAMES:
        answer = client.post("/predict", json=CONTRACT.example | {"customer_id": name})
        assert answer.status_code == (500 if name in of_canary else 200)
    assert client.post("/predict/batch", json=batch).status_code == 500
    assert counts(client, "churn_model_failures_total", version) == answered
    assert not counts(client, "churn_model_failures_total", champion)


def test_the_model_that_answered_explains(begin: Callable[..., Any], shelf: Path, another: Bundle) -> None:
    challenge(shelf, version := another.manifest.version, "canary")
    client = begin()
    customers = [CONTRACT.example | {"customer_id": name} for name in NAMES]
    answers = client.post("/predict/batch?explain=true", json={"customers": customers}).json()["predictions"]

    rows = CONTRACT.encode_rows([CustomerFeatures(**CONTRACT.example)])
    models = {named.version: predictor.load(shelf, named) for named in (pins.read(shelf), bundle.name(another))}
    raw_scores = {name: model.explainer.explain(rows).raw_scores[0] for name, model in models.items()}
    assert abs(np.subtract(*raw_scores.values())) > 0.01
    assert {answer["model_version"] for answer in answers} == {pins.read(shelf).version, version}
    for answer in answers:
        assert answer["explanation"]["raw_score"] == pytest.approx(raw_scores[answer["model_version"]], abs=1e-9)


@pytest.mark.parametrize("kept", ["plain", "hashed"])
def test_a_name_is_no_feature_and_is_kept_nowhere(
    begin: Callable[..., Any], shelf: Path, caplog: pytest.LogCaptureFixture, kept: str
) -> None:
    client = begin(log_url="sqlite:///never-opened.db", log_inputs=kept)
    answers = [ask(client), ask(client, "a-name"), ask(client, "another-name", "/predict?explain=true")]
    wait_until(lambda: len(logged(shelf / "var", "predictions")) == 3)

    assert len({answer["churn_probability"] for answer in answers}) == 1
    assert list(answers[2]["explanation"]["contributions"]) == list(CONTRACT.names)
    assert len({row[3:5] for row in logged(shelf / "var", "predictions")}) == 1
    assert "-name" not in json.dumps(answers) + caplog.text + client.get("/metrics").text


@pytest.mark.parametrize("name", ["", "x" * 65, 7, ["C-1"]])
@pytest.mark.parametrize("media_type", ["application/json", "application/json; charset=utf-8"])
def test_a_name_that_is_none_is_refused_and_not_repeated(client: Any, name: object, media_type: str) -> None:
    body = json.dumps(CONTRACT.example | {"customer_id": name})
    answer = client.post("/predict", content=body, headers={"Content-Type": media_type})

    assert answer.status_code == 422
    assert [problem["path"] for problem in answer.json()["errors"]] == ["customer_id"]
    assert "xxx" not in answer.text


def test_a_shadow_scores_what_was_answered_and_answers_nobody(
    begin: Callable[..., Any], shelf: Path, another: Bundle, customers: list[dict[str, Any]]
) -> None:
    challenge(shelf, version := another.manifest.version, "shadow", share=0.9)
    client = begin(log_url="sqlite:///never-opened.db")
    made = client.post("/predict/batch", json={"customers": customers[:-1]}).json()["predictions"]
    made.append(ask(client, "C-1", **customers[-1]))
    wait_until(lambda: len(logged(shelf / "var", "challenger_predictions")) == len(customers))

    assert {answer["model_version"] for answer in made} == {pins.read(shelf).version}
    assert [answer["churn_probability"] for answer in made] == score(shelf, pins.read(shelf), customers)
    own, policy = score(shelf, bundle.name(another), customers), another.manifest.policy
    assert logged(shelf / "var", "challenger_predictions") == [
        (answer["prediction_id"], version, repr(said), f"{policy.churns(said):d}", policy.tier(said))
        for answer, said in zip(made, own, strict=True)
    ]
    counted = scrape(client)
    differences = [abs(said - answer["churn_probability"]) for said, answer in zip(own, made, strict=True)]
    assert counted["churn_shadow_rows_total", "scored"] == counted["churn_shadow_difference_count", version] == 300
    assert counted["churn_shadow_difference_sum", version] == pytest.approx(sum(differences))
    assert counted["churn_shadow_difference_bucket", "0.05", version] == sum(gap <= 0.05 for gap in differences)
    assert not any(name[0] == "churn_predictions_total" and version in name for name in counted)


def test_a_page_of_a_shadow_lies_behind_that_of_the_predictions(
    begin: Callable[..., Any], shelf: Path, another: Bundle
) -> None:
    challenge(shelf, another.manifest.version, "shadow")
    client = begin(log_url="sqlite:///never-opened.db")
    asked = {ask(client)["prediction_id"] for _ in range(50)}
    wait_until(lambda: len(logged(shelf / "var", "challenger_predictions")) == 50)

    known: set[str | None] = set()
    for page in Spool(shelf / "var" / "spool").pages():
        ids = {row[0] for row in rows_in(page)}
        if spool.parse(page).table == "predictions":
            known |= ids
        elif spool.parse(page).table == "challenger_predictions":
            assert ids <= known
    assert known == asked


def test_what_a_shadow_has_no_time_for_is_dropped_and_counted(
    begin: Callable[..., Any], shelf: Path, another: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.log.prediction_log.MAX_UNSCORED_ROWS", 10)
    challenge(shelf, another.manifest.version, "shadow")
    client = begin(log_url="sqlite:///never-opened.db")
    for rows in (7, 11):
        client.post("/predict/batch", json={"customers": [CONTRACT.example] * rows})
        wait_until(lambda: client.get("/metrics").text.count("churn_log_queue_rows 0.0"))

    wait_until(lambda: scrape(client)["churn_shadow_rows_total", "scored"] == 7)
    assert scrape(client)["churn_shadow_rows_total", "dropped"] == 11
    assert len(logged(shelf / "var", "predictions")) == 18
    assert len(logged(shelf / "var", "challenger_predictions")) == 7


def test_where_predictions_are_dropped_the_shadows_are_too(
    begin: Callable[..., Any], shelf: Path, another: Bundle
) -> None:
    challenge(shelf, another.manifest.version, "shadow")
    client = begin(log_url="sqlite:///never-opened.db", max_spool_bytes=1)
    ask(client)
    wait_until(lambda: len(logged(shelf / "var", "challenger_predictions")) == 1)
    client.post("/predict/batch", json={"customers": [CONTRACT.example] * 7})

    wait_until(lambda: scrape(client)["churn_shadow_rows_total", "dropped"] == 7)
    assert scrape(client)[("churn_log_dropped_rows_total",)] == 7
    assert len(logged(shelf / "var", "challenger_predictions")) == 1


@pytest.mark.parametrize(("mode", "share"), [("canary", 0.25), ("shadow", None)])
def test_model_health_and_metrics_tell_what_is_tried(
    begin: Callable[..., Any], shelf: Path, another: Bundle, mode: pins.Mode, share: float | None
) -> None:
    challenge(shelf, version := another.manifest.version, mode, share=0.25)
    client = begin()
    for path in ("/model", "/health"):
        assert client.get(path).json()["challenger"] == {"version": version, "mode": mode, "share": share}
    counted = scrape(client)
    assert counted["churn_model_info", version, mode] == 1
    assert counted["churn_model_info", pins.read(shelf).version, "champion"] == 1
    assert counted[("churn_challenger_share",)] == (share or 0)

    withdraw(shelf)
    refresh(client)
    for path in ("/model", "/health"):
        assert client.get(path).json()["challenger"] is None
    assert scrape(client)["churn_model_info", version, mode] == 0
    assert scrape(client)[("churn_challenger_share",)] == 0


def test_a_challenger_that_fails_is_refused_alone_and_tried_when_it_is_whole(
    begin: Callable[..., Any], shelf: Path, another: Bundle
) -> None:
    graph = another.path(bundle_files.GRAPH)
    whole = graph.read_bytes()
    graph.write_bytes(whole[:-1])
    challenge(shelf, version := another.manifest.version, "canary")
    client = begin()
    health = client.get("/health").json()

    assert (health["status"], health["model_loaded"], health["challenger"]) == ("degraded", True, None)
    assert health["reason"].startswith(f"The challenger {version} is refused, only the champion is served. ")
    assert bundle_files.GRAPH in health["reason"]
    assert str(shelf) not in health["reason"]
    assert client.get("/health/ready").status_code == 200
    assert {ask(client, name)["model_version"] for name in NAMES} == {pins.read(shelf).version}
    counted = scrape(client)
    assert counted[("churn_challenger_refused",)] == 1
    assert counted[("churn_model_pinned",)] == 1
    assert counted[("churn_model_swap_failures_total",)] == 0
    graph.write_bytes(whole)
    wait_until(lambda: client.get("/health").json()["status"] == "healthy")
    assert scrape(client)[("churn_challenger_refused",)] == 0
    assert len({ask(client, name)["model_version"] for name in NAMES}) == 2


def test_a_bad_challenger_holds_up_no_new_champion(begin: Callable[..., Any], shelf: Path, another: Bundle) -> None:
    client = begin()
    absent = Challenger(version="absent", digest="0" * 64, mode="canary")
    pin = Pin(**dict(bundle.name(another)), challenger=absent)
    pin_changes.write(pin, about=pin, change="promote", why="better", models_dir=shelf)
    refresh(client)

    assert ask(client)["model_version"] == another.manifest.version
    assert "absent" in client.get("/health").json()["reason"]


def test_a_bad_champion_leaves_the_last_one_and_the_challenger_goes_when_it_is_withdrawn(
    begin: Callable[..., Any], shelf: Path, another: Bundle
) -> None:
    challenge(shelf, another.manifest.version, "canary")
    client, first = begin(), pins.read(shelf)
    (shelf / "store" / first.version / bundle_files.BOOSTER).write_bytes(b"spoiled")
    refresh(client)
    assert client.get("/health").json()["challenger"]["version"] == another.manifest.version
    withdraw(shelf)
    refresh(client)

    assert client.get("/health").json()["challenger"] is None
    assert bundle_files.BOOSTER in client.get("/health").json()["reason"]
    assert {ask(client, name)["model_version"] for name in NAMES} == {first.version}


def test_without_a_champion_nobody_answers(begin: Callable[..., Any], shelf: Path, another: Bundle) -> None:
    challenge(shelf, another.manifest.version, "canary")
    (shelf / "store" / pins.read(shelf).version / bundle_files.BOOSTER).write_bytes(b"spoiled")
    client = begin()

    assert client.post("/predict", json=CONTRACT.example | {"customer_id": "C-1"}).status_code == 503
    assert client.get("/health").json()["challenger"] is None


def test_a_share_that_grows_while_it_serves_takes_no_customer_back(
    begin: Callable[..., Any], shelf: Path, another: Bundle
) -> None:
    client, version = begin(), another.manifest.version
    for share in (0.2, 0.4, 0.8):
        challenge(shelf, version, "canary", share=share)
        refresh(client)
        answered = {name for name in NAMES if ask(client, name)["model_version"] == version}
        assert answered == {name for name in NAMES if place(name, version) < share}
