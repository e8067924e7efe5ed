"""Connects to the scheduler of a cluster, or starts one on this machine; only `dask_cluster` uses Dask, too."""

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from tempfile import TemporaryDirectory
from typing import Any

import dask
from distributed import Client, LocalCluster, Security
from distributed.comm import connect
from distributed.system import MEMORY_LIMIT

from training.errors import cause
from training.partitioned.cluster import fitness
from training.partitioned.cluster.errors import ClusterUnfit, ClusterUnreachable

CONNECT_SECONDS = 10
"""How long a scheduler may take to answer, and its first worker to appear."""
LOST_SECONDS = 60
"""How long a cluster may be without any worker, or its scheduler without an answer, before the fit ends."""


def ask(client: Client, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a method of a client and wait for the answer: without this, a scheduler that stops is waited for forever.

    Raises:
        TimeoutError: there is no answer.
    """
    return client.sync(method, *arguments, callback_timeout=LOST_SECONDS, **options)


def with_large_values() -> AbstractContextManager[Any]:
    """Let tasks hold large values: Dask warns of those of more than 10 MB."""
    setting: AbstractContextManager[Any] = dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"})
    return setting


@contextmanager
def local(processes: int) -> Iterator[Client]:
    """Start processes on this machine, which end with the context."""
    with (
        TemporaryDirectory() as scratch,
        dask.config.set(temporary_directory=scratch),  # the scheduler's own folder
        LocalCluster(
            n_workers=processes,
            threads_per_worker=1,
            memory_limit=MEMORY_LIMIT // processes,
            host="127.0.0.1",
            security=True,
            scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},  # any free port, not always 8787
            local_directory=scratch,
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):
        yield client


@contextmanager
def remote(address: str) -> Iterator[Client]:
    """Connect to a scheduler.

    Raises:
        ClusterUnreachable: no scheduler answers.
        ClusterUnfit: it has no workers, or other versions than this process.
    """
    try:
        asyncio.run(asyncio.wait_for(_greet(address), CONNECT_SECONDS))
        client = Client(address, timeout=CONNECT_SECONDS)
    except TimeoutError as error:
        raise ClusterUnreachable(address=address, problem=f"nothing came in {CONNECT_SECONDS:g} seconds") from error
    except (OSError, TypeError, ValueError, RuntimeError) as error:  # three of them are about certificates
        raise ClusterUnreachable(address=address, problem=cause(error)) from error
    with client:
        _require_fit(client, address)
        yield client


async def _greet(address: str) -> None:
    """Connect and leave: a client waits for minutes if something accepts the connection and says nothing."""
    comm = await connect(address, timeout=CONNECT_SECONDS, **Security().get_connection_args("client"))
    await comm.close()


def _require_fit(client: Client, address: str) -> None:
    try:
        client.sync(client.wait_for_workers, 1, callback_timeout=CONNECT_SECONDS)
    except TimeoutError as error:
        raise ClusterUnfit(address=address, problems=["it has no workers"]) from error
    try:
        problems = fitness.problems(client, ask)
    except (OSError, TimeoutError) as error:
        problems = [f"its scheduler or a worker does not answer in {LOST_SECONDS:g} seconds"]
        raise ClusterUnfit(address=address, problems=problems) from error
    if problems:
        raise ClusterUnfit(address=address, problems=problems)
