"""Each setting of a program reaches it where it runs, in a container or a workflow, or is listed here with a reason."""

from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types
from pydantic_settings import BaseSettings

from monitoring.notices.settings import WebhookSettings
from monitoring.retrain_requests.settings import RetrainSettings
from monitoring.settings import DriftSettings, PerformanceSettings, WatchSettings
from service.settings import Settings as ServiceSettings
from training.settings import FitSettings, PromoteSettings

OF_THE_SERVICE = {
    "SERVICE_HOST": "the image sets it, because a container is reached from outside",
    "SERVICE_PORT": "the image sets it, and the port of this machine is a variable",
    "SERVICE_OPS_HOST": "the image sets it, as the host",
    "SERVICE_OPS_PORT": "the image sets it, as the port",
    "SERVICE_MAKE_FIRST_KEY": "the image sets it",
    "SERVICE_TLS_CERTIFICATE": "no folder with such a file is mounted: TLS ends in front of the containers",
    "SERVICE_TLS_KEY": "as the certificate",
    "SERVICE_MODELS_DIR": "the model is that of the image",
    "SERVICE_OUTPUT_DIR": "a volume is mounted at its default",
}
ON_THIS_MACHINE = {
    "SERVICE_KEYS_FILE": "the first start makes the key of the volume",
    "SERVICE_ALLOW_ANONYMOUS": "there are always keys",
    "SERVICE_DRAIN_SECONDS": "nothing in front of it would send requests elsewhere",
}
OF_THE_MONITOR = {
    "MONITORING_SINCE": "`watch` gives it, from the settings of its schedule",
    "MONITORING_FROM_TIME": "the window of a schedule ends when the job runs",
    "MONITORING_TO_TIME": "as its start",
    "MONITORING_FALSE_ALARM_RATE": "it is for a window that somebody chose",
    "MONITORING_LIVE": "`watch` looks at the log, and at no file",
    "MONITORING_COLUMNS": "they are of that file",
    "MONITORING_MODELS_DIR": "the model is that of the image",
    "MONITORING_OUTPUT_DIR": "a volume is mounted at its default",
    "MONITORING_ADVANCE_EVERY": "as the model: no canary is tried on the models of an image",
    "MONITORING_PORT": "the port of this machine is a variable",
}
OF_A_RETRAINING = {
    "TRAINING_DATA": "retrain.py sets it from RETRAIN_DATA and RETRAIN_DATA_URL",
    "TRAINING_COLUMNS": "retrain.py sets it from RETRAIN_COLUMNS",
    "TRAINING_TRIALS": "retrain.py sets it from RETRAIN_TRIALS",
    "TRAINING_COSTS": "retrain.py names the file of the repository",
    "TRAINING_REPORT": "retrain.py names it for the pull request",
    "TRAINING_VERSION": "the gate judges the model that was just made",
    "TRAINING_PIN": "the gate decides",
    "TRAINING_MODELS_DIR": "it is that of the checkout",
    "TRAINING_OUTPUT_DIR": "it is that of the checkout",
    "TRAINING_CLUSTER": "a machine of GitHub has no cluster",
    "TRAINING_EDGES": "a table above 5,000,000 rows is read in parts without it",
    "TRAINING_ROWS": "it is of the synthetic customers, from which nothing new is learned",
    "TRAINING_SEED": "an equal table gives an equal model",
    "TRAINING_THREADS": "more would change the last digits of a model from machine to machine",
    "TRAINING_ON_LEAK": "a person looks at a leak, and takes the column out",
    "TRAINING_MONOTONE": "it is written into retrain.yml, where a change is reviewed",
    "TRAINING_SLICES": "as the monotone features",
    "TRAINING_MIN_SLICE_ROC_AUC": "fit and promote share the name, and have two defaults",
    **dict.fromkeys(
        (
            "TRAINING_ROC_AUC_MARGIN",
            "TRAINING_BRIER_MARGIN",
            "TRAINING_COST_MARGIN_FRACTION",
            "TRAINING_SLICE_MARGIN",
            "TRAINING_MAX_LATENCY_RATIO",
            "TRAINING_MIN_ROWS",
            "TRAINING_MAX_REPORTER_SHARE",
        ),
        "what the gate demands is written into retrain.yml, where a change is reviewed",
    ),
}
MONITOR = (DriftSettings, PerformanceSettings, WatchSettings, WebhookSettings, RetrainSettings)


def names(*kinds: type[BaseSettings]) -> set[str]:
    """Return the variables of settings."""
    found = {f"{kind.model_config['env_prefix']}{name}".upper() for kind in kinds for name in kind.model_fields}
    return {"MLFLOW_TRACKING_URI" if name == "TRAINING_TRACKING_URI" else name for name in found}


def environment(path: Path, service: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text())["services"][service]["environment"]
    return found


@pytest.mark.parametrize(
    ("file", "service", "kinds", "left_out"),
    [
        ("docker-compose.yml", "service", (ServiceSettings,), OF_THE_SERVICE | ON_THIS_MACHINE),
        ("deploy/compose.yml", "blue", (ServiceSettings,), OF_THE_SERVICE),
        ("deploy/compose.yml", "green", (ServiceSettings,), OF_THE_SERVICE),
        ("docker-compose.yml", "monitor", MONITOR, OF_THE_MONITOR),
        ("deploy/compose.yml", "monitor", MONITOR, OF_THE_MONITOR),
    ],
)
def test_a_container_is_passed_each_setting_that_is_not_left_out_for_a_reason(
    file: str, service: str, kinds: tuple[type[BaseSettings], ...], left_out: dict[str, str], root: Path
) -> None:
    passed = {name for name in environment(root / file, service) if name.startswith(("SERVICE_", "MONITORING_"))}
    assert passed == names(*kinds) - left_out.keys()


def test_a_retraining_is_passed_each_setting_that_is_not_left_out_for_a_reason(root: Path) -> None:
    workflow = yaml.safe_load((root / ".github" / "workflows" / "retrain.yml").read_text())
    [fit] = [step for step in workflow["jobs"]["retrain"]["steps"] if step.get("id") == "retrain"]
    passed = {name for name in fit["env"] if not name.startswith("RETRAIN_")}
    assert passed == names(FitSettings, PromoteSettings) - OF_A_RETRAINING.keys()


@pytest.mark.parametrize(
    ("left_out", "kinds"),
    [
        (OF_THE_SERVICE | ON_THIS_MACHINE, (ServiceSettings,)),
        (OF_THE_MONITOR, MONITOR),
        (OF_A_RETRAINING, (FitSettings, PromoteSettings)),
    ],
    ids=["service", "monitor", "retraining"],
)
def test_what_is_left_out_is_a_setting(left_out: dict[str, str], kinds: tuple[type[BaseSettings], ...]) -> None:
    assert left_out.keys() - names(*kinds) == set()
