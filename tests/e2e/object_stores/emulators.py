"""Servers on this machine with the protocols of Google Cloud Storage and of Azure's Blob Storage."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import pytest
from pyarrow import fs

from demo.running_service import free_port
from tests.object_store import Bucket
from tests.waiting import is_listening, wait_until

REPOSITORY = Path(__file__).parents[3]
ACCOUNT = "devstoreaccount1"
KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The published key of Microsoft's emulator."""


@contextmanager
def google(folder: Path) -> Iterator[Bucket]:
    """Start a server that asks for no credentials."""
    if find_spec("gcp_storage_emulator") is None:
        pytest.skip("gcp-storage-emulator is not installed; `make setup` brings it")
    port = free_port()
    script = Path(__file__).with_name("google_emulator.py")
    with _started([sys.executable, str(script), str(port)], port, folder):
        files = fs.GcsFileSystem(anonymous=True, endpoint_override=f"127.0.0.1:{port}", scheme="http")
        yield Bucket("gs://lake", files, {"CLOUD_STORAGE_EMULATOR_ENDPOINT": f"http://127.0.0.1:{port}"})


@contextmanager
def azure(folder: Path) -> Iterator[Bucket]:
    """Start a server with an account that has a key."""
    found = REPOSITORY / "var/azurite/node_modules/.bin/azurite-blob"
    program = str(found) if found.exists() else shutil.which("azurite-blob")
    if program is None:
        pytest.skip("Azurite is not installed; `.ci/run` installs it where npm is")
    port = free_port()
    options = ["--inMemoryPersistence", "--disableTelemetry", "--skipApiVersionCheck", "--blobPort", str(port)]
    with _started([program, "--blobHost", "127.0.0.1", *options], port, folder):
        places = {f"{kind}_storage_authority": f"127.0.0.1:{port}" for kind in ("blob", "dfs")}
        schemes = {f"{kind}_storage_scheme": "http" for kind in ("blob", "dfs")}
        files = fs.AzureFileSystem(ACCOUNT, account_key=KEY, **places, **schemes)
        files.create_dir("lake")
        endpoint = f"http://127.0.0.1:{port}/{ACCOUNT}"
        connection = f"AccountName={ACCOUNT};AccountKey={KEY};BlobEndpoint={endpoint};"
        yield Bucket(
            f"abfs://lake@{ACCOUNT}.dfs.core.windows.net", files, {"AZURE_STORAGE_CONNECTION_STRING": connection}
        )


@contextmanager
def _started(command: list[str], port: int, folder: Path) -> Iterator[None]:
    with (folder / "log.txt").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: is_listening(port))
            yield
        finally:
            process.terminate()
