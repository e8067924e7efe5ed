"""The steps of the demo: train, serve, send calm and then shifted customers, and run the monitor on each.

The customers are synthetic, or from a table. All files are written below var/; the pinned model of the repository stays
unchanged. Each step runs the same command that a person would type, and the monitor reads only the prediction log.
"""

import os
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from demo import sources
from demo.client import Client
from demo.populations import Customer, Population
from demo.running_service import RunningService, running
from demo.settings import DemoSettings
from models.bundles import bundle
from models.features import CONTRACT

FOLDER = Path("var/demo")
MODELS = FOLDER / "models"
TRACKING = f"sqlite:///{FOLDER / 'mlflow.db'}"
LOG = f"sqlite:///{FOLDER / 'predictions.db'}"
COSTS = str(Path(__file__).parent.parent / "training" / "costs.toml")
LOG_LIMIT_SECONDS = 30


def play(settings: DemoSettings) -> int:
    """Run all steps; return 0 if the monitor found the expected verdicts, else 1.

    Raises:
        DataError, ContractError: there are no customers for the demo.
        SystemExit: one of the programs failed and has printed why.
    """
    started = time.monotonic()
    FOLDER.mkdir(parents=True, exist_ok=True)
    source = sources.of(settings.data, settings.columns, folder=FOLDER)
    say("1 of 3: train, log to MLflow, publish and pin")
    store = ("--models-dir", str(MODELS), "--tracking-uri", TRACKING)
    run("-m", "training", "fit", *source.flags, "--pin", "--costs", COSTS, *store)
    calm, shifted = source.worlds(bundle.load(MODELS, fingerprint=CONTRACT.fingerprint).manifest)
    with running(MODELS, FOLDER / "service.log", SERVICE_LOG_URL=LOG, SERVICE_OUTPUT_DIR=str(FOLDER)) as service:
        say(f"2 of 3: serve the model, and send {calm.told}")
        of_calm = watch(calm, source.customers, service)
        say(f"3 of 3: send {shifted.told}")
        of_shifted = watch(shifted, source.customers, service)
    as_expected = (of_calm, of_shifted) == ((0, 0), (1, 1))
    if as_expected:
        say(f"Done in {time.monotonic() - started:.0f} s: the monitor found no drift, then drift and fallen quality.")
    else:
        say(
            "The drift and the performance job should both end with 0 for calm customers and with 1 for shifted ones; "
            f"they ended with {of_calm} and {of_shifted}."
        )
    sys.stdout.write(where_to_look(settings))
    return 0 if as_expected else 1


def watch(world: Population, number: int, service: RunningService) -> tuple[int, int]:
    """Send customers of a population and their outcomes; return the exit codes of the drift and the performance job."""
    customers = world.customers(number, seed=1)
    begin = datetime.now(UTC)
    with closing(Client(service.url)) as client:
        predictions = [client.predict(customer.features) for customer in customers]
        end = datetime.now(UTC) + timedelta(milliseconds=1)  # ids have a resolution of one millisecond
        ids = [prediction["prediction_id"] for prediction in predictions]
        churned = dict(zip(ids, (customer.churned for customer in customers), strict=True))
        client.report(churned, patience_seconds=LOG_LIMIT_SECONDS)
    say(describe(world, predictions, customers))
    window = ("--from", begin.isoformat(), "--to", end.isoformat())
    drift, performance = (run("-m", "monitoring", job, *window, allowed=(0, 1)) for job in ("drift", "performance"))
    return drift, performance


def describe(world: Population, predictions: Sequence[dict[str, Any]], customers: Sequence[Customer]) -> str:
    """Return a line with the shares of the risk tiers and the churn rate."""
    tiers = Counter(prediction["risk_tier"] for prediction in predictions)
    spread = ", ".join(f"{tiers[tier] / len(customers):.0%} {tier} risk" for tier in ("low", "medium", "high"))
    left = sum(customer.churned for customer in customers) / len(customers)
    return f"{len(customers):,} {world.name} customers: {spread}; {left:.0%} left"


def run(*arguments: str, allowed: tuple[int, ...] = (0,)) -> int:
    """Run one of the project's programs with our standard output, and return its exit code.

    Raises:
        SystemExit: the exit code is not in `allowed`.
    """
    environment = os.environ | {"MONITORING_MODELS_DIR": str(MODELS), "MONITORING_LOG_URL": LOG}
    code = subprocess.run([sys.executable, *arguments], env=environment, check=False).returncode
    if code not in allowed:
        raise SystemExit(code)
    return code


def say(sentence: str) -> None:
    """Print a line at once, before any output that follows."""
    sys.stdout.write(f"\n{sentence}\n")
    sys.stdout.flush()


def where_to_look(settings: DemoSettings) -> str:
    """Return the list of pages and reports to look at, and the command that pins the model."""
    given = {"DATA": settings.data, "COLUMNS": settings.columns}
    words = ["make", "train", *(f"{name}={shlex.quote(str(path))}" for name, path in given.items() if path)]
    return f"""
  API docs    SERVICE_MODELS_DIR={MODELS} make serve
              then http://localhost:8000/docs
  MLflow      MLFLOW_TRACKING_URI={TRACKING} make mlflow
              then http://localhost:5000/#/experiments/1/runs
  dashboard   make dashboard
              then http://localhost:8001
  reports     var/reports/, an .html page and a .json record per run
  to pin it   {" ".join(words)}
"""
