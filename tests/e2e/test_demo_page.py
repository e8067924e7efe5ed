"""The demo page in a real browser: what it shows is what the API answers."""

import csv
import io
import json
import random
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from pydantic import Field, ValidationError
from pydantic_core import to_json, to_jsonable_python

from demo.running_service import RunningService, running
from models.bundles import bundle
from models.bundles.risk import RiskPolicy
from models.customer import declaration, parsing
from models.customer.contract import Contract
from models.customer.declaration import Age, Clipped, Features
from models.customer.feature import Feature
from models.features import CONTRACT, CustomerFeatures
from service.access import keys_file
from tests.e2e.demo_page import DemoPage, chance

pytestmark = [pytest.mark.browser, pytest.mark.slow]

MINUS = "\N{MINUS SIGN}"
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
PATIENT = {"SERVICE_MAX_TURN_SECONDS": "5"}
"""A busy machine is not what is tested."""
FORMULA = '=HYPERLINK("http://example.com";"a;b")'
TABLE = "tenure_months;monthly_charges;total_charges;support_tickets;contract_type;=note"
ROW = "4,89.5,358,3,0"
BROKEN = ["400;89.5;358;3;0;a", "4;89.5;12;3;0;b", "4;89.5;358;many;7;c", "4;89.5"]
REASONS = [
    "2298 tenure_months above 120: 400",
    "2299 total_charges below monthly_charges, which is 89.5: 12",
    "2300 support_tickets not a number: many",
    "2300 contract_type not one of 0, 1, 2: 7",
    "2301 row has 2 cells, and the first line has 6",
]
OTHER_ENGINE = """
export const MAX_ROWS = 2;
export class EngineError extends Error {}
export const setKey = () => {};
const contract = %s;
globalThis.asked = [];
export async function describe() {
  return { contract, model: null, problem: null, links: [], note: "Another engine." };
}
export async function predict(customers, { explain } = {}) {
  globalThis.asked.push(...customers);
  if (globalThis.isBroken) throw new TypeError("A fault of the engine.");
  const contributions = Object.fromEntries(contract.features.map(({ name }, at) => [name, at / 10]));
  const explanation = { base_value: -1, contributions, score: 1, raw_score: 1, reasons: [] };
  const known = (customer) => Object.values(customer).filter((value) => value !== null).length;
  return customers.map((customer) => ({
    churn_probability: known(customer) / 10, churn_prediction: true, risk_tier: "high", model_version: "another",
    ...(explain ? { explanation } : {}),
  }));
}
"""


