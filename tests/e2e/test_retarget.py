"""Other data in an afternoon: two files are written, nothing else is touched, and the whole loop runs.

The other data is IBM's Telco table as IBM publishes it: 19 features, most of them text categories.
"""

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from models.bundles import pins
from models.bundles.manifest import Manifest
from tests import shipped
from tests.checkout import Clone

pytestmark = pytest.mark.slow

TELCO = Path(__file__).parents[3] / "shared" / "data" / "telco.csv"
FEATURES_PATH, COLUMNS_PATH = Path("models", "features.py"), Path("training", "columns", "mine.toml")
FEATURES = '''\
"""A customer of the telephone company, as in its table."""

from typing import Annotated, Literal

from pydantic import Field

from models.customer import declaration

Addition = Literal["Yes", "No", "No internet service"]


class CustomerFeatures(declaration.Features):
    """One customer on the day of the prediction."""

    gender: Literal["Female", "Male"] = Field(description="As told.", examples=["Female"])
    senior_citizen: bool = Field(description="65 or older.", examples=[False])
    partner: Literal["Yes", "No"] = Field(description="Lives with one.", examples=["Yes"])
    dependents: Literal["Yes", "No"] = Field(description="Lives with some.", examples=["No"])
    tenure: int = Field(ge=0, le=120, description="So far.", examples=[2], json_schema_extra={"unit": "months"})
    phone_service: bool = Field(description="Has a telephone.", examples=[True])
    multiple_lines: Literal["Yes", "No", "No phone service"] = Field(description="Of telephone.", examples=["No"])
    internet_service: Literal["DSL", "Fiber optic", "No"] = Field(description="Its kind.", examples=["Fiber optic"])
    online_security: Addition = Field(description="Booked.", examples=["No"])
    online_backup: Addition = Field(description="Booked.", examples=["No"])
    device_protection: Addition = Field(description="Booked.", examples=["No"])
    tech_support: Addition = Field(description="Booked.", examples=["No"])
    streaming_tv: Addition = Field(description="Used.", examples=["Yes"])
    streaming_movies: Addition = Field(description="Used.", examples=["Yes"])
    contract: Literal["Month-to-month", "One year", "Two year"] = Field(
        description="Its length.", examples=["Month-to-month"], json_schema_extra={"phrase": "a {value} contract"}
    )
    paperless_billing: bool = Field(description="By mail otherwise.", examples=[True])
    payment_method: Literal[
        "Electronic check", "Mailed check", "Bank transfer (automatic)", "Credit card (automatic)"
    ] = Field(description="How bills are paid.", examples=["Electronic check"])
    monthly_charges: float = Field(ge=0, le=500, description="Now.", examples=[95.5], json_schema_extra={"unit": "USD"})
    total_charges: Annotated[float | None, declaration.AtLeast("monthly_charges")] = Field(
        ge=0,
        le=100_000,
        description="So far; null before the first bill.",
        examples=[191.0],
        json_schema_extra={"unit": "USD"},
    )


CONTRACT = declaration.derive(CustomerFeatures)
'''
COLUMNS = """\
never_features = ["customerID"]

[target]
column = "Churn"
positive = "Yes"

[features]
senior_citizen = { column = "SeniorCitizen" }
partner = { column = "Partner" }
dependents = { column = "Dependents" }
phone_service = { column = "PhoneService", values = { Yes = true, No = false } }
multiple_lines = { column = "MultipleLines" }
internet_service = { column = "InternetService" }
online_security = { column = "OnlineSecurity" }
online_backup = { column = "OnlineBackup" }
device_protection = { column = "DeviceProtection" }
tech_support = { column = "TechSupport" }
streaming_tv = { column = "StreamingTV" }
streaming_movies = { column = "StreamingMovies" }
contract = { column = "Contract" }
paperless_billing = { column = "PaperlessBilling", values = { Yes = true, No = false } }
payment_method = { column = "PaymentMethod" }
monthly_charges = { column = "MonthlyCharges" }
total_charges = { column = "TotalCharges" } # blank before the first bill
"""
ASK = """
import json, sys
from pathlib import Path
from demo.client import Client, Refused
from demo.running_service import running
from models.features import CONTRACT

with running(Path("models"), Path("var/service.log"), SERVICE_LOG_URL="") as service:
    client = Client(service.url)
    for change in json.loads(sys.argv[1]):
        try:
            print(json.dumps(client.predict(CONTRACT.example | change)))
        except Refused as error:
            print(json.dumps({"status": error.status}))
"""
LIKELY = {"contract": "Month-to-month", "internet_service": "Fiber optic"}
UNLIKELY = {"contract": "Two year", "tenure": 60, "total_charges": 5_730.0, "payment_method": "Credit card (automatic)"}
UNKNOWN_SO_FAR = {"tenure": 0, "total_charges": None}
HOLD_FOR_ANY = (
    "tests/models/customer/test_contract.py",
    "tests/models/bundles/test_scorer.py",
    "tests/service/http/test_refusals.py",
    "tests/models/columns/test_column_mapping.py",
)
"""Tests of which some are about the shipped customers, and the others about any."""
WRITTEN_BY_A_PIN = {" M models/pinned.json", " M models/history.jsonl"}


