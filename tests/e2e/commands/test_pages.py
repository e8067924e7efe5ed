"""Each command that README and docs show is run by a test: here, in a checkout of its own, or by the test named here.

Commands are found wherever they stand, so that they may move from page to page.
"""

import json
import os
import re
import signal
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from demo.populations import CALM
from demo.running_service import free_port, running
from monitoring.runs import run_store
from tests import checkout, live_log
from tests.e2e.commands.programs import OURS, fetched
from tests.waiting import wait_until
from training.data import synthetic

pytestmark = [pytest.mark.shipped, pytest.mark.shipped_model, pytest.mark.slow]

ROOT = Path(__file__).parents[3]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("**/*.md"))]
BLOCK = re.compile(r"^[ ]*```sh\n(.*?)^[ ]*```", re.MULTILINE | re.DOTALL)
ASSIGNMENTS = re.compile(r"^(?:[A-Z_]+=(?:\$\([^)]*\)|\S*) )+")
OUR_COMMANDS = ("make ", ".venv/bin/python -m ", "python3 .github/scripts/", "docker compose ", "curl ")
"""What a line begins with that has to be run; `git`, `docker build` and `kubectl` are other people's programs."""
SMALL = {"TRAINING_ROWS": "1000", "TRAINING_MIN_ROWS": "100", "DO_NOT_TRACK": "true", "PYTHON": "false"}
SHORTER = {"--trials 50": "--trials 2"}


@dataclass(frozen=True)
class Here:
    """What a command that is run here may end with, and has to say."""

    says: str
    ends_with: tuple[int, ...] = (0,)


@dataclass(frozen=True)
class Served:
    """What a command that does not end answers, and the variable that moves it to a free port."""

    variable: str
    path: str


@dataclass(frozen=True)
class Elsewhere:
    """The test that runs a command, and the words of its file that do."""

    test: str
    words: tuple[str, ...]


