"""A folder is scored file by file as each file alone, on disk and in an object store, and what is done stays done."""

import contextlib
import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pandas as pd
import pytest

from models import file_lock
from models.customer.errors import TableUnreadable
from models.customer.files import store_files
from tests.object_store import ObjectStore
from tests.waiting import wait_until
from training import __main__ as program
from training.data import synthetic
from training.scoring import score_file, score_folder
from training.scoring.errors import FilesFailed, NothingScored, OutputRefused, ScoringEnded
from training.scoring.scoring_summary import FolderSummary
from training.settings import ScoreSettings

Score = Callable[..., FolderSummary]


@pytest.fixture
def score(root: Path) -> Score:
    """Score a folder with the pinned model."""

    def run(source: object, output: object, *, chunk_rows: int = 70, **changes: object) -> FolderSummary:
        chosen = {"input": source, "output": output, "models_dir": root / "models"}
        return score_folder.score(ScoreSettings.model_validate(chosen | changes), chunk_rows=chunk_rows)

    return run


@pytest.fixture
def lake_folder(tmp_path: Path) -> Path:
    """Customers in partitions of several kinds of files; one of them has a row that breaks the contract."""
    drawn = synthetic.sample(600, seed=5)[0].drop(columns="churned")
    customers = drawn.assign(id=[f"C{at:03}" for at in range(600)])
    folder = tmp_path / "lake"
    for month, name in enumerate(["year=2026/month=1/part-0.parquet", "year=2026/month=2/part-0.csv", "old/rows.tsv"]):
        (folder / name).parent.mkdir(parents=True)
        rows = customers.iloc[200 * month : 200 * month + 200]
        if name.endswith(".parquet"):
            rows.to_parquet(folder / name, index=False)
        else:
            rows.to_csv(folder / name, index=False, sep="\t" if name.endswith(".tsv") else ",")
    broken = (folder / "old/rows.tsv").read_text().split("\n")
    broken[5] = "\t".join(["-1", *broken[5].split("\t")[1:]])
    (folder / "old/rows.tsv").write_text("\n".join(broken))
    for name in ("year=2026/_SUCCESS", "year=2026/month=2/.part-0.csv.crc"):
        (folder / name).write_text("")
    return folder


RESULTS = {
    "year=2026/month=1/part-0.parquet": "year=2026/month=1/part-0.parquet",
    "year=2026/month=2/part-0.csv": "year=2026/month=2/part-0.csv",
    "old/rows.tsv": "old/rows.tsv.csv",
}


def content(folder: Path) -> dict[str, bytes]:
    return {file.relative: Path(str(file.path)).read_bytes() for file in store_files.walk(folder)}


def results(files: dict[str, bytes]) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if not name.startswith("_scored/")}


@pytest.fixture
def alone(root: Path, lake_folder: Path, tmp_path: Path) -> dict[str, bytes]:
    """The scored rows of each file that is scored alone."""
    found = {}
    for name, result in RESULTS.items():
        output = tmp_path / f"alone{Path(result).suffix}"
        chosen = {"input": lake_folder / name, "output": output, "models_dir": root / "models"}
        score_file.score(ScoreSettings.model_validate(chosen), chunk_rows=70)
        found[result] = output.read_bytes()
    return found


def test_each_file_is_scored_as_it_is_alone_wherever_it_lies(
    score: Score, lake: ObjectStore, lake_folder: Path, alone: dict[str, bytes], tmp_path: Path
) -> None:
    found = score(lake_folder, tmp_path / "out")
    assert (found.files, found.rows.rows, found.rows.rejected) == (3, 600, 1)
    scored = results(content(tmp_path / "out"))
    rejected = scored.pop("_rejected/old/rows.tsv.csv").decode()
    assert scored == alone
    [header, row] = csv.reader(rejected.splitlines())
    assert (header[:3], row[:3]) == (["file", "row", "reasons"], ["old/rows.tsv", "5", "tenure_months below 0"])

    lake.put(lake_folder, "in")
    places = {"s3://lake/in": "s3://lake/out", str(lake_folder): "s3://lake/upload", "s3://lake/in/": tmp_path / "load"}
    for source, output in places.items():
        assert score(source, output).rows == found.rows
    for files in (lake.content("out"), lake.content("upload"), content(tmp_path / "load")):
        assert results(files) == alone | {"_rejected/old/rows.tsv.csv": rejected.encode()}
    again = score("s3://lake/in", "s3://lake/out")
    assert (again.files_done_before, again.rows) == (3, found.rows)


