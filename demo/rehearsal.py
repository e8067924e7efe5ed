"""Rehearsal of the whole operation: the population shifts, the monitor finds it, and a retrained model is deployed.

Then two bad versions are deployed, one with a damaged bundle and one that crashes on requests; both must be rolled
back. Clients send requests all the time, and no request may fail. The rehearsal uses real Docker, nginx and PostgreSQL
and the commands of the workflows, on a copy in var/rehearsal/; the repository stays unchanged.
"""

import json
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from demo import environment, steady_clients
from demo.environment import Environment, RehearsalFailed
from demo.populations import CALM, SHIFTED
from demo.scenario import say
from demo.steady_clients import SteadyClients
from models.errors import ModelsError
from service.access import keys_file
from training.errors import TrainingError

ROOT = Path(__file__).parent.parent
FOLDER = Path("var/rehearsal")
CALM_OUTCOMES, SHIFTED_OUTCOMES = 600, 5_000
CHECKED_ANSWERS = 50
PATIENCE_SECONDS = 300


def main() -> int:
    """Run the rehearsal; return 0 if no request failed, 1 if any did, 2 if it could not be completed."""
    started = time.monotonic()
    try:
        CALM.draw(1, 0)  # raises if the contract has other fields
        with environment.setting(ROOT, FOLDER) as set_stage:
            failures = play(set_stage)
    except (RehearsalFailed, TrainingError, ModelsError) as error:
        say(f"The rehearsal broke off: {error}")
        return 2
    if failures:
        say(f"{len(failures)} requests failed. The first failure: {failures[0]}")
        return 1
    say(f"Done in {time.monotonic() - started:.0f} s: no request failed, and the retrained model serves.")
    return 0


def play(on: Environment) -> list[str]:
    """Run all steps, and return the failed requests."""
    first = on.pinned_version()
    say(f"1 of 6: build the service with model {first}, and deploy it")
    on.deploy(on.build("v1"), soak_seconds=1)
    environment.join_database(on)
    with steady_clients.asking(on.url, CALM, on.first_key()) as customers:
        see_nothing(on, customers)
        changed_at = see_drift(on, customers)
        second = learn(on)
        say(f"5 of 6: deploy model {second} while clients send requests")
        on.deploy(on.build("v2"))
        require_serving(customers, second)
        refuse_broken_versions(on, customers, second)
        counts = f"{customers.asked:,} predictions asked for, {len(customers.failures)} failed, by "
    say(counts + ", ".join(f"{version}: {rows:,}" for version, rows in customers.answers.items()))
    say(f"The population shifted at {changed_at:%H:%M:%S} UTC. Pinned models, with the reasons:")
    on.run("-m", "training", "history")
    say("What was deployed here:")
    on.run(".github/scripts/deploy.py", "history")
    return customers.failures


def see_nothing(on: Environment, customers: SteadyClients) -> None:
    """Send calm customers; the drift job must find no drift."""
    say(f"2 of 6: send customers like the training data, until {CALM_OUTCOMES:,} outcomes are known")
    begin = datetime.now(UTC)
    wait_for(customers, CALM_OUTCOMES)
    on.run("-m", "monitoring", "drift", "--from", begin.isoformat())


def see_drift(on: Environment, customers: SteadyClients) -> datetime:
    """Send shifted customers, and return when they began; the jobs must find drift and fallen quality."""
    say(f"3 of 6: prices rise and other customers leave; send them until {SHIFTED_OUTCOMES:,} outcomes are known")
    customers.world, begin = SHIFTED, datetime.now(UTC)
    wait_for(customers, SHIFTED_OUTCOMES)
    for job in ("drift", "performance"):
        on.run("-m", "monitoring", job, "--from", begin.isoformat(), allowed=(1,))
    return begin


def learn(on: Environment) -> str:
    """Train a model on the logged predictions and outcomes, promote it through the gate, and return its version."""
    say("4 of 6: train on the logged outcomes, and run the promotion gate")
    # Only our own customers have the key that the service made at its first start.
    live = ("--data", "live", "--trusted-reporters", keys_file.FIRST)
    on.run("-m", "training", "fit", *live, "--costs", "training/costs.toml")
    on.run("-m", "training", "promote", "--report", "var/promotion.md")
    return on.pinned_version()


def refuse_broken_versions(on: Environment, customers: SteadyClients, serving: str) -> None:
    """Deploy two bad versions; each time the version before must continue to serve."""
    say("6 of 6: deploy a version with a damaged bundle, and one that crashes on requests")
    graph = on.project / "models" / "store" / serving / "model.onnx"
    whole = graph.read_bytes()
    graph.write_bytes(whole[:-1])
    damaged = on.build("v3-damaged")
    graph.write_bytes(whole)
    program = environment.FAULTY.format(fault="os._exit(7)")
    crashing = on.build("v3-crashing", dockerfile=f"FROM {on.image('v2')}\nCMD {json.dumps(['python', '-c', program])}")
    for image in (damaged, crashing):
        on.deploy(image, soak_seconds=15, allowed=1)
        require_serving(customers, serving)


def wait_for(customers: SteadyClients, outcomes: int) -> None:
    """Wait until `outcomes` more outcomes are in the log; the time depends on the machine.

    Raises:
        RehearsalFailed: it takes longer than PATIENCE_SECONDS.
    """
    enough, limit = customers.reported + outcomes, time.monotonic() + PATIENCE_SECONDS
    while customers.reported < enough:
        if time.monotonic() > limit:
            raise RehearsalFailed(f"too few outcomes were recorded: the service refused {customers.unreported:,}")
        customers.wait(0.5)


def require_serving(customers: SteadyClients, version: str) -> None:
    """Make sure that this model answers all customers.

    Raises:
        RehearsalFailed: another model answers some, or none answers.
    """
    customers.wait(1)  # answers that were on their way
    before, limit = customers.answers.copy(), time.monotonic() + PATIENCE_SECONDS
    while (customers.answers - before).total() < CHECKED_ANSWERS and time.monotonic() < limit:
        customers.wait(0.5)
    answered = {other for other, rows in customers.answers.items() if rows > before[other]}
    if answered != {version}:
        raise RehearsalFailed(f"{version} should answer all customers, but {', '.join(answered) or 'nobody'} does")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that SIGTERM cleans up too
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
