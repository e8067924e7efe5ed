"""Every source and every option of `python -m training`, each run once as a user runs it, with what it changes."""

import secrets
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
import sqlalchemy as sa
from mlflow import MlflowClient
from mlflow.entities import Run

from models import bundle, pins
from models.features import CONTRACT
from models.manifest import Manifest
from tests.e2e.programs import Program
from training import synthetic

pytestmark = [
    pytest.mark.shipped,
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The ``noload``"),  # MLflow's tables use what SQLAlchemy will remove
]

PASSWORD = secrets.token_hex(8)
ROWS = 1_000


@dataclass(frozen=True)
class Desk:
    """A folder with customers, a shelf for models, and an MLflow."""

    folder: Path
    training: Program

    @property
    def models_dir(self) -> Path:
        return self.folder / "models"

    @property
    def shelf(self) -> tuple[object, ...]:
        """The flags that keep everything in the folder."""
        return ("--models-dir", self.models_dir, "--output-dir", self.folder / "var")

    @property
    def client(self) -> MlflowClient:
        return MlflowClient(f"sqlite:///{self.folder / 'var' / 'mlflow.db'}")

    def fit(self, *words: object, exit_code: int = 0) -> str:
        """Fit, and return the new model's version."""
        before = self.versions()
        told = self.training.run("fit", *words, *self.shelf, exit_code=exit_code)
        if exit_code:
            assert self.versions() == before
            return told.err
        [version] = self.versions() - before
        return version

    def versions(self) -> set[str]:
        return {path.parent.name for path in self.models_dir.glob("store/*/manifest.json")}

    def manifest(self, version: str) -> Manifest:
        return bundle.find(self.models_dir, version, fingerprint=CONTRACT.fingerprint).manifest

    def run_of(self, version: str) -> Run:
        """Return the run that a model came from, as MLflow has it."""
        [registered] = self.client.search_model_versions(f"name = 'churn' and tag.bundle_version = '{version}'")
        return self.client.get_run(str(registered.run_id))

    def source_of(self, version: str) -> dict[str, Any]:
        """Return the source of a model's rows as plain MLflow reads it back, with its kind."""
        inputs = self.run_of(version).inputs
        assert inputs is not None
        [logged] = inputs.dataset_inputs
        found: dict[str, Any] = mlflow.data.get_source(logged).to_dict()
        return {"kind": logged.dataset.source_type} | found


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
def from_sqlite(desk: Desk, customers: pd.DataFrame) -> str:
    """A model of the customers in a SQLite database that have an even number."""
    with sqlite3.connect(desk.folder / "customers.db") as connection:
        customers.to_sql("customers", connection, index_label="number")
    connection.close()
    return desk.fit("--data", f"sqlite:///{desk.folder / 'customers.db'}", "--query", SQLITE_QUERY)


SQLITE_QUERY = "select * from customers where number % 2 = 0"
POSTGRES_QUERY = "select * from customers where name like 'a%' and number::text <> ''"


def everything_in(database: Path) -> str:
    """Return all rows of all tables as text."""
    with sqlite3.connect(database) as connection:
        text = "\n".join(connection.iterdump())
    connection.close()
    return text


def test_a_fit_from_sqlite_says_where_its_rows_came_from(desk: Desk, from_sqlite: str) -> None:
    data, address = desk.manifest(from_sqlite).data, f"sqlite:///{desk.folder / 'customers.db'}"
    assert (data.source, data.query, data.rows) == (address, SQLITE_QUERY, ROWS)
    assert desk.source_of(from_sqlite) == {"kind": "code", "tags": {"database": address, "query": SQLITE_QUERY}}
    assert desk.run_of(from_sqlite).data.params["data_query"] == SQLITE_QUERY


def test_the_first_model_ever_is_pinned(training: Program, customers: pd.DataFrame, tmp_path: Path) -> None:
    first = Desk(tmp_path, training)
    customers.head(ROWS).to_parquet(tmp_path / "customers.parquet")
    version = first.fit("--data", tmp_path / "customers.parquet")
    assert pins.read(first.models_dir).version == version
    assert first.source_of(version) == {"kind": "local", "uri": str(tmp_path / "customers.parquet")}


@pytest.mark.postgres
def test_a_fit_from_postgresql_keeps_no_password(
    training: Program, customers: pd.DataFrame, postgres_url: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path, training)
    engine = sa.create_engine(sa.make_url(postgres_url).set(drivername="postgresql+psycopg"))
    names = ["anna", "bert"] * ROWS
    customers.assign(name=names).to_sql("customers", engine, index_label="number")
    engine.dispose()
    address = sa.make_url(postgres_url).set(password=PASSWORD).render_as_string(hide_password=False)
    version = desk.fit("--data", address, "--query", POSTGRES_QUERY)
    assert pins.read(desk.models_dir).version == version
    data, masked = desk.manifest(version).data, address.replace(PASSWORD, "***")
    assert (data.source, data.query, data.rows) == (masked, POSTGRES_QUERY, ROWS)
    assert desk.source_of(version) == {"kind": "code", "tags": {"database": masked, "query": POSTGRES_QUERY}}
    assert masked in everything_in(tmp_path / "var" / "mlflow.db")
    assert PASSWORD not in everything_in(tmp_path / "var" / "mlflow.db")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []
