"""`python -m training`: what a person at the terminal sees, and the exit code a script sees."""

import logging
from pathlib import Path

import pytest

from training import __main__ as program
from training.settings import FitSettings


def test_a_finished_fit_tells_its_result_and_ends_with_0(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    models_dir = tmp_path / "models"
    arguments = ["fit", "--rows", "600", "--models-dir", str(models_dir), "--output-dir", str(tmp_path / "var")]
    assert program.main([*arguments, "--tracking-uri", f"sqlite:///{tmp_path / 'mlflow.db'}"]) == 0
    told = capsys.readouterr().out
    assert "(pinned: served from the next start)" in told
    assert "ROC-AUC" in told
    assert "the true probabilities reach a ROC-AUC of" in told
    assert str(next((models_dir / "store").iterdir())) in told


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["fit", "--data", "absent.csv"], "absent.csv: No such file."),
        (["fit", "--rows", "many"], "--rows: Input should be a valid integer"),
        (["fit", "--rows", "0"], "--rows: Input should be greater than or equal to 1"),
        (["fit", "--rows", "100"], "at least 200 rows"),
    ],
)
def test_a_wrong_setting_is_one_sentence_and_ends_with_2(
    arguments: list[str], sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR):
        assert program.main(arguments) == 2
    assert [sentence in record.getMessage() for record in caplog.records] == [True]


@pytest.mark.parametrize("arguments", [[], ["fiz"]])
def test_an_unknown_command_shows_the_usage_and_ends_with_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(arguments) == 2
    assert capsys.readouterr().err == program.USAGE


def test_help_describes_every_setting(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        program.main(["fit", "--help"])
    assert ended.value.code == 0
    told = capsys.readouterr().out
    assert "python -m training fit" in told
    for name in FitSettings.model_fields:
        assert f"--{name.replace('_', '-')}" in told
