"""A year of changes of the contract, with a running service, a log and outcomes: the old model serves after each.

It is played by programs in a checkout of its own, whose features are written anew for each change.
"""

import json
import re
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from demo.running_service import free_port
from models.bundles import pins
from tests import checkout, live_log
from tests.e2e.commands.programs import Ended, Program, fetched
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

HEAD = '''\
"""The contract: what a customer is."""

from typing import Annotated, Literal

from pydantic import Field

from models.customer import declaration


class CustomerFeatures(declaration.Features):
    """One customer on the day of the prediction."""

'''
TAIL = "\n\nCONTRACT = declaration.derive(CustomerFeatures)\n"
SEATS = 'seats: int = Field(ge=0, le=100, description="Now.", examples=[5])'
SPEND = 'spend: float = Field(ge=0, le=500, description="Monthly.", examples=[20.0], json_schema_extra={"unit": "EUR"})'
PLAN = 'plan: Literal["basic", "plus"] = Field(description="Booked.", examples=["basic"])'
VISITS = 'visits: int = Field(ge=0, le=1_000, description="Last month.", examples=[8])'
REGION = 'region: Literal["north", "south"] | None = Field(default=None, description="Of it.", examples=["north"])'
COUNTRY = 'country: Annotated[str, declaration.Category(max=3)] = Field(description="Home.", examples=["DE"])'
INCOME = (
    'income: Annotated[float, declaration.Clipped()] = Field(ge=0, le=1_000, description="Of it.", examples=[300.0])'
)
FEE = 'fee: float = Field(ge=0, le=10, description="Yearly.", examples=[2.0])'
PRO = PLAN.replace('"plus"', '"plus", "pro"')
WIDE = SEATS.replace("le=100", "le=200")
MORE = COUNTRY.replace("max=3", "max=4")
CAPPED = INCOME.replace("le=1_000", "le=600")
REVENUE = SPEND.replace("spend: float", 'revenue: Annotated[float, declaration.Formerly("spend")]')
NATION = MORE.replace("country:", "nation:").replace("max=4)", 'max=4), declaration.Formerly("country")')
CHARGE = FEE.replace("fee: float", 'charge: Annotated[float, declaration.Formerly("fee")]')
FIRST = (SEATS, SPEND, PLAN, VISITS, COUNTRY, INCOME, FEE)
COLUMNS = "[features]\nfee = { default = 2 }\n"
"""The columns file of the whole year: no table has the fee, which is the same for all customers."""
OLD_CUSTOMER = {"seats": 5, "spend": 20.0, "plan": "basic", "visits": 8, "country": "DE", "income": 300.0, "fee": 2.0}


@dataclass(frozen=True)
class Change:
    """A change, and a customer whom only the new contract describes."""

    fields: tuple[str, ...]
    sentences: tuple[str, ...]
    customer: dict[str, Any]
    old_customer: dict[str, Any]
    """As clients from before the change send it."""


CHANGES = (
    Change(
        (*FIRST, REGION),
        ("region is new, and may be unknown",),
        OLD_CUSTOMER | {"region": "south"},
        OLD_CUSTOMER,
    ),
    Change(
        (SEATS, SPEND, PRO, VISITS, MORE, CAPPED, FEE, REGION),
        (
            "plan has the new level 'pro'",
            "country keeps 4 levels, before 3, from the next training on",
            "income has values only up to 600, before 1000",
        ),
        OLD_CUSTOMER | {"plan": "pro", "country": "never seen", "income": 5_000.0},
        OLD_CUSTOMER,
    ),
    Change(
        (WIDE, SPEND, PRO, VISITS, MORE, CAPPED, FEE, REGION),
        ("seats has values up to 200, before 100",),
        OLD_CUSTOMER | {"seats": 150},
        OLD_CUSTOMER,
    ),
    Change(
        (WIDE, REVENUE, PRO, VISITS, NATION, CAPPED, CHARGE, REGION),
        ("revenue was renamed from spend", "nation was renamed from country", "charge was renamed from fee"),
        {
            "seats": 150,
            "revenue": 30.0,
            "plan": "pro",
            "visits": 8,
            "nation": "FR",
            "income": 0.0,
            "charge": 2.0,
            "region": None,
        },
        OLD_CUSTOMER,
    ),
)
TODAY = {"seats", "revenue", "plan", "visits", "nation", "income", "charge", "region"}
REMOVED = Change(
    (WIDE, REVENUE, PRO, CAPPED, CHARGE, REGION),
    ("visits was removed", "country was removed"),
    {"seats": 5, "revenue": 20.0, "plan": "basic", "income": 300.0, "charge": 2.0},
    {name: value for name, value in OLD_CUSTOMER.items() if name not in ("visits", "country")},
)


