"""`python -m training fit` or `score`: start a job, say what came of it, end with 0 (done) or 2 (not done)."""

import logging
import signal
import sys
from collections.abc import Callable
from typing import TypeVar

from pydantic import ValidationError
from pydantic_settings import BaseSettings, CliApp, SettingsError

from models.errors import ModelsError
from training.errors import TrainingError
from training.settings import FitSettings, ScoreSettings

USAGE = "usage: python -m training fit [--help]\n       python -m training score [--help]\n"
Settings = TypeVar("Settings", bound=BaseSettings)

logger = logging.getLogger("training")


def main(arguments: list[str]) -> int:
    """Run the command that the first argument names."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the run in MLflow is closed as failed
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    for noisy in ("alembic", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    match arguments:
        case ["fit", *rest]:
            return _run(fit, FitSettings, rest, unfinished="nothing new is served")
        case ["score", *rest]:
            return _run(score, ScoreSettings, rest, unfinished="nothing was written")
        case _:
            sys.stderr.write(USAGE)
            return 2


def fit(settings: FitSettings) -> str:
    """Train, and tell the result."""
    from training import pipeline, report  # noqa: PLC0415  # scoring needs none of their libraries

    return report.describe(pipeline.fit(settings))


def score(settings: ScoreSettings) -> str:
    """Score a file, and tell the result."""
    from training import results, scoring  # noqa: PLC0415  # as above

    return scoring.score(settings).describe(settings.output, results.rejected_path(settings.output))


def _run(job: Callable[[Settings], str], kind: type[Settings], arguments: list[str], *, unfinished: str) -> int:
    try:
        settings = CliApp.run(kind, cli_args=arguments)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            logger.error("--%s: %s", ".".join(map(str, problem["loc"])).replace("_", "-"), problem["msg"])  # noqa: TRY400  # as below
        return 2
    except SettingsError as error:  # what is no pair, or no JSON, where it has to be
        logger.error("%s: %s", error, error.__cause__)  # noqa: TRY400  # as below
        return 2
    try:
        told = job(settings)
    except (TrainingError, ModelsError) as error:
        logger.error("%s", error)  # noqa: TRY400  # the sentence names the remedy; a traceback would bury it
        return 2
    except KeyboardInterrupt:
        logger.error("interrupted; %s", unfinished)  # noqa: TRY400  # a traceback tells nothing more
        return 130
    except Exception:
        logger.exception("the job failed; %s", unfinished)
        return 2
    sys.stdout.write(f"{told}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
