"""Every source and every option of `python -m training`, each run once as a user runs it, with what it changes."""

import json
import re
import secrets
import shutil
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import joblib
import mlflow
import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from fastapi.testclient import TestClient
from pydantic_settings import BaseSettings
from sklearn.pipeline import Pipeline

from demo.populations import CALM
from demo.running_service import running
from models.bundles import pin_history, pins
from models.bundles.scorer import Scorer
from models.features import CONTRACT
from models.log import log_tables
from monitoring.archive import archiving
from service.app import create_app
from service.settings import Settings as ServiceSettings
from tests import live_log
from tests.e2e.commands.programs import Program, require_all, unused
from tests.e2e.commands.training_workspace import Desk, everything_in
from tests.object_store import ObjectStore
from tests.training.promotion.live import prometheus_server
from tests.training.promotion.live.prometheus_server import Counted
from tests.waiting import wait_until
from training.__main__ import COMMANDS
from training.data import synthetic
from training.settings import ChallengeSettings, PromoteSettings

pytestmark = [
    pytest.mark.shipped,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The ``noload``"),  # MLflow's tables use what SQLAlchemy will remove
]

PASSWORD = secrets.token_hex(8)
ROWS = 1_000
SQLITE_QUERY = "select * from customers where number % 2 = 0"
POSTGRES_QUERY = "select * from customers where name like 'a%' and number::text <> ''"
CAST_QUERY = "select * from customers where name like 'a%' and cast(number as text) <> ''"
COLUMNS = """\
never_features = ["number"]

[target]
column = "has_left"
positive = "yes"

[features]
tenure_months = { column = "months" }
contract_type = { column = "contract", values = { monthly = 0, yearly = 1, longer = 2 } }
"""


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return synthetic.sample(2 * ROWS, seed=3)[0]


@pytest.fixture(scope="module")
def training(root: Path) -> Program:
    return Program("training", root)


