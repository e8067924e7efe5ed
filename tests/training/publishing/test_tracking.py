"""MLflow's database may be moved, made by two fits at once, or refuse; each is noticed, with the remedy that fits."""

import shutil
import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from mlflow.exceptions import MlflowException

from training.errors import TrackingFailed
from training.publishing import tracking, tracking_errors
from training.publishing.tracking import REGISTERED_MODEL

CONFIGURE = """
import sys
from pathlib import Path
from training.publishing import tracking
print("ready", flush=True)
sys.stdin.readline()
tracking.configure(f"sqlite:///{sys.argv[1]}/mlflow.db", Path(sys.argv[1]))
"""


def address(folder: Path) -> str:
    return f"sqlite:///{folder / 'mlflow.db'}"


def configure(folder: Path, *, uri: str | None = None) -> None:
    with tracking_errors.convert(uri or address(folder)):
        tracking.configure(uri or address(folder), folder)


def log_note(text: str) -> str:
    with mlflow.start_run() as run:
        mlflow.log_text(text, "note.txt")
    return str(run.info.run_id)


def read_note(run_id: str) -> str:
    return str(mlflow.artifacts.load_text(f"{mlflow.get_run(run_id).info.artifact_uri}/note.txt"))


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with MLflow's tables, which take seconds to make."""
    folder = tmp_path_factory.mktemp("tables")
    with tracking_errors.convert(address(folder)):
        mlflow.set_tracking_uri(address(folder))
        assert mlflow.get_experiment_by_name(REGISTERED_MODEL) is None
    return folder / "mlflow.db"


@pytest.fixture
def var(tables: Path, tmp_path: Path) -> Path:
    """An output folder with the experiment."""
    folder = tmp_path / "old" / "var"
    folder.mkdir(parents=True)
    shutil.copy(tables, folder)
    configure(folder)
    log_note("the first")
    return folder


@pytest.mark.usefixtures("var")
def test_artifacts_go_with_their_folder_when_it_is_moved(tmp_path: Path) -> None:
    before = log_note("before")
    (tmp_path / "old").rename(tmp_path / "new")
    configure(tmp_path / "new" / "var")
    after = log_note("after")
    assert (read_note(before), read_note(after)) == ("before", "after")
    assert not (tmp_path / "old").exists()
    configure(tmp_path / "new" / "var")
    assert read_note(after) == "after"


def test_a_copy_of_the_folder_keeps_its_own_artifacts(var: Path, tmp_path: Path) -> None:
    before = {path.name for path in (var / "artifacts").iterdir()}
    shutil.copytree(var, tmp_path / "copy")
    configure(tmp_path / "copy")
    run_id = log_note("of the copy")
    assert {path.name for path in (var / "artifacts").iterdir()} == before
    assert (tmp_path / "copy" / "artifacts" / run_id).is_dir()


def test_a_database_elsewhere_whose_artifacts_are_gone_is_refused(var: Path, tmp_path: Path) -> None:
    uri = address(var)
    (var / "artifacts").rename(tmp_path / "artifacts")
    with pytest.raises(
        TrackingFailed, match=f"keeps artifacts in {var}/artifacts, and there is no such folder"
    ) as told:
        configure(tmp_path, uri=uri)
    command = str(told.value).split("`")[1]
    subprocess.run(command.split(), check=True)
    configure(tmp_path, uri=uri)
    assert (tmp_path / "artifacts" / log_note("through the link")).is_dir()


def test_a_database_elsewhere_keeps_its_artifacts(var: Path, tmp_path: Path) -> None:
    configure(tmp_path / "other", uri=address(var))
    assert (var / "artifacts" / log_note("elsewhere")).is_dir()


def test_a_deleted_experiment_is_told_with_the_command_that_restores_it(var: Path) -> None:
    experiment = mlflow.get_experiment_by_name(REGISTERED_MODEL)
    assert experiment is not None
    mlflow.delete_experiment(experiment.experiment_id)
    with pytest.raises(TrackingFailed, match="the experiment of this project was deleted") as told:
        configure(var)
    restore = f"MLFLOW_TRACKING_URI={address(var)} .venv/bin/mlflow experiments restore --experiment-id"
    assert f"`{restore} {experiment.experiment_id}`" in str(told.value)
    mlflow.MlflowClient().restore_experiment(experiment.experiment_id)
    configure(var)


@pytest.mark.slow
def test_two_first_fits_at_once_make_one_set_of_tables(tmp_path: Path, root: Path) -> None:
    command = [sys.executable, "-c", CONFIGURE, str(tmp_path)]
    pipe = subprocess.PIPE
    both = [subprocess.Popen(command, cwd=root, text=True, stdin=pipe, stdout=pipe, stderr=pipe) for _ in range(2)]
    assert [one.stdout.readline() for one in both if one.stdout] == ["ready\n"] * 2
    for one in both:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    told = [one.communicate(timeout=300)[1] for one in both]
    assert [one.returncode for one in both] == [0, 0], told
    configure(tmp_path)
    assert (tmp_path / "artifacts" / log_note("after both")).is_dir()


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("./mlruns", "no longer keeps runs in a folder. Nothing was pinned. Set MLFLOW_TRACKING_URI to sqlite:"),
        ("postgres://ann@host/x", "knows no such kind of address. Nothing was pinned. Set MLFLOW_TRACKING_URI, as "),
        ("mysql://ann@127.0.0.1:1/x", "driver of its database is not installed. Nothing was pinned. Install it"),
        ("sqlite:///{folder}/text.db", "file is not a database. Nothing was pinned. Restore that file from a backup"),
    ],
)
def test_an_address_that_cannot_be_used_is_told_with_its_own_remedy(tmp_path: Path, uri: str, told: str) -> None:
    (tmp_path / "text.db").write_text("this is a text and no database\n" * 50)
    with pytest.raises(TrackingFailed) as caught:
        configure(tmp_path, uri=uri.format(folder=tmp_path))
    assert told in str(caught.value)


def test_only_what_does_not_answer_is_to_be_started() -> None:
    for uri, kind in (("postgresql://host/x", "database"), ("http://host", "server")):
        told = pytest.raises(TrackingFailed, match=f"Start the {kind}, or set MLFLOW_TRACKING_URI")
        with told, tracking_errors.convert(uri):
            raise OSError("[Errno 111] Connection refused")


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("failed with error code 403 != 200. Response body: 'Invalid Host header - possible DNS'", "--allowed-hosts"),
        ("failed with error code 403 != 200. Response body: 'Permission denied'", "MLFLOW_TRACKING_PASSWORD"),
        ("Detected out-of-date database schema (found version a, but expected b)", "mlflow db upgrade"),
        ("Cannot start run with ID 7 because it is in the deleted state.", "mlflow runs restore"),
        ("(sqlite3.OperationalError) database is locked", "Try again"),
        ("(sqlite3.OperationalError) attempt to write a readonly database", "writable"),
        ("[Errno 28] No space left on device", "Make room"),
        ("too many 500 error responses", "The log of the server"),
        ("something new.", "set MLFLOW_TRACKING_URI to another server or database."),
    ],
)
def test_what_mlflow_says_decides_the_remedy(said: str, remedy: str) -> None:
    with pytest.raises(TrackingFailed) as told, tracking_errors.convert("http://localhost:5000"):
        raise MlflowException(said)
    assert remedy in str(told.value)
    assert "Start the" not in str(told.value)
    assert ".." not in str(told.value)