@pytest.mark.parametrize("where", [{"processes": 2}, {"cluster": "local:2"}], ids=["processes", "cluster"])
def test_several_processes_make_the_same_bytes(
    score: Score, lake_folder: Path, tmp_path: Path, where: dict[str, object]
) -> None:
    first = score(lake_folder, tmp_path / "one")
    second = score(lake_folder, tmp_path / "two", **where)
    assert first == second
    assert results(content(tmp_path / "one")) == results(content(tmp_path / "two"))


def test_only_what_has_changed_is_scored_again(score: Score, lake_folder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    first = score(lake_folder, output)
    before = content(output)
    marks = {name: (output / name).stat().st_mtime_ns for name in before}

    def redone() -> set[str]:
        score(lake_folder, output)
        return {result for result in RESULTS.values() if (output / result).stat().st_mtime_ns != marks[result]}

    assert redone() == set()
    (output / "old/rows.tsv.csv").write_text("half")
    (output / "_rejected/old/rows.tsv.csv").unlink()
    assert redone() == {"old/rows.tsv.csv"}
    assert content(output) == before
    changed = lake_folder / "year=2026/month=2/part-0.csv"
    changed.write_text("\n".join(changed.read_text().split("\n")[:100]))
    marks = {name: (output / name).stat().st_mtime_ns for name in before}
    assert redone() == {"year=2026/month=2/part-0.csv"}
    record = output / "_scored/year=2026/month=1/part-0.parquet.json"
    for damage in ("{", record.read_text().replace(first.rows.model_version, "20260101-0123456789abcdef")):
        record.write_text(damage)
        marks = {name: (output / name).stat().st_mtime_ns for name in before}
        assert redone() == {"year=2026/month=1/part-0.parquet"}
    times = changed.stat().st_atime_ns, changed.stat().st_mtime_ns
    changed.write_text(changed.read_text().replace("1", "2"))
    os.utime(changed, ns=times)
    assert score(lake_folder, output).files_done_before == 2
    columns = tmp_path / "columns.toml"
    columns.write_text('[csv]\nnulls = ["unknown"]\n')
    assert score(lake_folder, output, columns=columns).files_done_before == 0


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_that_is_stopped_is_continued_to_the_same_bytes(
    root: Path, score: Score, tmp_path: Path, processes: int
) -> None:
    source, output = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    line = "a,4,89.5,358.0,3,0\n"
    header = "id,tenure_months,monthly_charges,total_charges,support_tickets,contract_type\n"
    sizes = [1, 1, 1, *[40_000] * 7]
    for at, rows in enumerate(sizes):
        (source / f"{at}.csv").write_text(header + line * rows)
    words = [str(source), str(output), "--processes", str(processes)]
    command = [sys.executable, "-m", "training", "score", *words]
    with subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True) as process:
        wait_until((output / "_scored/2.csv.json").exists)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=120) == 143
    done = content(output)
    assert {name for name in done if name.endswith(".csv")} < {f"{at}.csv" for at in range(len(sizes))}
    assert not any(".scoring-" in name for name in done)
    found = score(source, output, chunk_rows=50_000)
    assert 3 <= found.files_done_before < len(sizes)
    assert found.rows.rows == sum(sizes)
    score(source, tmp_path / "whole", chunk_rows=50_000)
    assert results(content(output)) == results(content(tmp_path / "whole"))