@pytest.fixture(scope="module")
def desk(training: Program, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return Desk(tmp_path_factory.mktemp("desk"), training)


@pytest.fixture(scope="module")
def champion(desk: Desk, customers: pd.DataFrame) -> str:
    """A poor model: most of its customers were told wrong."""
    table = customers.head(ROWS).copy()
    astray = np.random.default_rng(0).random(ROWS) < 0.8
    table.loc[astray, "churned"] = table.loc[astray, "churned"].sample(frac=1, random_state=0).to_numpy()
    table.to_parquet(desk.folder / "customers.parquet")
    return desk.fit("--data", desk.folder / "customers.parquet")


@pytest.fixture(scope="module")
def challenger(desk: Desk, champion: str, customers: pd.DataFrame) -> str:
    """A good model, which is not served, of every second customer in a database."""
    assert desk.versions() == {champion}
    with sqlite3.connect(desk.folder / "customers.db") as connection:
        customers.to_sql("customers", connection, index_label="number")
    connection.close()
    return desk.fit("--data", f"sqlite:///{desk.folder / 'customers.db'}", "--query", SQLITE_QUERY)


@pytest.fixture
def foreign(customers: pd.DataFrame, tmp_path: Path) -> tuple[Path, Path]:
    """A CSV file of another shape, in which complaints tell who left, and the columns file for it."""
    table = customers.head(ROWS).rename(columns={"tenure_months": "months"})
    table["contract"] = table.pop("contract_type").map({0: "monthly", 1: "yearly", 2: "longer"})
    table["support_tickets"] = 9 * table["churned"]
    table["has_left"] = table.pop("churned").map({0: "no", 1: "yes"})
    table["region"] = ["north", "south"] * (ROWS // 2)
    table["joined"] = pd.date_range("2025-01-01", periods=ROWS, freq="h").strftime("%d.%m.%Y %H:%M")
    table.to_csv(tmp_path / "foreign.csv", index_label="number")
    (tmp_path / "columns.toml").write_text(COLUMNS)
    return tmp_path / "foreign.csv", tmp_path / "columns.toml"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def log_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a prediction log that is not there yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'predictions.db'}"
    return with_password(str(request.getfixturevalue("postgres_url")))


def with_password(url: str) -> str:
    return sa.make_url(url).set(password=PASSWORD).render_as_string(hide_password=False)


def masked(address: str) -> str:
    return address.replace(PASSWORD, "***")


def test_a_fit_from_parquet_is_pinned_where_it_is_the_first(desk: Desk, champion: str, challenger: str) -> None:
    assert desk.pinned == champion != challenger
    assert desk.source_of(champion) == {"kind": "local", "uri": str(desk.folder / "customers.parquet")}


def test_a_fit_from_sqlite_says_where_its_rows_came_from(desk: Desk, challenger: str) -> None:
    data, address = desk.manifest(challenger).data, f"sqlite:///{desk.folder / 'customers.db'}"
    assert (data.source, data.query, data.rows) == ("customers.db", SQLITE_QUERY, ROWS)
    assert desk.source_of(challenger) == {"kind": "code", "tags": {"database": address, "query": SQLITE_QUERY}}
    assert desk.run_of(challenger).data.params["data_query"] == SQLITE_QUERY


@pytest.mark.postgres
def test_a_fit_from_postgresql_keeps_no_password(
    training: Program, customers: pd.DataFrame, postgres_url: str, tmp_path: Path
) -> None:
    engine = sa.create_engine(sa.make_url(postgres_url).set(drivername="postgresql+psycopg"))
    customers.assign(name=["anna", "bert"] * ROWS).to_sql("customers", engine, index_label="number")
    engine.dispose()
    desk, address = Desk(tmp_path, training), with_password(postgres_url)
    version = desk.fit("--data", address, "--query", POSTGRES_QUERY)
    assert desk.pinned == version
    data = desk.manifest(version).data
    assert (data.source, data.query, data.rows) == (masked(address), POSTGRES_QUERY, ROWS)
    assert desk.source_of(version) == {"kind": "code", "tags": {"database": data.source, "query": POSTGRES_QUERY}}
    require_no_password(desk)


def require_no_password(desk: Desk) -> None:
    kept = everything_in(desk.database)
    assert ":***@" in kept
    assert PASSWORD not in kept
    files = [path for path in desk.folder.rglob("*") if path.is_file()]
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []


def test_a_fit_of_synthetic_customers_does_what_it_is_told(training: Program, tmp_path: Path) -> None:
    desk, elsewhere = Desk(tmp_path, training), tmp_path / "elsewhere.db"
    options = ("--rows", 900, "--seed", 3, "--threads", 2, "--trials", 2, "--monotone", "tenure_months=-1")
    version = desk.fit(*options, "--tracking-uri", f"sqlite:///{elsewhere}")
    manifest = desk.manifest(version)
    assert (manifest.data.source, manifest.data.rows) == ("synthetic(rows=900, seed=3)", 900)
    assert "with seed 3" in manifest.split
    assert manifest.tuning is not None
    assert manifest.tuning.trials == 2
    newer = {name: [value] * 13 for name, value in CONTRACT.example.items()} | {"tenure_months": [*range(0, 73, 6)]}
    assert (np.diff(Scorer.of(desk.find(version)).score(CONTRACT.to_matrix(newer))) <= 0).all()
    assert not desk.database.exists()
    run = desk.run_of(version, elsewhere)
    mlflow.set_tracking_uri(f"sqlite:///{elsewhere}")
    dumped = mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="pipeline.joblib")
    assert threads_of(joblib.load(dumped)) == [2]


def threads_of(pipeline: Pipeline) -> list[int]:
    return [value for name, value in pipeline.get_params().items() if name.endswith("n_jobs") and value is not None]