@pytest.fixture(scope="module")
def service(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    with running(root / "models", tmp_path_factory.mktemp("demo-page") / "service.log", **PATIENT) as service:
        yield service


@pytest.fixture(scope="module")
def policy(root: Path) -> RiskPolicy:
    return bundle.load(root / "models", contract=CONTRACT).manifest.policy


@pytest.fixture
def demo(page: Page, service: RunningService) -> DemoPage:
    return DemoPage(page, service).open()


@pytest.mark.shipped
def test_the_answer_follows_the_slider_and_is_that_of_the_api(demo: DemoPage) -> None:
    seen = set()
    for name in ("tenure_months", "monthly_charges", "support_tickets"):
        with demo.dragging(name) as move:
            for share in (0.1, 0.6, 0.95):
                move(share)
                seen.add(demo.wait_for_answer()["churn_probability"])
    assert len(seen) >= 6
    demo.page.get_by_label("Contract type").select_option(label="two-year")
    answer = demo.wait_for_answer()
    probability, explanation = answer["churn_probability"], answer["explanation"]
    assert demo.text("#probability") == chance(probability)
    assert demo.text("#tier").lower() == f"{answer['risk_tier']} risk"
    assert demo.text("#decision") == f"Predicted to {'leave' if answer['churn_prediction'] else 'stay'}"
    sentences = demo.page.locator("#reasons .sentence").all_inner_texts()
    assert [text.lower() for text in sentences[:3]] == [reason.lower() for reason in explanation["reasons"]]
    figures = [float(text.replace(MINUS, "-")) for text in demo.page.locator("#reasons .figure").all_inner_texts()]
    ranked = sorted(explanation["contributions"].values(), key=abs, reverse=True)
    assert figures == pytest.approx(ranked, abs=0.0051)
    expect(demo.page.locator("#spoken")).to_contain_text(f"{chance(probability)} percent")


@pytest.mark.shipped
def test_values_are_typed_left_unknown_refused_and_reset(demo: DemoPage) -> None:
    page = demo.page
    monthly, total = page.get_by_label("Monthly charges", exact=True), page.get_by_label("Total charges", exact=True)
    monthly.fill("401.25")  # more than the total, which must not be less
    demo.wait_for_answer()
    assert (demo.customer()["monthly_charges"], demo.customer()["total_charges"]) == (401.25, 401.25)
    page.get_by_label("Total charges is unknown").check()
    demo.wait_for_answer()
    assert demo.customer()["total_charges"] is None
    page.get_by_label("Total charges is unknown").uncheck()
    assert total.input_value() == "401.25"
    page.get_by_label("Tenure months", exact=True).fill("121")
    expect(page.locator("#feature-tenure_months-hint")).to_contain_text("This value is above 120.")
    assert page.get_by_label("Tenure months", exact=True).get_attribute("aria-invalid") == "true"
    expect(page.locator("#notice")).to_contain_text("One value is not valid.")
    page.get_by_role("button", name="Reset").click()
    demo.wait_for_answer()
    assert demo.customer() == CONTRACT.example


@pytest.mark.shipped_model
def test_the_costs_are_those_of_the_models_prices(demo: DemoPage, policy: RiskPolicy) -> None:
    answer = demo.wait_for_answer()
    assert policy.costs is not None
    probability, currency = answer["churn_probability"], policy.costs.currency
    stays, leaves = policy.costs.of(answer["risk_tier"])
    expected = f"{chance(((1 - probability) * stays + probability * leaves) / 100)} {currency}"
    assert demo.text("#costs tr.is-chosen td") == expected
    assert expected in demo.text("#cost-sentence")
    nothing = f"{chance(probability * policy.costs.value_of_kept_customer / 100)} {currency}"
    assert demo.page.locator("#costs tbody td").first.inner_text() == nothing


@pytest.mark.shipped_model
def test_prices_and_rates_are_written_with_all_their_digits(page: Page, service: RunningService) -> None:
    offer = {"contact_cost": 2.5, "success_rate": 0.125}
    costs = {
        "currency": "EUR",
        "value_of_kept_customer": 1_234.75,
        "medium": offer,
        "high": {**offer, "success_rate": 0.07},
    }

    def with_costs(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, json=answer.json() | {"costs": costs})

    page.route("**/risk-tiers", with_costs)
    demo = DemoPage(page, service).open()
    assert demo.text("#cost-note").startswith("A customer who leaves costs 1,234.75 EUR. ")
    medium, high = page.locator("#costs tbody th").all_inner_texts()[1:]
    assert medium == "An offer for 2.5 EUR, which keeps 12.5% of those who would leave"
    assert high.startswith("An offer for 2.5 EUR, which keeps 7% of those who would leave")


@pytest.mark.shipped
def test_the_curve_has_the_predictions_of_the_api(demo: DemoPage) -> None:
    page = demo.page
    page.locator("#curve-feature").select_option(label="Tenure months")
    slider = page.get_by_label("Tenure months, slider")
    low, high = int(slider.get_attribute("min") or ""), int(slider.get_attribute("max") or "")
    now = CONTRACT.example["tenure_months"]
    first, last, here = demo.probabilities("tenure_months", [low, high, now])
    expect(page.locator("#curve-words")).to_contain_text(
        f"Tenure months: {chance(first)}% at {low}, {chance(last)}% at {high}"
    )
    expect(page.locator("#curve-words")).to_contain_text(f"Now {chance(here)}% at {now}.")
    points = (page.locator("#curve .line").get_attribute("points") or "").split()
    heights = [1 - (float(point.split(",")[1]) - 14) / 212 for point in points]
    assert [heights[0], heights[-1]] == pytest.approx([first, last], abs=1e-3)
    expect(page.locator("#curve .now-text")).to_have_text(f"{chance(here)}%")

    page.locator("#curve-feature").select_option(label="Contract type")
    levels = page.locator("#curve .level")
    expect(levels).to_have_count(3)
    expected = [f"{chance(one)}%" for one in demo.probabilities("contract_type", [0, 1, 2])]
    assert [text.split("\n")[-1] for text in levels.all_inner_texts()] == expected
    assert page.locator("#curve .level.is-now").inner_text().startswith("month-to-month")


def drop(page: Page, content: str) -> None:
    """Drop a file with this content on the page."""
    dropped = page.evaluate_handle(
        """content => {
            const data = new DataTransfer();
            data.items.add(new File([content], "my customers.csv", { type: "text/csv" }));
            return data;
        }""",
        content,
    )
    page.dispatch_event("#file", "drop", {"dataTransfer": dropped})


@pytest.mark.shipped
def test_a_dropped_file_is_scored_as_the_api_scores_it(demo: DemoPage) -> None:
    page = demo.page
    rows = [{**CONTRACT.example, "tenure_months": number % 121, "total_charges": None} for number in range(2_297)]
    lines = [f"{row['tenure_months']};89.5;;3;0;" + '"' + FORMULA.replace('"', '""') + '"' for row in rows]
    content = "\r\n".join([TABLE, *lines, *BROKEN])
    page.evaluate(
        """() => {
            globalThis.told = [];
            const status = document.querySelector("#file-status");
            new MutationObserver(() => globalThis.told.push(status.textContent)).observe(status, { childList: true });
        }"""
    )
    drop(page, content)
    page.locator("#file-result").wait_for()
    assert page.get_by_label("Or paste rows").input_value() == ""  # too long to be shown
    assert "1,000 of 2,297 rows are scored." in page.evaluate("globalThis.told")
    assert "2,297 rows scored: " in demo.text("#file-status")
    assert demo.text("#file-status").endswith("4 rows rejected.")
    cells = [row.split("\t") for row in page.locator("#rejected-rows tbody tr").all_inner_texts()]
    assert [" ".join(row) for row in cells] == REASONS
    assert page.locator("#preview tbody tr").count() == 10

    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download the scored rows").click()
    assert downloading.value.suggested_filename == "my customers.scored.csv"
    text = Path(downloading.value.path()).read_bytes().decode()
    header, *scored = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    added = ["churn_probability", "churn_prediction", "risk_tier", "model_version"]
    assert header == [*TABLE.split(";")[:5], "'=note", *added]
    expected = demo.predict(rows, query="")
    assert [row[:6] for row in scored] == [
        [str(row["tenure_months"]), "89.5", "", "3", "0", f"'{FORMULA}"] for row in rows
    ]
    assert [[json.loads(row[6]), json.loads(row[7]), *row[8:]] for row in scored] == [
        [one[name] for name in added] for one in expected
    ]


@pytest.mark.shipped
def test_pasted_rows_are_scored_or_it_is_said_why_not(demo: DemoPage) -> None:
    header = ",".join(CONTRACT.names)
    for text, said in {
        "": "The first line does not name these columns: tenure_months, ",
        header: "There are no rows after the first line.",
        f"{header},risk_tier\n4,89.5,358,3,0,x": "The table already has these columns: risk_tier.",
        f"{header}\n4,89.5,358,3,0": "1 row scored: 1 high risk, 0 medium risk, 0 low risk.",
        header.replace(",", "\t") + "\n4\t89.5\tnull\t3\t0\n": "1 row scored: ",
        f'{header},note\n{ROW},a\n{ROW},"b\n{ROW},c': "The quote that opens in line 3 is not closed at the end of",
        f'{header},note\n{ROW},"a\n{ROW},"b"': "The quote that opens in line 2 is not closed at the end of its cell.",
        f'{header},note\n{ROW},"': "The quote that opens in line 2 is not closed at the end of its cell.",
    }.items():
        demo.page.get_by_label("Or paste rows").fill(text)
        demo.page.get_by_role("button", name="Score", exact=True).click()
        expect(demo.page.locator("#file-status")).to_contain_text(said)


@pytest.mark.shipped
def test_a_file_that_cannot_be_scored_is_refused_with_a_remedy(demo: DemoPage) -> None:
    page, status = demo.page, demo.page.locator("#file-status")
    rows = page.get_by_label("Or paste rows")
    rows.fill("my own rows")
    legacy = f"{','.join(CONTRACT.names)},note\n{ROW},Müller".encode("cp1252")
    for _ in range(2):  # the same file can be chosen again
        page.locator("#file-input").set_input_files({"name": "excel.csv", "mimeType": "text/csv", "buffer": legacy})
        expect(status).to_have_text("excel.csv is not in UTF-8. Save it as CSV UTF-8.")
        assert page.locator("#file-input").input_value() == ""
        page.evaluate("document.querySelector('#file-status').textContent = ''")
    page.evaluate(
        """() => {
            const refuse = () => Promise.reject(new DOMException("", "NotReadableError"));
            Blob.prototype.arrayBuffer = Blob.prototype.text = refuse;
        }"""
    )
    drop(page, "")
    expect(status).to_have_text("my customers.csv cannot be read. Choose it again.")
    drop(page, "x" * 30_000_001)
    expect(status).to_contain_text("This is more than 30 MB. Score it with: python -m training score")
    expect(page.locator("#file-progress")).to_be_hidden()
    assert rows.input_value() == "my own rows"


@pytest.mark.shipped
def test_a_long_table_can_be_stopped_while_it_is_read_and_while_it_is_written(demo: DemoPage) -> None:
    told = demo.page.evaluate(
        """async ([features, text]) => {
            const { open, write } = await import("/page/scoring.js");
            const stopped = async (work) => {
                const stop = new AbortController();
                setTimeout(() => stop.abort());
                return work(stop.signal).then(() => "done", (error) => error.name);
            };
            const table = await open(text, features, new AbortController().signal);
            return [
                table.rows.length,
                await stopped((signal) => open(text, features, signal)),
                await stopped((signal) => write(table, signal)),
            ];
        }""",
        [to_jsonable_python(CONTRACT.features), "\n".join([",".join(CONTRACT.names), *[ROW] * 20_000])],
    )
    assert told == [20_000, "AbortError", "AbortError"]


@pytest.mark.shipped
def test_the_next_run_has_the_status_and_the_one_before_is_silent(demo: DemoPage) -> None:
    page, status = demo.page, demo.page.locator("#file-status")
    page.route("**/predict/trial", lambda _: None)  # no answer
    rows, score = page.get_by_label("Or paste rows"), page.get_by_role("button", name="Score", exact=True)
    rows.fill(f"{','.join(CONTRACT.names)}\n{ROW}")
    score.click()
    expect(status).to_have_text("0 of 1 rows are scored.")
    rows.fill("nothing")
    score.click()
    expect(status).to_contain_text("The first line does not name these columns")
    rows.fill(f"{','.join(CONTRACT.names)}\n{ROW}")
    score.click()
    expect(status).to_have_text("0 of 1 rows are scored.")
    page.get_by_role("button", name="Stop").click()
    expect(status).to_have_text("Stopped.")
    page.unroute("**/predict/trial")


@pytest.mark.shipped
def test_decimal_commas_are_read_between_semicolons_and_stay_numbers(demo: DemoPage) -> None:
    page = demo.page
    lines = [
        ";".join([*CONTRACT.names, "balance"]),
        "4;89,5;358,25;3;0;-12,5",
        "4,5;89,5;358;3;0;-1",
        "4;8,9,5;358;3;0;",
    ]
    page.get_by_label("Or paste rows").fill("\n".join(lines))
    page.get_by_role("button", name="Score", exact=True).click()
    expect(page.locator("#file-status")).to_contain_text("1 row scored: ")
    cells = [row.split("\t") for row in page.locator("#rejected-rows tbody tr").all_inner_texts()]
    assert cells == [
        ["2", "tenure_months", "not a whole number: 4,5"],
        ["3", "monthly_charges", "not a number: 8,9,5"],
    ]
    with page.expect_download() as downloading:
        page.get_by_role("link", name="Download the scored rows").click()
    text = Path(downloading.value.path()).read_bytes().decode()
    [_, scored] = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    [expected] = demo.predict([CONTRACT.example | {"total_charges": 358.25}], query="")
    assert scored[:6] == ["4", "89,5", "358,25", "3", "0", "-12,5"]
    assert json.loads(scored[6]) == expected["churn_probability"]


def problem(status: int, detail: str, wait: str = "") -> dict[str, Any]:
    headers = {"Retry-After": wait} if wait else {}
    body = json.dumps({"status": status, "detail": detail, "errors": []})
    return {"status": status, "headers": headers, "content_type": "application/problem+json", "body": body}


def test_a_failure_is_told_in_the_place_of_the_answer_and_ends_with_it(demo: DemoPage) -> None:
    failures: list[tuple[dict[str, Any] | None, str]] = [
        (problem(429, "You have sent more.", "1"), "You have sent more. Trying again in 1 s."),
        (problem(503, "The service is overloaded.", "1"), "The service is overloaded. Trying again in 1 s."),
        (problem(503, "No model is pinned.", "300"), "No model is pinned. Trying again in 300 s."),
        (problem(500, "The service failed."), "The service failed. Trying again in 3 s."),
        (problem(422, "The body is not valid."), "The body is not valid."),
        (None, "The service does not answer. Is it running? Trying again in 3 s."),
    ]
    for answer, said in failures:
        demo.page.route("**/predict/trial*", partial(answer_with, answer))
        demo.page.get_by_role("button", name="Reset").click()
        expect(demo.page.locator("#notice")).to_have_text(said)
        assert "is-old" in (demo.page.locator("#answer").get_attribute("class") or "")
        demo.page.unroute("**/predict/trial*")
        demo.page.get_by_role("button", name="Reset").click()
        demo.wait_for_answer()


def answer_with(answer: dict[str, Any] | None, route: Route) -> None:
    """Answer a request of the page, or let it fail as without a service."""
    if answer is None:
        route.abort()
    else:
        route.fulfill(**answer)


@pytest.mark.shipped_model
def test_with_keys_the_page_asks_for_one_and_says_what_is_missing(page: Page, root: Path, tmp_path: Path) -> None:
    file = tmp_path / "keys.toml"
    scopes: dict[str, list[Literal["predict", "outcomes", "read", "trial"]]] = {
        "client": ["predict"],
        "guest": ["trial"],
        "visitor": ["trial", "read"],
    }
    keys = {name: keys_file.add(file, name, given, None) for name, given in scopes.items()}
    with running(root / "models", tmp_path / "log", SERVICE_KEYS_FILE=str(file), **PATIENT) as service:
        page.goto(service.url)
        panel = page.locator("#key")
        expect(panel).to_be_visible()
        expect(page.locator("#notice")).to_have_text("The answer appears when the service has your key.")
        assert page.locator("#fields .field").count() == len(CONTRACT.features)

        def enter(key: str) -> None:
            page.get_by_label("API key").fill(key)
            page.get_by_role("button", name="Use this key").click()

        enter("wrong")
        expect(page.locator("#key-problem")).to_contain_text("does not know this key, or it has expired")
        enter(keys["client"])
        expect(page.locator("#key-problem")).to_have_text(
            "The key of client is not for this path. Use a key with the scope `trial`."
        )
        enter(keys["guest"])
        page.locator("#reasons li").first.wait_for()
        expect(panel).to_be_hidden()
        assert page.locator("#cost").is_hidden()
        assert page.get_by_role("link", name="Model card").count() == 0
        page.reload()
        enter(keys["visitor"])
        page.locator("#costs tbody tr").first.wait_for()
        with page.expect_download() as downloading:
            page.get_by_role("link", name="Model card").click()
        assert b"ROC-AUC" in Path(downloading.value.path()).read_bytes()
        assert page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]") == [0, 0, ""]


