"""The pages say what is so: settings, commands, answers, figures, files, tests. And they stay short."""

import json
import re
import subprocess
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types
from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings

from demo.running_service import running
from models.bundles import bundle
from models.features import CONTRACT
from monitoring import __main__ as monitoring
from service.access import keys_command
from service.settings import Settings as ServiceSettings
from tests import svg
from training import __main__ as training
from training.contracts import command as contract

EXCHANGE = re.compile(r"```sh\n(?P<command>curl [^`]+)```\n\n```json\n(?P<answer>.+?)\n```", re.DOTALL)
OWN_TO_EACH_ANSWER = {"prediction_id", "prediction_timestamp"}
ON_GITHUB = re.compile(r"\]\(\.\./\.\./actions/workflows/(\w+\.yml)(?:/badge\.svg)?\)")
"""An address beside the files of a repository, which is right in every copy of the template."""
LINK = re.compile(r"\]\((?!https?://|\.\./\.\./actions/)(?P<path>[^)#]*)(?:#(?P<anchor>[^)]+))?\)")
CODE = re.compile(r"^ *```.*?^ *```", re.MULTILINE | re.DOTALL)
ROOM = re.compile(r"^\| `(\w+)` \| (.*) \|$", re.MULTILINE)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
TEST = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")
SOURCE = re.compile(r"`((?:models|service|training|monitoring|demo|benchmarks|tests|\.github)/[\w/.-]+\.py)`")


@pytest.fixture(scope="module")
def readme(root: Path) -> str:
    return (root / "README.md").read_text()


@pytest.fixture(scope="module")
def pages(root: Path, files: list[Path]) -> dict[Path, str]:
    """The text of each page, by its path from the root."""
    found = [path for path in files if path.suffix == ".md" and path.parts[0] in ("docs", path.name)]
    return {path: (root / path).read_text() for path in found}


@pytest.fixture(scope="module")
def decisions(pages: dict[Path, str]) -> dict[Path, str]:
    return {path: text for path, text in pages.items() if path.parent.name == "decisions"}


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
    default = "" if field.default in (None, "") else f"`{field.default}`"
    return f"| `{variable}` | {default} | {field.description} |"


def test_the_tables_show_every_setting_as_the_classes_have_it(root: Path) -> None:
    of_training = [settings for _, settings, _ in (*training.COMMANDS.values(), *contract.COMMANDS.values())]
    of_monitoring = [settings for _, settings in monitoring.COMMANDS.values()]
    classes: tuple[type[BaseSettings], ...] = (
        ServiceSettings,
        *keys_command.COMMANDS.values(),
        *of_training,
        *of_monitoring,
    )
    expected = [row(settings, name, field) for settings in classes for name, field in settings.model_fields.items()]
    shown = (root / "docs" / "settings.md").read_text().splitlines()
    assert [line for line in shown if re.match(r"\| `[A-Z_]+` \|", line)] == expected


@pytest.mark.shipped_model
@pytest.mark.shipped
def test_the_commands_that_ask_the_service_get_the_answers_shown(pages: dict[Path, str], port: int) -> None:
    exchanges = [exchange for page in pages.values() for exchange in EXCHANGE.finditer(page)]
    assert len(exchanges) == 4
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
    manifest = bundle.load(root / "models", contract=CONTRACT).manifest
    interval, best = manifest.intervals["roc_auc"], manifest.metrics["best_reachable_roc_auc"]
    assert f"ROC-AUC {manifest.metrics['roc_auc']:.3f} ({interval.low:.3f} to {interval.high:.3f})" in readme
    assert f"themselves reach {best:.3f}" in readme


def anchors(page: str) -> set[str]:
    """Name the anchors of a page as GitHub does; it numbers headings that come again."""
    headings = [LINK.sub("]", heading) for heading in HEADING.findall(CODE.sub("", page))]
    slugs = [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]
    return {f"{slug}-{slugs[:at].count(slug)}".removesuffix("-0") for at, slug in enumerate(slugs)}


def test_every_link_inside_the_repository_leads_somewhere(pages: dict[Path, str], root: Path) -> None:
    links = [(path, *link.group("path", "anchor")) for path, text in pages.items() for link in LINK.finditer(text)]
    assert len(links) > 100
    broken = []
    for path, target, anchor in links:
        found = (root / path).parent / target if target else root / path
        if not found.exists() or (anchor and anchor not in anchors(found.read_text())):
            broken.append((path, target, anchor))
    assert broken == []


def test_the_badge_of_a_workflow_is_of_this_repository_whatever_its_name(readme: str, root: Path) -> None:
    named = ON_GITHUB.findall(readme)
    assert named == ["ci.yml", "ci.yml"]  # the picture, and where it leads
    assert len(named) == readme.count("../../actions/")
    assert (root / ".github" / "workflows" / "ci.yml").is_file()
    assert not re.search(r"\]\(https://(?:github\.com|img\.shields\.io)/", readme)  # these would be the template's