FIT = Here(r"(?m)^model \S+ \(")
GUIDE = "tests/repo/test_guide.py"
TRAINING = "tests/e2e/commands/test_training.py"
CONTAINERS, DEPLOY, RETARGET = "tests/repo/test_containers.py", "tests/e2e/test_deploy.py", "tests/e2e/test_retarget.py"
RULES: Mapping[str, Here | Served | Elsewhere] = {
    r"curl ": Here(r'"(churn_probability|status|detail|threshold|version|written_by)"'),
    r"\.venv/bin/python -m training fit ": FIT,
    r"\.venv/bin/python -m training promote": Here(
        "is promoted: |is refused, the champion stays: |cannot tell", (0, 1, 2)
    ),
    r"\.venv/bin/python -m training recalibrate ": Elsewhere(
        f"{TRAINING}::test_a_map_is_learned_anew_from_the_outcomes_that_it_was_told", ('"recalibrate", "--log-url"',)
    ),
    r"\.venv/bin/python -m training (contract draft |score .*mine\.toml)": Elsewhere(
        f"{GUIDE}::test_its_first_five_minutes_lead_to_a_served_model", ("blocks(section",)
    ),
    r"\.venv/bin/python -m monitoring drift .*mine\.toml": Elsewhere(
        f"{GUIDE}::test_its_first_five_minutes_lead_to_a_served_model", ("blocks(section",)
    ),
    r"\.venv/bin/python -m training score (lake|s3:)": Elsewhere(
        "tests/e2e/commands/test_training.py::test_the_files_of_a_lake_are_scored", ('"s3://lake/in"', '"--processes"')
    ),
    r"\.venv/bin/python -m training score (?!.*mine\.toml|lake|s3:)": Here(r"scored 1,?000 of 1,?000 customers"),
    r"\.venv/bin/python -m training replay ": Elsewhere(
        f"{TRAINING}::test_what_a_service_answered_is_proved_after_its_model_was_retired", ('"replay", identity',)
    ),
    r"\.venv/bin/python -m training (challenge --mode canary |advance )": Elsewhere(
        f"{TRAINING}::test_a_canary_advances_by_itself_with_what_it_was_told", ('"--mode", "canary"', '"advance"')
    ),
    r"\.venv/bin/python -m training history": Here("pinned by fit"),
    r"\.venv/bin/python -m training contract diff": Here("no changes: .* was trained with this contract"),
    r"\.venv/bin/python -m monitoring (drift|performance) .*var/demo": Elsewhere(
        "tests/demo/test_demo.py::test_the_demo_plays_the_whole_loop", ("DEMO_COMMANDS",)
    ),
    r"\.venv/bin/python -m monitoring drift (?!.*(var/demo|mine\.toml))": Here("(?m)^(no )?drift in ", (0, 1)),
    r"\.venv/bin/python -m monitoring performance (?!.*var/demo)": Here(
        "(?m)^(as good as promised|quality fallen): ", (0, 1)
    ),
    r"\.venv/bin/python -m monitoring review ": Here(", by ann: "),
    r"\.venv/bin/python -m monitoring import-outcomes ": Here("recorded 5 outcomes of 5 rows"),
    r"\.venv/bin/python -m monitoring import-treatments ": Here("recorded 5 treatments of 5 rows"),
    r"\.venv/bin/python -m monitoring prune ": Here("deleted 0 predictions"),
    r"\.venv/bin/python -m monitoring migrate": Here("the prediction log "),
    r"\.venv/bin/python -m monitoring notify --test$": Elsewhere(
        "tests/e2e/commands/test_monitoring.py::test_notices_go_where_they_were_told", ('"notify", "--test"',)
    ),
    r"\.venv/bin/python -m monitoring request-retraining$": Elsewhere(
        "tests/e2e/commands/test_monitoring.py::test_a_retraining_is_requested_where_and_when_it_was_told",
        ('"request-retraining"',),
    ),
    r"\.venv/bin/python -m service keys add ": Here(r"(?m)^[\w-]{43}$"),
    r"\.venv/bin/python -m service keys list$": Here("name +digest"),
    r"\.venv/bin/python -m service keys revoke ": Elsewhere(
        "tests/e2e/commands/test_service.py::test_the_service_asks_for_the_keys_that_were_made", ('"revoke", "crm"',)
    ),
    r"docker compose exec service python -m service keys add ": Elsewhere(
        f"{DEPLOY}::test_clients_without_keys_go_over_to_keys_without_a_failed_request", ("add.split()",)
    ),
    r"docker compose -f deploy/compose\.yml exec blue (cat keys|python -m service keys add |sh -c )": Elsewhere(
        f"{DEPLOY}::test_without_a_key_to_test_with_nothing_is_deployed", ('"sh", "-c"', "in_keys")
    ),
    r"python3 \.github/scripts/request_retrain\.py ": Here("(?m)^(no )?drift in ", (0, 1)),
    r"make train$": Here(r"pinned: served within a second"),
    r"make client$": Here(r"clients/python/\w+/schemas\.py: \d+ types"),
    r"make help$": Here("create .venv with all packages"),
    r"make serve$": Served("SERVICE_PORT", "/health/ready"),
    r"make dashboard$": Served("MONITORING_PORT", "/api/projects"),
    r"make monitor$": Served("MONITORING_PORT", "/metrics"),
    r"make demo$": Elsewhere("tests/demo/test_demo.py::test_the_demo_plays_the_whole_loop", ('"-m", "demo"',)),
    r"make demo DATA=": Elsewhere(f"{RETARGET}::test_the_demo_plays_the_whole_loop", ('clone.make("demo"',)),
    r"make train DATA=": Elsewhere(f"{RETARGET}::test_git_sees_the_two_files_and_what_a_pin_writes", ('"train"',)),
    r"make site-demo$": Elsewhere(
        "tests/e2e/test_static_site.py::test_make_builds_the_site_of_the_pinned_model", ('clone.make("site-demo"',)
    ),
    r"make rename NAME=": Elsewhere(
        "tests/repo/test_rename.py::test_all_that_has_a_name_has_the_new_one", ('clone.make("rename"',)
    ),
    r"make rehearsal$": Elsewhere(
        "tests/e2e/test_rehearsal.py::test_a_better_model_takes_over_and_broken_ones_do_not_while_customers_ask",
        ('"-m", "demo.rehearsal"',),
    ),
    r"make deploy( DROP=.*)?$": Elsewhere(
        f"{DEPLOY}::test_make_deploys_an_image_by_its_digest", ('"deploy", f"IMAGE=',)
    ),
    r"make test$": Elsewhere(
        "tests/repo/test_lanes.py::test_ctrl_c_ends_the_lanes_that_run_and_begins_no_other", ('".ci" / "test"',)
    ),
    r"make lint$": Elsewhere("tests/repo/test_rename.py::test_the_renamed_project_is_sound", ("clone.lint(",)),
    r"python3 \.github/scripts/deploy\.py (status|history|settings|rollback)$": Elsewhere(
        f"{DEPLOY}::test_a_new_version_takes_over_and_gives_way_again_without_a_failed_request",
        ('tell("status")', 'tell("history")', 'tell("rollback"'),
    ),
    r"docker compose up$": Elsewhere(f"{CONTAINERS}::test_a_fresh_clone_serves_its_pinned_model", ('"up", "--det',)),
    r"docker compose (--profile \w+ )*--profile observability up$": Elsewhere(
        f"{CONTAINERS}::test_prometheus_reaches_both_programs_and_knows_the_alerts", ('profile="observability"',)
    ),
    r"docker compose --profile cluster (up --detach --wait|run --rm fit)$": Elsewhere(
        f"{CONTAINERS}::test_a_model_is_fitted_on_the_cluster", ('profile="cluster"', '"run", "--rm", "fit"')
    ),
    r"docker compose --profile postgres up$": Elsewhere(
        f"{CONTAINERS}::test_with_postgres_the_log_is_there", ('profile="postgres"', '"LOG_URL"')
    ),
}