def test_it_draws_any_contract_and_predicts_with_any_engine(
    page: Page, service: RunningService, second_contract: Contract, second_class: type[Features]
) -> None:
    engine = OTHER_ENGINE % to_json({"features": second_contract.features}).decode()
    page.route("**/page/engine.js", lambda route: route.fulfill(body=engine, content_type="text/javascript"))
    page.goto(service.url)
    page.locator("#reasons li").first.wait_for()
    expect(page.locator("#probability")).to_have_text("60")  # six of seven are known
    page.get_by_label("Plan").select_option(label="pro")
    page.get_by_label("Region").select_option(label="unknown")
    page.get_by_role("switch", name="Auto renew").click()
    page.get_by_label("Newsletter is unknown").uncheck()
    page.get_by_role("switch", name="Newsletter").click()
    seats = page.get_by_label("Seats, slider")
    seats.press("Home")
    assert (seats.get_attribute("min"), seats.get_attribute("max")) == ("1", "999")
    page.get_by_label("Spend", exact=True).fill("9999.5")
    for feature in second_contract.features:
        page.locator("#curve-feature").select_option(index=second_contract.names.index(feature.name))
        expect(page.locator("#curve-words")).to_contain_text(f"{feature.name.replace('_', ' ').capitalize()}: ")
    expect(page.locator("#probability")).to_have_text("60")
    asked = page.evaluate("globalThis.asked")
    for customer in asked:
        second_class.model_validate_json(json.dumps(customer))
    changed = {"plan": "pro", "region": None, "auto_renew": False, "newsletter": True, "seats": 1, "spend": 9999.5}
    assert changed | {"peak_spend": 9999.5} in asked
    assert page.locator("#cost").is_hidden()
    assert page.locator("#note").inner_text() == "Another engine."