def test_a_fit_from_csv_does_what_it_is_told(
    desk: Desk, champion: str, foreign: tuple[Path, Path], root: Path, tmp_path: Path
) -> None:
    table, columns = foreign
    own = desk.copy(tmp_path / "own")
    assert own.pinned == champion
    times = ("--time-column", "joined", "--time-format", "%d.%m.%Y %H:%M")
    options = (*times, "--slices", "region", "--on-leak", "warn", "--pin")
    costs = ("--costs", root / "training" / "costs.toml")
    version = own.fit("--data", table, "--columns", columns, *options, *costs)
    manifest = own.manifest(version)
    assert own.pinned == own.champion_in_mlflow() == version
    assert own.source_of(version) == {"kind": "local", "uri": str(table)}
    assert manifest.split.startswith("by joined: trained on rows from 2025-01-01 to ")
    assert {segment.values for segment in manifest.slices if segment.feature == "region"} == {"north", "south"}
    assert [warning for warning in manifest.warnings if warning.startswith("support_tickets alone reaches")]
    assert manifest.policy.costs is not None
    assert manifest.policy.costs.currency == "USD"


@pytest.mark.parametrize("times", [(), ("--time-column", "day")], ids=["at random", "by time"])
def test_a_fit_keeps_the_rows_of_a_customer_together_and_no_id(
    desk: Desk, champion: str, customers: pd.DataFrame, tmp_path: Path, times: tuple[str, ...]
) -> None:
    own = desk.copy(tmp_path / "own")
    table = customers.assign(account=[f"account-{number % 500:04}-x" for number in range(2 * ROWS)])
    table["day"] = pd.date_range("2025-01-01", periods=2 * ROWS, freq="h")
    table.to_csv(tmp_path / "customers.csv", index=False)
    options = ("--group-column", "account", "--trials", 1, *times)
    version = own.fit("--data", tmp_path / "customers.csv", *options)
    manifest = own.manifest(version)
    assert (own.pinned, manifest.data.rows, manifest.data.customers) == (champion, 2 * ROWS, 500)
    assert manifest.split.startswith("by day: " if times else "by the project's hash of each customer; ")
    assert "rows of one customer, as account tells them apart, stay together: trained on 1," in manifest.split
    trained, tested = (int(number.replace(",", "")) for number in re.findall(r"([\d,]+) rows of", manifest.split))
    assert (trained + tested == 2 * ROWS) == (not times)
    card = " ".join((own.find(version).path("MODEL_CARD.md")).read_text().split())
    assert "2,000 rows of 500 customers from `customers.csv`" in card
    assert manifest.split in card
    assert "so the intervals are those of drawing customers" in card
    assert own.run_of(version).data.params["data_customers"] == "500"
    kept = [path for path in own.folder.rglob("*") if path.is_file()]
    assert [path for path in kept if b"account-0" in path.read_bytes()] == []


def test_a_column_that_is_empty_tells_no_customers_apart(desk: Desk, customers: pd.DataFrame, tmp_path: Path) -> None:
    table = customers.assign(account=["", *range(1, 2 * ROWS)])
    table.to_csv(tmp_path / "customers.csv", index=False)
    words = ("--data", tmp_path / "customers.csv", "--group-column", "account")
    done = desk.training.run("fit", *words, *desk.flags, exit_code=2)
    assert "--group-column account: it is empty in 1 of 2,000 rows. Name a column" in done.err


def test_a_fit_in_parts_gives_the_same_model_from_other_files_and_serves(
    training: Program, customers: pd.DataFrame, tmp_path: Path
) -> None:
    table = customers.assign(region=["north", "south"] * ROWS)
    desk, folders = Desk(tmp_path, training), [tmp_path / "one" / "rows", tmp_path / "three" / "rows"]
    for folder, files in zip(folders, (1, 3), strict=True):
        folder.mkdir(parents=True)
        shuffled = table.sample(frac=1, random_state=files)
        for number in range(files):
            shuffled.iloc[number::files].to_parquet(folder / f"{number}.parquet", row_group_size=500)
    options = ("--edges", 63, "--slices", "region", "--trials", 2)
    version = desk.fit("--data", folders[0], *options)
    training.run("fit", "--data", folders[1], *options, "--cluster", "local:2", *desk.flags)
    assert desk.versions() == {version}  # a version has a digest of all but its time
    manifest = desk.manifest(version)
    assert manifest.split.startswith("by the project's hash of each row, and the folds by its hash with seed 7: ")
    assert "at most 63 thresholds of a column" in manifest.split
    assert manifest.split in " ".join(desk.find(version).path("MODEL_CARD.md").read_text().split())
    with TestClient(create_app(ServiceSettings(models_dir=desk.models_dir)), base_url="http://localhost") as client:
        [expected] = Scorer.of(desk.find(version)).score(CONTRACT.to_matrix(pd.DataFrame([CONTRACT.example])))
        answer = client.post("/predict", json=CONTRACT.example).json()
    assert answer["churn_probability"] == pytest.approx(expected, abs=1e-6)
    assert answer["model_version"] == version


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def rows_url(request: pytest.FixtureRequest, customers: pd.DataFrame, tmp_path: Path) -> str:
    """The address of a database with customers, with a password if it has any."""
    if request.param == "sqlite":
        url = address = f"sqlite:///{tmp_path / 'rows.db'}"
    else:
        url = str(request.getfixturevalue("postgres_url"))
        address, url = with_password(url), str(url.replace("postgresql:", "postgresql+psycopg:"))
    engine = sa.create_engine(url)
    customers.assign(name="anna").to_sql("customers", engine, index_label="number")
    engine.dispose()
    return address


