"""A query goes to its database as it is, and what a database refuses is told in its words, with the line."""

import sqlite3
from pathlib import Path

import pytest

from training.data import databases
from training.errors import SourceUnreadable

LITERALS = """
select {extracted} as "one",
  ':start' as "two", '50 %' as "three", '%s %(name)s' as "four", 7 % 4 as "five"
"""


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    path = tmp_path / "rows of 5 %.db"
    connection = sqlite3.connect(path)
    connection.execute("create table customers (tenure integer)")
    connection.execute("insert into customers values (3)")
    connection.commit()
    connection.close()
    return path


def refused(address: str, query: str = "select 1") -> str:
    with pytest.raises(SourceUnreadable) as caught:
        databases.read(address, query)
    return str(caught.value).removeprefix(f"{address}: ")


def test_sqlite_gets_colons_and_percent_signs_as_they_are(sqlite_file: Path) -> None:
    query = LITERALS.format(extracted="""json_extract('{"a":1}', '$.a')""")
    [row] = databases.read(f"sqlite:///{sqlite_file}", query).to_numpy().tolist()
    assert row == [1, ":start", "50 %", "%s %(name)s", 3]


@pytest.mark.postgres
def test_postgresql_gets_colons_and_percent_signs_as_they_are_by_either_of_its_names(postgres_url: str) -> None:
    query = LITERALS.format(extracted="""(('{"a":1}'::json) ->> 'a')::int""")
    for address in (postgres_url, postgres_url.replace("postgresql://", "postgres://")):
        [row] = databases.read(address, query).to_numpy().tolist()
        assert row == [1, ":start", "50 %", "%s %(name)s", 3]


@pytest.mark.parametrize("form", ["file:{path}", "file://{path}", "file://localhost{path}"])
def test_a_uri_of_sqlite_is_a_database_with_its_options(sqlite_file: Path, form: str) -> None:
    path = str(sqlite_file).replace(" %", "%20%25").replace(" ", "%20")
    address = f"sqlite:///{form.format(path=path)}?mode=ro&uri=true"
    assert databases.read(address, "select tenure from customers").to_numpy().tolist() == [[3]]
    assert databases.name(address) == sqlite_file.name
    assert "readonly database" in refused(address, "delete from customers")
    assert refused("sqlite:///file:absent.db?mode=rwc&uri=true") == "No such file. Name an existing file."
    assert not Path("absent.db").exists()


@pytest.mark.parametrize(
    ("address", "told"),
    [
        (
            "mysql://ann@host/x",
            (
                "a driver for mysql is not installed. Install one with `.venv/bin/pip install pymysql`, "
                "and begin the address with mysql+pymysql://."
            ),
        ),
        (
            "mssql+pymssql://host/x",
            "a driver for mssql is not installed. Install one with `.venv/bin/pip install pymssql`.",
        ),
        (
            "duckdb:///x.db",
            "a driver for duckdb is not installed. Install one with `.venv/bin/pip install duckdb-engine`.",
        ),
    ],
)
def test_a_missing_driver_is_told_with_the_line_that_installs_it(address: str, told: str) -> None:
    assert refused(address) == told


def test_an_address_of_no_database_is_told_with_one_that_is() -> None:
    assert "nosuchdb is no kind of database" in refused("nosuchdb://host/x")
    assert "Write it as postgresql://user@host/database" in refused("postgresql://host:notaport/x")
    assert refused("postgresql://127.0.0.1:1/x").endswith("Correct the address, or start the database.")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("select tenure\nfrom absent\nwhere 1", "no such table: absent, in line 2 of the query: from absent"),
        ("select tenure,\n  age\nfrom customers", "no such column: age, in line 2 of the query: age"),
        ("select tenure\nform customers", 'near "customers": syntax error, in line 2 of the query: form customers'),
        ("select a\nfrom a", "no such table: a"),
    ],
    ids=["table", "column", "syntax", "two lines"],
)
def test_what_sqlite_refuses_is_told_with_the_line(sqlite_file: Path, query: str, told: str) -> None:
    assert refused(f"sqlite:///{sqlite_file}", query) == f"{told}. Correct --query."


@pytest.mark.postgres
def test_what_postgresql_refuses_is_told_with_the_line(postgres_url: str) -> None:
    told = refused(postgres_url, "select 'ü',\n  tenure\nfrom absent")
    assert told == 'relation "absent" does not exist, in line 3 of the query: from absent. Correct --query.'


def test_a_statement_that_selects_nothing_is_refused(sqlite_file: Path) -> None:
    address = f"sqlite:///{sqlite_file}"
    assert refused(address, "create table other (a integer)") == "the query returns no rows. Give a SELECT."
