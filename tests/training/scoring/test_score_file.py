"""A file is scored like the service scores it, completely or not at all; rejected rows go to a second file."""

import csv
import json
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import Field, create_model

from models import batches
from models.bundles import bundle
from models.bundles.scorer import Scorer
from models.columns.errors import ColumnMissing
from models.customer import declaration
from models.customer.errors import ColumnRepeated, TableUnreadable
from models.customer.offending import SHOWN
from models.errors import BundleError
from models.features import CONTRACT, CustomerFeatures
from training.data import synthetic
from training.errors import TooManyRejected
from training.scoring import score_file
from training.scoring.errors import ColumnsTaken, NothingScored, OutputRefused
from training.scoring.scoring_summary import ScoringSummary
from training.settings import ScoreSettings

HEADER = "id,tenure_months,monthly_charges,total_charges,support_tickets,contract_type"
GOOD = ["a,4,89.5,358.0,3,0", 'b,60,20,"",0,2', '"c, and\nmore",12,50.0,600,1, 1 ']
BAD = ["d,400,20,800,-1,0", "e,soon,20,800,0,7", "f,1,20,20,0", "g,1,20,20,0,0,0", "h,,20,,,"]
ADDED = ["churn_probability", "churn_prediction", "risk_tier", "model_version"]

Score = Callable[..., ScoringSummary]


@pytest.fixture(scope="session")
def score(root: Path) -> Score:
    """Score a file with the pinned model."""

    def run(source: Path, output: Path, *, chunk_rows: int = 1_000, **changes: object) -> ScoringSummary:
        chosen = {"input": source, "output": output, "models_dir": root / "models", "max_rejected_fraction": 1}
        return score_file.score(ScoreSettings.model_validate(chosen | changes), chunk_rows=chunk_rows)

    return run


@pytest.fixture
def customers() -> pd.DataFrame:
    drawn = synthetic.sample(300, seed=5)[0].drop(columns="churned")
    return drawn.assign(id=[f"C{at:03}" for at in range(300)])


def write(path: Path, *lines: str) -> Path:
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def rows_of(path: Path) -> list[list[str]]:
    with path.open(newline="") as file:
        return list(csv.reader(file))


@pytest.mark.shipped_model
def test_a_scored_row_is_the_row_as_it_was_and_its_prediction(score: Score, tmp_path: Path) -> None:
    source, output = write(tmp_path / "in.csv", *GOOD), tmp_path / "out.csv"
    tally = score(source, output)
    before, after = rows_of(source), rows_of(output)
    assert after[0] == [*before[0], *ADDED]
    assert [row[:-4] for row in after] == before
    assert [row[-2] for row in after[1:]] == ["high", "low", "low"]
    assert {row[-1] for row in after[1:]} == {tally.model_version}
    assert (tally.scored, tally.rejected, tally.tiers) == (3, 0, {"high": 1, "low": 2})


@pytest.mark.parametrize("written", ["out.csv", "out.parquet"])
@pytest.mark.parametrize("read", ["in.csv", "in.parquet"])
def test_either_kind_of_file_is_scored_into_either_as_the_scorer_does(
    score: Score, customers: pd.DataFrame, root: Path, tmp_path: Path, read: str, written: str
) -> None:
    source, output = tmp_path / read, tmp_path / written
    customers.to_csv(source, index=False) if read == "in.csv" else customers.to_parquet(source)
    score(source, output, chunk_rows=70)
    scored = pd.read_csv(output) if written == "out.csv" else pd.read_parquet(output)
    scorer = Scorer.of(bundle.load(root / "models", contract=CONTRACT))
    expected = scorer.score(CONTRACT.to_matrix(customers))
    assert scored["id"].tolist() == customers["id"].tolist()
    np.testing.assert_allclose(scored["churn_probability"], expected, atol=1e-5)
    assert scored["churn_prediction"].tolist() == [scorer.policy.churns(value) for value in expected]
    assert scored["risk_tier"].tolist() == [scorer.policy.tier(value) for value in expected]


def test_columns_of_a_parquet_file_keep_their_types(score: Score, customers: pd.DataFrame, tmp_path: Path) -> None:
    table = pa.Table.from_pandas(customers).append_column("tags", pa.array([["a"], None, []] * 100))
    pq.write_table(table, tmp_path / "in.parquet")
    score(tmp_path / "in.parquet", tmp_path / "out.parquet")
    assert pq.read_schema(tmp_path / "out.parquet") == pa.schema([*table.schema, *batches.PREDICTION])