def test_a_fit_of_a_database_in_parts_gives_the_same_bundle_on_a_cluster(
    training: Program, rows_url: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, training)
    words = ("--data", rows_url, "--query", CAST_QUERY, "--partition-column", "number")
    ranges = desk.fit(*words)
    told = training.run("fit", *words, "--cluster", "local:2", *desk.flags)
    assert PASSWORD not in told.out + told.err
    assert desk.versions() == {ranges}  # a version has a digest of all but its time
    data = desk.manifest(ranges).data
    source = "rows.db" if rows_url.startswith("sqlite") else masked(rows_url)
    assert (data.source, data.query, data.rows) == (source, CAST_QUERY, 2 * ROWS)
    if not rows_url.startswith("sqlite"):
        require_no_password(desk)


def test_a_fit_in_parts_refuses_what_needs_the_whole_table(desk: Desk, champion: str) -> None:
    before = desk.versions()
    words = ("--data", desk.folder / "customers.parquet", "--edges", 63, "--time-column", "day")
    done = desk.training.run("fit", *words, *desk.flags, exit_code=2)
    assert "fitted in parts: --time-column needs the rows in the order of their times" in done.err
    assert "Omit --edges, --cluster and --partition-column, or change the other option." in done.err
    assert desk.versions() == before >= {champion}


def test_a_leak_stops_a_fit_that_was_not_told_to_go_on(desk: Desk, champion: str, foreign: tuple[Path, Path]) -> None:
    before = desk.versions()
    done = desk.training.run("fit", "--data", foreign[0], "--columns", foreign[1], *desk.flags, exit_code=2)
    assert "support_tickets alone reaches a ROC-AUC of 1.000" in done.err
    assert desk.versions() == before >= {champion}


def test_a_group_below_the_floor_stops_a_fit(desk: Desk, champion: str) -> None:
    before = desk.versions()
    floor = ("--rows", ROWS, "--min-slice-roc-auc", 0.999)
    assert "ROC-AUC below 0.999 for " in desk.training.run("fit", *floor, *desk.flags, exit_code=2).err
    assert desk.versions() == before >= {champion}


def test_a_fit_from_the_log_learns_what_it_is_told(training: Program, log_url: str, tmp_path: Path) -> None:
    live_log.write(log_url, CALM, 1_600, days=(100, 0))
    engine = log_tables.connect(log_url)
    with engine.begin() as connection:  # as after an import of old outcomes: nothing was known in time
        connection.execute(sa.update(log_tables.OUTCOMES).values(recorded_at=datetime.now(UTC)))
    engine.dispose()
    desk, window = Desk(tmp_path, training), ("--since", "60d", "--mature-after", "5d")
    version = desk.fit("--data", "live", "--log-url", log_url, *window, "--outcomes-known", "observed")
    data = desk.manifest(version).data
    assert data.live is not None
    assert data.source == f"live({Path(log_url).name if log_url.startswith('sqlite') else masked(log_url)})"
    assert 860 < data.rows == data.live.rows < 900
    assert data.live.first_made_at > datetime.now(UTC) - timedelta(days=60.1)
    assert data.live.last_made_at < datetime.now(UTC) - timedelta(days=4.9)
    told = {"since": "60d", "mature_after": "5d", "outcomes_known": "observed"}
    assert desk.source_of(version) == {"kind": "code", "tags": {"prediction_log": masked(log_url), **told}}
    if not log_url.startswith("sqlite"):
        require_no_password(desk)


