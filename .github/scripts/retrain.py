#!/usr/bin/env python3
"""Train a model, and let the promotion gate decide whether it replaces the pinned one.

RETRAIN_DATA (by default the synthetic customers) and RETRAIN_TRIALS are the values of `fit --data` and `--trials`. The
gate's report is in var/retraining.md. Exit code 0: the gate decided, either way; 2: cannot tell. The decision is the
output `promoted`; if it is true, the new pin and bundle are in models/.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import actions

REPORT = Path("var/retraining.md")
TRAINING = (sys.executable, "-m", "training")
DECIDED, CANNOT_TELL = 0, 2
PROMOTED, REFUSED = 0, 1


def fit_flags() -> list[str]:
    """Return the options of `fit`; values from outside are checked, and cannot add other options."""
    data, trials = os.environ.get("RETRAIN_DATA", ""), os.environ.get("RETRAIN_TRIALS", "")
    if trials and not re.fullmatch(r"\d{1,3}", trials):
        raise SystemExit(_say(f"RETRAIN_TRIALS is {trials!r}. Set it to a number from 0 to 999."))
    return [
        "--costs=training/costs.toml",
        *([f"--data={data}"] if data else []),
        *([f"--trials={trials}"] if trials else []),
    ]


def main() -> int:
    """Train, run the gate, and print its decision."""
    REPORT.unlink(missing_ok=True)
    if fitted := subprocess.run([*TRAINING, "fit", *fit_flags()], check=False).returncode:
        return _say(f"the fit ended with exit code {fitted}. See its last lines above.")
    decision = subprocess.run([*TRAINING, "promote", f"--report={REPORT}"], check=False).returncode
    if decision not in {PROMOTED, REFUSED} or not REPORT.is_file():
        return _say(
            f"the gate ended with exit code {decision}{'' if REPORT.is_file() else ' and without a report'}; "
            "the pinned model stays. See its last lines above."
        )
    report, promoted = REPORT.read_text(), decision == PROMOTED
    actions.summary(report)
    actions.output(promoted=str(promoted).lower(), report=str(REPORT))
    sys.stdout.write(f"{report}\n{'promoted' if promoted else 'refused: the pinned model stays'}\n")
    return DECIDED


def _say(problem: str) -> int:
    sys.stderr.write(f"cannot tell: {problem}\n")
    return CANNOT_TELL


if __name__ == "__main__":
    sys.exit(main())
