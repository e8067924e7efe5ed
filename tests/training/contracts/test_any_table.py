"""Whatever a table holds, a draft of it is a contract, and reads nearly all of its rows."""

import csv
import tempfile
from datetime import date
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.training.contracts.drafting import drafted
from training.contracts.errors import DraftError

NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x00", exclude_categories=["Cs"]), min_size=1)
LEVELS = st.lists(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=30), min_size=1, max_size=9
)
NUMBERS = st.lists(st.one_of(st.integers(-(10**9), 10**9), st.floats(-1e9, 1e9)), min_size=1, max_size=60).map(
    lambda numbers: list(map(str, numbers))
)
DATES = st.lists(st.dates(date(1950, 1, 1), date(2100, 1, 1)).map(date.isoformat), min_size=1, max_size=60)
COLUMNS = st.dictionaries(NAMES.map(str.strip).filter(bool), st.one_of(LEVELS, NUMBERS, DATES), min_size=1, max_size=6)


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow])
@given(columns=COLUMNS, delimiter=st.sampled_from(",;\t"))
def test_a_draft_of_any_table_is_a_contract_that_reads_it(columns: dict[str, list[str]], delimiter: str) -> None:
    columns = columns | {"churn": ["no", "no", "yes", "no", "yes"]}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.csv")
        with path.open("w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL)
            rows.writerow(columns)
            rows.writerows([values[at % len(values)] for values in columns.values()] for at in range(240))
        try:
            found = drafted(path, target="churn")
        except DraftError as error:
            assert "no column can be a feature" in str(error)  # noqa: PT017  # one of two ends
            return
        assert found.fitting_share() >= 0.95, found.report
