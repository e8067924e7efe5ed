"""Works on parts where they lie on a Dask cluster.

A task on a part is repeated elsewhere when its worker is lost, and kept results are computed again. A group of tasks
that work together ends when one of its workers is lost, and begins again with the workers that are left.
"""

import logging
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from functools import partial
from itertools import islice
from typing import Any

import distributed
from distributed import Client, Future, KilledWorker, Scheduler
from distributed.comm.addressing import get_address_host
from xgboost.core import XGBoostError

from training.partitioned.cluster import carried_errors, clients, process_group
from training.partitioned.cluster.carried_errors import Carried
from training.partitioned.cluster.errors import ClusterLost
from training.partitioned.executor import Result

ATTEMPTS = 3
"""How often a group is tried when workers are lost."""
_AHEAD = 2
"""Parts that wait for each thread of the workers: the results of more would fill the memory of the workers."""
_ASKED_EVERY_SECONDS = 0.5
_NOTICED_SECONDS = 5
_LOST_SCHEDULER = "its scheduler was lost"

logger = logging.getLogger(__name__)


@contextmanager
def connect(address: str) -> Iterator["DaskCluster"]:
    """Connect to a scheduler, or for `local:N` start N processes, which end with the context.

    Raises:
        ClusterUnreachable: no scheduler answers.
        ClusterUnfit: it has no workers, or other versions than this process.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what is lost is told in the errors
    kind, _, processes = address.partition(":")
    with clients.local(int(processes)) if kind == "local" else clients.remote(address) as client:
        yield DaskCluster(client, address)


class DaskCluster:
    """An executor; a future stands for a kept result."""

    def __init__(self, client: Client, address: str) -> None:
        self._client, self._address = client, address
        self._seen = time.monotonic()

    def map(self, function: Callable[[Any], Any], parts: Iterable[Any], *, keep: bool) -> Iterator[Any]:
        """Yield the result for each part, or the future that keeps it, in the order of the parts."""
        return self._in_order(lambda part: self._submit(carried_errors.call, function, part), parts, keep=keep)

    def share(self, value: Any) -> Future:
        """Keep a value on the cluster: the scheduler has it, too, and gives it to another worker if one is lost."""
        with self._translated(), clients.with_large_values():
            return self._submit(_itself, value)

    def spread(self, function: Callable[[Any, Any], Any], shared: Any, arguments: Iterable[Any]) -> Iterator[Any]:
        """Yield the result for each argument, in their order; the workers take turns, and fetch the shared value."""

        def submit(turn: tuple[int, Any]) -> Future:
            workers = sorted(self._workers())  # otherwise all tasks go to the worker that has the shared value
            to = {"workers": [workers[turn[0] % len(workers)]], "allow_other_workers": True} if workers else {}
            return self._submit(_call_with, function, shared, turn[1], **to)

        return self._in_order(submit, enumerate(arguments), keep=False)

    def _submit(self, function: Callable[..., Any], *arguments: Any, **options: Any) -> Future:
        return self._client.submit(function, *arguments, pure=False, **options)

    def _in_order(self, submit: Callable[[Any], Future], items: Iterable[Any], *, keep: bool) -> Iterator[Any]:
        self._seen = time.monotonic()
        left, waiting = iter(items), deque[Future]()
        while True:
            with self._translated():
                most = _AHEAD * max(1, sum(self._threads().values()))
                for item in islice(left, max(0, most - len(waiting))):
                    waiting.append(submit(item))
            if not waiting:
                return
            yield self._next(waiting, keep=keep)

    def _next(self, waiting: deque[Future], *, keep: bool) -> Any:
        """Wait for the first; without `keep`, the cluster forgets its result as soon as it is here."""
        future = waiting.popleft()
        with self._translated():
            self._wait([future])
            return future if keep else self._result([future])

    def together(self, function: Callable[[Sequence[Any]], Result], parts: Iterable[Any]) -> Result:
        """Run a function once on each worker that holds parts, as one group."""
        self._seen = time.monotonic()
        futures = list(parts)
        with self._translated():
            for attempt in range(1, ATTEMPTS + 1):
                try:
                    return self._attempt(function, self._placed(futures))
                except _WorkerLost as lost:
                    logger.warning("attempt %d of %d: %s; its parts are made again elsewhere", attempt, ATTEMPTS, lost)
            raise ClusterLost(address=self._address, problem=f"workers were lost in {ATTEMPTS} attempts")

    def _attempt(self, function: Callable[[Sequence[Any]], Result], placed: dict[str, list[Future]]) -> Result:
        tracker = clients.ask(self._client, self._client.run_on_scheduler, _start_tracker, len(placed))
        tasks = [self._submit(_in_group, function, held, tracker, workers=[worker]) for worker, held in placed.items()]
        try:
            self._wait(tasks, needed=frozenset(placed))
            result: Result = self._result(tasks, needed=frozenset(placed))
        finally:
            with suppress(OSError, TimeoutError, RuntimeError):  # the error that led here is the one to tell
                clients.ask(self._client, self._client.cancel, tasks)
        return result

    def _placed(self, futures: Sequence[Future]) -> dict[str, list[Future]]:
        """Wait until all results are there, and assign each to one worker that holds it."""
        while True:
            self._wait(futures)
            holders = clients.ask(self._client, self._client.who_has, futures)
            if all(holders.get(future.key) for future in futures):
                break
            self._workers()
            time.sleep(_ASKED_EVERY_SECONDS)  # a worker was lost, and its results are made again
        placed: dict[str, list[Future]] = {}
        for future in futures:
            placed.setdefault(min(holders[future.key]), []).append(future)
        return placed

    def _result(self, done: Sequence[Future], *, needed: frozenset[str] = frozenset()) -> Any:
        """Fetch the result of the first; if it was lost by now, wait until it is made again."""
        while True:
            with suppress(TimeoutError):
                return done[0].result(timeout=clients.LOST_SECONDS)
            self._require(needed)
            self._wait(done, needed=needed)

    def _wait(self, futures: Sequence[Future], *, needed: frozenset[str] = frozenset()) -> None:
        """Wait until all are done, or one has failed; then raise its error.

        Raises:
            _TaskFailed: a function raised an error.
            _WorkerLost: one of the needed workers is gone.
        """
        while (pending := _pending(futures)) and not _failed(futures):
            with suppress(TimeoutError):
                distributed.wait(pending, timeout=_ASKED_EVERY_SECONDS, return_when="FIRST_COMPLETED")
            self._require(needed)
        if _failed(futures):
            # A task that fails lets all others of its group fail, perhaps before its own error arrives.
            end = time.monotonic() + _NOTICED_SECONDS if needed else 0
            while time.monotonic() < end and _pending(futures):
                self._require(needed)
                time.sleep(_ASKED_EVERY_SECONDS)
            self._require(needed)
            raise _TaskFailed(_cause(_failed(futures)))

    def _require(self, needed: frozenset[str]) -> None:
        if lost := needed - self._workers():
            raise _WorkerLost(f"worker {min(lost)} was lost")

    def _workers(self) -> set[str]:
        """Return the addresses of the workers that are there."""
        return set(self._threads())

    def _threads(self) -> dict[str, int]:
        """Return the number of threads of each worker that is there."""
        found: dict[str, int] = clients.ask(self._client, self._client.nthreads)
        if found:
            self._seen = time.monotonic()
        elif time.monotonic() - self._seen > clients.LOST_SECONDS:
            problem = f"it has had no workers for {clients.LOST_SECONDS} seconds"
            raise ClusterLost(address=self._address, problem=problem)
        return found

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except _TaskFailed as failed:
            [error] = failed.args
            if isinstance(error, Carried):
                raise error.original() from None
            if problem := _of_cluster(error):
                raise ClusterLost(address=self._address, problem=problem) from error
            raise error from None
        except (OSError, TimeoutError, CancelledError) as error:
            raise ClusterLost(address=self._address, problem=_LOST_SCHEDULER) from error


class _WorkerLost(Exception):
    """A worker of a group is gone."""


class _TaskFailed(Exception):
    """A function raised the error that is the argument."""


def _in_group(function: Callable[[Sequence[Any]], Result], held: Sequence[Any], tracker: dict[str, Any]) -> Result:
    name = distributed.get_worker().address
    return process_group.run(partial(carried_errors.call, function, held), tracker, name=name)


def _itself(value: Any) -> Any:
    return value


def _call_with(function: Callable[[Any, Any], Result], shared: Any, argument: Any) -> Result:
    return carried_errors.call(partial(function, shared), argument)


def _start_tracker(processes: int, dask_scheduler: Scheduler | None = None) -> dict[str, Any]:
    """Start the tracker of a group in the scheduler, because all workers can reach it."""
    if dask_scheduler is None:
        raise TypeError("to be run on a scheduler")
    return process_group.start_tracker(get_address_host(dask_scheduler.address), processes=processes)


def _pending(futures: Sequence[Future]) -> list[Future]:
    """Return those that are worked on; the result of a lost one is made again."""
    return [one for one in futures if one.status in ("pending", "lost")]


def _failed(futures: Sequence[Future]) -> list[Future]:
    return [one for one in futures if one.status in ("error", "cancelled")]


def _of_cluster(error: BaseException) -> str | None:
    if isinstance(error, KilledWorker):
        return "a part has ended one worker after another"
    return _LOST_SCHEDULER if isinstance(error, CancelledError) else None


def _cause(failed: Sequence[Future]) -> BaseException:
    """Return the error that was first: when one process of a group fails, XGBoost raises errors in all others."""
    errors = [one.exception() if one.status == "error" else CancelledError(one.status) for one in failed]
    return next((error for error in errors if not isinstance(error, XGBoostError)), errors[0])