def test_a_fit_from_a_file_takes_live_rows_behind_it(
    training: Program, customers: pd.DataFrame, tmp_path: Path
) -> None:
    table, url = tmp_path / "customers.csv", f"sqlite:///{tmp_path / 'predictions.db'}"
    customers.head(600).to_csv(table, index=False)
    live_log.write(url, CALM, 500)
    live_log.write(url, CALM, 100, seed=2, reported_by="stranger")
    desk = Desk(tmp_path, training)
    version = desk.fit("--data", f"{table},live", "--log-url", url, "--trusted-reporters", "crm")
    data = desk.manifest(version).data
    assert data.live is not None
    assert data.live.reported is not None
    assert (data.rows, data.live.rows, data.live.reported.rows) == (1_100, 500, {"crm": 500})
    assert data.source == "customers.csv and live(predictions.db)"
    told = {"file": str(table), "prediction_log": url, "outcomes_known": "recorded"} | {"trusted_reporters": "crm"}
    assert desk.source_of(version) == {"kind": "code", "tags": told}


def test_a_better_challenger_is_promoted_within_the_margins_that_were_given(
    desk: Desk, champion: str, challenger: str, tmp_path: Path
) -> None:
    own, report = desk.copy(tmp_path / "own"), tmp_path / "report.md"
    database = own.move_database()
    margins = ("--roc-auc-margin", 0.31, "--brier-margin", 0.22, "--cost-margin-fraction", 0.5)
    groups = ("--min-slice-roc-auc", 0.12, "--slice-margin", 0.43)
    rest = ("--max-latency-ratio", 77, "--max-reporter-share", 0.7, "--min-rows", 100, "--report", report)
    tracking = ("--tracking-uri", f"sqlite:///{database}")
    told = own.training.run("promote", challenger, *margins, *groups, *rest, *tracking, *own.flags).out
    rows = {line.split("  ")[0]: line for line in told.splitlines()}
    for check, allowed in (
        ("ROC-AUC not worse", "at least -0.31 "),
        ("Brier score not worse", "at least -0.22 "),
        ("every group good enough", "ROC-AUC not surely below 0.12 "),
        ("no group much worse", "difference at least -0.43 "),
        ("time per customer", "at most 77 times "),
    ):
        assert allowed in rows[check]
    cost = rows["cost per customer not worse"]
    before, limit = float(cost.split()[5]), float(cost.split("at least ")[1].split()[0])
    assert -limit == pytest.approx(before / 2, rel=0.01)
    assert f"{challenger} is promoted" in report.read_text()
    assert own.pinned == own.champion_in_mlflow(database) == challenger
    assert own.run_of(challenger, database).data.tags["gate.champion"] == champion


def test_a_promotion_on_few_customers_cannot_tell(desk: Desk, champion: str, challenger: str, tmp_path: Path) -> None:
    own = desk.copy(tmp_path / "own")
    assert "at least 500 are needed" in own.training.run("promote", *own.flags, exit_code=2).err
    assert own.pinned == champion != challenger


def test_an_earlier_model_is_served_again_with_the_reason(
    desk: Desk, challenger: str, champion: str, tmp_path: Path
) -> None:
    own = desk.copy(tmp_path / "own")
    own.drop(challenger)
    database = own.move_database()
    tracking = ("--tracking-uri", f"sqlite:///{database}")
    own.training.run("rollback", challenger, "--why", "the old one fails", *own.flags, *tracking)
    assert own.pinned == own.champion_in_mlflow(database) == challenger
    told = own.training.run("history", "--models-dir", own.models_dir).out.splitlines()
    assert [line[:1] for line in told] == [" ", "*"]
    assert f"{champion}  pinned by fit " in told[0]
    assert f"{challenger}  rolled back to " in told[1]
    assert told[1].endswith("  the old one fails")
    shutil.move(database, own.database)
    own.training.run("rollback", *own.flags)
    assert own.pinned == own.champion_in_mlflow() == champion


