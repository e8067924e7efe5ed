"""`python -m demo`: plays the loop. Exit code 0: the monitor saw what it should; 1: it did not; 2: not played."""

import logging
import sys

from demo.settings import DemoSettings
from models import command_line
from models.errors import ModelsError
from training.errors import TrainingError


def main(settings: DemoSettings) -> int:
    """Play it, or say why not."""
    logging.getLogger("training").setLevel(logging.ERROR)  # the fit tells what it rejects
    try:
        from demo import scenario  # noqa: PLC0415  # so that a feature class without a contract is told like the rest

        return scenario.play(settings)
    except (TrainingError, ModelsError) as error:
        sys.stderr.write(f"{error}\n")
        return 2


if __name__ == "__main__":
    try:
        sys.exit(main(command_line.read(DemoSettings, sys.argv[1:], program="python -m demo")))
    except KeyboardInterrupt:
        sys.exit(130)
