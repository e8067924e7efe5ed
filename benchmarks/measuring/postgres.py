"""A PostgreSQL server of its own in a temporary folder, and the processor's time and blocks that it needed."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import sqlalchemy as sa

from benchmarks.errors import ToolMissing
from demo.running_service import free_port

OPTIONS = "-c autovacuum=off -c max_wal_size=4GB -c checkpoint_timeout=1h -c listen_addresses=127.0.0.1"
"""Nothing works in the background while something is measured; the rest is as the package has it."""
_USER = "postgres"


class Server:
    """A running server."""

    def __init__(self, programs: Path, folder: Path, port: int) -> None:
        self._programs, self._folder, self._port = programs, folder, port
        self._run("initdb", f"--username={_USER}", "--auth=trust")
        options = f"{OPTIONS} -c port={port} -c unix_socket_directories={folder}"
        self._run("pg_ctl", "--log", str(folder / "log"), "--options", options, "--wait", "start")
        self._process = int((folder / "data" / "postmaster.pid").read_text().split()[0])

    def url(self, database: str = "postgres") -> str:
        """Return the address of a database."""
        return f"postgresql://{_USER}@127.0.0.1:{self._port}/{database}"

    def create(self, database: str) -> str:
        """Create a database, and return its address."""
        engine = sa.create_engine(self.url().replace("://", "+psycopg://"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.exec_driver_sql(f"CREATE DATABASE {database}")
        engine.dispose()
        return self.url(database)

    def version(self) -> str:
        """Return the server's version, as 15.18."""
        told = subprocess.run([self._programs / "postgres", "--version"], capture_output=True, check=True, text=True)
        return told.stdout.split()[2]

    def processor_seconds(self) -> float:
        """Return the processor's time of all connections that were closed; it waits until the last one has ended."""
        own = self._connections()
        while own:
            time.sleep(0.02)
            own = self._connections()
        fields = Path(f"/proc/{self._process}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")  # of children that ended

    def stop(self) -> None:
        """Stop it."""
        self._run("pg_ctl", "--mode", "fast", "--wait", "stop")

    def _connections(self) -> list[str]:
        children = Path(f"/proc/{self._process}/task/{self._process}/children").read_text().split()
        lines = (Path(f"/proc/{child}/cmdline") for child in children)
        return [line for path in lines if path.exists() and "127.0.0.1(" in (line := path.read_text())]

    def _run(self, program: str, *words: str) -> None:
        command = [str(self._programs / program), "--pgdata", str(self._folder / "data"), *words]
        if os.geteuid() == 0:  # it refuses to run as root
            command = ["setpriv", f"--reuid={_USER}", f"--regid={_USER}", "--clear-groups", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=self._folder)


@contextmanager
def running() -> Iterator[Server]:
    """Run a server in a folder that is deleted afterwards.

    Raises:
        ToolMissing: the server programs are not installed.
    """
    found = shutil.which("pg_ctl")
    programs = Path(found).parent if found else max(Path("/usr/lib/postgresql").glob("*/bin"), default=None)
    if programs is None:
        raise ToolMissing(tool="postgresql")
    folder = Path(mkdtemp(prefix="churn-log-size-", dir="/tmp"))  # a server refuses long socket paths
    folder.chmod(0o777)
    try:
        server = Server(programs, folder, free_port())
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
