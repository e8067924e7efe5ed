"""How often one look of a job may be wrong, so that all looks of a year together keep the promised number.

Windows of repeated looks overlap, but the expected number of false alarms is the sum of the looks' rates all the same.
So each look spends what has accrued since the look before: the number a year, times the elapsed part of a year. The
records of the runs are the memory of that.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from models import durations
from monitoring.runs import recorded_runs
from monitoring.runs.recorded_runs import RecordedRun
from monitoring.runs.run_store import Job
from monitoring.settings import DriftSettings, JobSettings, PerformanceSettings

_YEAR, _SHORTEST = timedelta(days=365), timedelta(seconds=1)
_MEASURED = {"drift": "columns", "performance": "checks"}
"""The fact of a record that is not empty if the run compared something."""
_FIRST = "this is the first look that the output folder remembers (keep the folder, or each look is a first one)"


@dataclass(frozen=True)
class Look:
    """The false alarm rate of one run, and where it comes from."""

    false_alarm_rate: float
    """Share of runs over unchanged customers that may raise a false alarm."""
    remark: str

    @property
    def facts(self) -> dict[str, float]:
        """The rate for the record."""
        return {"false_alarm_rate": self.false_alarm_rate}


def find(job: Job, settings: DriftSettings | PerformanceSettings, now: datetime) -> Look:
    """Return the rate of a run: that of a single check if a person chose the file or window, else its share of a year.

    A look is never more often wrong than a single check.
    """
    single = settings.false_alarm_rate
    if _is_chosen(settings):
        return Look(
            single,
            f"limits of a single check: {100 * single:.3g}% of checks of unchanged customers may raise a false alarm",
        )
    last = _last(job, settings, now)
    window = durations.parse(settings.since or settings.usual_since)
    elapsed = max(_SHORTEST, now - last) if last else window
    rate = min(single, settings.false_alarms_per_year * (elapsed / _YEAR))
    since = f"the look before was {_in_words(elapsed)} ago" if last else _FIRST
    return Look(
        rate,
        f"limits of repeated looks: at most {settings.false_alarms_per_year:g} false alarms in a year of calm; "
        f"{since}, and its share is {rate:.2g}",
    )


def _is_chosen(settings: JobSettings) -> bool:
    return settings.has_chosen_window or (isinstance(settings, DriftSettings) and settings.live is not None)


def _last(job: Job, settings: JobSettings, now: datetime) -> datetime | None:
    """Return when the last look began; a record that cannot be read may have been one."""
    for path in recorded_runs.paths(settings.output_dir):
        run = RecordedRun(path, {})
        if run.job != job or run.started_at >= now:
            continue
        try:
            facts = recorded_runs.read(path).facts
        except (OSError, ValueError):
            return run.started_at
        is_file = job == "drift" and facts.get("live")
        if facts.get(_MEASURED[job]) and not facts.get("chosen_window") and not is_file:
            return run.started_at
    return None


def _in_words(elapsed: timedelta) -> str:
    return str(timedelta(seconds=round(elapsed.total_seconds())))
