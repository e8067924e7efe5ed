"""Fixtures that several parts of the tests share."""

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import pytest
import sqlalchemy as sa
from hypothesis import settings
from pydantic import Field

from demo.running_service import free_port
from models.customer import declaration
from models.customer.contract import Contract
from models.customer.declaration import AtLeast, Features
from tests import object_store, shipped
from tests.object_store import ObjectStore

settings.register_profile("patient", deadline=None)  # a busy machine is not what is tested
settings.load_profile("patient")
REPOSITORY = Path(__file__).parent.parent
TRACKING_URI = "MLFLOW_TRACKING_URI"
TELCO = REPOSITORY.parent / "shared" / "data" / "telco_tickets.csv"


def pytest_configure() -> None:
    """Hear Ctrl-C again where a shell's `&` made this process ignore it: programs that the tests start inherit that."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what is about customers that this project does not have, or about a model that it no longer serves.

    Files with slow tests come first: processes that take whole files in this order end at about the same time.
    """
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
    for item in items:
        if not shipped.MODEL_IS_SERVED and item.get_closest_marker("shipped_model"):
            item.add_marker(pytest.mark.skip(shipped.MODEL_REASON))
        if not shipped.ARE_SERVED and shipped.is_about_them(item):
            item.add_marker(pytest.mark.skip(shipped.REASON))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what needs a Docker engine where none answers."""
    if item.get_closest_marker("docker") and not _engine_answers():
        pytest.skip("no Docker engine answers")


@cache
def _engine_answers() -> bool:
    docker = shutil.which("docker")
    return docker is not None and not subprocess.run([docker, "version"], capture_output=True, check=False).returncode


@pytest.fixture(autouse=True)
def own_tracking_uri() -> Iterator[None]:
    """Remove the variable by which MLflow passes the database of one test on to programs of the next."""
    before = os.environ.get(TRACKING_URI)
    yield
    if before is None:
        os.environ.pop(TRACKING_URI, None)
    else:
        os.environ[TRACKING_URI] = before


class Subscription(Features):
    """A contract with what the shipped one lacks: text categories, booleans, nullable fields, strict bounds."""

    plan: Literal["basic", "plus", "pro"] = Field(examples=["plus"], json_schema_extra={"unit": "plan"})
    region: Literal["north", "south"] | None = Field(examples=["north"])
    auto_renew: bool = Field(examples=[True])
    newsletter: bool | None = Field(examples=[None])
    seats: int | None = Field(gt=0, lt=1000, examples=[5])
    spend: float = Field(ge=0, le=10_000, examples=[120.5], json_schema_extra={"unit": "EUR"})
    peak_spend: Annotated[float | None, AtLeast("spend")] = Field(ge=0, le=20_000, examples=[150.0])


@pytest.fixture(scope="session")
def second_class() -> type[Features]:
    """A feature class with every kind of field that a user may declare."""
    return Subscription


@pytest.fixture(scope="session")
def second_contract() -> Contract:
    """The contract of that class."""
    return declaration.derive(Subscription)


class Located(Subscription):
    """The same with two open categories, of which one refuses levels that training never met."""

    country: Annotated[str, declaration.Category(max=3)] = Field(examples=["PE"])
    shop: Annotated[str | None, declaration.Category(max=9, unseen="refused")] = Field(examples=["A"], default=None)


@pytest.fixture(scope="session")
def open_class() -> type[Features]:
    """A feature class with every kind of field, open categories among them."""
    return Located


@pytest.fixture(scope="session")
def open_contract() -> Contract:
    """The contract of that class with learned levels; the last ones of `country` are rare."""
    countries = {"PE": 7, "7": 9, "constructor": 8, "IT": 1, "\N{LATIN SMALL LETTER E WITH ACUTE}": 1}
    return declaration.derive(Located).learned({"country": countries, "shop": {"A": 9, "B": 3}})


@pytest.fixture(scope="session")
def root() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def telco() -> Path:
    """The real churn table, which is not part of the repository."""
    if not TELCO.exists():
        pytest.skip("the Telco table is not beside the checkout")
    return TELCO


@pytest.fixture(scope="session", autouse=True)
def no_prediction_log() -> Iterator[None]:
    """Services that tests start keep no log, but for those that ask for one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SERVICE_LOG_URL", "")
        yield


class PostgresServer:
    """A PostgreSQL server with an empty database, which can be stopped and started."""

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self._programs, self._folder = programs, folder
        self.url = f"postgresql://churn@127.0.0.1:{port}/postgres"
        options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
        self._start = ["--log", str(folder / "log"), "--options", options, "--wait", "start"]
        self._run("initdb", "--username=churn", "--auth=trust")
        self.start()

    def start(self) -> None:
        self._run("pg_ctl", *self._start)

    def stop(self) -> None:
        """Stop it at once, as when its machine goes away."""
        self._run("pg_ctl", "--mode", "immediate", "--wait", "stop", check=False)

    def _run(self, program: str, *words: str, check: bool = True) -> None:
        command = [str(self._programs / program), "--pgdata", str(self._folder / "data"), *words]
        if os.geteuid() == 0:  # it refuses to run as root
            command = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        subprocess.run(command, check=check, capture_output=True, cwd=self._folder)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """One server for all tests; who stops it starts it again."""
    found = shutil.which("pg_ctl")
    programs = Path(found).parent if found else max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if programs is None or (os.geteuid() == 0 and shutil.which("setpriv") is None):
        pytest.skip("the PostgreSQL server programs are not installed")
    folder = Path("/tmp") / f"churn-postgres-{os.getpid()}"  # noqa: S108  # a server refuses long socket paths
    folder.mkdir()
    folder.chmod(0o777)
    try:
        server = PostgresServer(programs, folder, free_port())
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def object_store_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    """One S3-compatible server for all tests."""
    with object_store.running(tmp_path_factory.mktemp("object-store")) as store:
        yield store


@pytest.fixture
def lake(object_store_server: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    """An empty bucket `s3://lake`, with the variables that lead to it."""
    for name in object_store.VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in object_store_server.environment.items():
        monkeypatch.setenv(name, value)
    object_store.forget()
    object_store_server.empty()
    return object_store_server


@pytest.fixture
def postgres_url(postgres_server: PostgresServer) -> str:
    """The URL of an empty database."""
    url, name = sa.make_url(postgres_server.url), f"test_{secrets.token_hex(4)}"
    engine = sa.create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE DATABASE {name}")
    engine.dispose()
    return url.set(database=name).render_as_string()
