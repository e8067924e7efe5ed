"""Scheduler of the jobs: each runs at the start and then periodically, one at a time, in a process of its own.

A process of its own frees its memory at the end, and its errors stay in it. If a run hangs, crashes or cannot start and
so leaves no record, the scheduler writes one with the verdict "cannot tell". The job that advances a canary leaves none
in any case: the history of the pin has its steps, and its exit code is a gauge as long as the monitor runs.
"""

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from models import durations, listening
from monitoring import notify, telemetry
from monitoring.errors import CANNOT_TELL, CannotTell
from monitoring.job_result import NoVerdict
from monitoring.notices import background
from monitoring.retrain_requests import command
from monitoring.runs import run_store
from monitoring.runs.run_store import Job
from monitoring.settings import WatchSettings
from monitoring.telemetry import UnrecordedRun

logger = logging.getLogger(__name__)
ADVANCE: Final = "advance"
LOOK_SECONDS = 0.1
"""Time between two checks for a finished run, a run that is due, or a signal to stop."""


@dataclass(frozen=True)
class Schedule:
    """A job and its schedule."""

    job: Job | Literal["advance"]
    command: Sequence[str]
    every: timedelta
    max_run: timedelta
    output_dir: Path
    """Folder of its records."""
    keep: timedelta
    """Age at which runs are removed, of all jobs."""


Ends = dict[str, UnrecordedRun]
"""The last runs of jobs that leave no record."""


class Stop:
    """Handler of SIGTERM and SIGINT; `asked` is true after one of them."""

    def __init__(self) -> None:
        self.asked = False
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True


def run_watch(settings: WatchSettings) -> int:
    """Run the jobs, serve their gauges, send notices and request retrainings until a signal to stop.

    Return 2 if this cannot start.
    """
    schedules, ends = plan(settings), Ends()
    periods = {schedule.job: schedule.every.total_seconds() for schedule in schedules}
    output_dir, host = settings.output_dir, settings.host
    if problem := listening.find_problem(host, settings.port, settings=("MONITORING_HOST", "MONITORING_PORT")):
        logger.error("%s", problem)
        return CANNOT_TELL
    try:
        sender = notify.find_sender(output_dir)
        requester = command.find_requester(output_dir)
    except CannotTell as error:
        logger.error("%s", error)  # noqa: TRY400  # the sentence names the remedy
        return CANNOT_TELL
    with telemetry.serving(
        output_dir,
        host=host,
        port=settings.port,
        periods_seconds=periods,
        models_dir=settings.models_dir,
        unrecorded=ends,
    ) as port:
        logger.info("gauges on http://%s:%s/metrics", host, port)
        with (
            background.sending(sender) if sender else nullcontext(_do_nothing) as notice,
            command.requesting(requester) as request,
        ):
            follow(schedules, Stop(), ends, after_run=(notice, request))
    return 0


def _do_nothing() -> None:
    pass


def plan(settings: WatchSettings) -> list[Schedule]:
    """Return the schedules of the settings; the jobs read all other settings from the environment."""
    models = ("--models-dir", str(settings.models_dir))
    folders = ("--output-dir", str(settings.output_dir), *models)
    wanted: list[tuple[Job | Literal["advance"], str, tuple[str, ...]]] = [
        ("drift", settings.drift_every, ("monitoring", "drift", "--since", settings.drift_since, *folders)),
        (
            "performance",
            settings.performance_every,
            ("monitoring", "performance", "--since", settings.performance_since, *folders),
        ),
    ]
    if settings.advance_every:
        wanted.append((ADVANCE, settings.advance_every, ("training", ADVANCE, *models)))
    return [
        Schedule(
            job=job,
            command=(sys.executable, "-m", *words),
            every=durations.parse(every),
            max_run=durations.parse(settings.max_run),
            output_dir=settings.output_dir,
            keep=durations.parse(settings.keep_runs),
        )
        for job, every, words in wanted
    ]


def follow(
    schedules: Sequence[Schedule], stop: Stop, ends: Ends | None = None, after_run: Sequence[Callable[[], None]] = ()
) -> None:
    """Run each job when it is due, until a signal to stop, which also ends the running job.

    `ends` gets the last run of a job that leaves no record.
    """
    ends = Ends() if ends is None else ends
    due = {schedule.job: time.monotonic() for schedule in schedules}
    while not stop.asked:
        for schedule in schedules:
            if (now := time.monotonic()) >= due[schedule.job] and not stop.asked:
                due[schedule.job] = now + schedule.every.total_seconds()
                _run(schedule, stop, ends)
                for look in after_run:
                    look()
                _forget_old_runs(schedule)
        time.sleep(LOOK_SECONDS)


def _run(schedule: Schedule, stop: Stop, ends: Ends) -> None:
    started_at, limit = datetime.now(UTC), time.monotonic() + schedule.max_run.total_seconds()
    # In a session of its own, so that Ctrl-C reaches only this process: a job that it ended would count as failed.
    # The scheduler sends notices and requests, so that no job waits for a server.
    environment = {**_shared(), **os.environ, **notify.SILENT, **command.SILENT}
    with subprocess.Popen(schedule.command, start_new_session=True, env=environment) as process:
        while process.poll() is None and time.monotonic() < limit and not stop.asked:
            time.sleep(LOOK_SECONDS)
        code = process.poll()
        process.kill()
    if code is None and stop.asked:
        return
    how = f"took longer than {schedule.max_run} and was ended" if code is None else f"ended with exit code {code}"
    logger.info("the %s job %s", schedule.job, how)
    if schedule.job == ADVANCE:
        first_at = ends[ADVANCE].first_at if ADVANCE in ends else started_at
        ends[ADVANCE] = UnrecordedRun(first_at, datetime.now(UTC), code if code in (0, 1) else CANNOT_TELL)
    elif not _left_record(schedule.job, schedule.output_dir, started_at):
        reason = f"the {schedule.job} job {how}, and left no record. See the log of the monitor."
        _record_blindness(reason, schedule.job, schedule.output_dir, started_at)


def _shared() -> dict[str, str]:
    """Return what the jobs of monitoring were told, as variables of the job that advances a canary."""
    told = {name: os.environ.get(f"MONITORING_{name}") for name in ("LOG_URL", "TRUSTED_REPORTERS")}
    return {f"TRAINING_{name}": value for name, value in told.items() if value}


def _forget_old_runs(schedule: Schedule) -> None:
    try:
        run_store.remove_before(schedule.output_dir, datetime.now(UTC) - schedule.keep)
    except (OSError, ValueError):  # the next run tries again
        logger.exception("old runs could not be removed")


def _left_record(job: Job, output_dir: Path, started_at: datetime) -> bool:
    first = run_store.path(output_dir, job, started_at)
    return any(record > first for record in first.parent.glob(f"*-{job}.json"))


def _record_blindness(reason: str, job: Job, output_dir: Path, started_at: datetime) -> None:
    logger.error("cannot tell: %s", reason)
    facts = {**NoVerdict(reason).record, "report": None}
    try:
        run_store.write(facts, output_dir, job, started_at)
    except OSError as error:
        logger.error("not saved: %s: %s", output_dir, error.strerror)  # noqa: TRY400  # no traceback needed
