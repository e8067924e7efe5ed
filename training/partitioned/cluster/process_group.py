"""Joins processes to a group that adds up sums by XGBoost's collective: they meet by a tracker, then talk directly."""

from collections.abc import Callable, Mapping
from contextlib import redirect_stdout, suppress
from threading import Thread
from typing import Any, TypeVar

from xgboost import collective
from xgboost.core import _LIB, XGBoostError, _register_log_callback
from xgboost.tracker import RabitTracker

Result = TypeVar("Result")
SILENT_SECONDS = 1_800
"""How long a process waits for another one that is connected and sends nothing, for it may have more rows."""


def start_tracker(host: str, *, processes: int) -> dict[str, Any]:
    """Start a tracker in a thread, and return what each process joins the group with."""
    tracker = RabitTracker(processes, host_ip=host, sortby="task", timeout=SILENT_SECONDS)
    tracker.start()
    Thread(target=_wait, args=[tracker], daemon=True).start()
    return tracker.worker_args()


def _wait(tracker: RabitTracker) -> None:
    with suppress(XGBoostError):  # a process was lost, which whoever started the group finds out
        tracker.wait_for()


class _Group(collective.CommunicatorContext):
    """A group that is joined in silence: XGBoost prints the rank of each process, whatever its verbosity."""

    def __enter__(self) -> Any:
        _register_log_callback(_LIB)  # otherwise only the thread that imported XGBoost prints by Python
        with redirect_stdout(None):
            return super().__enter__()


def run(function: Callable[[], Result], tracker: Mapping[str, Any], *, name: str) -> Result:
    """Call a function as a member of a group; `name` is the process's own.

    The error of the function is raised, not the one of leaving a group that it broke.
    """
    arguments = {**tracker, "dmlc_task_id": name, "dmlc_timeout": SILENT_SECONDS}
    failed: Exception | None = None
    try:
        with _Group(**arguments):
            try:
                return function()
            except Exception as error:
                failed = error
                raise
    except XGBoostError:
        if failed is not None:
            raise failed from None
        raise