class Company:
    """A checkout with a contract, a model and a log of its own."""

    def __init__(self, home: Path) -> None:
        self.home, self.models, self.log = home, home / "models", home / "var" / "predictions.db"
        self.training, self.monitoring, self.service = (
            Program(name, home) for name in ("training", "monitoring", "service")
        )
        self.first = ""
        """The model of the first contract."""

    def declare(self, fields: tuple[str, ...]) -> None:
        lines = "".join(f"    {field}\n" for field in fields)
        (self.models / "features.py").write_text(HEAD + lines + TAIL)

    @property
    def serving(self) -> str:
        return pins.read(self.models).version

    @property
    def url(self) -> str:
        return f"sqlite:///{self.log}"

    @property
    def newest(self) -> str:
        """The model that was trained last."""
        manifests = (self.models / "store").glob("*/manifest.json")
        return max(manifests, key=lambda path: path.stat().st_mtime_ns).parent.name

    def train(self, *words: str, exit_code: int = 0) -> Ended:
        return self.training.run(*words, cwd=self.home, exit_code=exit_code)

    def monitor(self, *words: str, exit_code: int = 0) -> Ended:
        return self.monitoring.run(*words, cwd=self.home, exit_code=exit_code)

    def live(self, customers: pd.DataFrame, *, days: tuple[float, float], seed: int) -> None:
        """Add predictions of the served model, with outcomes a day later."""
        source, target = (self.home / "var" / name for name in ("live.csv", "scored.csv"))
        fee = "fee" if "spend" in customers else "charge"
        customers.to_csv(source, index=False)
        target.unlink(missing_ok=True)
        self.train("score", str(source), str(target), "--columns", "columns.toml")
        now, rows = datetime.now(UTC), len(customers)
        logged = customers.assign(**{fee: 2.0})
        features: list[Any] = logged.astype(object).where(logged.notna(), None).to_dict("records")
        made = [now - timedelta(days=days[0] + (days[1] - days[0]) * at / rows) for at in range(rows)]
        churned = np.random.default_rng(seed).random(rows) < risk(customers)
        live_log.add(
            self.url,
            features,
            churned.tolist(),
            made,
            [at + timedelta(days=1) for at in made],
            has_outcome=[True] * rows,
            version=self.serving,
            probability=pd.read_csv(target)["churn_probability"].tolist(),
        )

    @contextmanager
    def served(self) -> Iterator[str]:
        """Run the service, and yield its address."""
        port = free_port()
        address = f"http://127.0.0.1:{port}"
        words = ("--port", port, "--log-url", self.url)
        with self.service.started(*words, log=self.home / "var" / "service.log", SERVICE_KEYS_FILE=""):
            wait_until(lambda: fetched(f"{address}/health/ready"))
            yield address


def days_ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


def draw(rows: int, *, seed: int) -> pd.DataFrame:
    """Draw customers of the first contract."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "seats": random.integers(1, 100, rows),
            "spend": random.uniform(1, 400, rows).round(2),
            "plan": random.choice(["basic", "plus"], rows),
            "visits": random.integers(0, 40, rows),
            "country": random.choice(["DE", "FR", "IT", "PL", "CZ"], rows, p=[0.5, 0.3, 0.1, 0.06, 0.04]),
            "income": random.uniform(0, 1_000, rows).round(2),
        }
    )


def risk(customers: pd.DataFrame) -> Any:
    spend = customers["spend"] if "spend" in customers else customers["revenue"]
    log_odds = 1.5 - customers["seats"] / 25 - spend / 200 + 1.2 * (customers["plan"] == "basic")
    return (1 / (1 + np.exp(-log_odds))).to_numpy()


def asked(url: str, body: Mapping[str, Any] | None = None) -> tuple[int, Any]:
    content = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, content, {"Content-Type": "application/json"})  # noqa: S310  # our own address
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310  # as above
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


@pytest.fixture(scope="module")
def company(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company whose model was trained with the first contract, and half a year of its predictions with outcomes."""
    home = tmp_path_factory.mktemp("year") / "company"
    checkout.copy(root, home)
    (home / "var").mkdir()
    made = Company(home)
    made.declare(FIRST)
    (home / "columns.toml").write_text(COLUMNS)
    customers = draw(3_000, seed=1)
    churned = np.random.default_rng(2).random(len(customers)) < risk(customers)
    customers.assign(churned=churned.astype(int)).to_csv(home / "customers.csv", index=False)
    made.train("fit", "--data", "customers.csv", "--columns", "columns.toml", "--pin")
    made.first = made.serving
    made.live(draw(700, seed=3), days=(200, 60), seed=4)
    return made


