"""The programs read and write the stores of Amazon, Google and Azure as they do folders on disk."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from models.bundles.format.provenance import Provenance
from models.customer import tables
from models.customer.errors import StoreUnusable, TableMissing
from models.customer.files import stores
from models.features import CONTRACT
from monitoring.log import customer_files
from tests import object_store
from tests.e2e.object_stores import emulators
from tests.object_store import Bucket
from training import __main__ as training
from training.data import datasets, synthetic
from training.partitioned import preparation
from training.partitioned.executor import InProcess
from training.settings import FitSettings

pytestmark = pytest.mark.shipped

STORES: dict[str, Callable[[Path], AbstractContextManager[Bucket]]] = {
    "s3": object_store.running,
    "gs": emulators.google,
    "abfs": emulators.azure,
}
VARIABLES = {
    *object_store.VARIABLES,
    *("GOOGLE_APPLICATION_CREDENTIALS", "CLOUD_STORAGE_EMULATOR_ENDPOINT", "STORAGE_EMULATOR_HOST"),
    *("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_CONNECTION_STRING", "AZURE_STORAGE_KEY", "AZURE_STORAGE_SAS_TOKEN"),
}
ROWS = 600


@pytest.fixture(scope="module", params=STORES)
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bucket]:
    with STORES[request.param](tmp_path_factory.mktemp("store")) as bucket:
        if isinstance(bucket, object_store.ObjectStore):
            bucket.empty()
        yield bucket


@pytest.fixture
def bucket(server: Bucket, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A bucket, with the variables that lead to it."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    object_store.forget()
    yield server
    object_store.forget()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Customers in a partitioned folder on disk."""
    folder = tmp_path_factory.mktemp("disk") / "in"
    customers = synthetic.sample(ROWS, seed=5)[0].assign(id=[f"C{at:03}" for at in range(ROWS)])
    for year, rows in {2025: customers[:300], 2026: customers[300:]}.items():
        part = folder / f"year={year}" / "part 0.parquet"
        part.parent.mkdir(parents=True)
        rows.to_parquet(part, index=False)
    return folder


def provenances(data: object) -> list[Provenance]:
    """Return what a fit of the whole table, and one in parts, tell of the rows; a digest of all of them is in it."""
    settings = FitSettings(data=str(data), edges=31)
    in_parts = preparation.prepare(settings, CONTRACT, 31, InProcess())
    return [datasets.load(settings, CONTRACT).provenance, in_parts.taken.provenance]


def test_a_store_is_read_and_written_as_a_folder_on_disk(
    bucket: Bucket, folder: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bucket.put(folder, "in")
    source, models = f"{bucket.address}/in", ["--models-dir", str(root / "models")]

    assert training.main(["contract", "draft", source, "--output-dir", str(tmp_path / "draft")]) == 0
    assert "class Customer" in (tmp_path / "draft/features.py").read_text()
    assert provenances(source) == provenances(folder)

    assert training.main(["score", str(folder), str(tmp_path / "out"), *models]) == 0
    for again in ("", ", 2 of them in an earlier run"):
        capsys.readouterr()
        assert training.main(["score", source, f"{bucket.address}/out", *models]) == 0
        assert capsys.readouterr().out.startswith(f"scored 2 files{again}\n")
    for name, scored in bucket.content("out").items():
        assert name.startswith("_scored/") or scored == (tmp_path / "out" / name).read_bytes()
    bucket.put(next(folder.glob("year=2026/*")), "in/year=2025/part 0.parquet")
    assert training.main(["score", source, f"{bucket.address}/out", *models]) == 0
    assert capsys.readouterr().out.startswith("scored 2 files, 1 of them in an earlier run\n")

    live, rows = customer_files.read(stores.locate(f"{bucket.address}/out"), CONTRACT, rows=ROWS)
    assert (len(live), rows) == (ROWS, ROWS)


def test_what_is_not_there_and_who_may_not_read_is_told_with_the_remedy(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = bucket.address.replace("lake", "none", 1)
    with pytest.raises(TableMissing, match=r"/connections\.csv: no such file"):
        tables.read(stores.locate(f"{bucket.address}/connections.csv"))
    with pytest.raises(StoreUnusable, match=r"/in\.csv: no such bucket\. Check"):
        tables.read(stores.locate(f"{nowhere}/in.csv"))
    if "AZURE_STORAGE_CONNECTION_STRING" in bucket.environment:
        refused = bucket.environment["AZURE_STORAGE_CONNECTION_STRING"].replace("AccountKey=Eby8", "AccountKey=AAAA")
        monkeypatch.setenv("AZURE_STORAGE_CONNECTION_STRING", refused)
        object_store.forget()
        with pytest.raises(StoreUnusable, match=r"accepts no credentials .*AZURE_STORAGE_CONNECTION_STRING") as caught:
            tables.read(stores.locate(f"{bucket.address}/in.csv"))
        assert "AAAA" not in str(caught.value)