def test_an_open_category_is_a_text_with_the_learned_levels_as_suggestions(
    page: Page, service: RunningService, open_contract: Contract, open_class: type[Features]
) -> None:
    engine = OTHER_ENGINE % to_json({"features": open_contract.for_clients}).decode()
    page.route("**/page/engine.js", lambda route: route.fulfill(body=engine, content_type="text/javascript"))
    page.goto(service.url)
    page.locator("#reasons li").first.wait_for()
    country = page.get_by_label("Country", exact=True)
    options = page.locator(f"#{country.get_attribute('list')} option")
    assert [option.get_attribute("value") for option in options.all()] == ["7", "constructor", "PE"]
    country.fill("")
    expect(page.locator("[data-name=country] .wrong")).to_have_text("This value is missing.")
    country.fill(" Atlantis ")
    page.get_by_label("Shop is unknown").check()
    page.locator("#curve-feature").select_option(index=open_contract.names.index("country"))
    expect(page.locator("#curve-words")).to_contain_text("Country: Atlantis ")
    expect(page.locator("#curve .level")).to_have_count(4)
    asked = page.evaluate("globalThis.asked")
    for customer in asked:
        open_class.model_validate_json(json.dumps(customer))
    assert open_contract.example | {"country": "Atlantis", "shop": None} in asked


