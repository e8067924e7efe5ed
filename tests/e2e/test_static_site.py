"""The demo page as a static site predicts in the browser what the service predicts, and sends nothing."""

import csv
import json
import math
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page
from xgboost import XGBClassifier

from demo.static_site import build, onnxruntime_web, trees
from demo.static_site.build import Model
from models.bundles import bundle
from models.bundles.calibration import Calibration
from models.bundles.explainer import Explainer
from models.bundles.format.bundle_files import BOOSTER, GRAPH
from models.bundles.risk import RiskPolicy
from models.bundles.scorer import Scorer
from models.customer import reasons
from models.customer.contract import Contract
from models.customer.feature import Feature
from models.features import CONTRACT
from service.customers import Customer
from service.http import response_json
from service.model import predictor
from tests import checkout
from tests.checkout import Clone
from training.publishing import export

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CUSTOMERS, FEWER_CUSTOMERS = 1_000, 300
CLOSE = 1e-5
SCORES = ("base_value", "score", "raw_score")
PREDICT = """async ([customers, explain]) => {
  const engine = await import("./page/engine.js");
  return engine.predict(customers, { explain }).catch(({ message, status, errors }) => ({ message, status, errors }));
}"""
CALIBRATIONS = [
    Calibration(method="sigmoid", slope=1.7, intercept=-0.4),
    Calibration(method="isotonic", knots=[(0.1, 0.05), (0.3, 0.25), (0.55, 0.25), (0.8, 0.9)]),
]


@pytest.fixture(scope="module")
def runtime(root: Path) -> Path:
    try:
        return onnxruntime_web.fetch(root / "var" / "npm")
    except onnxruntime_web.RuntimeChanged:
        raise
    except onnxruntime_web.RuntimeUnavailable as error:
        pytest.skip(str(error))


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002  # the base class names it so
        pass


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A static host: its folder and its address."""
    folder = tmp_path_factory.mktemp("host")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=folder)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield folder, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def pinned(root: Path) -> Model:
    return Model.of(bundle.load(root / "models", contract=CONTRACT), CONTRACT)


@pytest.fixture(scope="module")
def site(pinned: Model, host: tuple[Path, str], runtime: Path) -> str:
    """The address of the site of the pinned model."""
    documentation = host[0] / "ann" / "telco"
    documentation.mkdir(parents=True)
    (documentation / "README.html").write_text("<!doctype html><title>Documentation</title>")
    build.build(pinned, documentation / "demo", runtime=runtime)
    return f"{host[1]}/ann/telco/demo/"


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """The page of the site; a request that leaves it, and a message in the console, fail the test."""
    page = browser.new_page()
    sent: list[tuple[str, str]] = []
    said: list[str] = []
    page.on("request", lambda request: sent.append((request.method, request.url)))
    page.on("console", lambda message: said.append(message.text))
    page.goto(site)
    yield page
    page.close()
    assert [request for request in sent if request[0] != "GET" or not request[1].startswith(site)] == []
    assert said == []


def test_make_builds_the_site_of_the_pinned_model(root: Path, tmp_path: Path, pinned: Model, runtime: Path) -> None:
    clone = Clone(tmp_path / "clone")
    checkout.copy(root, clone.folder)
    shutil.copytree(runtime, clone.folder / "var" / "npm" / runtime.name)
    done = clone.make("site-demo")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"var/site/demo has the demo page with model {pinned.version}" in done.stdout
    build.build(pinned, tmp_path / "site", runtime=runtime)
    built, expected = (contents(folder) for folder in (clone.folder / "var" / "site" / "demo", tmp_path / "site"))
    assert built == expected


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def draw(
    contract: Contract, ranges: dict[str, tuple[float, float]], model: Model | None = None, *, rows: int = CUSTOMERS
) -> list[dict[str, Any]]:
    """Draw customers of a contract: a third within its bounds, a third where the trees split, a third at a split."""
    rng, splits = np.random.default_rng(11), splits_of(model) if model else []
    drawn = []
    for number in range(rows):
        customer: dict[str, Any] = {}
        for feature in contract.features:
            value = _value(rng, feature, number % 3, ranges.get(feature.name), splits)
            if feature.at_least and value is not None and customer[feature.at_least] is not None:
                value = max(value, customer[feature.at_least])
            customer[feature.name] = value
        drawn.append(customer)
    return drawn


def _value(
    rng: np.random.Generator,
    feature: Feature,
    where: int,
    within: tuple[float, float] | None,
    splits: Sequence[float],
) -> Any:
    if feature.nullable and rng.random() < 0.2:
        return None
    if feature.kind == "category":
        return feature.categories[rng.integers(len(feature.categories))]
    if feature.kind == "boolean":
        return bool(rng.random() < 0.5)
    if feature.kind == "open_category":
        return str(rng.choice([*feature.levels, *(["Atlantis"] if feature.unseen == "unknown" else [])]))
    limits, step = feature.limits, 1 if feature.kind == "integer" else 1e-3
    low, high = limits.get("ge", limits.get("gt", 0) + step), limits.get("le", limits.get("lt", 0) - step)
    value = float(rng.uniform(*(within if within and where else (low, high))))
    inside = [split for split in splits if within and within[0] <= split <= within[1]]
    if where == 2 and inside:
        value = inside[rng.integers(len(inside))]
    value = min(max(value, low), high)
    return math.ceil(value) if feature.kind == "integer" else value


def splits_of(model: Model) -> list[float]:
    nodes = trees.read(model.booster)
    return [float(np.float32(value)) for value, right in zip(nodes["value"], nodes["right"], strict=True) if right]


def numbers(predictions: list[dict[str, Any]]) -> list[list[float]]:
    """Return all numbers of each prediction."""
    return [
        [one["churn_probability"], *(told[name] for name in SCORES), *told["contributions"].values()]
        for one in predictions
        for told in (one["explanation"],)
    ]


def words(predictions: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    """Return everything else of each prediction."""
    return [
        (one["churn_prediction"], one["risk_tier"], one["model_version"], told["reasons"], [*told["contributions"]])
        for one in predictions
        for told in (one["explanation"],)
    ]


def predictions_of(model: Model, customers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Predict customers of any contract with the scorer and the explainer of the service."""
    contract, policy = model.contract, model.policy
    matrix = contract.to_matrix({name: [one[name] for one in customers] for name in contract.names})
    scorer = Scorer(
        Path(GRAPH), version=model.version, policy=policy, calibration=model.calibration, content=model.graph
    )
    found = Explainer(Path(BOOSTER), contract, model.booster).explain(matrix).served(model.calibration)
    scores = found.scores.tolist(), found.raw_scores.tolist()
    rows = zip(customers, scorer.score(matrix).tolist(), found.by_feature.tolist(), *scores, strict=True)
    return [
        {
            "churn_probability": probability,
            "churn_prediction": policy.churns(probability),
            "risk_tier": policy.tier(probability),
            "model_version": model.version,
            "explanation": {
                "base_value": found.base_value,
                "contributions": dict(zip(contract.names, contributions, strict=True)),
                "score": score,
                "raw_score": raw_score,
                "reasons": reasons.of(contract, customer, contributions, score=score),
            },
        }
        for customer, probability, contributions, score, raw_score in rows
    ]