def workers(process_id: int) -> list[int]:
    """The processes that score files for a process."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it has ended
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            if parent == process_id and b"spawn_main" in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
    return found


def have_ended(processes: list[int]) -> bool:
    return not any(Path(f"/proc/{number}").exists() for number in processes)


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="looks for processes in /proc")
def test_a_killed_process_ends_the_others_and_is_told(root: Path, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    header = "id,tenure_months,monthly_charges,total_charges,support_tickets,contract_type\n"
    for at in range(2):
        (tmp_path / f"in/{at}.csv").write_text(header + "a,4,89.5,358.0,3,0\n" * 1_000_000)
    command = [sys.executable, "-m", "training", "score", str(tmp_path / "in"), str(tmp_path / "out")]
    for kills_a_worker in (True, False):
        with subprocess.Popen([*command, "--processes", "2"], cwd=root, stderr=subprocess.PIPE, text=True) as process:
            wait_until(lambda: len(list((tmp_path / "out").glob(".scoring-folder-*/scored.csv"))) == 2)
            known = workers(process.pid)
            assert len(known) == 2
            os.kill(known[0] if kills_a_worker else process.pid, signal.SIGKILL)
            assert process.wait(timeout=120) == (2 if kills_a_worker else -signal.SIGKILL)
            wait_until(partial(have_ended, known))
            told = process.stderr.read() if process.stderr else ""
        for left in (tmp_path / "out").glob(".scoring-*"):
            shutil.rmtree(left)
        ended = "A process was ended, perhaps for lack of memory. Use fewer --processes. 0 of 2 files are done"
        assert (ended in told) == kills_a_worker
        assert "Traceback" not in told


def test_a_file_that_cannot_be_scored_stops_no_other(
    score: Score, lake_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (lake_folder / "old/none.csv").write_text("id\n1\n")
    (lake_folder / "old/no.parquet").write_text("id\n1\n")
    (lake_folder / "old/notes.txt").write_text("hello")
    for folder in ("old", "year=2026"):
        shutil.copy(lake_folder / "old/none.csv", lake_folder / folder / "empty.csv")
    with pytest.raises(
        FilesFailed,
        match=r"4 of 7 files were not scored.*run the command again.*\[old/empty\.csv\] .*no "
        r"column.*\[old/no\.parquet\] .*Parquet",
    ) as caught:
        score(lake_folder, tmp_path / "out")
    assert set(caught.value.problems) == {"old/empty.csv", "old/no.parquet", "old/none.csv", "year=2026/empty.csv"}
    assert set(RESULTS.values()) <= content(tmp_path / "out").keys()
    assert "left out 1 files that are no tables, such as old/notes.txt" in caplog.messages
    with pytest.raises(FilesFailed, match=r"\[old/rows\.tsv\] 1 of 200 rows break the contract"):
        score(lake_folder, tmp_path / "out", max_rejected_fraction=0)


def test_the_name_of_a_folder_is_a_column_that_features_are_made_of(
    score: Score, lake_folder: Path, tmp_path: Path
) -> None:
    shutil.rmtree(lake_folder / "old")
    columns = tmp_path / "columns.toml"
    columns.write_text('[features]\nsupport_tickets = { column = "month" }\n')
    score(lake_folder, tmp_path / "out", columns=columns)
    for month in (1, 2):
        name = f"year=2026/month={month}/part-0.{'parquet' if month == 1 else 'csv'}"
        read, write = (pd.read_parquet, "to_parquet") if month == 1 else (pd.read_csv, "to_csv")
        getattr(read(lake_folder / name).assign(support_tickets=month), write)(lake_folder / name, index=False)
    score(lake_folder, tmp_path / "expected")
    for name in ("year=2026/month=1/part-0.parquet", "year=2026/month=2/part-0.csv"):
        read = pd.read_parquet if name.endswith(".parquet") else pd.read_csv
        found, expected = (read(tmp_path / folder / name) for folder in ("out", "expected"))
        assert "month" not in found
        assert found["churn_probability"].tolist() == expected["churn_probability"].tolist()


def test_files_without_rows_are_done_and_a_folder_without_any_is_said(score: Score, tmp_path: Path) -> None:
    header = "id,tenure_months,monthly_charges,total_charges,support_tickets,contract_type"
    (tmp_path / "in").mkdir()
    (tmp_path / "in/empty.csv").write_text(f"{header}\n")
    with pytest.raises(NothingScored, match="it has no rows"):
        score(tmp_path / "in", tmp_path / "out")
    (tmp_path / "in/one.csv").write_text(f"{header}\na,4,89.5,358.0,3,0\n")
    assert score(tmp_path / "in", tmp_path / "out").rows.rows == 1
    assert (tmp_path / "out/empty.csv").read_text().startswith(f"{header},churn_probability")


def test_a_file_whose_results_have_no_place_stops_no_other(score: Score, lake_folder: Path, tmp_path: Path) -> None:
    rows, output = lake_folder / "year=2026/month=2/part-0.csv", tmp_path / "out"
    long, longest = f"{'n' * 245}.csv", f"{'n' * 248}.csv"
    for name in ("a.csv", "b.csv", long, longest):
        shutil.copy(rows, lake_folder / "old" / name)
    (output / "old/a.csv").mkdir(parents=True)
    (output / "_scored/old/b.csv.json").mkdir(parents=True)
    with pytest.raises(FilesFailed, match="3 of 7 files were not scored") as caught:
        score(lake_folder, output)
    assert [text.partition(": ")[2] for text in caught.value.problems.values()] == [
        f"{problem}. Name another file, in a folder that this process may write to."
        for problem in ("Is a directory", "Is a directory", "File name too long")
    ]
    assert {*RESULTS.values(), f"old/{long}"} <= content(output).keys()


def test_links_are_followed_and_what_is_left_out_is_named(
    score: Score, lake_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = lake_folder / "year=2026/month=2/part-0.csv"
    (tmp_path / "elsewhere").mkdir()
    shutil.copy(rows, tmp_path / "elsewhere/a.csv")
    shutil.copy(rows, lake_folder / "_customers.csv")
    (lake_folder / "linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere/back").symlink_to(lake_folder)
    (lake_folder / "gone.csv").symlink_to(tmp_path / "none.csv")
    with pytest.raises(FilesFailed, match=r"1 of 5 files were not scored.*\[gone\.csv\] .*no such file"):
        score(lake_folder, tmp_path / "out")
    assert {*RESULTS.values(), "linked/a.csv"} <= content(tmp_path / "out").keys()
    told = "\n".join(caplog.messages)
    assert "left out 1 tables whose names begin with . or _, such as _customers.csv" in told
    assert "linked/back is left out: it is a link to a folder above it" in told
    assert "not scored: [gone.csv] " in told


def test_an_object_of_a_strange_name_stops_no_other(score: Score, lake: ObjectStore, lake_folder: Path) -> None:
    lake.put(lake_folder, "in")
    lake.put_as_is(lake_folder / "year=2026/month=2/part-0.csv", "in//a.csv")
    with pytest.raises(FilesFailed, match=r"1 of 4 files were not scored.*\[/a\.csv\] "):
        score("s3://lake/in", "s3://lake/out")
    assert set(RESULTS.values()) <= lake.content("out").keys()


def test_one_run_at_a_time_writes_to_a_folder_and_removes_what_a_killed_one_left(
    score: Score, lake_folder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out"
    for name in ("old/.scoring-folder-1/scored.csv", "_scored/old/.scoring-2/rows.tsv.json", "old/.scoring-3/one.csv"):
        (output / name).parent.mkdir(parents=True)
        (output / name).write_text("half")
    with (
        file_lock.held(output / "_scored/.lock"),
        pytest.raises(OutputRefused, match=r"out: another run writes to this folder\. Wait until it has ended"),
    ):
        score(lake_folder, output)
    assert score(lake_folder, output).files == 3
    assert [name for name in content(output) if ".scoring-" in name] == ["old/.scoring-3/one.csv"]


@pytest.mark.parametrize(
    ("output", "problem"),
    [("lake", "it is, holds or is in"), ("lake/out", "it is, holds or is in"), (".", "it is, holds or is in")],
)
def test_an_output_that_holds_the_input_is_refused(
    score: Score, lake_folder: Path, tmp_path: Path, output: str, problem: str
) -> None:
    with pytest.raises(OutputRefused, match=problem):
        score(lake_folder, tmp_path / output)


def test_two_files_with_one_result_and_a_folder_without_tables_are_refused(
    score: Score, lake_folder: Path, tmp_path: Path
) -> None:
    shutil.copy(lake_folder / "year=2026/month=2/part-0.csv", lake_folder / "old/rows.tsv.csv")
    with pytest.raises(OutputRefused, match=r"out/old/rows\.tsv\.csv: it would have the results of two files"):
        score(lake_folder, tmp_path / "out")
    (tmp_path / "none").mkdir()
    with pytest.raises(TableUnreadable, match="no file in this folder is a table"):
        score(tmp_path / "none", tmp_path / "out")


def test_a_store_that_goes_away_ends_the_run_at_once(score: Score, lake: ObjectStore, lake_folder: Path) -> None:
    with pytest.raises(ScoringEnded, match=r"no such bucket.*0 of 3 files are done; the next run scores the others"):
        score(lake_folder, "s3://none/out")
    assert lake.content("out") == {}


def test_the_command_prints_files_and_rows(
    root: Path, lake_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    command = ["score", str(lake_folder), str(output), "--models-dir", str(root / "models")]
    assert program.main(command) == 0
    told = capsys.readouterr().out.split("\n")
    assert told[0] == "scored 3 files"
    assert told[1].startswith("scored 599 of 600 customers with model ")
    assert f"rejected 1, with their reasons: {output / '_rejected'}" in told
    assert program.main(command) == 0
    assert capsys.readouterr().out.startswith("scored 3 files, 3 of them in an earlier run\n")
    record = json.loads((output / "_scored/old/rows.tsv.json").read_text())
    assert (record["rows"], record["rejected"]) == (200, 1)