def test_the_curve_says_that_no_value_of_it_is_allowed(
    page: Page, service: RunningService, second_contract: Contract
) -> None:
    features = to_jsonable_python(second_contract.features)
    features[-1]["limits"]["le"] = 200_000  # the curve's range then ends before the spend, which is its least value
    engine = OTHER_ENGINE % json.dumps({"features": features})
    page.route("**/page/engine.js", lambda route: route.fulfill(body=engine, content_type="text/javascript"))
    failed: list[str] = []
    page.on("pageerror", lambda error: failed.append(str(error)))
    page.goto(service.url)
    page.locator("#reasons li").first.wait_for()
    page.locator("#curve-feature").select_option(index=second_contract.names.index("peak_spend"))
    expect(page.locator("#curve svg")).to_be_visible()
    expect(page.locator("#curve-words")).to_contain_text("Peak spend: ")
    page.get_by_label("Spend", exact=True).fill("9999.5")
    expect(page.locator("#curve-words")).to_have_text(
        "Peak spend: no value in the range of the curve is allowed beside the other values."
    )
    expect(page.locator("#curve svg")).to_have_count(0)
    page.get_by_role("button", name="Reset").click()
    expect(page.locator("#curve svg")).to_be_visible()
    assert failed == []
    page.evaluate("globalThis.isBroken = true")
    with page.expect_event("pageerror"):  # a fault is told, and not tried again
        page.locator("#curve-feature").select_option(index=second_contract.names.index("seats"))


