#!/usr/bin/env python3
"""Train a model, and let the promotion gate decide whether it replaces the pinned one.

RETRAIN_DATA (by default the synthetic customers), RETRAIN_COLUMNS and RETRAIN_TRIALS are the values of `fit --data`,
`--columns` and `--trials`. For a database, RETRAIN_DATA_URL is its URL, and TRAINING_QUERY selects the rows; no command
line shows either. RETRAIN_DATA comes before RETRAIN_DATA_URL. The gate's report is in var/retraining.md, and the page
of the run shows it. Exit code 0: the gate judged the new model, either way, or says in its report that these rows tell
neither; 2: the fit or the gate failed. The decision is the output `promoted`; if it is true, the new pin and bundle are
in models/.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import actions

REPORT = Path("var/retraining.md")
TRAINING = (sys.executable, "-m", "training")
DONE, FAILED = 0, 2
PROMOTED, REFUSED, CANNOT_TELL = 0, 1, 2
OPEN = "the gate cannot tell"
"""In the first line of a report of which the rows were too few; other problems end the gate with the same code."""
ENDINGS = {
    PROMOTED: "promoted",
    REFUSED: "refused: the pinned model stays",
    CANNOT_TELL: "cannot tell whether the new model is better: the pinned model stays. The report has the reason",
}
FILES = ("sqlite:", "sqlite+")
"""Beginnings of the URL of a database that is a file, without a password."""
OF_A_DATABASE = {"TRAINING_QUERY", "TRAINING_PARTITION_COLUMN"}


def fit_flags() -> list[str]:
    """Return the options of `fit`; values from outside are checked, and cannot add other options."""
    data, trials = _given("RETRAIN_DATA"), _given("RETRAIN_TRIALS")
    if "://" in data and not data.startswith(FILES):
        raise SystemExit(
            _say(
                "RETRAIN_DATA holds the URL of a database, and others can read variables and inputs. Store the URL as "
                "the secret RETRAIN_DATA_URL, its SQL as the secret TRAINING_QUERY, and change the password."
            )
        )
    if trials and not re.fullmatch(r"\d{1,3}", trials):
        raise SystemExit(_say(f"RETRAIN_TRIALS is {trials!r}. Set it to a number from 0 to 999."))
    return [
        "--costs=training/costs.toml",
        *([f"--data={data}"] if data else []),
        *([f"--columns={columns}"] if (columns := _columns()) else []),
        *([f"--trials={trials}"] if trials else []),
    ]


def fit_environment() -> dict[str, str]:
    """Return the environment of `fit`; the URL of a database is there, where no list of processes shows it."""
    data, url = _given("RETRAIN_DATA"), _given("RETRAIN_DATA_URL")
    variables = {name: value for name, value in os.environ.items() if name != "RETRAIN_DATA_URL"}
    if not data and url:
        if "://" not in url:
            raise SystemExit(_say("RETRAIN_DATA_URL is no URL. Write it as postgresql://user:password@host/database."))
        if not _given("TRAINING_QUERY"):
            raise SystemExit(_say("RETRAIN_DATA_URL needs SQL that selects the rows. Store it as TRAINING_QUERY."))
        return variables | {"TRAINING_DATA": url}
    if "://" not in data:  # `fit` refuses them for a file
        variables = {name: value for name, value in variables.items() if name not in OF_A_DATABASE}
    return variables


def _columns() -> str:
    """Return the path of the columns file, which must be in the checkout, so that its changes are reviewed."""
    given = _given("RETRAIN_COLUMNS")
    if not given:
        return ""
    path = Path(given)
    if path.is_absolute() or not path.resolve().is_relative_to(Path.cwd()) or not path.is_file():
        raise SystemExit(
            _say(f"RETRAIN_COLUMNS is {given!r}. Name a file of this repository, such as training/columns/telco.toml.")
        )
    return given


def _given(name: str) -> str:
    return os.environ.get(name, "").strip()


def main() -> int:
    """Train, run the gate, and print its decision."""
    REPORT.unlink(missing_ok=True)
    flags, environment = fit_flags(), fit_environment()
    if fitted := subprocess.run([*TRAINING, "fit", *flags], env=environment, check=False).returncode:
        return _say(f"the fit ended with exit code {fitted}. See its last lines above.")
    decision = subprocess.run([*TRAINING, "promote", f"--report={REPORT}"], check=False).returncode
    report = REPORT.read_text() if REPORT.is_file() else ""
    is_open = decision == CANNOT_TELL and OPEN in report.partition("\n")[0]
    if not report or not (decision in {PROMOTED, REFUSED} or is_open):
        return _say(
            f"the gate ended with exit code {decision}{'' if report else ' and without a report'}; "
            "the pinned model stays. See its last lines above."
        )
    actions.summary(report)
    actions.output(promoted=str(decision == PROMOTED).lower(), report=str(REPORT))
    sys.stdout.write(f"{report}\n{ENDINGS[decision]}\n")
    if is_open:
        actions.notice(ENDINGS[decision])
    return DONE


def _say(problem: str) -> int:
    sys.stderr.write(f"cannot tell: {problem}\n")
    return FAILED


if __name__ == "__main__":
    sys.exit(main())
