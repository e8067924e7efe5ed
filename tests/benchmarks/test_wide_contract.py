"""The table of many fields fits its contract, and the page of the benchmark has the figures of its rounds."""

import runpy
from collections import Counter
from pathlib import Path

from benchmarks import wide_contract
from benchmarks.measuring import wide_table
from benchmarks.wide_contract import NARROW, WIDE, Round
from models.columns import column_mapping
from models.customer import checks, tables
from models.customer.contract import Contract


def test_a_written_table_fits_the_contract_that_is_written_with_it(tmp_path: Path) -> None:
    wide_table.write(tmp_path, count=WIDE, rows=400)
    contract: Contract = runpy.run_path(str(tmp_path / wide_table.FEATURES_PATH))["CONTRACT"]
    kinds = Counter(feature.kind for feature in contract.features)
    assert kinds == {"number": 200, "integer": 60, "boolean": 20, "category": 20}
    mapping = column_mapping.read(tmp_path / "columns.toml", contract)
    rows = column_mapping.labelled(mapping, tables.read(tmp_path / "customers.csv").to_pandas(), contract)
    assert checks.find_violations(contract, rows) == {}
    assert 0.15 < rows["churned"].mean() < 0.45
    assert sum(rows[name].isna().any() for name in contract.names) == 60


def test_equal_arguments_give_equal_customers() -> None:
    fields = wide_table.fields(NARROW)
    assert wide_table.customers(fields, 50).equals(wide_table.customers(fields, 50))
    assert not wide_table.customers(fields, 50).equals(wide_table.customers(fields, 50, seed=8))


def test_the_page_has_medians_ratios_and_the_share_of_the_matrix() -> None:
    def measured(number: int, fields: int, factor: float) -> Round:
        names = ["fit", "http", "one: validate", "one: encode as matrix", "batch: validate", "batch: encode as matrix"]
        return Round(number, fields, dict.fromkeys(names, 100 * factor) | {"body bytes": 10 * fields})

    found = [measured(1, NARROW, 1), measured(1, WIDE, 2), measured(2, NARROW, 3), measured(2, WIDE, 6)]
    page = wide_contract.write("- date: today\n", found)
    assert "300 and 3,000 bytes" in page
    [line] = [line for line in page.splitlines() if line.startswith("| over HTTP")]
    assert line.split() == ["|", "over", "HTTP", "|", "200", "|", "400", "|", "2.0", "|"]
    assert "the matrix takes 50%; of a batch, 50%" in page.replace("\n", " ")
