"""An S3-compatible server on this machine, for tests of addresses such as `s3://lake/customers`."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path

import pyarrow as pa
from pyarrow import fs

from demo.running_service import free_port
from models.customer.files import store_files, stores
from tests.waiting import is_listening, wait_until

VARIABLES = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL_S3")


class Bucket:
    """A bucket `lake` of a running server."""

    def __init__(self, address: str, files: fs.FileSystem, environment: dict[str, str]) -> None:
        self.address = address
        self.files = files
        self.environment = environment
        """The variables that lead to the server."""

    def put(self, source: Path, key: str) -> None:
        """Upload a file, or all files of a folder."""
        for file in [source] if source.is_file() else store_files.walk(source):
            path = file if isinstance(file, Path) else Path(str(file.path))
            name = key if isinstance(file, Path) else f"{key}/{file.relative}"
            with self.files.open_output_stream(f"lake/{name}", compression=None) as to:
                to.write(path.read_bytes())

    def content(self, folder: str) -> dict[str, bytes]:
        """Return the files below a folder, by their path in it."""
        found = self.files.get_file_info(fs.FileSelector(f"lake/{folder}", recursive=True, allow_not_found=True))
        start = len(f"lake/{folder}/")
        return {info.path[start:]: self._read(info.path) for info in found if info.type == fs.FileType.File}

    def _read(self, path: str) -> bytes:
        with self.files.open_input_file(path) as file:
            content: pa.Buffer = file.read()
            return bytes(content)


class ObjectStore(Bucket):
    """A running S3-compatible server with a bucket `s3://lake`."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint
        key = "a-key"
        environment = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "an-id",
            "AWS_SECRET_ACCESS_KEY": key,
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        host = endpoint.removeprefix("http://")
        files = fs.S3FileSystem(
            access_key="an-id", secret_key=key, endpoint_override=host, scheme="http", allow_bucket_creation=True
        )
        super().__init__("s3://lake", files, environment)

    def trust(self, *, everybody: bool, after: int = 0) -> None:
        """Accept any key, or none after so many further requests: the store knows no account."""
        self._post("reset-auth", "inf" if everybody else str(after))

    def empty(self) -> None:
        """Remove all that is in the store, and make the bucket anew."""
        self.trust(everybody=True)
        self._post("reset", "")
        self.files.create_dir("lake")

    def put_as_is(self, source: Path, key: str) -> None:
        """Upload a file under a key that pyarrow refuses, such as one with `//`."""
        connection = HTTPConnection(self.endpoint.removeprefix("http://"), timeout=60)
        connection.request("PUT", f"/lake/{key}", source.read_bytes())
        assert connection.getresponse().status == 200
        connection.close()

    def _post(self, what: str, body: str) -> None:
        connection = HTTPConnection(self.endpoint.removeprefix("http://"), timeout=60)
        connection.request("POST", f"/moto-api/{what}", body, {"Content-Type": "text/plain"})
        assert connection.getresponse().status == 200
        connection.close()


@contextmanager
def running(folder: Path) -> Iterator[ObjectStore]:
    """Start a server, and stop it at the end."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "--port", str(port)]
    with (folder / "log.txt").open("w") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            wait_until(lambda: is_listening(port))
            yield ObjectStore(f"http://127.0.0.1:{port}")
        finally:
            process.terminate()


def forget() -> None:
    """Let the next look-up connect anew, with the variables of now."""
    stores._system.cache_clear()
