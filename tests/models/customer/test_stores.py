"""A table in an object store is read like the same table on disk, and a refusal says what to do."""

import gzip
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pydantic import BaseModel, ValidationError

from models.customer import tables
from models.customer.errors import StoreUnusable, TableError, TableMissing, TableUnreadable
from models.customer.files import store_errors, stores, table_formats
from models.customer.files.stores import Location, StorePath
from tests import object_store
from tests.object_store import ObjectStore

ROWS = [{"id": "a", "months": "4"}, {"id": "b", "months": "60"}]


class Setting(BaseModel):
    where: Location


def address(text: str) -> StorePath:
    found = stores.locate(text)
    assert isinstance(found, StorePath)
    return found


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the same rows in every kind of file."""
    rows, parts = pd.DataFrame(ROWS), tmp_path / "parts"
    rows.to_csv(tmp_path / "plain.csv", index=False)
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress((tmp_path / "plain.csv").read_bytes()))
    rows.to_csv(tmp_path / "tabs.tsv", sep="\t", index=False)
    rows.to_json(tmp_path / "lines.jsonl", orient="records", lines=True)
    rows.to_excel(tmp_path / "book.xlsx", index=False)
    rows.to_parquet(tmp_path / "file.parquet")
    for at, month in enumerate(["1", "2 b"]):
        (parts / f"month={month}").mkdir(parents=True)
        rows.iloc[[at]].to_parquet(parts / f"month={month}" / "part-0.parquet", index=False)
    return tmp_path


def test_every_kind_of_table_is_read_as_from_disk(lake: ObjectStore, folder: Path) -> None:
    lake.put(folder, "in")
    names = [path.name for path in folder.iterdir()]
    assert len(names) == 7
    for name in names:
        found = tables.read(address(f"s3://lake/in/{name}"))
        assert found == tables.read(folder / name)
        months = ["1", "2 b"]
        expected = [row | {"month": months[at]} for at, row in enumerate(ROWS)] if name == "parts" else ROWS
        assert found.to_pylist() == expected


@pytest.mark.parametrize(
    ("where", "kind", "problem"),
    [
        (
            "s3://none/in.csv",
            StoreUnusable,
            r"s3://none/in\.csv: no such bucket\. Check its name, and .*AWS_ENDPOINT_URL",
        ),
        ("s3://lake/none.csv", TableMissing, r"s3://lake/none\.csv: no such file"),
        ("s3://lake/none", TableMissing, r"s3://lake/none: no such file"),
        ("s3://lake/texts", TableUnreadable, r"s3://lake/texts: it is a folder without \.parquet files"),
        ("s3://lake/in/rows.txt", TableUnreadable, r"\.txt is not a known kind of file"),
        ("s3://lake/in/no.parquet", TableUnreadable, r"no\.parquet: .*Parquet"),
    ],
)
def test_what_is_not_there_is_said(
    lake: ObjectStore, tmp_path: Path, where: str, kind: type[TableError], problem: str
) -> None:
    (tmp_path / "rows").write_text("id\n1\n")
    for key in ("in/rows.txt", "in/no.parquet", "texts/rows.txt"):
        lake.put(tmp_path / "rows", key)
    with pytest.raises(kind, match=problem):
        tables.read(address(where))


def test_an_account_that_may_not_read_is_told_which_variables_name_another(lake: ObjectStore) -> None:
    lake.trust(everybody=False)
    with pytest.raises(StoreUnusable, match=r"s3://lake/in\.csv: access denied .*AWS_ACCESS_KEY_ID and"):
        tables.read(address("s3://lake/in.csv"))


def test_a_file_that_may_not_be_read_is_named_though_its_folder_may_be_listed(
    lake: ObjectStore, tmp_path: Path
) -> None:
    pq.write_table(pa.Table.from_pylist(ROWS), tmp_path / "a.parquet")
    lake.put(tmp_path, "in")
    told = []
    for requests in range(40):  # most of them list the folder
        object_store.forget()
        lake.trust(everybody=False, after=requests)
        try:
            tables.read(address("s3://lake/in"))
        except TableError as error:
            told.append(str(error))
    assert any(one.startswith("s3://lake/in/a.parquet: access denied ") for one in told)


AZURE = "abfs://lake@ours.dfs.core.windows.net/in.csv"


@pytest.mark.parametrize(
    ("where", "said", "told"),
    [
        (
            "gs://lake/in.csv",
            "google::cloud::Status(UNAVAILABLE: Could not create a OAuth2 access token: Could not resolve hostname",
            "the store accepts no credentials of this process. .*by GOOGLE_APPLICATION_CREDENTIALS, `gcloud",
        ),
        (
            "gs://lake/in.csv",
            "google::cloud::Status(UNAVAILABLE: Retry policy exhausted: CURL error [7]=Could not connect to server",
            r"cannot be reached\. Check the network, and CLOUD_STORAGE_EMULATOR_ENDPOINT",
        ),
        (
            AZURE,
            "Azure Error: [AuthenticationFailed] 403 Server failed to authenticate the request",
            "the store accepts no credentials of this process. .*by AZURE_CLIENT_ID, .* AZURE_STORAGE_KEY or",
        ),
        (
            AZURE,
            "Unknown error: Failed to get token from DefaultAzureCredential.",
            "accepts no credentials .*`az login`",
        ),
        (AZURE, "Azure Error: [AuthorizationPermissionMismatch] 403 not authorized", "access denied .*AZURE_CLIENT_ID"),
        (AZURE, "Azure Error: [] Fail to get a new connection for: https://x", "cannot be reached.*the account in the"),
        (AZURE, "Azure Error: [ContainerNotFound] 404", r"no such bucket\. Check the container and the account"),
        (
            AZURE,
            "GetProperties failed for 'https://ours.blob.core.windows.net/lake/in.csv?sv=1&sig=x9f'. Odd",
            r"lake/in\.csv\?\.\.\.'\. Odd\. Check the container",
        ),
    ],
)
def test_a_refusal_names_the_variables_of_its_store_and_shows_no_token(where: str, said: str, told: str) -> None:
    with pytest.raises(StoreUnusable, match=told) as caught, store_errors.translated(address(where)):
        raise OSError(said)
    assert "x9f" not in str(caught.value)


@pytest.mark.parametrize(
    ("where", "said", "told"),
    [
        ("gs://lake/access", "Could not create a OAuth2 access token", "accepts no credentials"),
        ("s3://lake/t", "curlCode: 28, connection timed out", "cannot be reached"),
        ("s3://lake/403", "HTTP status 403", "access denied"),
    ],
)
def test_a_refusal_is_known_whatever_the_file_is_called(where: str, said: str, told: str) -> None:
    with pytest.raises(StoreUnusable, match=told), store_errors.translated(address(where)):
        raise OSError(said)


@pytest.mark.parametrize("name", ["connections", "forbidden 403", "credentials/timeout"])
def test_the_name_of_a_file_is_not_taken_for_a_refusal(name: str) -> None:
    where = address(f"s3://lake/{name}.csv")
    with pytest.raises(TableMissing, match="no such file"), store_errors.translated(where):
        raise FileNotFoundError(f"[Errno 2] Path does not exist '{where.inside}'")


@contextmanager
def serving(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Serve requests on this machine, and yield host and port."""
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


