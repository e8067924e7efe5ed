"""The jobs by the clock: each runs at once and then every so often, one at a time, as a process of its own.

So memory is given back, and what goes wrong stays there. A run that leaves no record, because it hung, crashed or could
not start, gets one here that says it could not tell.
"""

import logging
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from models import durations, listening
from monitoring import telemetry
from monitoring.errors import CANNOT_TELL
from monitoring.job_result import NoVerdict
from monitoring.runs import run_store
from monitoring.runs.run_store import Job
from monitoring.settings import WatchSettings

logger = logging.getLogger(__name__)
LOOK_SECONDS = 0.1
"""Between two looks whether a run is over, another is due, or the end was asked for."""


@dataclass(frozen=True)
class Schedule:
    """A job, and when it runs."""

    job: Job
    command: Sequence[str]
    every: timedelta
    max_run: timedelta
    output_dir: Path
    """Where it leaves its records."""
    keep: timedelta
    """Age from which on they are removed, of whichever job."""


class Stop:
    """Whether SIGTERM or SIGINT has come since this was made."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def run_watch(settings: WatchSettings) -> int:
    """Run the jobs and serve their gauges until told to stop; return 2 if the address cannot be had."""
    schedules = plan(settings)
    periods = {schedule.job: schedule.every.total_seconds() for schedule in schedules}
    output_dir, host = settings.output_dir, settings.host
    if problem := listening.find_problem(host, settings.port, prefix="MONITORING"):
        logger.error("%s", problem)
        return CANNOT_TELL
    with telemetry.serving(output_dir, host=host, port=settings.port, periods_seconds=periods) as port:
        logger.info("gauges on http://%s:%s/metrics", host, port)
        follow(schedules, Stop())
    return 0


def plan(settings: WatchSettings) -> list[Schedule]:
    """Make of the settings what is to run; all else the jobs take from the environment."""
    wanted: tuple[tuple[Job, str, str], ...] = (
        ("drift", settings.drift_every, settings.drift_since),
        ("performance", settings.performance_every, settings.performance_since),
    )
    output_dir = str(settings.output_dir)
    return [
        Schedule(
            job=job,
            command=(sys.executable, "-m", "monitoring", job, "--since", since, "--output-dir", output_dir),
            every=durations.parse(every),
            max_run=durations.parse(settings.max_run),
            output_dir=settings.output_dir,
            keep=durations.parse(settings.keep_runs),
        )
        for job, every, since in wanted
    ]


def follow(schedules: Sequence[Schedule], stop: Stop) -> None:
    """Run each job when it is due, until asked to stop, which also ends the one that runs."""
    due = {schedule.job: time.monotonic() for schedule in schedules}
    while not stop.asked:
        for schedule in schedules:
            if (now := time.monotonic()) >= due[schedule.job] and not stop.asked:
                due[schedule.job] = now + schedule.every.total_seconds()
                _run(schedule, stop)
                _forget_old_runs(schedule)
        time.sleep(LOOK_SECONDS)


def _run(schedule: Schedule, stop: Stop) -> None:
    started_at, limit = datetime.now(UTC), time.monotonic() + schedule.max_run.total_seconds()
    # In a session of its own: Ctrl-C is for us, and a run that it ended is no run that could not tell.
    with subprocess.Popen(schedule.command, start_new_session=True) as process:
        while process.poll() is None and time.monotonic() < limit and not stop.asked:
            time.sleep(LOOK_SECONDS)
        code = process.poll()
        process.kill()
    if code is None and stop.asked:
        return
    how = f"took longer than {schedule.max_run} and was ended" if code is None else f"ended with {code}"
    logger.info("the %s job %s", schedule.job, how)
    if not _left_record(schedule, started_at):
        reason = f"the {schedule.job} job {how}, and left no record; the log of the monitor says more."
        _record_blindness(reason, schedule, started_at)


def _forget_old_runs(schedule: Schedule) -> None:
    try:
        run_store.forget(schedule.output_dir, datetime.now(UTC) - schedule.keep)
    except (OSError, ValueError):  # what is old may be removed next time; runs go on
        logger.exception("old runs could not be removed")


def _left_record(schedule: Schedule, started_at: datetime) -> bool:
    first = run_store.path(schedule.output_dir, schedule.job, started_at)
    return any(record > first for record in first.parent.glob(f"*-{schedule.job}.json"))


def _record_blindness(reason: str, schedule: Schedule, started_at: datetime) -> None:
    logger.error("cannot tell: %s", reason)
    facts = {**NoVerdict(reason).record, "report": None}
    try:
        run_store.write(facts, schedule.output_dir, schedule.job, started_at)
    except OSError as error:
        logger.error("not kept: %s: %s", schedule.output_dir, error.strerror)  # noqa: TRY400  # says it all