def test_the_browser_predicts_and_explains_as_the_service_does(page: Page, pinned: Model, root: Path) -> None:
    served = predictor.load(root / "models")
    customers = draw(CONTRACT, served.explainer.ranges, pinned)
    answer = response_json.many([served.predict([Customer.model_validate(one) for one in customers], explain=True)])
    expected = json.loads(answer)["predictions"]
    found = page.evaluate(PREDICT, [customers, True])
    assert len({one["risk_tier"] for one in found}) == 3
    np.testing.assert_allclose(numbers(found), numbers(expected), rtol=0, atol=CLOSE)
    assert words(found) == words(expected)


@pytest.fixture(scope="module")
def second_model(open_contract: Contract, tmp_path_factory: pytest.TempPathFactory) -> Model:
    """A model of a contract that has every kind of field, with deep trees."""
    folder = tmp_path_factory.mktemp("second")
    customers = draw(open_contract, {})
    matrix = open_contract.to_matrix({name: [one[name] for one in customers] for name in open_contract.names})
    known = np.nan_to_num(matrix, nan=-1)
    at = {name: columns.start for name, columns in open_contract.matrix_slices.items()}
    score = known[:, :4] @ [2, -1, 0.5, 1] + known[:, [at["peak_spend"], at["country"], at["shop"]]] @ [2e-4, 0.7, 1]
    score += np.random.default_rng(5).normal(size=len(matrix))
    classifier = XGBClassifier(n_estimators=40, max_depth=7, min_child_weight=0.1, n_jobs=1)
    classifier.fit(matrix, score > np.median(score))
    graph, booster = folder / GRAPH, folder / BOOSTER
    export.write_models(classifier, width=matrix.shape[1], graph=graph, booster=booster)
    return Model(
        contract=open_contract,
        version="20260101-second",
        trained_at=datetime(2026, 1, 1, tzinfo=UTC),
        policy=RiskPolicy(threshold=0.35),
        calibration=Calibration(),
        importance={},
        graph=graph.read_bytes(),
        booster=booster.read_bytes(),
        card="<!doctype html><title>Card</title>",
    )


@pytest.mark.parametrize("calibration", CALIBRATIONS, ids=lambda calibration: calibration.method)
def test_any_contract_and_calibration_do(
    calibration: Calibration, second_model: Model, page: Page, host: tuple[Path, str], runtime: Path
) -> None:
    model = replace(second_model, calibration=calibration)
    build.build(model, host[0] / "ann" / "telco" / "demo" / calibration.method, runtime=runtime)
    ranges = Explainer(Path(BOOSTER), model.contract, model.booster).ranges
    customers = draw(model.contract, ranges, model, rows=FEWER_CUSTOMERS)
    page.goto(f"{page.url}{calibration.method}/")
    found, expected = page.evaluate(PREDICT, [customers, True]), predictions_of(model, customers)
    np.testing.assert_allclose(numbers(found), numbers(expected), rtol=0, atol=CLOSE)
    assert words(found) == words(expected)
    refused = page.evaluate(PREDICT, [[model.contract.example | {"shop": "Z"}], False])
    assert refused["errors"] == [{"path": "customers.0.shop", "message": "never seen in training"}]