def test_a_challenger_comes_and_goes_as_it_was_told(desk: Desk, champion: str, challenger: str, tmp_path: Path) -> None:
    own = desk.copy(tmp_path / "own")
    own.drop(challenger)
    canary = ("--mode", "canary", "--share", 0.25, "--why", "a trial")
    own.training.run("challenge", challenger, *canary, *own.flags)
    pin = pins.read(own.models_dir)
    assert pin.challenger is not None
    assert (pin.version, pin.challenger.version) == (champion, challenger)
    assert (pin.challenger.mode, pin.challenger.share) == ("canary", 0.25)
    assert pin_history.read(own.models_dir).changes[-1].why == "a trial"
    own.training.run("challenge", "--stop", *own.flags)
    assert pins.read(own.models_dir).challenger is None
    own.drop(challenger)
    own.training.run("challenge", challenger, *own.flags, "--tracking-uri", f"sqlite:///{own.move_database()}")
    assert own.find(challenger)


def test_a_live_comparison_looks_at_the_log_and_the_time_it_was_told(
    desk: Desk, champion: str, challenger: str, log_url: str, tmp_path: Path
) -> None:
    own, now = desk.copy(tmp_path / "own"), live_log.NOW
    own.training.run("challenge", challenger, "--mode", "canary", *own.flags)
    left = [number % 3 == 0 for number in range(240)]
    made = [now - timedelta(days=1 if number < 180 else 9) for number in range(240)]
    for version, said in ((champion, [0.4] * 240), (challenger, [0.8 if one else 0.1 for one in left])):
        live_log.add(
            log_url, [None] * 240, left, made, made, has_outcome=[True] * 240, version=version, probability=said
        )
    window = ("--log-url", log_url, "--since", "3d", "--min-rows", 150, "--mature-after", "1h", "--horizon-rows", 300)
    told = own.training.run("compare-live", *window, "--models-dir", own.models_dir).out
    assert told.startswith(f"{challenger} is better than {champion}: canary since ")
    assert told.count("180 predictions, 180 with an outcome") == 2
    nobody = ("--trusted-reporters", "billing,app", "--models-dir", own.models_dir)
    assert "0 outcomes, at least 150" in own.training.run("compare-live", *window, *nobody, exit_code=2).err
    few = own.training.run("compare-live", *window[:4], "--models-dir", own.models_dir, exit_code=2)
    assert "at least 500 are needed" in few.err


