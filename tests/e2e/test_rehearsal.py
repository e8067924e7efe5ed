"""`make rehearsal` as a person runs it: drift, a better model by itself, two broken versions, and no failed request."""

import re
import subprocess
import sys
from pathlib import Path

import pytest


@pytest.mark.docker
@pytest.mark.slow
def test_a_better_model_takes_over_and_broken_ones_do_not_while_customers_ask(root: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "demo.rehearsal"], cwd=root, capture_output=True, text=True, check=False
    )
    told = done.stdout
    assert done.returncode == 0, f"{told}\n{done.stderr[-3000:]}"
    assert "\nno drift in 7 columns" in told
    assert "\ndrift in " in told
    assert "\nquality fallen: ROC-AUC worse by" in told
    [(new, old)] = re.findall(r"\n(\S+) is promoted: judged against (\S+) on", told)
    [(asked, failed, answered)] = re.findall(r"([\d,]+) predictions asked for, (\d+) failed, by (.+)\n", told)
    assert failed == "0"
    assert int(asked.replace(",", "")) > 2_000
    assert {part.split(": ")[0] for part in answered.split(", ") if ": " in part} == {old, new}
    assert re.findall(r"\n\* \S+ \S+  (\S+)  promoted by the gate", told) == [new]
    results = re.findall(
        r"^\d{4}-\S+  (deployed|refused|rolled back)", told.split("What was deployed here:")[1], re.MULTILINE
    )
    assert results == ["deployed", "deployed", "refused", "rolled back"]


@pytest.mark.docker
def test_it_leaves_nothing_of_its_own_behind() -> None:
    kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"), ("image", "ls"))
    for kind in kinds:
        listed = subprocess.run(["docker", *kind], capture_output=True, text=True, check=True).stdout
        assert "churn-rehearsal" not in listed
