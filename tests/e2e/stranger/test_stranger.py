"""A stranger presses "Use this template", deploys, sees drift, decides, merges a better model, and rolls back.

All workflows run as GitHub would run them, with no secrets and variables but those of the checklist in docs/deploy.md.
"""

import json
import re
from pathlib import Path

import pytest

from demo.populations import SHIFTED
from models.bundles import pins
from tests.e2e.commands.programs import fetched
from tests.e2e.stranger.repository import Event
from tests.e2e.stranger.runner import Run
from tests.e2e.stranger.stranger import Stranger, arrives, join_database, keeps_images_in_containerd, left_over

pytestmark = [
    pytest.mark.docker,
    pytest.mark.slow,
    pytest.mark.shipped,
    pytest.mark.shipped_model,
    pytest.mark.timeout(1200),
]

ROUNDS, CUSTOMERS = 17, 300


def test_a_stranger_goes_from_the_template_to_a_better_model_and_back(root: Path, tmp_path: Path) -> None:
    if keeps_images_in_containerd():
        pytest.skip(
            "this engine keeps images in containerd (`docker info`), and the played registry has no layers for it"
        )
    with arrives(root, tmp_path) as ann:
        see_the_first_push_deployed(ann)
        decide_about_drift(ann, tmp_path)
        merge_the_pull_request(ann)
        roll_back_while_a_deployment_runs(ann)
        see_the_weekly_audit(ann)
        assert ann.github.refused == []  # each job declared the permissions that it needs
        assert left_over(ann.name)
    assert left_over(ann.name) == set()


def went_well(*runs: Run) -> None:
    for run in runs:
        assert run.conclusion == "success", run.told()


def pinned(ann: Stranger) -> str:
    return pins.read(ann.clone.folder / "models").version


def judged(ann: Stranger) -> str:
    """Return the version of the model that the deployed monitor judges."""
    gauges = fetched(f"http://127.0.0.1:{ann.host.environment['MONITOR_PORT']}/metrics")
    [version] = re.findall(rf'{ann.name.replace("-", "_")}_monitor_model_info{{model_version="(.*)"}} 1.0', gauges)
    return str(version)


def see_the_first_push_deployed(ann: Stranger) -> None:
    ann.be_patient(2)
    runs = ann.push()
    went_well(*runs.values())
    assert runs.keys() == {"ci.yml", "deploy.yml", "docs.yml"}
    deployed = runs["deploy.yml"]
    assert set(deployed.results.values()) == {"success"}
    join_database(ann)
    assert ann.host.serving()[1] == judged(ann) == pinned(ann)
    assert len(ann.github.signed) == 4


def decide_about_drift(ann: Stranger, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(ann.github.token({"contents": "write"}))
    whom = {"REPOSITORY": ann.repository.name, "TOKEN_FILE": tmp_path / "token", "API_URL": ann.github.url}
    asking = {f"MONITORING_RETRAIN_{name}": str(value) for name, value in {**whom, "ON": "decision"}.items()}
    ann.send(SHIFTED, rounds=ROUNDS, number=CUSTOMERS)
    code, told = ann.monitor("drift", "--since", "1h", **asking)
    assert (code, "drift in " in told, ann.github.dispatched) == (1, True, []), told
    assert ann.monitor("review", "latest", "--decision", "retrain", "--by", "ann", "--why", "prices rose")[0] == 0
    asked = [ann.monitor("request-retraining", **asking)[1] for _ in range(2)]
    assert [ann.repository.name in told for told in asked] == [True, False], asked
    ann.repository.secrets["TRAINING_LOG_URL"] = ann.database
    ann.repository.variables |= {"RETRAIN_DATA": "live", "RETRAIN_TRIALS": "0", "TRAINING_TRUSTED_REPORTERS": "first"}
    [payload] = ann.github.dispatched
    retrained = ann.receive(Event("repository_dispatch", payload=payload))["retrain.yml"]
    went_well(retrained)
    assert retrained.skipped == [], retrained.told()  # the gate promoted the model
    [pull] = ann.github.pulls
    assert "prices rose" in pull.body
    assert "Approve workflows to run" in pull.body
    assert ann.github.started == [["ci.yml", "--ref", "retraining"]]


def merge_the_pull_request(ann: Stranger) -> None:
    before, settings = pinned(ann), ann.host.settings()
    assert settings["LOG_URL"] == f"postgresql://***@{ann.name}-postgres/{ann.name}"
    del ann.repository.environments["production"]["DEPLOY_SETTINGS"]  # so the host keeps its own
    ann.merge()
    after = pinned(ann)
    assert ann.github.pulls[0].title == f"Serve model {after}" != f"Serve model {before}"
    runs = ann.push()
    went_well(*runs.values())
    assert "settings as before: " in runs["deploy.yml"].told()
    assert ann.host.serving()[1] == judged(ann) == after
    assert ann.host.settings() == settings


def roll_back_while_a_deployment_runs(ann: Stranger) -> None:
    serving = ann.host.serving()
    first, *_ = ann.host.tell("history")[1]
    with ann.host.begin(first["image"], soak_seconds=300) as deployment:
        try:
            back = ann.dispatch("deploy.yml", action="rollback")
            went_well(back)
            told, _ = deployment.communicate(timeout=60)
        finally:
            deployment.kill()
    assert back.results == {"features": "success", "tested": "skipped", "image": "skipped", "host": "success"}
    assert (deployment.returncode, "a rollback by ann interrupted it" in json.loads(told)["reason"]) == (1, True)
    assert ann.host.serving() == serving
    assert judged(ann) == serving[1]


def see_the_weekly_audit(ann: Stranger) -> None:
    looked = ann.receive(Event("schedule"), "audit.yml")["audit.yml"]
    went_well(looked)
    assert "No vulnerability is known, and no issue is open." in looked.told()