@dataclass(frozen=True)
class Retargeted:
    """A clone for the other data, and what was told there."""

    clone: Clone
    demo: "subprocess.CompletedProcess[str]"
    trained: "subprocess.CompletedProcess[str]"

    @property
    def manifest(self) -> Manifest:
        """Of the model that it serves from now on."""
        version = pins.read(self.clone.folder / "models").version
        text = (self.clone.folder / "models" / "store" / version / "manifest.json").read_text()
        return Manifest.model_validate_json(text)

    def ask(self, *changes: dict[str, Any]) -> list[dict[str, Any]]:
        """Return what the service answers about the example of the contract, changed."""
        told = python(self.clone, "-c", ASK, json.dumps(changes)).stdout
        return [json.loads(line) for line in told.splitlines()]


def python(clone: Clone, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *words], cwd=clone.folder, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def clone(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """A clone in which the two files are written."""
    if not TELCO.exists():
        pytest.skip("IBM's Telco table is not beside the checkout")
    clone = Clone.of(root, tmp_path_factory.mktemp("retargeted") / "clone")
    (clone.folder / FEATURES_PATH).write_text(FEATURES)
    (clone.folder / COLUMNS_PATH).write_text(COLUMNS)
    return clone


@pytest.fixture(scope="module")
def retargeted(clone: Clone) -> Retargeted:
    source = (f"DATA={TELCO}", f"COLUMNS={COLUMNS_PATH}")
    return Retargeted(clone, demo=clone.make("demo", *source), trained=clone.make("train", *source))


def test_the_demo_plays_the_whole_loop(retargeted: Retargeted) -> None:
    assert retargeted.demo.returncode == 0, retargeted.demo.stdout + retargeted.demo.stderr
    told = " ".join(retargeted.demo.stdout.split())
    assert "6,043 customers from learned.csv" in told
    assert "send 1,000 customers of the table that were held out of training" in told
    assert "no drift in 21 columns; 1,000 live rows" in told
    assert "as good as promised: " in told
    assert re.search(r"the same customers after a change \(.+, .+, .+\), with shuffled outcomes", told)
    assert " drift in 4 of 21 columns: " in told
    assert "quality fallen: ROC-AUC worse by" in told
    records = sorted((retargeted.clone.folder / "var" / "demo" / "reports").glob("*.json"))
    assert [json.loads(path.read_text())["exit_code"] for path in records] == [0, 0, 1, 1]


def test_the_model_is_as_good_as_published_ones(retargeted: Retargeted) -> None:
    assert retargeted.trained.returncode == 0, retargeted.trained.stderr
    manifest = retargeted.manifest
    assert manifest.data.rows == 7_043
    assert 0.83 <= manifest.cross_validation["xgboost"]["roc_auc"].mean <= 0.87  # on five folds
    assert 0.83 <= manifest.metrics["roc_auc"] <= 0.88  # on the test set


def test_customers_are_asked_about_by_the_names_of_their_categories(retargeted: Retargeted) -> None:
    likely, unlikely, new, misspelt, code = retargeted.ask(
        LIKELY, UNLIKELY, UNKNOWN_SO_FAR, {"contract": "Monthly"}, {"contract": 0}
    )
    assert unlikely["churn_probability"] < 0.2
    assert likely["churn_probability"] > 0.5
    assert (unlikely["risk_tier"], likely["model_version"]) == ("low", retargeted.manifest.version)
    assert 0 < new["churn_probability"] < 1
    assert misspelt == code == {"status": 422}


def test_git_sees_the_two_files_and_what_a_pin_writes(retargeted: Retargeted) -> None:
    seen = set(retargeted.clone.git("status", "--porcelain", "--untracked-files=all").splitlines())
    assert seen == {f" M {FEATURES_PATH}", f"?? {COLUMNS_PATH}"} | WRITTEN_BY_A_PIN
    version = pins.read(retargeted.clone.folder / "models").version
    assert f"git add --force models/store/{version} models/pinned.json" in retargeted.trained.stdout


def test_lint_and_types_are_as_sound_as_before(root: Path, clone: Clone) -> None:
    linted = clone.lint(root)
    assert linted.returncode == 0, linted.stdout + linted.stderr


def test_tests_that_hold_for_any_customers_pass_and_the_others_say_why_not(retargeted: Retargeted) -> None:
    tested = python(
        retargeted.clone, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp=var/tests", *HOLD_FOR_ANY
    )
    assert tested.returncode == 0, tested.stdout
    assert f": {shipped.REASON}" in tested.stdout
    assert int(re.search(r"(\d+) passed", tested.stdout)[1]) > 30  # type: ignore[index]


@pytest.mark.parametrize(
    ("path", "right", "wrong", "said"),
    [
        (FEATURES_PATH, "ge=0, le=120, ", "", "tenure: a number needs a lower and an upper bound (ge and le)"),
        (FEATURES_PATH, '"DSL", ', "", "internet_service not one of"),
        (COLUMNS_PATH, "partner =", "partners =", "[features] names ['partners'], not in the contract"),
    ],
)
def test_a_mistake_in_either_file_is_named_and_nothing_is_trained(
    path: Path, right: str, wrong: str, said: str, clone: Clone
) -> None:
    file = clone.folder / path
    text = file.read_text()
    file.write_text(text.replace(right, wrong, 1))
    try:
        done = python(clone, "-m", "demo", "--data", str(TELCO), "--columns", str(COLUMNS_PATH))
    finally:
        file.write_text(text)
    assert text.count(right) >= 1
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stdout == ""
