"""`python -m monitoring COMMAND`. A job ends with 0 (all is well), 1 (drift or fallen quality) or 2 (cannot tell)."""

import logging
import signal
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic_settings import BaseSettings

from models import command_line, plain_text
from models.errors import ModelsError
from monitoring.errors import CANNOT_TELL, CannotTell
from monitoring.notices.settings import NotifySettings
from monitoring.retrain_requests.settings import RetrainSettings
from monitoring.settings import (
    DashboardSettings,
    DriftSettings,
    ImportOutcomesSettings,
    ImportTreatmentsSettings,
    MigrateSettings,
    PerformanceSettings,
    PruneSettings,
    ReviewSettings,
    WatchSettings,
)

PURPOSE = "Watch the predictions and outcomes of the service for drift and fallen quality."

logger = logging.getLogger("monitoring")


def main(arguments: list[str]) -> int:
    """Run the command that the first argument names."""
    plain_text.log_to_terminal()
    logging.getLogger("alembic").setLevel(logging.WARNING)
    kinds = {name: kind for name, (_, kind) in COMMANDS.items()}
    name, settings = command_line.read_command("python -m monitoring", PURPOSE, kinds, arguments)
    run, _ = COMMANDS[name]
    try:
        return run(settings)
    except Exception:  # without this, Python ends with 1, which means drift
        logger.exception("the command failed")
        return CANNOT_TELL


# Each command imports its modules itself: they take seconds, and --help and Ctrl-C must not wait.


def drift(settings: DriftSettings) -> int:
    """Run the drift job."""
    from monitoring import drift_job, notify  # noqa: PLC0415  # as above
    from monitoring.retrain_requests import command  # noqa: PLC0415  # as above

    code = drift_job.run_drift(settings)
    notify.after_run(settings)
    command.after_run(settings)
    return code


def performance(settings: PerformanceSettings) -> int:
    """Run the performance job."""
    from monitoring import notify, performance_job  # noqa: PLC0415  # as above
    from monitoring.retrain_requests import command  # noqa: PLC0415  # as above

    code = performance_job.run_performance(settings)
    notify.after_run(settings)
    command.after_run(settings)
    return code


def review(settings: ReviewSettings) -> int:
    """Save a person's review of a run."""
    from monitoring import review  # noqa: PLC0415  # as above

    return review.run_review(settings)


def show_dashboard(settings: DashboardSettings) -> int:
    """Serve the dashboard until interrupted."""
    from monitoring.review_page import server  # noqa: PLC0415  # as above

    return server.run_dashboard(settings)


def watch(settings: WatchSettings) -> int:
    """Run both jobs on a schedule until a signal."""
    from monitoring import watch  # noqa: PLC0415  # as above

    return watch.run_watch(settings)


def notify(settings: NotifySettings) -> int:
    """Send notices to the webhook."""
    from monitoring import notify  # noqa: PLC0415  # as above

    return notify.run_notify(settings)


def request_retraining(settings: RetrainSettings) -> int:
    """Ask for the retraining that is due."""
    from monitoring.retrain_requests import command  # noqa: PLC0415  # as above

    return command.run_request(settings)


def import_outcomes(settings: ImportOutcomesSettings) -> int:
    """Record outcomes from a file."""
    from monitoring.imports import importing, report_kinds  # noqa: PLC0415  # as above

    return _finish(lambda: importing.run(settings, report_kinds.OUTCOMES))


def import_treatments(settings: ImportTreatmentsSettings) -> int:
    """Record treatments from a file."""
    from monitoring.imports import importing, report_kinds  # noqa: PLC0415  # as above

    return _finish(lambda: importing.run(settings, report_kinds.TREATMENTS))


def prune(settings: PruneSettings) -> int:
    """Delete old rows of the prediction log."""
    from monitoring import pruning  # noqa: PLC0415  # as above

    return _finish(lambda: pruning.run(settings))


def migrate(settings: MigrateSettings) -> int:
    """Create the prediction log's tables, or upgrade them."""
    from models.log import connections, migrations  # noqa: PLC0415  # as above
    from models.log.partitions import strays, upkeep  # noqa: PLC0415  # as above

    def upgrade() -> str:
        with connections.engine(settings.log_url, create=True) as engine:
            is_new = migrations.upgrade(engine)
            now = datetime.now(UTC)
            changed = upkeep.keep(engine, now) or is_new
            placed = strays.place(engine, now)
        moved = f"the rows of {placed:,} weeks were moved to partitions of their own; " if placed else ""
        return f"{moved}the prediction log {'was upgraded to this version' if changed else 'needs no change'}"

    return _finish(upgrade)


def _finish(work: Callable[[], str]) -> int:
    """Run a command and print its result; return 0 for done and 2 for not done."""
    try:
        result = work()
    except (CannotTell, ModelsError, OSError) as error:
        logger.error("%s", error)  # noqa: TRY400  # the sentence names the remedy; a traceback would bury it
        return CANNOT_TELL
    sys.stdout.write(f"{plain_text.printable(result)}\n")
    return 0


COMMANDS: dict[str, tuple[Callable[[Any], int], type[BaseSettings]]] = {
    "drift": (drift, DriftSettings),
    "performance": (performance, PerformanceSettings),
    "review": (review, ReviewSettings),
    "watch": (watch, WatchSettings),
    "notify": (notify, NotifySettings),
    "request-retraining": (request_retraining, RetrainSettings),
    "dashboard": (show_dashboard, DashboardSettings),
    "import-outcomes": (import_outcomes, ImportOutcomesSettings),
    "import-treatments": (import_treatments, ImportTreatmentsSettings),
    "prune": (prune, PruneSettings),
    "migrate": (migrate, MigrateSettings),
}

if __name__ == "__main__":
    # Ctrl-C ends it at once and quietly. A KeyboardInterrupt shows a traceback, or is lost in an import of seconds.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(main(sys.argv[1:]))