@dataclass(frozen=True)
class Block:
    """Commands of a page that stand together."""

    page: str
    lines: tuple[str, ...]


def blocks() -> Iterator[Block]:
    for page in PAGES:
        for found in BLOCK.finditer(page.read_text(encoding="utf-8")):
            lines = (line.strip() for line in re.sub(r"\\\n\s*", "", found[1]).splitlines())
            ours = tuple(line for line in lines if plain(line).startswith(OUR_COMMANDS))
            if ours:
                yield Block(page.relative_to(ROOT).as_posix(), ours)


def plain(line: str) -> str:
    """Leave out the variables that are set for a command."""
    return ASSIGNMENTS.sub("", line)


def rules_for(line: str) -> list[Here | Served | Elsewhere]:
    return [rule for pattern, rule in RULES.items() if re.match(pattern, plain(line))]


BLOCKS = list(blocks())


def test_each_command_of_the_docs_is_run_by_one_test() -> None:
    assert len(BLOCKS) > 15
    assert [line for block in BLOCKS for line in block.lines if len(rules_for(line)) != 1] == []


def test_a_command_that_no_test_runs_is_found() -> None:
    assert rules_for("make coffee") == []
    assert rules_for(".venv/bin/python -m training forget") == []
    assert len(rules_for("LOG_URL=postgresql://a:b@c/d docker compose --profile postgres up")) == 1


ELSEWHERE = [rule for rule in RULES.values() if isinstance(rule, Elsewhere)]


@pytest.mark.parametrize("rule", ELSEWHERE, ids=lambda rule: rule.test.partition("::")[2])
def test_the_named_test_exists_and_runs_the_command(rule: Elsewhere) -> None:
    path, _, name = rule.test.partition("::")
    text = (ROOT / path).read_text(encoding="utf-8")
    assert f"def {name}(" in text
    assert [words for words in rule.words if words not in text] == []


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, keep: Callable[..., list[str]]) -> Path:
    """A checkout that has served for half a year, with the files that the pages speak of."""
    home = tmp_path_factory.mktemp("docs") / "churn"
    checkout.copy(ROOT, home)
    checkout.lend_environment(home)
    log = f"sqlite:///{home / 'var' / 'predictions.db'}"
    keep(log, CALM, 1_500, days_ago=(178, 31))
    keep(log, CALM, 400, days_ago=(0.9, 0.1), seed=2)
    ids = keep(log, CALM, 5, days_ago=0.5, seed=3, known=False)
    outcomes = pd.DataFrame({"prediction_id": ids, "churned": "no", "observed_at": live_log.NOW.isoformat()})
    outcomes.to_csv(home / "outcomes.csv", index=False)
    treatments = pd.DataFrame({"prediction_id": ids, "offer": "none", "given_at": live_log.NOW.isoformat()})
    treatments.to_csv(home / "treatments.csv", index=False)
    drift = {"verdict": "drift", "exit_code": 1, "summary": "drift in 3 of 7 columns"}
    run_store.write(drift, home / "var", "drift", live_log.NOW - timedelta(hours=1))
    synthetic.sample(1_000, seed=4)[0].drop(columns="churned").to_csv(home / "customers.csv", index=False)
    telco().to_csv(home / "telco_tickets.csv", index=False)
    pd.concat([telco()] * 2).rename(columns={"customerID": "customer_id"}).to_csv(home / "monthly.csv", index=False)
    (home / "customers").mkdir()
    telco().to_parquet(home / "customers" / "part-0.parquet")
    with closing(sqlite3.connect(home / "customers.db")) as database:
        telco().to_sql("customers", database, index_label="id")
    (home / "customers.toml").write_bytes((ROOT / "training" / "columns" / "telco.toml").read_bytes())
    (home / "monthly.toml").write_bytes((ROOT / "training" / "columns" / "telco.toml").read_bytes())
    return home


