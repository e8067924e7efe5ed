"""`python -m monitoring drift --live FILE` ends with 0 (no drift), 1 (drift) or 2 (cannot tell).

`python -m monitoring dashboard` shows the runs so far. Knows nothing of what a command does.
"""

import logging
import signal
import sys
from collections.abc import Callable

from pydantic import ValidationError
from pydantic_settings import CliApp

from monitoring.settings import Settings
from monitoring.verdict import CANNOT_TELL

logger = logging.getLogger("monitoring")


def main(arguments: list[str]) -> int:
    """Run the command that the first argument names."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    if not arguments or arguments[0] not in COMMANDS:
        sys.stderr.write(f"usage: python -m monitoring {{{','.join(COMMANDS)}}} [--help]\n")
        return CANNOT_TELL
    try:
        settings = CliApp.run(Settings, cli_args=arguments[1:])
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            flag = str(problem["loc"][0]).replace("_", "-")
            logger.error("--%s: %s", flag, problem["msg"])  # noqa: TRY400  # a traceback would bury the sentence
        return CANNOT_TELL
    return COMMANDS[arguments[0]](settings)


def watch_drift(settings: Settings) -> int:
    """Run the drift job."""
    from monitoring import job  # noqa: PLC0415  # takes seconds to import; usage, --help and Ctrl-C do not wait for it

    return job.run_drift(settings)


def show_dashboard(settings: Settings) -> int:
    """Serve the dashboard until interrupted."""
    logger.info("starting the dashboard of %s", settings.workspace)
    from monitoring import report  # noqa: PLC0415  # takes seconds to import; usage, --help and Ctrl-C do not wait for it

    def announce() -> None:
        logger.info("dashboard of %s on http://%s:%s", settings.workspace, settings.host, settings.port)

    report.serve(settings.workspace, host=settings.host, port=settings.port, on_listening=announce)
    return 0


COMMANDS: dict[str, Callable[[Settings], int]] = {"drift": watch_drift, "dashboard": show_dashboard}

if __name__ == "__main__":
    # Ctrl-C ends it at once and quietly. A KeyboardInterrupt shows a traceback, or is lost in an import of seconds.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    sys.exit(main(sys.argv[1:]))