@pytest.mark.shipped_model
def test_rejected_rows_are_set_aside_with_number_and_reasons(score: Score, tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", GOOD[0], BAD[0], "", BAD[1], GOOD[1], BAD[2], BAD[3], GOOD[2], BAD[4])
    tally = score(source, tmp_path / "out.csv")
    cells = "another number of cells than the header"
    assert rows_of(tmp_path / "out.rejected.csv") == [
        ["row", "reasons", *HEADER.split(",")],
        ["2", "tenure_months above 120; support_tickets below 0", "d", "400", "20", "800", "-1", "0"],
        ["3", "tenure_months not a number; contract_type not one of [0, 1, 2]", "e", "soon", "20", "800", "0", "7"],
        ["5", f"{cells}; contract_type missing", "f", "1", "20", "20", "0", ""],
        ["6", cells, "g", "1", "20", "20", "0", "0"],
        ["8", "tenure_months missing; support_tickets missing; contract_type missing", "h", "", "20", "", "", ""],
    ]
    assert [row[0] for row in rows_of(tmp_path / "out.csv")] == ["id", "a", "b", "c, and\nmore"]
    assert (tally.rows, tally.scored, tally.rejected) == (8, 3, 5)
    assert tally.reasons[cells] == 2
    told = tally.describe(Path("out.csv"), Path("out.rejected.csv")).splitlines()
    assert told == [
        f"scored 3 of 8 customers with model {tally.model_version}: out.csv",
        "  low      66.7%  2",
        "  medium    0.0%  0",
        "  high     33.3%  1",
        "rejected 5, with their reasons: out.rejected.csv",
        *(f"  {reason}: {count}" for reason, count in tally.reasons.most_common()),
    ]


def test_nulls_of_a_parquet_file_are_scored_where_the_contract_allows_them(
    score: Score, customers: pd.DataFrame, tmp_path: Path
) -> None:
    holes = customers.convert_dtypes()
    holes.loc[3, "total_charges"] = None
    holes.loc[[7, 70], "tenure_months"] = None
    holes.to_parquet(tmp_path / "in.parquet")
    tally = score(tmp_path / "in.parquet", tmp_path / "out.parquet", chunk_rows=50)
    assert tally.reasons == {"tenure_months missing": 2}
    assert [row[0] for row in rows_of(tmp_path / "out.rejected.csv")] == ["row", "8", "71"]
    assert pd.read_parquet(tmp_path / "out.parquet")["id"].tolist() == customers["id"].drop([7, 70]).tolist()


@settings(max_examples=25)
@given(lines=st.lists(st.sampled_from([*GOOD, *BAD, ""]), max_size=12), chunk_rows=st.integers(1, 13))
def test_results_do_not_depend_on_where_chunks_begin(score: Score, lines: list[str], chunk_rows: int) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        source = write(folder / "in.csv", GOOD[0], *lines)
        tallies = [score(source, folder / "one.csv"), score(source, folder / "many.csv", chunk_rows=chunk_rows)]
        written = [
            [
                path.read_bytes() if path.exists() else None
                for path in (folder / name, folder / f"{name[:-4]}.rejected.csv")
            ]
            for name in ("one.csv", "many.csv")
        ]
    assert written[0] == written[1]
    assert tallies[0] == tallies[1]


def test_foreign_columns_are_mapped_and_no_target_is_needed(score: Score, root: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text(
        "customerID,tenure,MonthlyCharges,TotalCharges,numAdminTickets,numTechTickets,Contract\n"
        "x,4,89.5,358.0,1,2,Month-to-month\ny,0,20, ,0,0,Two year\nz,0,20,,0,0,Three year\n"
    )
    tally = score(source, tmp_path / "out.csv", columns=root / "training" / "columns" / "telco.toml")
    native = write(tmp_path / "native.csv", *GOOD[:1])
    score(native, tmp_path / "expected.csv")
    assert rows_of(tmp_path / "out.csv")[1][-4:] == rows_of(tmp_path / "expected.csv")[1][-4:]
    assert tally.reasons == {"contract_type not one of [0, 1, 2]": 1}


def test_a_clean_run_replaces_the_results_and_removes_the_rejected_rows_of_the_last(
    score: Score, tmp_path: Path
) -> None:
    output = tmp_path / "out.csv"
    score(write(tmp_path / "in.csv", GOOD[0], BAD[0]), output)
    assert (tmp_path / "out.rejected.csv").exists()
    score(write(tmp_path / "in.csv", GOOD[1]), output)
    assert [row[0] for row in rows_of(output)] == ["id", "b"]
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv"}


@pytest.mark.parametrize(
    ("lines", "error", "problem"),
    [
        ([], NothingScored, r"in\.csv: it has no rows\."),
        (BAD[:2], NothingScored, r"none of its 2 rows .*\(tenure_months above 120: 1 .*--columns"),
        ([*GOOD, '"open'], TableUnreadable, "line 6: unexpected end of data"),
    ],
)
def test_a_run_that_fails_leaves_everything_as_it_was(
    score: Score, tmp_path: Path, lines: list[str], error: type[Exception], problem: str
) -> None:
    source = write(tmp_path / "in.csv", *lines)
    for name in ("out.csv", "out.rejected.csv"):
        (tmp_path / name).write_text("of an earlier run")
    with pytest.raises(error, match=problem):
        score(source, tmp_path / "out.csv", chunk_rows=1)
    assert {path.name for path in tmp_path.iterdir()} == {"in.csv", "out.csv", "out.rejected.csv"}
    assert (tmp_path / "out.csv").read_text() == (tmp_path / "out.rejected.csv").read_text() == "of an earlier run"


def test_a_file_with_many_rejected_rows_is_not_scored_unless_that_is_allowed(score: Score, tmp_path: Path) -> None:
    charged = [f'{at},4,89.5,"1,{at}",3,0' for at in range(100, 116)]
    source, output = write(tmp_path / "in.csv", *charged, *GOOD), tmp_path / "out.csv"
    named = r'16 of 19 rows .* 5% \(total_charges not a number: 16 \("1,100" 1, .*decimal = "," or thousands = ","'
    with pytest.raises(TooManyRejected, match=rf"{named} under \[csv\].*--max-rejected-fraction 1\.$") as caught:
        score(source, output, max_rejected_fraction=0.05)
    assert str(caught.value).count('"1,1') == SHOWN
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]
    assert score(source, output, max_rejected_fraction=0.85).rejected == 16

    (tmp_path / "columns.toml").write_text('[csv]\nthousands = ","\n')
    mapped = score(source, output, columns=tmp_path / "columns.toml", max_rejected_fraction=0)
    assert (mapped.scored, mapped.rejected) == (19, 0)


def test_a_byte_that_is_no_text_stops_no_score_that_does_not_use_it(score: Score, tmp_path: Path) -> None:
    (tmp_path / "in.csv").write_bytes(f"{HEADER}\nZoë,4,89.5,358.0,3,0.0\n".encode("cp1252"))
    assert score(tmp_path / "in.csv", tmp_path / "out.csv").scored == 1
    assert rows_of(tmp_path / "out.csv")[1][0] == "Zo\ufffd"


def test_words_that_may_mean_unknown_are_named_with_the_line_to_add(score: Score, tmp_path: Path) -> None:
    words = [*["?"] * 3, *["gone"] * 2, "a", "b", "c", "d"]
    source = write(tmp_path / "in.csv", *(f"x,4,89.5,{word},3,0" for word in words))
    nulls = r'add nulls = \["\?", "gone", "a", "b", "c"\] under \[csv\]'
    with pytest.raises(NothingScored, match=rf'total_charges not a number: 9 \("\?" 3, "gone" 2, .*{nulls}'):
        score(source, tmp_path / "out.csv")
    (tmp_path / "columns.toml").write_text(f"[csv]\nnulls = {json.dumps(sorted(set(words)))}\n")
    assert score(source, tmp_path / "out.csv", columns=tmp_path / "columns.toml").rejected == 0


@pytest.mark.parametrize("column", ADDED)
def test_a_source_with_a_column_that_would_be_added_is_refused(score: Score, tmp_path: Path, column: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text(f"{HEADER},{column}\n{GOOD[0]},x\n")
    with pytest.raises(ColumnsTaken, match=rf"already has {column}\. Rename"):
        score(source, tmp_path / "out.csv")
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.shipped_model
def test_made_columns_are_scored_like_columns_of_the_table(
    score: Score, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    columns = tmp_path / "columns.toml"
    columns.write_text(
        '[features]\ntotal_charges = { ratio = ["cents", "hundred"] }\nsupport_tickets = { default = 3 }\n'
        'tenure_months = { difference = ["end", "start"] }\n'
    )
    header = "id,end,start,monthly_charges,cents,hundred,contract_type"
    rows = ["a,10,6,89.5,35800,100,0", "b,60,0,20,5,0,2", "c,60,0,20,7,0,2"]
    source = tmp_path / "in.csv"
    source.write_text("\n".join([header, *rows]))
    plain = write(tmp_path / "plain.csv", "a,4,89.5,358.0,3,0", "b,60,20,,3,2", "c,60,20,,3,2")
    assert score(source, tmp_path / "out.csv", columns=columns, chunk_rows=1).rejected == 0
    score(plain, tmp_path / "plain-out.csv")
    made, expected = (pd.read_csv(tmp_path / name)["churn_probability"] for name in ("out.csv", "plain-out.csv"))
    assert made.tolist() == expected.tolist()
    told = [message for message in caplog.messages if "unknown in" in message or "default" in message]
    assert told == [
        'support_tickets is 3 in all rows, the default, because the table has no column "support_tickets"',
        'total_charges is unknown in 2 rows, because "hundred" is zero there',
    ]


def test_missing_and_repeated_columns_are_refused_by_name(score: Score, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("id,tenure\n1,2\n")
    with pytest.raises(ColumnMissing, match='no column "tenure_months", "monthly_charges"'):
        score(source, tmp_path / "out.csv")
    source.write_text(f"{HEADER},contract_type\n{GOOD[0]},1\n")
    with pytest.raises(ColumnRepeated, match="contract_type twice"):
        score(source, tmp_path / "out.csv")


@pytest.mark.parametrize(
    ("source", "output", "problem"),
    [
        ("in.csv", "in.csv", "it is the file to score"),
        ("in.csv", "link.csv", "it is the file to score"),
        ("old.rejected.csv", "old.csv", r"old\.rejected\.csv: it is the file to score"),
        ("in.csv", "absent/out.csv", "absent is not a folder"),
        ("in.csv", "in.csv/out.csv", r"in\.csv is not a folder"),
        ("in.csv", "folder.csv", "it is a folder"),
    ],
)
def test_an_output_that_cannot_be_is_refused_before_any_work(
    score: Score, tmp_path: Path, source: str, output: str, problem: str
) -> None:
    for name in ("in.csv", "old.rejected.csv"):
        write(tmp_path / name, *GOOD)
    (tmp_path / "link.csv").symlink_to(tmp_path / "in.csv")
    (tmp_path / "folder.csv").mkdir()
    before = sorted(tmp_path.iterdir())
    with pytest.raises(OutputRefused, match=problem):
        score(tmp_path / source, tmp_path / output)
    assert sorted(tmp_path.iterdir()) == before
    assert len(rows_of(tmp_path / source)) == 4


@pytest.mark.parametrize("name", ["out.csv", "out.parquet"])
def test_a_disk_that_fills_up_is_told_and_left_as_it_was(score: Score, tmp_path: Path, name: str) -> None:
    source = write(tmp_path / "in.csv", *(f"{at},4,89.5,358.0,3,0" for at in range(20_000)))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OutputRefused, match=rf"{name}: .*File too large\. Name another file"):
            score(source, tmp_path / name)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize(("source", "output"), [("in.xls", "out.csv"), ("in.csv", "out.xlsx"), ("in.csv", "out")])
def test_a_file_of_another_kind_is_refused(score: Score, tmp_path: Path, source: str, output: str) -> None:
    write(tmp_path / source, *GOOD)
    with pytest.raises(TableUnreadable, match=r"is not a known kind of file.* \.csv"):
        score(tmp_path / source, tmp_path / output)


def test_without_a_model_that_can_be_trusted_nothing_is_scored(score: Score, tmp_path: Path) -> None:
    source = write(tmp_path / "in.csv", *GOOD)
    with pytest.raises(BundleError, match="no model is pinned"):
        score(source, tmp_path / "out.csv", models_dir=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_run_that_is_stopped_leaves_nothing(root: Path, tmp_path: Path, sent: signal.Signals, code: int) -> None:
    source = write(tmp_path / "in.csv", *["a,4,89.5,358.0,3,0"] * 1_000_000)
    command = [sys.executable, "-m", "training", "score", str(source), str(tmp_path / "out.csv")]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not list(tmp_path.glob(".scoring-*/scored.csv")) and time.monotonic() < deadline:
            time.sleep(0.01)
        process.send_signal(sent)
        assert process.wait(timeout=120) == code
    assert [path.name for path in tmp_path.iterdir()] == ["in.csv"]


def test_a_file_without_a_new_field_that_clients_may_leave_out_is_scored(
    root: Path, tmp_path: Path, score: Score, customers: pd.DataFrame, caplog: pytest.LogCaptureFixture
) -> None:
    bill: Any = (float | None, Field(default=None, ge=0, le=9, examples=[1.0]))
    wider = declaration.derive(create_model("Wider", __base__=CustomerFeatures, monthly_bill=bill))
    customers.to_csv(tmp_path / "in.csv", index=False)
    score(tmp_path / "in.csv", tmp_path / "before.csv")
    settings = ScoreSettings(input=tmp_path / "in.csv", output=tmp_path / "after.csv", models_dir=root / "models")
    assert score_file.score(settings, contract=wider).scored == len(customers)
    assert (tmp_path / "after.csv").read_text() == (tmp_path / "before.csv").read_text()
    assert "monthly_bill is unknown in all rows" in caplog.text
