"""`python -m training`: what it prints, and its exit codes."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from models import command_line
from training import __main__ as program
from training.data import synthetic
from training.settings import FitSettings


@pytest.mark.shipped
def test_a_finished_fit_tells_its_result_and_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models_dir = tmp_path / "models"
    arguments = ["fit", "--rows", "600", "--models-dir", str(models_dir), "--output-dir", str(tmp_path / "var")]
    assert program.main([*arguments, "--tracking-uri", f"sqlite:///{tmp_path / 'mlflow.db'}"]) == 0
    told = capsys.readouterr().out
    assert "(pinned: served within a second)" in told
    assert "ROC-AUC" in told
    assert "the true probabilities reach a ROC-AUC of" in told
    assert str(next((models_dir / "store").iterdir())) in told


def test_a_scored_file_is_told_with_what_was_rejected_and_ends_with_0(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, output = tmp_path / "in.csv", tmp_path / "out.parquet"
    customers = synthetic.sample(200, seed=5)[0]
    customers.loc[:2, "support_tickets"] = -1
    customers.to_csv(source, index=False)
    assert program.main(["score", str(source), str(output), "--models-dir", str(root / "models")]) == 0
    told = capsys.readouterr().out
    assert "scored 197 of 200 customers with model " in told
    assert f"rejected 3, with their reasons: {tmp_path / 'out.rejected.csv'}\n  support_tickets below 0: 3\n" in told
    assert output.exists()


def test_constraints_are_pairs_on_the_command_line() -> None:
    asked = ["--monotone", "tenure_months=-1", "--monotone", "support_tickets=1", "--slices", "gender,region"]
    settings = command_line.read(FitSettings, asked, program="fit")
    assert (settings.monotone, settings.slices) == ({"tenure_months": -1, "support_tickets": 1}, ["gender", "region"])


@pytest.mark.parametrize("command", [["fit", "--data"], ["contract", "draft"]], ids=["fit", "draft"])
@pytest.mark.parametrize(
    ("address", "sentence"),
    [
        ("s3://k:SECRET@lake/x", "s3://: give no password in an address, but in the variables of the store. --data"),
        ("abfs://a@b.net/x?sig=SECRET", "abfs://: give no password in an address, and no ? or #, but a token in"),
        ("s3://", "s3://: give a path, or an address as s3://BUCKET/FOLDER"),
    ],
    ids=["password", "token", "empty"],
)
def test_an_address_that_cannot_be_read_is_not_shown(
    command: list[str], address: str, sentence: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert program.main([*command, address, "--output-dir", str(tmp_path)]) == 2
    told = caplog.text
    assert sentence in told
    assert "an object store, as s3://BUCKET/FOLDER" in told
    assert "SECRET" not in told
    assert "Traceback" not in told


def test_one_table_is_scored_by_one_process_and_that_is_said(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    synthetic.sample(20, seed=5)[0].to_csv(tmp_path / "in.csv", index=False)
    words = ["score", str(tmp_path / "in.csv"), str(tmp_path / "out.csv"), "--models-dir", str(root / "models")]
    assert program.main([*words, "--processes", "2"]) == 0
    assert "one table is scored by this process: --processes and --cluster are for" in caplog.text


@pytest.mark.parametrize("option", ["--columns", "--models-dir"])
def test_an_address_of_a_file_that_must_be_local_is_refused(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        program.main(["score", "in.csv", "out.csv", option, "s3://lake/x"])
    assert f"{option}: give a local path: only tables are read from object stores" in capsys.readouterr().err


def test_scoring_loads_none_of_the_libraries_that_train(root: Path) -> None:
    code = "import sys, training.__main__, training.scoring.score_file; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True).stdout
    assert {"pandas", "pyarrow", "onnxruntime"} <= set(loaded.split())
    assert not {"mlflow", "sklearn", "xgboost", "matplotlib", "joblib"} & set(loaded.split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["score", "absent.csv", "out.csv"], "absent.csv: no such file. Check the path."),
        (["score", "absent", "scores"], "absent: no such file. Check the path."),
        (["fit", "--data", "absent.csv"], "absent.csv: no such file. --data takes"),
        (["fit", "--rows", "100"], "at least 200 rows"),
        (["fit", "--monotone", "contract_type=1"], "--monotone contract_type: it is not a number of the contract."),
        (
            ["fit", "--costs", "absent.toml"],
            "absent.toml: No such file or directory. See training/costs.toml",
        ),
        (["fit", "--time-column", "when"], "Name other columns with --slices, --time-column and --group-column."),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_ends_with_2(
    arguments: list[str], sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert program.main(arguments) == 2
    assert [sentence in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize("arguments", [["score"], ["score", "in.csv"], ["score", "in.csv", "out.csv", "third.csv"]])
def test_scoring_wants_two_files(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(arguments)
    assert ended.value.code == 2
    assert "usage: python -m training score" in capsys.readouterr().err


@pytest.mark.parametrize("command", program.COMMANDS)
def test_help_describes_every_setting(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    _, settings, _ = program.COMMANDS[command]
    positional = {"input", "output", "prediction", "version"}
    with pytest.raises(SystemExit) as ended:
        program.main([command, "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert f"python -m training {command}" in told
    for name in settings.model_fields:
        assert (name.upper() if name in positional else f"--{name.replace('_', '-')}") in told


@pytest.mark.parametrize("command", [["fit"], ["promote"]])
def test_a_missing_library_of_openmp_is_told_with_the_line_that_installs_it(
    command: list[str], root: Path, tmp_path: Path
) -> None:
    (tmp_path / "xgboost.py").write_text(MISSING)
    environment = os.environ | {"PYTHONPATH": f"{tmp_path}:{root}"}
    line = [sys.executable, "-m", "training", *command, "--output-dir", str(tmp_path / "var")]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert (
        "XGBoost cannot be loaded: the library of OpenMP is missing. On macOS, run `brew install libomp`" in done.stderr
    )
    assert "Traceback" not in done.stderr


MISSING = """
class XGBoostError(ValueError):
    pass

raise XGBoostError("\\nXGBoost Library (libxgboost.dylib) could not be loaded.\\n  * libomp.dylib for Mac OSX")
"""
"""What XGBoost raises on a Mac without libomp."""