@pytest.mark.parametrize(("scheme", "size"), [("light", WIDE), ("dark", NARROW)], ids=["light, wide", "dark, narrow"])
@pytest.mark.shipped
def test_everything_fits_and_axe_finds_no_violation(
    browser: Browser, service: RunningService, axe: str, scheme: Literal["light", "dark"], size: Any
) -> None:
    page = browser.new_page(viewport=size, color_scheme=scheme, reduced_motion="reduce")
    DemoPage(page, service).open()
    page.get_by_role("button", name="Take an example").click()
    rows = page.get_by_label("Or paste rows")
    rows.fill(rows.input_value() + "400,89.5,358,3,0")
    page.get_by_role("button", name="Score", exact=True).click()
    page.locator("#rejected-rows tr").first.wait_for()
    page.evaluate("document.querySelector('#key').hidden = false")
    page.evaluate(axe)
    found = page.evaluate("rules => axe.run({ runOnly: rules })", RULES)
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found["violations"]] == []
    assert len(found["passes"]) > 20
    too_wide = page.evaluate(
        """width => [...document.body.querySelectorAll("*")]
            .filter((node) => !node.closest(".scroll table, .hidden, .skip"))
            .filter((node) => node.getBoundingClientRect().right > width + 0.5)
            .map((node) => node.outerHTML.slice(0, 80))""",
        size["width"],
    )
    assert too_wide == []
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    page.close()


