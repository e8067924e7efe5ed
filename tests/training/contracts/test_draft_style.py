"""A draft finds by looking how a file is written, so that the first try reads it."""

import gzip
from pathlib import Path

import pytest

from models.customer.files.csv_format import CsvFormat
from tests.training.contracts.drafting import drafted

ROWS = 300


def written(delimiter: str, amounts: tuple[str, ...], name: str = "Umsatz") -> str:
    """Return a file with a column of amounts."""
    cells = [amounts[at % len(amounts)] for at in range(ROWS)]
    quoted = [f'"{cell}"' if delimiter in cell else cell for cell in cells]
    outcomes = ["Yes" if at % 7 < 3 else "No" for at in range(ROWS)]
    rows = [delimiter.join(cells) for cells in zip(quoted, map(str, range(ROWS)), outcomes, strict=True)]
    return "\n".join([delimiter.join((name, "number, or so" if delimiter != "," else "number", "Churn")), *rows]) + "\n"


@pytest.mark.parametrize(
    ("delimiter", "amounts", "style", "first"),
    [
        (",", ("12.5", "1234.25"), {}, 12.5),
        (";", ("12,5", "1234,25"), {"delimiter": ";", "decimal": ","}, 12.5),
        (";", ("1.012,5", "7,25"), {"delimiter": ";", "decimal": ",", "thousands": "."}, 1012.5),
        (";", ("1.012", "7", "120"), {"delimiter": ";", "decimal": ",", "thousands": "."}, 1012),
        (";", ("1.012", "7.5", "120"), {"delimiter": ";"}, 1.012),
        (",", ("1,012.5", "7.25"), {"thousands": ","}, 1012.5),
        (",", ("1,012", "7", "120"), {"thousands": ","}, 1012),
        (",", ("12,5", "7,25"), {"decimal": ","}, 12.5),
        (",", ("1.012", "7.125", "0.5"), {}, 1.012),
        ("\t", ("1 012,5", "7,25"), {"delimiter": "\t", "decimal": ",", "thousands": " "}, 1012.5),
        ("|", ("1'012.5", "7.25"), {"delimiter": "|", "thousands": "'"}, 1012.5),
    ],
)
def test_delimiter_and_signs_of_numbers_are_found(
    tmp_path: Path, delimiter: str, amounts: tuple[str, ...], style: dict[str, str], first: float
) -> None:
    (tmp_path / "rows.csv").write_text(written(delimiter, amounts))
    found = drafted(tmp_path / "rows.csv")
    assert found.mapping.csv == CsvFormat.model_validate(style)
    assert found.rows()["umsatz"][0] == first
    assert found.fitting_share() == 1


@pytest.mark.parametrize(
    ("encoding", "declared"), [("utf-8", None), ("utf-8-sig", None), ("utf-16", None), ("cp1252", "cp1252")]
)
def test_the_encoding_is_found(tmp_path: Path, encoding: str, declared: str | None) -> None:
    (tmp_path / "rows.csv").write_text(written(";", ("groß", "klein"), "Größe"), encoding=encoding)
    found = drafted(tmp_path / "rows.csv")
    assert found.mapping.csv.encoding == declared
    assert found.feature("groesse").categories == ("groß", "klein")


def test_a_byte_that_no_character_of_cp1252_has_is_read(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_bytes(written(";", ("12,5", "7,25")).encode() + b"1,5;\x81;No\n")
    found = drafted(tmp_path / "rows.csv")
    assert found.mapping.csv.encoding == "latin-1"


def test_packed_files_tabs_and_json_lines_are_drafted(tmp_path: Path) -> None:
    (tmp_path / "rows.csv.gz").write_bytes(gzip.compress(written(";", ("1,5", "2,5")).encode()))
    (tmp_path / "rows.tsv").write_text(written("\t", ("1,5", "2,5")))
    lines = [f'{{"umsatz": "{at % 9},5", "Churn": {"true" if at % 7 < 3 else "false"}}}\n' for at in range(ROWS)]
    (tmp_path / "rows.jsonl").write_text("".join(lines))
    for name in ("rows.csv.gz", "rows.tsv", "rows.jsonl"):
        folder = tmp_path / name.replace(".", "_")
        folder.mkdir()
        found = drafted((tmp_path / name).rename(folder / name))
        assert found.mapping.csv.decimal == ","
        assert found.rows()["umsatz"][0] % 1 == 0.5


def test_declared_signs_are_not_guessed_again(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(written(";", ("1.012", "7", "120")))
    (tmp_path / "given.toml").write_text('[csv]\ndecimal = "."\n')
    found = drafted(tmp_path / "rows.csv", columns=tmp_path / "given.toml")
    assert found.rows()["umsatz"][0] == 1.012