def test_the_other_badges_say_what_the_project_declares(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    matrix = yaml.safe_load((root / ".github" / "workflows" / "ci.yml").read_text())["jobs"]["tests"]["strategy"][
        "matrix"
    ]
    badges = {name: ET.parse(root / "docs" / f"badge-{name}.svg") for name in ("license", "python")}  # noqa: S314  # our own
    said = {name: svg.text_of(badge.getroot(), "title") for name, badge in badges.items()}
    assert said == {"license": f"license: {project['license']}", "python": f"Python: {' | '.join(matrix['python'])}"}
    major, newest = matrix["python"][-1].split(".")
    assert project["requires-python"] == f">={matrix['python'][0]},<{major}.{int(newest) + 1}"
    assert (root / "LICENSE").read_text().startswith(f"{project['license']} License")


@pytest.mark.parametrize("name", ["architecture", "demo"])
def test_a_picture_is_readable_in_light_and_dark_and_by_ear(name: str, root: Path) -> None:
    path = root / "docs" / f"{name}.svg"
    picture = ET.parse(path).getroot()  # noqa: S314  # our own
    assert picture.get("role") == "img"
    named = {one.get("id") for one in picture.iter() if one.tag.endswith(("}title", "}desc"))}
    assert named == set(picture.get("aria-labelledby", "").split())
    assert len(svg.text_of(picture, "desc")) > 100
    text = path.read_text()
    assert "prefers-color-scheme: dark" in text
    assert ("@keyframes" in text) == ("prefers-reduced-motion: reduce" in text)
    assert not re.search(r"(href|src|url)\W+https?:|@import|<script", text)  # GitHub shows no picture that loads others


def test_every_test_that_a_page_names_exists(pages: dict[Path, str], root: Path) -> None:
    named = {(root / path, name) for text in pages.values() for path, name in TEST.findall(text)}
    assert len(named) > 80
    assert [found for found in named if not found[0].exists() or f"def {found[1]}(" not in found[0].read_text()] == []


def test_every_source_file_that_a_page_names_exists(pages: dict[Path, str], root: Path) -> None:
    named = {(path, found) for path, text in pages.items() for found in SOURCE.findall(text)}
    assert len(named) > 50
    assert [(path, found) for path, found in named if not (root / found).exists()] == []


def test_readme_and_architecture_can_be_read_at_a_sitting(pages: dict[Path, str]) -> None:
    assert len(pages[Path("README.md")].splitlines()) <= 200
    assert len(pages[Path("ARCHITECTURE.md")].splitlines()) <= 150


def test_each_decision_has_a_short_page_of_one_form_that_names_a_test(decisions: dict[Path, str]) -> None:
    assert len(decisions) > 40
    for number, (path, text) in enumerate(decisions.items(), start=1):
        assert path.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        assert 10 <= len(text.splitlines()) <= 30, path
        parts = [part for part in re.findall(r"^\*\*(.+?)[.:]\*\*", text, re.MULTILINE) if part != "Measured"]
        assert parts == ["Decision", "Why", "Consequences", "Kept true by"], path
        assert TEST.search(text.split("**Kept true by:**")[1]), path


def test_the_index_lists_every_decision_by_its_title(pages: dict[Path, str], decisions: dict[Path, str]) -> None:
    listed = re.findall(r"\[([^]]+)\]\((docs/decisions/[^)]+)\)", pages[Path("ARCHITECTURE.md")])
    titles = {text.splitlines()[0].partition(". ")[2]: path.as_posix() for path, text in decisions.items()}
    assert sorted(listed) == sorted(titles.items())


def test_the_folders_shown_are_those_that_exist(readme: str, files: list[Path]) -> None:
    tree = readme.split("## What is where")[1].split("```")[1]
    shown = set(re.findall(r"^(\w+)/", tree, re.MULTILINE))
    assert shown == {path.parts[0] for path in files if len(path.parts) > 1 and path.parts[0][0] != "."}


def test_the_rooms_of_a_package_are_those_that_exist(pages: dict[Path, str], files: list[Path]) -> None:
    rows = dict(ROOM.findall(pages[Path("ARCHITECTURE.md")].split("## Rooms")[1].split("\n## ")[0]))
    assert len(rows) == 7
    for package, told in rows.items():
        inner = [path for path in files if path.suffix == ".py" and path.parts[0] == package]
        assert {path.parts[1] for path in inner if len(path.parts) > 2} - set(re.findall(r"`(\w+)`", told)) == set(), (
            package
        )


def test_an_empty_line_is_before_and_after_each_table(pages: dict[Path, str]) -> None:
    wrong = []
    for path, text in pages.items():
        lines = CODE.sub("", text).split("\n")
        wrong += [(path, pair) for pair in pairwise(lines) if all(pair) and len({line[0] == "|" for line in pair}) > 1]
    assert wrong == []
