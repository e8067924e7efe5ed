"""Fixtures of the training tests: one small fit, and a PostgreSQL server of our own."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from training import pipeline
from training.pipeline import Published
from training.settings import FitSettings


@pytest.fixture(scope="session")
def settings(tmp_path_factory: pytest.TempPathFactory) -> FitSettings:
    """Settings of a small fit with a shelf and an MLflow of its own."""
    folder = tmp_path_factory.mktemp("fit")
    return FitSettings(
        rows=2_000,
        models_dir=folder / "models",
        output_dir=folder / "var",
        tracking_uri=f"sqlite:///{folder / 'var' / 'mlflow.db'}",
    )


@pytest.fixture(scope="session")
def published(settings: FitSettings) -> Published:
    """The first fit ever on that shelf."""
    return pipeline.fit(settings)


def _postgres_programs() -> Path | None:
    if found := shutil.which("pg_ctl"):
        return Path(found).parent
    return max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)


def _as_server_user(command: list[str]) -> list[str]:
    return (
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", *command]
        if os.geteuid() == 0
        else command
    )


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The URL of an empty database on a server that lives as long as the tests."""
    programs = _postgres_programs()
    if programs is None or (os.geteuid() == 0 and shutil.which("setpriv") is None):
        pytest.skip("the PostgreSQL server programs are not installed")
    folder = Path("/tmp") / f"churn-postgres-{os.getpid()}"  # noqa: S108  # a server refuses long socket paths
    folder.mkdir(mode=0o777)
    folder.chmod(0o777)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    data, control = folder / "data", str(programs / "pg_ctl")
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
    try:
        for command in (
            [str(programs / "initdb"), "--pgdata", str(data), "--username=churn", "--auth=trust"],
            [control, "--pgdata", str(data), "--log", str(folder / "log"), "--options", options, "--wait", "start"],
        ):
            subprocess.run(_as_server_user(command), check=True, capture_output=True, cwd=folder)
        yield f"postgresql://churn@127.0.0.1:{port}/postgres"
    finally:
        stop = [control, "--pgdata", str(data), "--mode", "immediate", "--wait", "stop"]
        subprocess.run(_as_server_user(stop), check=False, capture_output=True, cwd=folder)
        shutil.rmtree(folder, ignore_errors=True)