class _Bucketless(BaseHTTPRequestHandler):
    """Google's store for an account that may not look at the bucket, nor at files of `shared` beside `customers`."""

    def do_GET(self) -> None:  # the name that the class asks for
        path = self.path.partition("?")[0]
        if path == "/storage/v1/b/lake" or ("shared" in self.path and "customers" not in self.path):
            status = 403
        else:
            status = 200 if path == "/storage/v1/b/lake/o" else 404
        self.send_response(status)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def bucketless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with serving(_Bucketless) as host:
        monkeypatch.delenv("CLOUD_STORAGE_EMULATOR_ENDPOINT", raising=False)
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", host)
        object_store.forget()
        yield
    object_store.forget()


@pytest.mark.usefixtures("bucketless")
def test_a_right_to_files_is_enough_without_one_to_the_bucket() -> None:
    assert not address("gs://lake/out.csv").exists()
    with pytest.raises(TableMissing, match="no such file"):
        tables.read(address("gs://lake/in.csv"))


@pytest.mark.usefixtures("bucketless")
def test_a_right_to_a_folder_is_enough_without_one_to_those_above() -> None:
    with pytest.raises(StoreUnusable, match="access denied"):
        address("gs://lake/shared/_delta_log").exists()
    table_formats.require_plain(address("gs://lake/shared/customers"), [])


