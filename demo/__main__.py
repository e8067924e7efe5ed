"""`python -m demo`: runs the demo. Exit code 0: the monitor found what it should; 1: it did not; 2: not run."""

import logging
import sys

from demo.settings import DemoSettings
from models import command_line, plain_text
from models.errors import ModelsError
from training.errors import TrainingError


def main(settings: DemoSettings) -> int:
    """Run the demo, or print why it cannot run."""
    logging.getLogger("training").setLevel(logging.ERROR)  # the fit prints its rejected rows itself
    try:
        from demo import scenario  # noqa: PLC0415  # the import may raise ContractError, which is printed below

        return scenario.play(settings)
    except (TrainingError, ModelsError) as error:
        sys.stderr.write(f"{plain_text.printable(str(error))}\n")
        return 2


if __name__ == "__main__":
    try:
        sys.exit(main(command_line.read(DemoSettings, sys.argv[1:], program="python -m demo")))
    except KeyboardInterrupt:
        sys.exit(130)