def require_served(company: Company, change: Change, version: str) -> None:
    """Check that customers of before and of today are predicted by the old model, and that an outcome is stored."""
    with company.served() as address:
        for customer in (change.old_customer, change.customer):
            status, predicted = asked(f"{address}/predict", customer)
            assert (status, predicted.get("model_version")) == (200, version), predicted
        outcome = {
            "prediction_id": predicted["prediction_id"],
            "churned": True,
            "observed_at": datetime.now(UTC).isoformat(),
        }
        wait_until(lambda: asked(f"{address}/outcomes", outcome)[0] == 200)
        _, health = asked(f"{address}/health")
        assert set(change.sentences) <= set(health["contract_changes"])
        assert set(change.sentences) <= set(asked(f"{address}/model")[1]["contract_changes"])
        explained = asked(f"{address}/predict?explain=true", change.customer)[1]["explanation"]
        assert explained["raw_score"] == pytest.approx(
            explained["base_value"] + sum(explained["contributions"].values()), abs=1e-5
        )


def test_the_old_model_serves_through_a_year_of_changes(company: Company) -> None:
    first = company.serving
    for change in CHANGES:
        company.declare(change.fields)
        told = company.train("contract", "diff").out
        assert [sentence for sentence in change.sentences if sentence.partition(" ")[2] not in told] == []
        assert "all compatible: it serves until the next training" in told
        require_served(company, change, first)


def test_then_drift_sees_outcomes_count_and_a_new_model_learns_from_all_rows(company: Company) -> None:
    company.declare(CHANGES[-1].fields)
    first, rows = company.serving, draw(700, seed=5)
    later = rows.rename(columns={"spend": "revenue", "country": "nation"}).assign(region="north")
    company.live(later, days=(50, 2), seed=6)
    calm = company.monitor("drift", "--since", "300d").out
    assert re.search(r"no drift in \d+ columns; 1,4\d\d live rows", calm)
    assert "not compared: region, added after the training of the pinned model" in calm
    company.monitor("performance", "--since", "300d", "--to", days_ago(2))
    [record] = (company.home / "var" / "reports").glob("*performance*.json")
    found = json.loads(record.read_text())
    assert found["outcomes_rows"] == 1_400
    assert {segment["feature"] for segment in found["segments"]} == TODAY - {"region"}
    company.train("fit", "--data", "live")
    manifest = json.loads((company.models / "store" / company.newest / "manifest.json").read_text())
    live = manifest["data"]["live"]
    assert (live["other_contract"], live["without_inputs"]) == (0, 0)
    assert live["rows"] >= 1_400
    assert {field["name"] for field in manifest["features"]} == TODAY
    assert list(manifest["levels"]) == ["nation"]
    assert company.serving == first
    shifted = later.assign(seats=later["seats"] + 60)
    company.live(shifted, days=(1, 0.2), seed=7)
    assert re.search(r"drift in .*\bseats \(K-S", company.monitor("drift", "--since", "36h", exit_code=1).out)


def test_the_gate_judges_both_models_on_the_same_customers(company: Company) -> None:
    champion, challenger = company.serving, company.newest
    done = company.train("promote", "--max-latency-ratio", "100", "--min-rows", "200", exit_code=1).out
    assert done.startswith(challenger)
    assert f"compared with {champion} on " in done
    assert "not compared with the champion" not in done


def test_without_a_field_an_older_model_is_pinned_again_and_another_one_tried(company: Company) -> None:
    company.declare(REMOVED.fields)
    assert "clients that still send visits get 422" in company.train("contract", "diff").out
    company.train("rollback", company.first)
    company.train("challenge", company.newest)
    assert (company.serving, pins.read(company.models).challenger is not None) == (company.first, True)
    require_served(company, REMOVED, company.first)
    drift = company.monitor("drift", "--since", "300d", "--to", days_ago(2)).out
    for name in ("visits", "country"):
        assert f"not compared: {name}, removed after the training of the pinned model" in drift


def test_another_unit_is_refused_and_told_how(company: Company) -> None:
    company.declare((WIDE, REVENUE.replace("EUR", "USD"), PRO, CAPPED, CHARGE, REGION))
    told = company.train("contract", "diff", "--against", company.first, exit_code=1).out
    assert "revenue is in USD, and was in EUR. Declare a new field under a new name, and remove this one." in told