def telco() -> pd.DataFrame:
    """Draw customers in the columns that training/columns/telco.toml maps."""
    drawn = synthetic.sample(1_000, seed=5)[0]
    return pd.DataFrame(
        {
            "customerID": range(1_000),
            "gender": ["Female", "Male"] * 500,
            "SeniorCitizen": [0, 0, 0, 1] * 250,
            "tenure": drawn["tenure_months"],
            "MonthlyCharges": drawn["monthly_charges"],
            "TotalCharges": drawn["total_charges"],
            "numAdminTickets": drawn["support_tickets"],
            "numTechTickets": 0,
            "Contract": drawn["contract_type"].map({0: "Month-to-month", 1: "One year", 2: "Two year"}),
            "Churn": drawn["churned"].map({0: "No", 1: "Yes"}),
        }
    )


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a service that can be asked."""
    patient = {"SERVICE_MAX_TURN_SECONDS": "5"}  # a busy machine is not what is tested
    with running(ROOT / "models", tmp_path_factory.mktemp("asked") / "service.log", **patient) as service:
        yield service.port


def surroundings(home: Path, **more: str) -> dict[str, str]:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(OURS)}
    return inherited | SMALL | {"HOME": str(home)} | more


RUN_HERE = [
    block
    for block in BLOCKS
    if any(not isinstance(rule, Elsewhere) for line in block.lines for rule in rules_for(line))
]


@pytest.mark.parametrize("block", RUN_HERE, ids=lambda block: f"{block.page}: {block.lines[0][:60]}")
def test_the_commands_of_a_block_do_what_they_say(block: Block, home: Path, service: int) -> None:
    for name in ("pinned.json", "history.jsonl"):  # each block begins with the model that predicted
        (home / "models" / name).write_bytes((ROOT / "models" / name).read_bytes())
    for line in block.lines:
        rule = rules_for(line)[0]
        if isinstance(rule, Here):
            run(line, rule, home, service)
        elif isinstance(rule, Served):
            serve(line, rule, home)


def run(line: str, rule: Here, home: Path, service: int) -> None:
    command = re.sub(r"localhost:\d+", f"127.0.0.1:{service}", line)
    for long, short in SHORTER.items():
        command = command.replace(long, short)
    done = subprocess.run(
        ["bash", "-c", command], cwd=home, env=surroundings(home), capture_output=True, text=True, check=False
    )
    assert done.returncode in rule.ends_with, done.stdout + done.stderr
    assert re.search(rule.says, done.stdout), done.stdout
    if line.startswith("curl "):
        assert json.loads(done.stdout).get("status") not in (404, 405)


def serve(line: str, rule: Served, home: Path) -> None:
    port = free_port()
    environment = surroundings(home, **{rule.variable: str(port)})
    command = ["bash", "-c", line]
    with subprocess.Popen(command, cwd=home, env=environment, stderr=subprocess.DEVNULL, start_new_session=True) as it:
        try:
            wait_until(lambda: fetched(f"http://127.0.0.1:{port}{rule.path}"), 60)
        finally:
            os.killpg(it.pid, signal.SIGINT)  # as the terminal does
