"""Damaged and foreign pages in the spool: all other rows arrive, nothing ill-typed does, and a person reads why."""

import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.log import log_tables
from service.log import page_format
from service.log.row_checks import RowCheck
from service.log.shipper import Shipper
from service.log.spool import Spool
from tests.attack.log.log_faults import DAY, line, rows_of, said, traffic
from tests.waiting import wait_until

OLD_NAME = "000000000000001-000000000-0000000{}.{}.page"
"""As versions before checksums named their pages."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def pages(folder: Path) -> Spool:
    folder.mkdir()
    return Spool(folder)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'log.db'}"
    return str(request.getfixturevalue("postgres_url"))


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'log.db'}"


def ship(pages: Spool, url: str, rounds: int = 1) -> None:
    with closing(Shipper(pages, url)) as shipper:
        for _ in range(rounds):
            assert shipper.ship()


def ids_of(url: str) -> list[int]:
    return [int(row.prediction_id, 16) for row in rows_of(url)]


def reasons(folder: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(folder.glob("*.reason")))


def write_old(folder: Path, content: bytes | str, number: int = 1, table: str = "predictions") -> Path:
    page = folder / OLD_NAME.format(number, table)
    page.write_bytes(content.encode() if isinstance(content, str) else content)
    return page


def make_huge(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)  # without any block on the disk


def make_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket is short
    try:
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(path.name)
    finally:
        os.chdir(here)


ODDITIES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "not UTF-8": (lambda page: page.write_bytes(b"\xff\xfe\n"), "not UTF-8"),
    "zeros": (lambda page: page.write_bytes(bytes(5_000)), "no end"),
    "empty": (lambda page: page.touch(), "empty"),
    "a folder": (lambda page: (page / "deep").mkdir(parents=True), "a folder instead of a file"),
    "a link": (lambda page: page.symlink_to("/etc/passwd"), "a link instead of a file"),
    "a loop": (lambda page: page.symlink_to(page.name), "a link instead of a file"),
    "a named pipe": (os.mkfifo, "a named pipe instead of a file"),
    "a socket": (make_socket, "a socket instead of a file"),
    "huge": (make_huge, "no page has more than"),
    "one long line": (lambda page: page.write_bytes(b"a" * 3_000_000), "no end"),
}


@pytest.mark.parametrize("oddity", ODDITIES)
def test_what_is_no_page_is_set_aside_with_its_reason_and_all_others_arrive(
    pages: Spool, folder: Path, sqlite_url: str, oddity: str
) -> None:
    make, reason = ODDITIES[oddity]
    pages.write("predictions", [line(1)], since=1)
    make(folder / OLD_NAME.format(7, "predictions"))
    pages.write("predictions", [line(2)], since=2)
    ship(pages, sqlite_url)

    assert ids_of(sqlite_url) == [1, 2]
    assert pages.pages() == []
    assert pages.waiting().rejected_pages == 1
    assert reason in reasons(folder)


@pytest.mark.parametrize(
    "name",
    [
        "x.page",
        ".page",
        "a.outcomes.page",
        "b.alembic_version.page",
        "c\udcff.traffic.page",
        f"000000000000001-000000000-00000007.{'t' * 215}.page",
        f"1-{'1' * 220}-00000007.traffic.page",
        f"{'n' * 241}.traffic.page",
        f"x.{'ü' * 124}.page",
    ],
)
def test_a_page_with_an_unknown_name_keeps_nothing_back(pages: Spool, folder: Path, sqlite_url: str, name: str) -> None:
    (folder / name).write_text(f"{line(9)}\n")
    (folder / f"{'n' * 250}.page").write_text(f"{line(9)}\n")
    pages.write("predictions", [line(1)], since=1)
    assert pages.waiting().since == 1
    ship(pages, sqlite_url)

    assert ids_of(sqlite_url) == [1]
    assert pages.waiting().rejected_pages == 2


def test_a_page_that_may_not_be_read_or_fails_within_keeps_nothing_back(
    pages: Spool, folder: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        pages.write("predictions", [line(number)], since=1)
    first, second, _ = pages.pages()
    opened = Path.open
    wrong: dict[Path, Exception] = {first: PermissionError(13, "Permission denied"), second: RuntimeError("a bug")}

    def fail(page: Path, *words: Any, **named: Any) -> Any:
        if page in wrong:
            raise wrong[page]
        return opened(page, *words, **named)

    monkeypatch.setattr(Path, "open", fail)
    ship(pages, sqlite_url)

    assert ids_of(sqlite_url) == [2]
    assert "Permission denied" in reasons(folder)
    assert "a bug" in reasons(folder)


ILL_TYPED = {
    "prediction_id": ["", "1", "g" * 32, "1" * 33, "A" * 32, r"\N", "' OR 1=1; --"],
    "made_at": ["", "2026-13-01 00:00:00.000000", "2026-03-01", "now", r"\N", "2026-02-30 00:00:00.000000"],
    "model_version": ["", "v" * 65, r"a" + "\0", "a\x1bb"],
    "features": ["", "x", "[]", "1", '{"a":NaN}', '{"a":1', '{"a":"\x01"}', "null", "{" * 5000],
    "inputs_digest": ["", "0", "g" * 64],
    "churn_probability": ["NaNx", "nan", "inf", "-0.1", "1.0000001", "", r"\N", "true", "1e400", "0x1"],
    "churn_prediction": ["2", "", "true", r"\N", "-1"],
    "risk_tier": ["", "lo", "lower", r"\N"],
    "customer_digest": ["", "0", "g" * 32, "C-1047", "a" * 64],
}


@pytest.mark.parametrize("column", ILL_TYPED)
def test_nothing_ill_typed_enters_and_a_bad_row_keeps_no_other_out(
    pages: Spool, folder: Path, url: str, column: str
) -> None:
    place = list(ILL_TYPED).index(column)
    bad = []
    for value in ILL_TYPED[column]:
        cells = line(99).split("\t")
        cells[place] = value
        bad.append("\t".join(cells))
    pages.write("predictions", [line(1), *bad, line(2)], since=1)
    write_old(folder, "".join(f"{row}\n" for row in [line(3), *bad, line(4)]))
    ship(pages, url)

    check = RowCheck(log_tables.PREDICTIONS)
    assert [check.all_values([line(1), row]) for row in bad] == [None] * len(bad)
    assert sorted(ids_of(url)) == [1, 2, 3, 4]
    assert pages.waiting().rejected_pages == 2
    assert reasons(folder).count(f": {column} is not ") == 2 * len(bad)
    assert f"{len(bad)} of {len(bad) + 2} rows are not in the log" in reasons(folder)


def test_rows_are_checked_alike_together_and_one_by_one() -> None:
    check = RowCheck(log_tables.PREDICTIONS)
    rows = [line(1), line(2, probability="1e-05", digest="a" * 32), line(3, probability="1")]

    assert check.all_values(rows) == [check.values(row) for row in rows]
    drawn = [f"{row}\t{draw}" for row, draw in zip(rows, ("0", "1", page_format.NULL), strict=True)]
    assert check.all_values(drawn) == [check.values(row) for row in drawn]
    assert check.all_values([line(1), f"{line(2)}\t0", line(3).rpartition("\t")[0]]) is None


def test_what_the_database_holds_has_the_type_of_its_column(pages: Spool, folder: Path, sqlite_url: str) -> None:
    pages.write("predictions", [line(1, probability="1e-05"), line(2, probability="1")], since=1)
    pages.write("challenger_predictions", [said(1)], since=1)
    pages.write("traffic", [traffic(3), traffic(4).replace("10", "1e9")], since=1)
    ship(pages, sqlite_url)

    engine = sa.create_engine(sqlite_url)
    with engine.connect() as connection:
        for table, column, kind in (
            ("predictions", "churn_probability", "real"),
            ("predictions", "churn_prediction", "integer"),
            ("challenger_predictions", "churn_probability", "real"),
            ("traffic", "answered_requests", "integer"),
        ):
            assert set(connection.scalars(sa.text(f"SELECT typeof({column}) FROM {table}"))) == {kind}  # noqa: S608
    engine.dispose()
    assert "answered_requests is not a whole number" in reasons(folder)


DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "torn within a row": lambda content: content[: -len(line(0)) // 2],
    "torn between rows": lambda content: content[: content.rindex(b"\n", 0, -1) + 1],
    "zeros at the end": lambda content: content[:-20] + bytes(20),
    "zeros in the middle": lambda content: content[:300] + bytes(10) + content[310:],
    "a bit flipped": lambda content: content.replace(b"0.25", b"0.35", 1),
    "lost altogether": lambda _: b"",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_of_a_damaged_page_the_intact_rows_arrive_and_the_others_are_counted(
    pages: Spool, folder: Path, sqlite_url: str, damage: str
) -> None:
    pages.write("predictions", [line(number) for number in range(10)], since=1)
    [page] = pages.pages()
    page.write_bytes(DAMAGES[damage](page.read_bytes()))
    whole = {number for number in range(10) if f"\t{line(number)}\n".encode() in page.read_bytes()}
    ship(pages, sqlite_url)

    assert set(ids_of(sqlite_url)) == whole
    assert (f"{10 - len(whole)} of 10 rows are not" if whole else "None of its 10 rows is") in reasons(folder)
    assert all(row.churn_probability == 0.25 for row in rows_of(sqlite_url))
    assert pages.waiting().rejected_pages == 1


def test_pages_of_the_version_before_are_shipped_whole(pages: Spool, folder: Path, url: str) -> None:
    write_old(folder, f"{line(1)}\n{line(2)}\n")
    write_old(folder, f"{said(1)}\n{said(2)}\n", 2, "challenger_predictions")
    write_old(folder, f"{traffic(3)}\n", 3, "traffic")
    ship(pages, url)

    assert ids_of(url) == [1, 2]
    assert len(rows_of(url, log_tables.CHALLENGER_PREDICTIONS)) == 2
    assert len(rows_of(url, log_tables.TRAFFIC)) == 1
    assert list(folder.iterdir()) == [] or pages.waiting().rejected_pages == 0


def test_a_torn_page_of_the_version_before_is_not_forgotten(pages: Spool, folder: Path, sqlite_url: str) -> None:
    write_old(folder, f"{line(1)}\n{line(2)[:-1]}")
    ship(pages, sqlite_url)

    assert ids_of(sqlite_url) == [1]
    assert "line 2: the row has no end" in reasons(folder)


def test_a_page_that_is_repaired_and_put_back_is_shipped(pages: Spool, folder: Path, sqlite_url: str) -> None:
    pages.write("predictions", [line(1), line(2), line(3)], since=1)
    [page] = pages.pages()
    page.write_bytes(page.read_bytes().replace(b"0.25", b"0.xx", 1))
    with closing(Shipper(pages, sqlite_url)) as shipper:
        assert shipper.ship()
        [rejected] = folder.glob("*.rejected")
        rejected.rename(rejected.with_suffix(".page"))  # without a repair
        assert shipper.ship()
        assert shipper.ship()
        assert ids_of(sqlite_url) == [2, 3]
        [rejected] = folder.glob("*.rejected")
        first, _, others = rejected.read_text().partition("\n")
        rejected.write_text(f"{first[9:].replace('0.xx', '0.25')}\n{others}")
        rejected.rename(rejected.with_suffix(".page"))
        assert shipper.ship()

    assert sorted(ids_of(sqlite_url)) == [1, 2, 3]
    assert pages.waiting().rejected_pages == 0
    assert reasons(folder) == ""


def test_a_copy_that_is_rejected_again_replaces_no_other_page(pages: Spool, folder: Path, sqlite_url: str) -> None:
    pages.write("predictions", ["bad", "worse"], since=1)
    ship(pages, sqlite_url)
    [rejected] = folder.glob("*.rejected")
    rejected.with_suffix(".page").write_text("bad still\n")
    ship(pages, sqlite_url)

    assert sorted(path.read_bytes().count(b"\n") for path in folder.glob("*.rejected")) == [1, 2]
    assert len(list(folder.glob("*.reason"))) == 2


@pytest.mark.postgres
def test_a_row_without_its_prediction_keeps_out_no_other(pages: Spool, folder: Path, url: str) -> None:
    pages.write("predictions", [line(1), line(3)], since=1)
    pages.write("challenger_predictions", [said(1), said(2), said(3)], since=1)
    ship(pages, url, rounds=2)

    found = [int(row.prediction_id, 16) for row in rows_of(url, log_tables.CHALLENGER_PREDICTIONS)]
    assert sorted(found) == [1, 3]
    assert "line 2: the log has no such prediction" in reasons(folder)


def test_a_shadows_row_waits_for_predictions_that_cannot_be_read_yet(
    pages: Spool, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.write("predictions", [line(1)], since=1)
    pages.write("challenger_predictions", [said(1)], since=1)
    first, opened = pages.pages()[0], Path.open

    def fail(page: Path, *words: Any, **named: Any) -> Any:
        if page == first:
            raise OSError(24, "Too many open files")
        return opened(page, *words, **named)

    with closing(Shipper(pages, sqlite_url)) as shipper:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", fail)
            for _ in range(3):
                assert shipper.ship()
            assert "Too many open files" in pages.explanation()
        assert len(pages.pages()) == 2
        assert shipper.ship()

    assert len(rows_of(sqlite_url, log_tables.CHALLENGER_PREDICTIONS)) == 1
    assert pages.waiting().rejected_pages == 0


def test_pages_that_cannot_be_removed_are_shipped_once_and_keep_nothing_back(
    pages: Spool, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        pages.write("predictions", [line(number)], since=1)

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(30, "Read-only file system")

    with closing(Shipper(pages, sqlite_url)) as shipper:
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", refuse)
            assert shipper.ship()
            assert shipper.ship()
            assert sorted(ids_of(sqlite_url)) == [0, 1, 2]
            assert "Read-only file system" in pages.explanation()
        assert shipper.ship()
    assert pages.pages() == []


def test_a_page_at_which_the_database_fails_comes_after_the_others(
    pages: Spool, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        pages.write("predictions", [line(number)], since=1)
    execute = sa.Connection.exec_driver_sql

    def fail(connection: sa.Connection, statement: str, rows: Any = None, **words: Any) -> Any:
        if rows and rows[0][0] == f"{1:032x}":
            raise sa.exc.OperationalError("", None, Exception("out of memory for this row"))
        return execute(connection, statement, rows, **words)

    with closing(Shipper(pages, sqlite_url)) as shipper:
        with monkeypatch.context() as patch:
            patch.setattr(sa.Connection, "exec_driver_sql", fail)
            assert not shipper.ship()
            assert not shipper.ship()
            assert ids_of(sqlite_url) == [0, 2, 3]
            assert "out of memory for this row" in pages.explanation()
        assert shipper.ship()
    assert sorted(ids_of(sqlite_url)) == [0, 1, 2, 3]


def test_rows_that_went_into_a_removed_database_stay_in_the_spool(
    pages: Spool, tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages.write("predictions", [line(1)], since=1)
    execute = sa.Connection.exec_driver_sql

    def remove_and_execute(connection: sa.Connection, statement: str, rows: Any = None, **words: Any) -> Any:
        if rows:
            (tmp_path / "log.db").unlink()
        return execute(connection, statement, rows, **words)

    with closing(Shipper(pages, sqlite_url)) as shipper:
        with monkeypatch.context() as patch:
            patch.setattr(sa.Connection, "exec_driver_sql", remove_and_execute)
            assert not shipper.ship()
        assert shipper.ship()
    assert ids_of(sqlite_url) == [1]


@pytest.mark.parametrize("make", [os.mkfifo, Path.mkdir, lambda path: path.write_bytes(b"\xff" * 10**6)])
def test_a_foreign_file_for_the_problem_is_read_and_replaced_without_waiting(
    pages: Spool, folder: Path, make: Callable[[Path], Any]
) -> None:
    make(folder / "problem.txt")

    assert len(pages.explanation()) <= 1_000
    try:
        pages.explain("the database is away")
    except OSError:
        assert (folder / "problem.txt").is_dir()
    else:
        assert pages.explanation() == "the database is away"
    assert list(folder.glob("*.part")) == []


def test_unfinished_pages_that_cannot_be_removed_do_not_end_the_shipper(pages: Spool, folder: Path) -> None:
    for name in ("a.part", "b.part"):
        (folder / name).mkdir()
        os.utime(folder / name, (1, 1))
    (folder / "c.part").touch()
    os.utime(folder / "c.part", (1, 1))
    pages.remove_stale()

    assert sorted(path.name for path in folder.iterdir()) == ["a.part", "b.part"]


@pytest.fixture
def running_shipper(folder: Path, sqlite_url: str, root: Path) -> Iterator[subprocess.Popen[bytes]]:
    settings = {"SERVICE_OUTPUT_DIR": str(folder.parent), "SERVICE_LOG_URL": sqlite_url}
    command = [sys.executable, "-m", "service.log.shipper"]
    with subprocess.Popen(command, cwd=root, stdin=subprocess.PIPE, env=os.environ | settings) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def test_one_process_survives_every_page(
    running_shipper: subprocess.Popen[bytes], pages: Spool, folder: Path, sqlite_url: str
) -> None:
    for number, (make, _) in enumerate(ODDITIES.values()):
        make(folder / OLD_NAME.format(number, "predictions"))
        pages.write("predictions", [line(number)], since=DAY + number)
    (folder / "spool.part").mkdir()
    wait_until(lambda: pages.pages() == [], seconds=30)

    assert running_shipper.poll() is None
    assert sorted(ids_of(sqlite_url)) == list(range(len(ODDITIES)))
    assert pages.waiting().rejected_pages == len(ODDITIES)


NEVER = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@NEVER
@given(content=st.binary(max_size=600), is_new=st.booleans())
def test_no_content_of_a_page_raises_or_passes_for_a_row(tmp_path: Path, content: bytes, *, is_new: bool) -> None:
    page = tmp_path / "fuzzed.predictions.page"
    page.write_bytes(content)
    rows = list(page_format.read(page, checked=is_new))

    assert len(rows) == content.count(b"\n") + (not content.endswith(b"\n") and bool(content))
    assert not any("\n" in row.text or (row.fault and row.text) for row in rows)
    assert not is_new or all(row.fault for row in rows)
    assert page_format.read_intact(page) == (None if content else [])


@NEVER
@given(data=st.data())
def test_of_a_page_with_any_damage_exactly_the_intact_rows_are_read(tmp_path: Path, data: st.DataObject) -> None:
    written = [line(number, probability=repr(number / 8)) for number in range(8)]
    content = bytearray(page_format.encode(written))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        size = data.draw(st.integers(0, 300))
        content[at : at + size] = data.draw(st.sampled_from([b"", bytes(size), b"\n", b"\xff" * size, b"\t0.5\n"]))
        if not content:
            break
    page = tmp_path / "damaged.predictions.page"
    page.write_bytes(content)
    rows = list(page_format.read(page, checked=True))
    read = [row.text for row in rows if not row.fault]

    assert page_format.read_intact(page) == (read if len(read) == len(rows) else None)
    assert set(read) <= set(written)
    assert {row for row in written if b"\n" + page_format.encode([row]) in b"\n" + content} <= set(read)
