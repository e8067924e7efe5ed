"""`make rehearsal` as a person runs it: drift, a better model by itself, two broken versions, and no failed request."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = (sys.executable, "-m", "demo.rehearsal")


def left_behind() -> list[str]:
    kinds = (("ps", "--all"), ("volume", "ls"), ("network", "ls"), ("image", "ls"))
    listed = (subprocess.run(["docker", *kind], capture_output=True, text=True, check=True).stdout for kind in kinds)
    return [line for text in listed for line in text.splitlines() if "churn-rehearsal" in line]


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.shipped
@pytest.mark.shipped_model
def test_a_better_model_takes_over_and_broken_ones_do_not_while_customers_ask(root: Path) -> None:
    own = os.environ | {"SERVICE_LOG_INPUTS": "none"}  # meant for another service of this person's
    done = subprocess.run(PROGRAM, cwd=root, env=own, capture_output=True, text=True, check=False)
    told = done.stdout
    assert done.returncode == 0, f"{told}\n{done.stderr[-3000:]}"
    assert "\nno drift in 7 columns" in told
    assert "\ndrift in " in told
    assert "\nquality fallen: ROC-AUC worse by" in told
    [(new, old)] = re.findall(r"\n(\S+) is promoted: compared with (\S+) on", told)
    [(asked, failed, answered)] = re.findall(r"([\d,]+) predictions asked for, (\d+) failed, by (.+)\n", told)
    assert failed == "0"
    assert int(asked.replace(",", "")) > 2_000
    assert {part.split(": ")[0] for part in answered.split(", ") if ": " in part} == {old, new}
    assert re.findall(r"\n\* \S+ \S+  (\S+)  promoted by the gate", told) == [new]
    results = re.findall(
        r"^\d{4}-\S+  (deployed|refused|rolled back)", told.split("What was deployed here:")[1], re.MULTILINE
    )
    assert results == ["deployed", "deployed", "refused", "rolled back"]
    assert left_behind() == []


@pytest.mark.docker
@pytest.mark.shipped
def test_ended_half_way_it_leaves_nothing_of_its_own_behind(root: Path) -> None:
    with subprocess.Popen(PROGRAM, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as playing:
        assert playing.stdout is not None
        assert b"1 of 6" in b"".join(playing.stdout.readline() for _ in range(2))  # its database runs
        assert left_behind() != []
        playing.terminate()
    assert playing.returncode == 130
    assert left_behind() == []


@pytest.mark.shipped
def test_without_docker_it_says_what_it_takes(root: Path, tmp_path: Path) -> None:
    nowhere = os.environ | {"PATH": str(tmp_path)}
    done = subprocess.run(PROGRAM, cwd=root, env=nowhere, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (2, "")
    assert "broke off: the docker command is not installed. Install Docker with Compose 2" in done.stdout
