"""The story of a rehearsal: the world changes under a served model, the monitor sees it, a better one takes over.

Then come two versions that must not serve: one whose bundle is damaged, and one that crashes when it is asked.
Customers ask all the time, and not one request may fail. All of it is real, on this machine: Docker, nginx, PostgreSQL,
and the commands that the workflows run. It plays with a copy in var/rehearsal/; the repository stays as it is.
"""

import json
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from demo import environment, steady_clients
from demo.environment import Environment, Unplayable
from demo.populations import CALM, SHIFTED
from demo.scenario import say
from demo.steady_clients import SteadyClients
from training.errors import TrainingError

ROOT = Path(__file__).parent.parent
FOLDER = Path("var/rehearsal")
CALM_OUTCOMES, SHIFTED_OUTCOMES = 600, 5_000
PATIENCE_SECONDS = 300


def main() -> int:
    """Play it; returns 0 if all went as it should and no request failed, 1 if not, 2 if it could not be played."""
    started = time.monotonic()
    try:
        CALM.draw(1, 0)  # refuses if the contract has other fields
        with environment.setting(ROOT, FOLDER) as set_stage:
            failures = play(set_stage)
    except (Unplayable, TrainingError) as error:
        say(f"The rehearsal broke off: {error}")
        return 2
    if failures:
        say(f"{len(failures)} requests failed, the first: {failures[0]}")
        return 1
    say(f"Done in {time.monotonic() - started:.0f} s: no request failed, and the better model serves.")
    return 0


def play(on: Environment) -> list[str]:
    """Play all acts, and return the requests that failed."""
    first = on.pinned_version()
    say(f"1 of 6: build the service with model {first}, and deploy it")
    on.deploy(on.build("v1"), soak_seconds=1)
    environment.join_database(on)
    with steady_clients.asking(on.url, CALM) as customers:
        see_nothing(on, customers)
        changed_at = see_drift(on, customers)
        second = learn(on)
        say(f"5 of 6: deploy model {second} while customers ask")
        on.deploy(on.build("v2"))
        require_serving(customers, second)
        refuse_broken_versions(on, customers, second)
        told = f"{customers.asked:,} predictions asked for, {len(customers.failures)} failed, by "
    say(told + ", ".join(f"{version}: {rows:,}" for version, rows in customers.answers.items()))
    say(f"Since {changed_at:%H:%M:%S} UTC the world is another. Which model was served, and why:")
    on.run("-m", "training", "history")
    say("What was deployed here:")
    on.run(".github/scripts/deploy.py", "history")
    return customers.failures


def see_nothing(on: Environment, customers: SteadyClients) -> None:
    """Watch customers like those that the model learned from."""
    say(f"2 of 6: customers like those it learned from, until of {CALM_OUTCOMES:,} it is known who left")
    begin = datetime.now(UTC)
    wait_for(customers, CALM_OUTCOMES)
    on.run("-m", "monitoring", "drift", "--from", begin.isoformat())


def see_drift(on: Environment, customers: SteadyClients) -> datetime:
    """Change the world, and return when; the monitor must see other customers, who leave for other reasons."""
    say(f"3 of 6: prices rise, and others leave than before, until of {SHIFTED_OUTCOMES:,} it is known who left")
    customers.world, begin = SHIFTED, datetime.now(UTC)
    wait_for(customers, SHIFTED_OUTCOMES)
    for job in ("drift", "performance"):
        on.run("-m", "monitoring", job, "--from", begin.isoformat(), allowed=(1,))
    return begin


def learn(on: Environment) -> str:
    """Fit a model on what was logged and became known, let it through the gate, and return its version."""
    say("4 of 6: learn from what happened, and ask the gate")
    on.run("-m", "training", "fit", "--data", "live", "--costs", "training/costs.toml")
    on.run("-m", "training", "promote", "--report", "var/promotion.md")
    return on.pinned_version()


def refuse_broken_versions(on: Environment, customers: SteadyClients, serving: str) -> None:
    """Deploy what must not serve; each time the version before must go on."""
    say("6 of 6: deploy a version whose bundle is damaged, and one that crashes when it is asked")
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
    """Let customers ask until so many more outcomes are in the log: how long that takes is the machine's affair.

    Raises:
        Unplayable: it takes too long.
    """
    enough, limit = customers.reported + outcomes, time.monotonic() + PATIENCE_SECONDS
    while customers.reported < enough:
        if time.monotonic() > limit:
            raise Unplayable(f"hardly any outcome was taken: {customers.unreported:,} were not")
        customers.wait(0.5)


def require_serving(customers: SteadyClients, version: str) -> None:
    """Make sure that customers are answered by this model, and by no other.

    Raises:
        Unplayable: they are not.
    """
    customers.wait(1)
    before = customers.answers.copy()
    customers.wait(2)
    answered = {other for other, rows in customers.answers.items() if rows > before[other]}
    if answered != {version}:
        raise Unplayable(f"{version} should answer all customers, but {', '.join(answered) or 'nobody'} does")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it, it clears up
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