def test_the_engine_names_each_wrong_field_by_its_customer(page: Page) -> None:
    name = CONTRACT.names[0]
    customers = [CONTRACT.example, CONTRACT.example | {name: [], "customer_id": "C-1"}]
    refused = page.evaluate(PREDICT, [customers, False])
    assert refused["status"] == 422
    assert [error["path"] for error in refused["errors"]] == [f"customers.1.{name}"]


def test_several_predictions_at_once_do_not_disturb_each_other(page: Page, pinned: Model) -> None:
    customers = draw(CONTRACT, {}, rows=8)
    at_once = """async (customers) => {
      const { predict } = await import("./page/engine.js");
      const all = await Promise.all(customers.map((customer) => predict([customer])));
      return all.map(([{ churn_probability }]) => churn_probability);
    }"""
    expected = [one["churn_probability"] for one in predictions_of(pinned, customers)]
    np.testing.assert_allclose(page.evaluate(at_once, customers), expected, rtol=0, atol=CLOSE)


def test_the_page_answers_and_scores_a_file_by_itself(page: Page, pinned: Model, tmp_path: Path) -> None:
    page.locator("#reasons li").nth(len(CONTRACT.names) - 1).wait_for()
    [example] = predictions_of(pinned, [CONTRACT.example])
    assert float(page.get_attribute("#probability", "title") or "") == pytest.approx(
        example["churn_probability"], abs=CLOSE
    )
    assert "The model runs in your browser; nothing is sent." in page.inner_text("footer")
    assert page.locator("#links a").all_inner_texts() == ["Model card", "Documentation"]

    customers = draw(CONTRACT, {}, rows=40)
    rows = [["" if value is None else str(value) for value in customer.values()] for customer in customers]
    page.fill("#file-text", "\n".join(",".join(cells) for cells in [list(CONTRACT.names), *rows, ["?"] * len(rows[0])]))
    page.click("#file-score")
    with page.expect_download() as download:
        page.click("#file-download")
    download.value.save_as(tmp_path / "scored.csv")
    with (tmp_path / "scored.csv").open(newline="") as file:
        scored = list(csv.DictReader(file))
    expected = predictions_of(pinned, customers)
    probabilities = [float(row["churn_probability"]) for row in scored]
    np.testing.assert_allclose(probabilities, [one["churn_probability"] for one in expected], rtol=0, atol=CLOSE)
    assert [row["risk_tier"] for row in scored] == [one["risk_tier"] for one in expected]
    assert page.locator("#rejected-rows tbody tr").first.inner_text().startswith(f"41\t{CONTRACT.names[0]}\t")

    page.click("text=Model card")
    assert page.title() in pinned.card


def test_its_policy_lets_nothing_be_sent_to_another_host(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.goto(site)
    send = """async (address) => fetch(address, { mode: "no-cors" }).then(() => "sent", () => "refused")"""
    same_server = site.replace("127.0.0.1", "localhost")
    assert [page.evaluate(send, address) for address in (site, same_server)] == ["sent", "refused"]
    page.close()


def test_what_could_not_be_loaded_is_loaded_later(browser: Browser, site: str) -> None:
    page = browser.new_page()
    page.route("**/*.onnx", lambda route: route.abort())
    page.goto(site)
    failed = page.evaluate(PREDICT, [[CONTRACT.example], False])
    page.unroute("**/*.onnx")
    [predicted] = page.evaluate(PREDICT, [[CONTRACT.example], False])
    page.close()
    assert (failed["status"], "cannot be read" in failed["message"]) == (0, True)
    assert 0 < predicted["churn_probability"] < 1


def test_numbers_in_reasons_are_written_as_in_python(page: Page, second_contract: Contract) -> None:
    spend = next(feature for feature in second_contract.features if feature.name == "spend")
    plain = Contract((replace(spend, phrase="{value}"),))
    rng = np.random.default_rng(3)
    values = [
        0,
        1,
        -1,
        2.5,
        0.125,
        1.125,
        1.375,
        1.005,
        1.015,
        1_234_567.891,
        999.995,
        0.0078125,
        0.0234375,
        1e-7,
        -3.4,
    ]
    values += [*rng.normal(scale=1_000, size=200).tolist(), *rng.random(200).tolist()]
    write = """async (values) => values.map((await import("./page/reasons.js")).write)"""
    expected = [reasons.of(plain, {"spend": value}, [1.0])[0].removesuffix(" raises the risk") for value in values]
    assert page.evaluate(write, values) == expected