def test_a_map_is_learned_anew_from_the_outcomes_that_it_was_told(
    desk: Desk, challenger: str, log_url: str, tmp_path: Path
) -> None:
    own = desk.copy(tmp_path / "own")
    tracking = ("--tracking-uri", f"sqlite:///{own.move_database()}")
    own.training.run("rollback", challenger, *own.flags, *tracking)
    live_log.write(log_url, CALM, 1_200, days=(100, 0))
    window = ("--since", "60d", "--mature-after", "5d", "--trusted-reporters", "crm")
    told = own.training.run("recalibrate", "--log-url", log_url, *window, *own.flags, *tracking).out
    assert f"trees     those of {challenger}" in told
    [version] = own.versions() - desk.versions()
    manifest = own.manifest(version)
    assert own.pinned == challenger
    assert manifest.recalibrated is not None
    assert manifest.recalibrated.first_made_at is not None
    assert manifest.recalibrated.first_made_at > datetime.now(UTC) - timedelta(days=60.1)
    assert 600 < manifest.data.rows < 700
    with sqlite3.connect(tmp_path / "new.db") as connection:
        table = synthetic.sample(2 * ROWS, seed=77)[0].rename(columns={"tenure_months": "months"})
        table.assign(account=np.arange(2 * ROWS) // 2).to_sql("customers", connection)
    connection.close()
    (tmp_path / "columns.toml").write_text('[features]\ntenure_months = { column = "months" }\n')
    source = ("--data", f"sqlite:///{tmp_path / 'new.db'}", "--query", "select * from customers")
    mapped = ("--columns", tmp_path / "columns.toml", "--group-column", "account")
    told = own.training.run("recalibrate", *source, *mapped, *own.flags, *tracking).out
    assert "by a hash of each customer: the map was learned from " in told
    assert own.pinned == challenger


def test_a_canary_advances_by_itself_with_what_it_was_told(
    desk: Desk, champion: str, challenger: str, log_url: str, tmp_path: Path
) -> None:
    own, now = desk.copy(tmp_path / "own"), live_log.NOW
    own.training.run("challenge", challenger, "--mode", "canary", "--share", 0.05, *own.flags)
    history = own.models_dir / pin_history.HISTORY
    begun = pin_history.read(own.models_dir).changes[-1].at
    history.write_text(
        history.read_text().replace(f"{begun:%Y-%m-%dT%H:%M:%S}", f"{now - 9 * live_log.DAY:%Y-%m-%dT%H:%M:%S}")
    )
    left, made = [number % 3 == 0 for number in range(240)], [now - timedelta(days=1)] * 240
    for version, said in ((champion, [0.4] * 240), (challenger, [0.8 if one else 0.1 for one in left])):
        live_log.add(
            log_url,
            [None] * 240,
            left,
            made,
            made,
            has_outcome=[True] * 240,
            version=version,
            probability=said,
            digests=[f"{number:032x}" for number in range(240)],
        )
    judged = ("--log-url", log_url, "--mature-after", "1h", "--min-rows", 150, "--horizon-rows", 300)
    where = (*own.flags, "--tracking-uri", f"sqlite:///{own.move_database()}")
    with prometheus_server.serving() as prometheus:
        prometheus.canary = Counted(700, failed=300, slow=100)
        words = ("advance", "--prometheus-url", prometheus.url, *judged, *where)
        selector = ("--prometheus-selector", 'namespace="sales"')
        limits = ("--max-error-share", 0.5, "--max-predict-seconds", 0.25, "--guardrails-since", "2d", *selector)
        steps = ("--steps", "[0.05, 0.3]", "--step-for", "1d")
        nobody = own.training.run(*words, *limits, *steps, "--trusted-reporters", "billing").out
        assert "stays at 5% of the customers: 0 outcomes, at least 150 are needed" in nobody
        advanced = own.training.run(*words, *limits, *steps).out
        assert advanced.startswith(
            f"canary {challenger} advances from 5% to 30% of the customers: not worse after 240 "
        )
        assert prometheus.selector == 'namespace="sales", '
        failing = own.training.run(*words, "--max-predict-seconds", 0.25, exit_code=1).out
        assert "is withdrawn from 30% of the customers: 300 of its 1,000 requests failed since this step b" in failing
    assert pins.read(own.models_dir).challenger is None


def test_what_a_service_answered_is_proved_after_its_model_was_retired(
    desk: Desk, champion: str, challenger: str, tmp_path: Path
) -> None:
    own, url = desk.copy(tmp_path / "own"), f"sqlite:///{tmp_path / 'predictions.db'}"
    variables = {"SERVICE_LOG_URL": url, "SERVICE_OUTPUT_DIR": str(tmp_path / "spooled")}
    engine = log_tables.connect(url, create=True)
    with running(own.models_dir, tmp_path / "service.log", **variables) as service:
        answer = httpx.post(f"{service.url}/predict?explain=true", json=CONTRACT.example, timeout=60)
        (tmp_path / "answer.json").write_bytes(answer.content)
        identity = answer.json()["prediction_id"]
        wait_until(lambda: _count_predictions(engine) == 1)
    own.training.run("rollback", challenger, *own.flags)
    elsewhere = ("--tracking-uri", f"sqlite:///{own.move_database()}")
    kept = own.training.run("retire", "--keep-for", "9d", *own.flags, *elsewhere).out
    assert kept == "removed 0 bundles from the store\n"
    own.drop(champion)
    result = tmp_path / "replay.json"
    words = ("replay", identity, "--log-url", url, "--answer", tmp_path / "answer.json", "--report", result)
    told = own.training.run(*words, *own.flags, *elsewhere).out
    assert told.startswith(f"prediction {identity} is the same when it is computed again\n")
    checks = {check["part"]: check for check in json.loads(result.read_text())["checks"]}
    assert checks["probability"]["note"] == checks["answered probability"]["note"] == "bit for bit"
    assert checks["answered reasons"]["recorded"] == checks["answered reasons"]["computed"] != []

    archiving.export(engine, tmp_path / "archive", live_log.NOW + timedelta(weeks=1))
    with engine.begin() as connection:
        connection.execute(sa.delete(log_tables.PREDICTIONS))
    engine.dispose()
    gone = own.training.run(*words, *own.flags, *elsewhere, exit_code=2)
    assert "name the folder of exported weeks with --live" in gone.err
    assert (
        told.splitlines()[2:]
        == (own.training.run(*words, "--live", tmp_path / "archive", *own.flags, *elsewhere).out.splitlines()[2:])
    )
    nowhere = own.training.run(*words, "--live", tmp_path / "archive", *own.flags, exit_code=2)
    assert f"model {champion} is neither in " in nowhere.err


def _count_predictions(engine: sa.Engine) -> int:
    with engine.connect() as connection:
        if not sa.inspect(connection).has_table("predictions"):
            return 0
        return connection.scalar(sa.select(sa.func.count()).select_from(log_tables.PREDICTIONS)) or 0


def test_a_foreign_file_is_scored_with_the_pinned_model(
    desk: Desk, champion: str, foreign: tuple[Path, Path], customers: pd.DataFrame, tmp_path: Path
) -> None:
    table, columns = foreign
    output = tmp_path / "scored.parquet"
    desk.training.run(
        "score", table, output, "--columns", columns, "--models-dir", desk.models_dir, "--max-rejected-fraction", 0
    )
    scored = pd.read_parquet(output)
    known = customers.head(ROWS).assign(support_tickets=9 * customers["churned"])
    expected = Scorer.of(desk.find(champion)).score(CONTRACT.to_matrix(known))
    assert scored["churn_probability"].tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert set(scored["model_version"]) == {champion}


def test_the_files_of_a_lake_are_scored(
    desk: Desk, champion: str, foreign: tuple[Path, Path], tmp_path: Path, lake: ObjectStore
) -> None:
    table, columns = foreign
    lake.put(table, f"in/year=2026/{table.name}")
    options = ("--columns", columns, "--models-dir", desk.models_dir)
    for output, where in {"s3://lake/out": ("--processes", 2), tmp_path / "out": ("--cluster", "local:2")}.items():
        told = desk.training.run("score", "s3://lake/in", output, *options, *where).out
        assert told.startswith(f"scored 1 files\nscored {ROWS:,} of {ROWS:,} customers with model {champion}")
    desk.training.run("score", table, tmp_path / "alone.csv", *options)
    assert lake.content("out")[f"year=2026/{table.name}"] == (tmp_path / "alone.csv").read_bytes()


def test_an_option_that_no_run_was_given_is_found() -> None:
    kinds: dict[str, type[BaseSettings]] = {"promote": PromoteSettings, "challenge": ChallengeSettings}
    lines = [("challenge", "v1", "--mode", "canary", "--share", "0.1", "--stop", "--why", "so")]
    missing = unused(kinds, lines)
    assert {"promote", "promote --min-rows", "challenge --share", "challenge --models-dir"} <= set(missing)
    assert not {"challenge", "challenge --version", "challenge --mode", "challenge --stop"} & set(missing)
    assert unused({"": ChallengeSettings}, [line[1:] for line in lines])[0] == "--models-dir"


def test_every_option_was_run(request: pytest.FixtureRequest, training: Program) -> None:
    require_all(request)
    assert unused({name: kind for name, (_, kind, _) in COMMANDS.items()}, training.lines) == []
