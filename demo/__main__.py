"""The story of the demo: train, serve, send calm and then shifted customers, and let the monitor judge both.

Everything it makes lies below var/; the pinned model of the repository stays as it is. Each step is the very command
that a person would type.
"""

import json
import os
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd

from demo import traffic
from demo.running_service import predict, running

FOLDER = Path("var/demo")
MODELS = FOLDER / "models"
TRACKING = f"sqlite:///{FOLDER / 'mlflow.db'}"
CUSTOMERS = 1_000


def main() -> int:
    """Play the loop; returns 0 if the monitor saw what there was to see, else 1."""
    started = time.monotonic()
    FOLDER.mkdir(parents=True, exist_ok=True)
    say("1 of 3: train, log to MLflow, publish and pin")
    run("-m", "training", "fit", "--pin", "--models-dir", str(MODELS), "--tracking-uri", TRACKING)
    say("2 of 3: serve the model and send customers over HTTP")
    files = send_customers()
    say("3 of 3: compare what was sent with what the model learned from")
    seen = {name: run("-m", "monitoring", "drift", "--live", str(path), allowed=(0, 1)) for name, path in files.items()}
    if seen != {"calm": 0, "shifted": 1}:
        say(f"The monitor should have ended with 0 for calm and 1 for shifted customers, but did with {seen}.")
        return 1
    say(f"Done in {time.monotonic() - started:.0f} s: calm customers look like the training data, shifted ones do not.")
    sys.stdout.write(WHERE_TO_LOOK)
    return 0


def send_customers() -> dict[str, Path]:
    """Send both kinds of customers; returns the files that hold what was sent."""
    sent = {
        "calm": traffic.calm(CUSTOMERS, seed=11),
        "shifted": traffic.shifted(CUSTOMERS, seed=12),
    }
    files = {}
    with running(MODELS, FOLDER / "service.log") as service:
        for name, customers in sent.items():
            files[name] = FOLDER / f"{name}.csv"
            customers.to_csv(files[name], index=False)
            say(f"{CUSTOMERS:,} {name} customers: {ask(service.port, customers)}")
    return files


def ask(port: int, customers: pd.DataFrame) -> str:
    """Predict every customer over HTTP, and say how the answers are spread."""
    tiers = Counter(answer["risk_tier"] for answer in predict(port, json.loads(customers.to_json(orient="records"))))
    return ", ".join(f"{tiers[tier] / len(customers):.0%} {tier} risk" for tier in ("low", "medium", "high"))


def run(*arguments: str, allowed: tuple[int, ...] = (0,)) -> int:
    """Run one of the project's programs, its output on ours, and return its exit code.

    Raises:
        SystemExit: it ended with a code that is not allowed.
    """
    environment = os.environ | {"MONITORING_MODELS_DIR": str(MODELS)}
    code = subprocess.run([sys.executable, *arguments], env=environment, check=False).returncode
    if code not in allowed:
        raise SystemExit(code)
    return code


def say(sentence: str) -> None:
    """Tell the person at the terminal, before anything that follows."""
    sys.stdout.write(f"\n{sentence}\n")
    sys.stdout.flush()


WHERE_TO_LOOK = f"""
  API docs    SERVICE_MODELS_DIR={MODELS} make serve
              then http://localhost:8000/docs
  MLflow      MLFLOW_TRACKING_URI={TRACKING} make mlflow
              then http://localhost:5000/#/experiments/1/runs
  dashboard   make dashboard
              then http://localhost:8001
  reports     var/reports/, an .html for people and a .json for programs each
"""

if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
