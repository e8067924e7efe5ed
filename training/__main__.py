"""`python -m training fit`: start a job, say what came of it, end with 0 (done) or 2 (not done)."""

import logging
import signal
import sys

from pydantic import ValidationError
from pydantic_settings import CliApp

from models.errors import ModelsError
from training import pipeline, report
from training.errors import TrainingError
from training.settings import FitSettings

USAGE = "usage: python -m training fit [--help]\n"

logger = logging.getLogger("training")


def main(arguments: list[str]) -> int:
    """Run the command that the first argument names."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the run in MLflow is closed as failed
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", datefmt="%H:%M:%S")
    for noisy in ("mlflow", "alembic", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    match arguments:
        case ["fit", *rest]:
            return fit(rest)
        case _:
            sys.stderr.write(USAGE)
            return 2


def fit(arguments: list[str]) -> int:
    """Train, and tell the result."""
    try:
        settings = CliApp.run(FitSettings, cli_args=arguments)
    except ValidationError as error:
        for problem in error.errors(include_url=False):
            logger.error("--%s: %s", ".".join(map(str, problem["loc"])).replace("_", "-"), problem["msg"])  # noqa: TRY400  # as below
        return 2
    try:
        published = pipeline.fit(settings)
    except (TrainingError, ModelsError) as error:
        logger.error("%s", error)  # noqa: TRY400  # the sentence names the remedy; a traceback would bury it
        return 2
    except KeyboardInterrupt:
        logger.error("interrupted; nothing new is served")  # noqa: TRY400  # a traceback tells nothing more
        return 130
    except Exception:
        logger.exception("the fit failed; nothing new is served")
        return 2
    sys.stdout.write(f"{report.describe(published)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