def odd_values(feature: Feature) -> list[Any]:
    """Values at the edge of a feature and beyond, and of other kinds."""
    ends = [end + step for end in map(int, feature.limits.values()) for step in (-1, 0, 1)]
    return [None, True, "x", "", "x" * 200, "x" * 201, -1, 0, 1, 2.5, 1e12, *ends, *feature.categories, *feature.labels]


def test_the_scripts_accept_what_the_feature_class_accepts(
    demo: DemoPage, open_contract: Contract, open_class: type[Features]
) -> None:
    draw = random.Random(5)  # noqa: S311  # not for secrets
    for contract, checked_by in ((CONTRACT, CustomerFeatures), (open_contract, open_class)):
        customers = []
        for _ in range(600):
            changed = draw.sample(contract.features, draw.choice((1, 1, 2)))
            customers.append(contract.example | {one.name: draw.choice(odd_values(one)) for one in changed})
        accepted = demo.page.evaluate(
            """async ([features, customers]) => {
                const { problem } = await import("/page/values.js");
                return customers.map((one) => features.every((feature) => !problem(feature, one[feature.name], one)));
            }""",
            [to_jsonable_python(contract.features), customers],
        )
        assert accepted == [is_valid(checked_by, customer) for customer in customers]
        assert 100 < sum(accepted) < 500


def is_valid(checked_by: type[Features], customer: dict[str, Any]) -> bool:
    try:
        checked_by.model_validate_json(json.dumps(customer))
    except ValidationError:
        return False
    return True


