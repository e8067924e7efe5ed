"""The steps of the demo: train, serve, send calm and then shifted customers, and run the monitor on each.

The customers are synthetic, or from a table. All files are written below var/; the pinned model of the repository stays
unchanged. Each step runs the same command that a person would type, and the monitor reads only the prediction log.
"""

import shlex
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from demo import sources, summary
from demo.client import Client
from demo.populations import Population
from demo.programs import Programs, Status
from demo.running_service import running
from demo.settings import DemoSettings
from models.bundles import bundle
from models.features import CONTRACT

FOLDER = Path("var/demo")
MODELS = FOLDER / "models"
TRACKING = f"sqlite:///{FOLDER / 'mlflow.db'}"
LOG = f"sqlite:///{FOLDER / 'predictions.db'}"
MONITORING = {"MONITORING_LOG_URL": LOG, "MONITORING_MODELS_DIR": str(MODELS), "MONITORING_OUTPUT_DIR": str(FOLDER)}
"""The demo's runs have a dashboard of their own, so that they are not taken for runs of the real service."""
OUTPUT = FOLDER / "output.txt"
COSTS = str(Path(__file__).parent.parent / "training" / "costs.toml")
LOG_LIMIT_SECONDS = 30


@dataclass(frozen=True)
class Watched:
    """The records of both jobs about one population."""

    drift: summary.Record
    performance: summary.Record

    @property
    def exit_codes(self) -> tuple[int, int]:
        """Of the drift and the performance job."""
        return self.drift["exit_code"], self.performance["exit_code"]


def play(settings: DemoSettings) -> int:
    """Run all steps; return 0 if the monitor found the expected verdicts, else 1.

    Raises:
        DataError, ContractError: there are no customers for the demo.
        SystemExit: one of the programs failed and has printed why.
    """
    started = time.monotonic()
    FOLDER.mkdir(parents=True, exist_ok=True)
    source, status = sources.of(settings.data, settings.columns, folder=FOLDER), Status()
    programs = Programs(OUTPUT, MONITORING, status)
    say("1 of 3: train a model, log it to MLflow, publish it and pin it")
    store = ("--models-dir", str(MODELS), "--tracking-uri", TRACKING)
    programs.run("-m", "training", "fit", *source.flags, "--pin", "--costs", COSTS, *store)
    model = bundle.load(MODELS, contract=CONTRACT).manifest
    tell(summary.of_model(model))
    worlds, watched = source.worlds(model), []
    with running(MODELS, FOLDER / "service.log", SERVICE_LOG_URL=LOG, SERVICE_OUTPUT_DIR=str(FOLDER)) as service:
        for step, world in zip(("2 of 3: serve the model, and send", "3 of 3: send"), worlds, strict=True):
            say(summary.wrap(f"{step} {source.customers:,} {world.told}"))
            status.show(f"sending {source.customers:,} customers")
            window = send(world, source.customers, service.url, status)
            watched.append(watch(window, programs))
    calm, shifted = watched
    costs = model.policy.costs
    say("What was promised on the test set, and what the outcomes of the customers show, with 95 % intervals:")
    tell(summary.compare(calm.performance, shifted.performance, costs.currency if costs else None))
    return finish(settings, calm, shifted, seconds=time.monotonic() - started)


def send(world: Population, number: int, url: str, status: Status) -> tuple[datetime, datetime]:
    """Send customers of a population, and then their outcomes; return the begin and the end of their predictions."""
    customers = world.customers(number, seed=1)
    begin = datetime.now(UTC)
    with closing(Client(url)) as client:
        predictions = [client.predict(customer.features) for customer in customers]
        end = datetime.now(UTC) + timedelta(milliseconds=1)  # ids have a resolution of one millisecond
        ids = [prediction["prediction_id"] for prediction in predictions]
        churned = dict(zip(ids, (customer.churned for customer in customers), strict=True))
        client.report(churned, patience_seconds=LOG_LIMIT_SECONDS)
    status.clear()
    tell(summary.of_answers(predictions, customers))
    return begin, end


def watch(window: tuple[datetime, datetime], programs: Programs) -> Watched:
    """Run the drift and the performance job on the log of a period, and print their sentences."""
    period = ("--from", window[0].isoformat(), "--to", window[1].isoformat())
    records = []
    for job, label in (("drift", "drift job"), ("performance", "quality job")):
        _, printed = programs.run("-m", "monitoring", job, *period, allowed=(0, 1))
        records.append(summary.read_record(printed))
        tell(summary.of_job(label, records[-1]))
    return Watched(*records)


def finish(settings: DemoSettings, calm: Watched, shifted: Watched, *, seconds: float) -> int:
    """Print the result and where to look; return the exit code of the demo."""
    as_expected = (calm.exit_codes, shifted.exit_codes) == ((0, 0), (1, 1))
    if as_expected:
        say(f"Done in {seconds:.0f} s: the monitor found no drift, then drift and fallen quality.")
    else:
        say(
            "The drift and the performance job should both end with 0 for calm customers and with 1 for shifted ones; "
            f"they ended with {calm.exit_codes} and {shifted.exit_codes}."
        )
    tell(where_to_look(settings))
    return 0 if as_expected else 1


def say(sentence: str) -> None:
    """Print a heading, below an empty line."""
    tell(f"\n{sentence}\n")


def tell(lines: str) -> None:
    """Print lines at once, before any output that follows."""
    sys.stdout.write(lines)
    sys.stdout.flush()


def where_to_look(settings: DemoSettings) -> str:
    """List the pages and reports to look at, and the command that pins the model."""
    given = {"DATA": settings.data, "COLUMNS": settings.columns}
    words = ["make", "train", *(f"{name}={shlex.quote(str(path))}" for name, path in given.items() if path)]
    return f"""\
  API          SERVICE_MODELS_DIR={MODELS} make serve, then http://localhost:8000
  MLflow       MLFLOW_TRACKING_URI={TRACKING} make mlflow, then
               http://localhost:5001/#/experiments/1/runs?workflowType=machine_learning
  dashboard    MONITORING_OUTPUT_DIR={FOLDER} make dashboard, then http://localhost:8001
  reports      {FOLDER}/reports/, an .html page and a .json record for each run
  all output   {OUTPUT}
  next         {" ".join(words)}, which pins a model of all customers for make serve
"""
