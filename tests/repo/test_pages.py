"""README and ARCHITECTURE say what is so: settings, commands, answers, figures, files, tests."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from demo.running_service import running
from models.bundles import bundle
from models.features import CONTRACT
from monitoring import __main__ as monitoring
from service.settings import Settings as ServiceSettings
from training import __main__ as training

EXCHANGE = re.compile(r"```sh\n(?P<command>curl [^`]+)```\n\n```json\n(?P<answer>.+?)\n```", re.DOTALL)
OWN_TO_EACH_ANSWER = {"prediction_id", "prediction_timestamp"}
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text()


@pytest.fixture(scope="module")
def port(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with running(root / "models", tmp_path_factory.mktemp("readme") / "service.log") as service:
        yield service.port


def row(settings: type[BaseSettings], name: str, field: FieldInfo) -> str:
    if field.is_required():  # an argument without a name
        return f"| `{name.upper()}` |  | {field.description} |"
    variable = f"{settings.model_config['env_prefix']}{name.upper()}"
    if isinstance(field.validation_alias, AliasChoices):
        variable = str(field.validation_alias.choices[-1])
    default = "" if field.default is None else f"`{field.default}`"
    return f"| `{variable}` | {default} | {field.description} |"


def test_the_tables_show_every_setting_as_the_classes_have_it(root: Path) -> None:
    of_training = [settings for _, settings, _ in training.COMMANDS.values()]
    of_monitoring = [settings for _, settings in monitoring.COMMANDS.values()]
    classes: tuple[type[BaseSettings], ...] = (ServiceSettings, *of_training, *of_monitoring)
    expected = [row(settings, name, field) for settings in classes for name, field in settings.model_fields.items()]
    shown = (root / "docs" / "settings.md").read_text().splitlines()
    assert [line for line in shown if re.match(r"\| `[A-Z_]+` \|", line)] == expected


@pytest.mark.shipped_model
@pytest.mark.shipped
def test_the_commands_that_ask_the_service_get_the_answers_shown(readme: str, port: int) -> None:
    exchanges = list(EXCHANGE.finditer(readme))
    assert len(exchanges) == 3
    for exchange in exchanges:
        command = exchange["command"].replace("localhost:8000", f"127.0.0.1:{port}")
        answer = subprocess.run(["bash", "-c", command], capture_output=True, check=True, text=True).stdout
        assert comparable(json.loads(answer)) == comparable(json.loads(exchange["answer"]))


def comparable(answer: Any) -> Any:
    if isinstance(answer, dict):
        return {name: comparable(value) for name, value in answer.items() if name not in OWN_TO_EACH_ANSWER}
    return pytest.approx(answer, abs=1e-5) if isinstance(answer, float) else answer


@pytest.mark.shipped_model
@pytest.mark.shipped
def test_the_figures_of_the_model_in_git_are_those_of_its_manifest(readme: str, root: Path) -> None:
    manifest = bundle.load(root / "models", fingerprint=CONTRACT.fingerprint).manifest
    interval, best = manifest.intervals["roc_auc"], manifest.metrics["best_reachable_roc_auc"]
    assert f"ROC-AUC {manifest.metrics['roc_auc']:.3f} ({interval.low:.3f} to {interval.high:.3f})" in readme
    assert f"themselves reach {best:.3f}" in readme


@pytest.mark.parametrize(
    "page",
    [
        *("README.md", "ARCHITECTURE.md", "CHANGELOG.md", "docs/runbook.md", "docs/settings.md"),
        *("docs/kubernetes.md", "docs/deployment.md", "docs/make-it-yours.md"),
    ],
)
def test_every_link_inside_the_repository_leads_somewhere(page: str, root: Path) -> None:
    links = LINK.findall((root / page).read_text())
    assert [link for link in links if not ((root / page).parent / link).exists()] == []


def test_every_test_that_a_decision_rests_on_exists(root: Path) -> None:
    named = TEST.findall((root / "ARCHITECTURE.md").read_text())
    assert len(named) >= 10
    assert [name for path, name in named if f"def {name}(" not in (root / path).read_text()] == []


def test_the_folders_shown_are_those_that_exist(readme: str, files: list[Path]) -> None:
    tree = readme.split("## What is where")[1].split("```")[1]
    shown = set(re.findall(r"^(\w+)/", tree, re.MULTILINE))
    hidden = {"docs"}  # pictures, settings and the runbook
    assert shown == {path.parts[0] for path in files if len(path.parts) > 1 and path.parts[0][0] != "."} - hidden
