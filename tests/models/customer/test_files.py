"""A table is read from whatever kind of file it comes in, and an error names what must be declared."""

import gzip
import json
import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from models.customer import tables
from models.customer.errors import ColumnRepeated, TableUnreadable
from models.customer.files.csv_format import CsvFormat

ROWS = [{"name": "Zoë", "fee": "1,5"}, {"name": "a;b", "fee": "20"}]
TEXT = 'name,fee\nZoë,"1,5"\na;b,20\n'


def rows(path: Path, **style: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = tables.read(path, style=CsvFormat.model_validate(style)).to_pylist()
    return found


FOUND: dict[str, bytes] = {
    "plain.csv": TEXT.encode(),
    "packed.csv.gz": gzip.compress(TEXT.encode()),
    "packed.csv": gzip.compress(TEXT.encode()),
    "bom.csv": TEXT.encode("utf-8-sig"),
    "wide.csv": TEXT.encode("utf-16"),
    "wide_big.csv": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "tabs.tsv": b"name\tfee\nZo\xc3\xab\t1,5\na;b\t20\n",
    "tabs.tsv.gz": gzip.compress(b"name\tfee\nZo\xc3\xab\t1,5\na;b\t20\n"),
    "lines.jsonl": "\n".join(map(json.dumps, ROWS)).encode(),
    "lines.jsonl.gz": gzip.compress("\r\n".join(map(json.dumps, ROWS)).encode()),
}


@pytest.mark.parametrize("name", FOUND)
def test_a_kind_of_file_is_found_by_looking(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(FOUND[name])
    assert rows(tmp_path / name) == ROWS
    chunks = list(tables.chunks(tmp_path / name, rows=1))
    assert [len(chunk.table) for chunk in chunks] == [1, 1]
    assert 0 <= sum(chunk.fraction for chunk in chunks) <= 1


DECLARED: dict[str, tuple[bytes, dict[str, str]]] = {
    "semicolons": ("name;fee\nZoë;1,5\n'a;b';20\n".encode(), {"delimiter": ";", "quote": "'"}),
    "cp1252": (TEXT.encode("cp1252"), {"encoding": "cp1252"}),
    "utf-16 without a mark": (TEXT.encode("utf-16-le"), {"encoding": "utf-16-le"}),
    "tabs": (b"name\tfee\nZo\xc3\xab\t1,5\na;b\t20\n", {"delimiter": "\t"}),
    "a mark that decides": (TEXT.encode("utf-8-sig"), {"encoding": "cp1252"}),
}


@pytest.mark.parametrize("name", DECLARED)
def test_a_way_of_writing_is_declared(tmp_path: Path, name: str) -> None:
    content, style = DECLARED[name]
    (tmp_path / "table.csv").write_bytes(content)
    assert rows(tmp_path / "table.csv", **style) == ROWS


@pytest.mark.parametrize(
    ("content", "problem", "line"),
    [
        (b"name;fee\nx;1,5\n", "its cells look separated by ;", 'delimiter = ";"'),
        (b"name\tfee\nx\t1\n", "its cells look separated by tabs", r'delimiter = "\\t"'),
        (b"name|fee\nx|1\n", r"its cells look separated by \|", r'delimiter = "\|"'),
        (TEXT.encode("utf-16-le"), "it looks like UTF-16 without a byte order mark", 'encoding = "utf-16-le"'),
        (TEXT.encode("utf-16-be"), "it looks like UTF-16 without a byte order mark", 'encoding = "utf-16-be"'),
        (TEXT.encode("cp1252"), 'row 1, column "name": byte 0xeb is not in the enc', 'encoding = "cp1252"'),
    ],
)  # fmt: skip
def test_a_plain_guess_is_named_with_the_line_to_add(tmp_path: Path, content: bytes, problem: str, line: str) -> None:
    (tmp_path / "table.csv").write_bytes(content)
    with pytest.raises(TableUnreadable, match=rf"table\.csv: {problem}.* Add {line}.* under \[csv\]"):
        tables.read(tmp_path / "table.csv")


def test_a_byte_that_is_no_text_stops_nothing_in_a_column_that_nobody_uses(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(b"note,fee\nfine,1\nZo\xeb,2\nr\xebd,3\n")
    assert tables.read(path, used=["fee"])["note"].to_pylist() == ["fine", "Zo\ufffd", "r\ufffdd"]
    [record] = caplog.records
    assert 'row 2, column "note": byte 0xeb is not in the encoding of the file. No feature uses' in record.message
    assert [chunk.table.to_pylist() for chunk in tables.chunks(path, columns=["fee"])] == [
        [{"fee": "1"}, {"fee": "2"}, {"fee": "3"}]
    ]
    with pytest.raises(TableUnreadable, match='row 2, column "note": byte 0xeb'):
        tables.read(path, used=["note"])


WRITERS: dict[str, Callable[[Path], object]] = {
    ".csv": lambda path: path.write_text(" months ,fee\n1,2\n"),
    ".jsonl": lambda path: path.write_text('{" months ": 1, "fee": 2}\n'),
    ".parquet": lambda path: pq.write_table(pa.table({" months ": ["1"], "fee": ["2"]}), path),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_blanks_around_a_name_are_removed_and_said(tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    path = tmp_path / f"table{kind}"
    WRITERS[kind](path)
    assert tables.read(path).to_pylist() == [{"months": "1", "fee": "2"}]
    assert "column ' months ' is read as 'months'" in caplog.text
    assert tables.schema(path).names == ["months", "fee"]
    assert next(tables.chunks(path, columns=["fee", "months"])).table.to_pylist() == [{"fee": "2", "months": "1"}]


def test_two_names_that_only_blanks_keep_apart_are_one_name_twice(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("a, a\n1,2\n")
    with pytest.raises(ColumnRepeated, match="column a twice"):
        list(tables.chunks(tmp_path / "table.csv", columns=["a"]))


def spark_folder(folder: Path) -> Path:
    """Write two parts as Spark does, with its marks beside them."""
    folder.mkdir()
    for number, fee in enumerate(([1, 2], [3])):
        pq.write_table(pa.table({"fee": fee, "name": ["x"] * len(fee)}), folder / f"part-{number:05}-ab.snappy.parquet")
    for name in ("_SUCCESS", "._SUCCESS.crc", ".part-00000-ab.snappy.parquet.crc"):
        (folder / name).write_bytes(b"crc")
    return folder


@pytest.mark.parametrize("name", ["customers", "customers.parquet", "customers.csv"])
def test_a_folder_of_parquet_parts_is_one_table(tmp_path: Path, name: str) -> None:
    folder = spark_folder(tmp_path / name)
    assert tables.read(folder)["fee"].to_pylist() == [1, 2, 3]
    chunks = list(tables.chunks(folder, rows=1, columns=["name"]))
    assert [chunk.table.to_pylist() for chunk in chunks] == [[{"name": "x"}]] * 3
    assert sum(chunk.fraction for chunk in chunks) == pytest.approx(1)


def test_each_part_is_read_and_what_is_left_out_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for at, name in enumerate(["a.parquet", "b.PARQUET", "elsewhere"]):
        pq.write_table(pa.table({"id": [at]}), tmp_path / name)
    (tmp_path / "parts").mkdir()
    for name in ("a.parquet", "b.PARQUET"):
        (tmp_path / name).rename(tmp_path / "parts" / name)
    (tmp_path / "parts/c.parquet").symlink_to(tmp_path / "elsewhere")
    for name in ("d.CSV", "_SUCCESS"):
        (tmp_path / "parts" / name).write_text("id\n3\n")
    assert tables.read(tmp_path / "parts")["id"].to_pylist() == [0, 1, 2]
    told = f"{tmp_path / 'parts'}: left out 1 files that are no .parquet files, such as d.CSV"
    assert caplog.messages == [told]


def test_a_folder_that_is_no_table_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(TableUnreadable, match=r"it is a folder without \.parquet files"):
        tables.schema(tmp_path / "empty")
    folder = spark_folder(tmp_path / "mixed")
    pq.write_table(pa.table({"other": [1]}), folder / "part-00002-ab.snappy.parquet")
    with pytest.raises(TableUnreadable, match=r"part-00002-ab\.snappy\.parquet: it has other columns than part-00000"):
        tables.read(folder)


@pytest.mark.parametrize("damage", ["footer", "pages"])
def test_a_damaged_file_of_a_folder_is_named_with_the_remedy(tmp_path: Path, damage: str) -> None:
    folder = spark_folder(tmp_path / "customers")
    part = folder / "part-00001-ab.snappy.parquet"
    content = part.read_bytes()
    part.write_bytes(content[:-1] if damage == "footer" else b"PAR1" + b"\xff" * 60 + content[64:])
    with pytest.raises(TableUnreadable, match=r"customers: part-00001-ab\.snappy\.parquet: .+ Give a \.csv"):
        tables.read(folder)


def partitioned(folder: Path, *names: str) -> Path:
    """Write a part to each folder; the fees are 0, 1, 2 and so on, in the order of the names."""
    for fee, name in enumerate(names):
        (folder / name).mkdir(parents=True)
        pq.write_table(pa.table({"fee": [fee], "name": ["x"]}), folder / name / "part-0.parquet")
    return folder


def test_names_of_folders_are_columns(tmp_path: Path) -> None:
    null = "plan=__HIVE_DEFAULT_PARTITION__"
    folder = partitioned(
        tmp_path / "t", "year=2025/plan=a%2Fb", f"year=2025/{null}", "year=2026/plan=c", "_log", ".tmp"
    )
    (folder / "_SUCCESS").touch()
    assert tables.schema(folder).names == ["fee", "name", "year", "plan"]
    rows = [
        {"fee": 1, "name": "x", "year": "2025", "plan": None},
        {"fee": 0, "name": "x", "year": "2025", "plan": "a/b"},
        {"fee": 2, "name": "x", "year": "2026", "plan": "c"},
    ]
    assert tables.read(folder).to_pylist() == rows
    for columns in (["plan", "fee"], ["year"], ["name"]):
        found = pa.concat_tables(chunk.table for chunk in tables.chunks(folder, columns=columns))
        assert found.to_pylist() == [{name: row[name] for name in columns} for row in rows]


def test_a_column_of_the_files_comes_before_the_name_of_a_folder(tmp_path: Path) -> None:
    assert tables.read(partitioned(tmp_path / "t", "fee=9", "fee=8")).to_pylist() == [
        {"fee": 1, "name": "x"},
        {"fee": 0, "name": "x"},
    ]


@pytest.mark.parametrize(
    ("names", "problem"),
    [
        (["year=2026/plan=a", "year=2026"], r"part-0.parquet is in other folders than year=2026/.*all files need the"),
        (["year=2026", "."], "is in other folders than"),
        (["old"], "the name of its folder old is not a new column and its value, such as year=2026"),
        (["a=1/a=2"], "the name of its folder a=2 is not a new column"),
    ],
)
def test_folders_that_are_no_one_table_are_named(tmp_path: Path, names: list[str], problem: str) -> None:
    for fee, name in enumerate(names):
        (tmp_path / "t" / name).mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"fee": [fee]}), tmp_path / "t" / name / "part-0.parquet")
    with pytest.raises(TableUnreadable, match=problem):
        tables.read(tmp_path / "t")


@pytest.mark.parametrize(
    "content",
    [b"\x1f\x8b", gzip.compress(b"a,b\n1,2\n" * 999)[:-20], b"\x1f\x8b\x08" + b"x" * 99],
    ids=["its beginning", "cut off", "no archive"],
)
@pytest.mark.parametrize("kind", [".csv.gz", ".jsonl"])
def test_a_damaged_archive_is_named(tmp_path: Path, kind: str, content: bytes) -> None:
    (tmp_path / f"table{kind}").write_bytes(content)
    with pytest.raises(TableUnreadable, match=rf"table\{kind}: "):
        tables.read(tmp_path / f"table{kind}")


def test_the_first_sheet_of_a_workbook_is_read_as_text(tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed")
    book = openpyxl.Workbook()
    book.active.append([" name ", "fee", "months", "since", "paid"])
    book.active.append(["Zoë", 1.5, 4.0, date(2026, 1, 2), True])
    book.active.append([])
    book.active.append(["x", None, 3, None, False, None])
    book.active.append(["y", 1, 2, None, True, "more"])
    book.save(tmp_path / "table.xlsx")
    [chunk] = tables.chunks(tmp_path / "table.xlsx")
    assert [list(row.values()) for row in chunk.table.to_pylist()] == [
        ["Zoë", "1.5", "4", "2026-01-02T00:00:00", "True"],
        ["x", None, "3", None, "False"],
        ["y", "1", "2", None, "True"],
    ]
    assert chunk.misfit.tolist() == [False, False, True]
    assert chunk.table.column_names == ["name", "fee", "months", "since", "paid"]
    (tmp_path / "no.xlsx").write_text("name,fee\n")
    with pytest.raises(TableUnreadable, match="it is not an Excel workbook"):
        tables.schema(tmp_path / "no.xlsx")


def test_sheets_that_are_not_read_are_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    openpyxl = pytest.importorskip("openpyxl", reason="openpyxl is not installed")
    book = openpyxl.Workbook()
    book.active.append(["name"])
    for title in ("Cover", "a", "b", "c"):
        book.create_sheet(title)
    book.save(tmp_path / "table.xlsx")
    tables.schema(tmp_path / "table.xlsx")
    assert caplog.messages == [
        f"{tmp_path / 'table.xlsx'}: only the first sheet, 'Sheet', is read, and not 'Cover', 'a', 'b' and 1 more"
    ]


@pytest.mark.parametrize(
    ("title", "problem"),
    [
        ("Customers of 2026", "row 1 has another number of cells"),
        ("Customers of 2026,,", "all cells of its header but 'Customers of 2026' are empty"),  # as Excel writes it
    ],
)
def test_a_title_above_the_header_is_named_as_what_may_be_wrong(tmp_path: Path, title: str, problem: str) -> None:
    (tmp_path / "table.csv").write_text(f"{title}\nname,fee,plan\nZoe,1,a\n")
    with pytest.raises(TableUnreadable, match=rf"{problem}.+title.+is above the header, remove"):
        tables.read(tmp_path / "table.csv")


def test_a_table_of_one_column_may_have_empty_ones_beside_it(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("name,,\nZoe,,\n")
    assert tables.read(tmp_path / "table.csv", used=["name"])["name"].to_pylist() == ["Zoe"]