class _Refusal(BaseHTTPRequestHandler):
    signed: ClassVar[list[str | None]] = []

    def do_HEAD(self) -> None:  # the name that the class asks for
        self.signed.append(self.headers["Authorization"])
        self.send_response(403)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def refusing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A store that lets nobody in, for a process without credentials."""
    with serving(_Refusal) as host:
        for name in (*object_store.VARIABLES, "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}")
        object_store.forget()
        yield


@pytest.mark.usefixtures("refusing")
def test_a_process_without_credentials_is_told_which_variables_hold_them() -> None:
    with pytest.raises(StoreUnusable, match=r"access denied .*without any\. Give an account .*AWS_ACCESS_KEY_ID and"):
        tables.read(address("s3://lake/in.csv"))
    assert _Refusal.signed[0] is None


def test_a_store_that_is_away_is_named_with_its_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    object_store.forget()
    with pytest.raises(StoreUnusable, match=r"cannot be reached\. Check the network, .*endpoint"):
        tables.read(address("s3://lake/in.csv"))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hdfs://lake/in", "give a path, or an address as s3://BUCKET/FOLDER"),
        ("s3:///in", "give a path, or an address as s3://BUCKET/FOLDER"),
        ("s3://id:key@lake/in", "give no password in an address"),
        ("abfs://lake@ours.dfs.core.windows.net/in?sv=1&sig=x", r"give no password in an address, and no \? or #"),
        ("s3://lake/in#x", r"give no password in an address, and no \? or #"),
        ("abfs://lake/in", "give a path, or an address as .*abfs://CONTAINER@ACCOUNT"),
        ("abfs://ours.blob.core.windows.net/lake/in", "give a path, or an address as .*abfs://CONTAINER@ACCOUNT"),
        ("abfs://lake@ours.dfs.files.example.com/in", "give a path, or an address as .*abfs://CONTAINER@ACCOUNT"),
        ("abfs://lake@other@ours.dfs.core.windows.net/in", "give a path, or an address as .*abfs://CONTAINER@ACCOUNT"),
        ("abfs://ours@127.0.0.1:10000/lake/in", "give a path, or an address as .*abfs://CONTAINER@ACCOUNT"),
    ],
)
def test_an_address_that_is_none_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValidationError, match=problem):
        Setting.model_validate({"where": text})


@pytest.mark.parametrize(
    "text",
    ["s3://lake/in/a=b c", "gs://lake/in", "abfs://box@account.dfs.core.windows.net/in", "s3://lake", "in/a.csv"],
)
def test_a_setting_keeps_an_address_as_it_is_written(text: str) -> None:
    where = Setting.model_validate({"where": text}).where
    assert str(where) == text
    assert isinstance(where, Path) == ("://" not in text)


def test_files_of_a_delta_or_iceberg_table_are_not_taken_for_its_rows(lake: ObjectStore, tmp_path: Path) -> None:
    rows = pa.Table.from_pylist(ROWS)
    for name in ("delta/part-0.parquet", "delta/year=2026/part-1.parquet", "iceberg/data/part-0.parquet"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, tmp_path / name)
    for name in ("delta/_delta_log/00000000000000000000.json", "iceberg/metadata/00000-a.metadata.json"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("{}")
    lake.put(tmp_path, "in")
    for folder, kind in {
        "delta": "a Delta",
        "delta/year=2026": "a Delta",
        "iceberg": "an Iceberg",
        "iceberg/data": "an Iceberg",
    }.items():
        for path in (tmp_path / folder, address(f"s3://lake/in/{folder}")):
            with pytest.raises(TableUnreadable, match=f"it belongs to {kind} table, .*Score the table in Spark"):
                tables.read(path)