def test_the_scripts_read_a_cell_as_scored_files_do(demo: DemoPage, open_contract: Contract) -> None:
    cells = [
        "12",
        " 7 ",
        "4.0",
        "7.",
        "-3.00",
        "",
        " ",
        "soon",
        "NA",
        "null",
        "nan",
        "true",
        "FALSE",
        "1",
        "0",
        "1e3",
        "-5",
        "+.5",
        "0x10",
    ]
    for feature in (*CONTRACT.features, *open_contract.features):
        tried = [*cells, *map(str, feature.categories)]
        found = demo.page.evaluate(
            """async ([feature, cells]) => {
                const { read } = await import("/page/values.js");
                return cells.map((cell) => read(feature, cell));
            }""",
            [to_jsonable_python(feature), tried],
        )
        expected = parsing.read(feature, tried)
        assert [(value, isinstance(value, bool)) for value in found] == [
            (value, isinstance(value, bool)) for value in expected
        ]


def test_a_date_where_an_age_is_wanted_gets_the_remedy(demo: DemoPage) -> None:
    class Customer(Features):
        signed: Annotated[float, Age("days")] = Field(ge=0, le=9_000, examples=[30.0])

    found = demo.page.evaluate(
        """async (features) => {
            const { open } = await import("/page/scoring.js");
            const { show } = await import("/page/values.js");
            const text = "signed\\n2026-11-01\\n30.5\\n9001\\n";
            const { rows } = await open(text, features, new AbortController().signal);
            const problems = rows.map((row) => row.problems.map(({ field, reason }) => `${field}: ${reason}`));
            return [...problems, show(features[0], 30.5)];
        }""",
        to_jsonable_python(declaration.derive(Customer).features),
    )
    assert found == [
        ["signed: no number of days (from a date, count them until now): 2026-11-01"],
        [],
        ["signed: above 9,000: 9001"],
        "30.5 days",
    ]


def test_the_scripts_clip_what_the_service_clips(demo: DemoPage) -> None:
    class Customer(Features):
        fee: Annotated[float | None, Clipped()] = Field(ge=0, le=200, examples=[30.0])
        seats: int = Field(ge=0, le=9, examples=[3])

    found = demo.page.evaluate(
        """async (features) => {
            const { clip, problem } = await import("/page/values.js");
            const fees = [-1, 30, 201, null].map((fee) => clip(features, { fee, seats: 10 }));
            return [...fees, ...features.map((feature) => problem(feature, 201, {}))];
        }""",
        to_jsonable_python(declaration.derive(Customer).features),
    )
    assert found == [*({"fee": fee, "seats": 10} for fee in (0, 30, 200, None)), None, "above 9"]


def test_the_scripts_read_and_write_csv_as_python_does_and_defuse_formulas(demo: DemoPage) -> None:
    draw = random.Random(6)  # noqa: S311  # not for secrets
    characters = [
        ",",
        ";",
        "\t",
        '"',
        "\n",
        "\r\n",
        "=",
        "+",
        "-",
        "@",
        "1",
        ".5",
        " ",
        "a",
        "é",
        "'",
        "\N{FULLWIDTH EQUALS SIGN}",
    ]
    for delimiter in (",", ";", "\t"):
        rows = [["first", "second", "third"]]
        rows += [["".join(draw.choices(characters, k=draw.randint(0, 4))) for _ in range(3)] for _ in range(300)]
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter).writerows(rows)
        read, written = demo.page.evaluate(
            """async ([text, rows]) => {
                const { delimiterOf, format, parse } = await import("/page/csv.js");
                const delimiter = delimiterOf(text);
                return [[...parse(text, delimiter)], format(rows, delimiter)];
            }""",
            [text.getvalue(), rows],
        )
        assert read == rows
        cells = [cell for row in csv.reader(io.StringIO(written, newline=""), delimiter=delimiter) for cell in row]
        for cell, given in zip(cells, [cell for row in rows for cell in row], strict=True):
            assert cell in (given, f"'{given}")
            is_number = re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)\s*", given) is not None
            is_number |= delimiter == ";" and re.fullmatch(r"\s*-?\d+,\d+\s*", given) is not None
            is_formula = given.lstrip()[:1] in tuple("=+-@\N{FULLWIDTH EQUALS SIGN}") and given.strip() != ""
            assert (cell != given) == ((is_formula or given[:1] in tuple("\t\r\n")) and not is_number), given
