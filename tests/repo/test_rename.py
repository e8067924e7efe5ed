"""`make rename` renames the whole project, or changes nothing."""

import re
import runpy
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml  # type: ignore[import-untyped]  # ships no types

from tests import checkout, shipped
from tests.checkout import Clone

NAME = "acme-retention"
SCRIPT = Path(".github", "scripts", "rename.py")
DOMAIN = re.compile(
    r"churn_(?:probability|prediction)\b|(?<=_)churn|\bchurned_|\bchurn(?:s|ed|ers?)?\b(?!-)", re.IGNORECASE
)
"""What speaks of customers who leave, not of the project."""
NAMING = re.compile(
    r"(?<!graph\.)\b(?:name|namespace|image|project|model|uid|user|tag)s?[\"']?\s*[:=]\s*[\[\"']*churn(?!_p)"
)
"""What speaks of the project, even in a word of the domain; but a graph has the same digest whoever made it."""
TESTS = (
    "tests/clients/test_generate.py",
    "tests/clients/test_package.py::test_the_wheel_says_what_it_is",
    "tests/repo/test_files.py",
    "tests/repo/test_pages.py",
    "tests/repo/test_words.py",
    "tests/service/http/test_api_docs.py",
    "tests/service/test_metrics.py",
    "tests/service/http/test_explanations.py",
    "tests/service/serving/test_degraded.py",
    "tests/monitoring/test_alerts.py",
    "tests/monitoring/test_telemetry.py",
    "tests/scripts/test_image.py::test_a_workflow_pushes_both_images_and_goes_on_with_their_digests",
    *(
        ("tests/training/learning/test_tuning.py::test_mlflow_keeps_each_trial_as_a_run_below_the_fit",)
        * shipped.ARE_SERVED
    ),
)
"""Those that meet the name: pages, images, metrics, alerts, the registry, and MLflow."""


@pytest.fixture(scope="module", autouse=True)
def _template(root: Path) -> None:
    name = tomllib.loads((root / "pyproject.toml").read_text())["project"]["name"]
    if name != "churn-service":
        pytest.skip(f"this is {name} now, and no longer the template")


@pytest.fixture
def clone(root: Path, tmp_path: Path) -> Clone:
    return Clone.of(root, tmp_path / "clone")


@pytest.fixture(scope="module")
def renamed(root: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Clone, str]:
    """A renamed clone, and what was told."""
    clone = Clone.of(root, tmp_path_factory.mktemp("renamed") / "clone")
    clone.git("remote", "add", "origin", "git@github.com:Ann/telco.git")
    done = clone.make("rename", f"NAME={NAME}")
    assert done.returncode == 0, done.stderr
    return clone, done.stdout


def test_no_old_name_remains_where_two_projects_would_meet(renamed: tuple[Clone, str]) -> None:
    clone, _ = renamed
    may_stay = runpy.run_path(str(clone.folder / SCRIPT))["KEPT"]
    looked_at = [path for path in checkout.files(clone.folder) if not path.as_posix().startswith(may_stay)]
    lines = [
        f"{path}:{number}: {line}"
        for path in looked_at
        if path.suffix not in (".png", ".svg", ".parquet", ".ubj")
        for number, line in enumerate((clone.folder / path).read_text().splitlines(), start=1)
        if re.search("churn", DOMAIN.sub("", line), re.IGNORECASE) or NAMING.search(line)
    ]
    assert lines == []
    assert [path for path in looked_at if "churn" in path.as_posix()] == []


def test_all_that_has_a_name_has_the_new_one(renamed: tuple[Clone, str]) -> None:
    folder = renamed[0].folder
    compose = yaml.safe_load((folder / "docker-compose.yml").read_text())
    images = [service["image"] for service in compose["services"].values() if "build" in service]
    assert compose["name"] == NAME
    assert len(images) == 9
    assert [image for image in images if not image.startswith(f"{NAME}-")] == []
    assert tomllib.loads((folder / "pyproject.toml").read_text())["project"]["name"] == f"{NAME}-service"
    assert (folder / "README.md").read_text().startswith("# Acme retention service\n")
    imports = "from training.publishing.tracking import REGISTERED_MODEL; from service.http.api_docs import TITLE"
    asked = f"{imports}; print(REGISTERED_MODEL, TITLE)"
    told = subprocess.run([sys.executable, "-c", asked], cwd=folder, capture_output=True, text=True, check=True).stdout
    assert told == f"{NAME} Acme retention service\n"


def test_readme_links_to_the_demo_page_of_the_new_project(renamed: tuple[Clone, str], clone: Clone) -> None:
    folder, told = renamed[0].folder, renamed[1]
    assert "[without a server](https://ann.github.io/telco/demo/)" in (folder / "README.md").read_text()
    assert "[the demo page without a server](https://ann.github.io/telco/demo/)" in (folder / "README.md").read_text()
    assert "(docs/deploy.md#publish-the-demo-page)" not in (folder / "README.md").read_text()
    assert "README.md: the link to the demo page, https://ann.github.io/telco/demo/" in told
    elsewhere = clone.make("rename", f"NAME={NAME}")  # it has no origin
    assert "demo page" not in elsewhere.stdout
    assert "[without a server](docs/deploy.md#publish-the-demo-page)" in (clone.folder / "README.md").read_text()


@pytest.mark.parametrize(
    ("origin", "address"),
    [
        ("https://github.com/Ann/telco", "https://ann.github.io/telco/"),
        ("https://x-token:secret@github.com/ann/tel.co.git", "https://ann.github.io/tel.co/"),
        ("ssh://git@github.com/ann/telco.git", "https://ann.github.io/telco/"),
        ("git@github.com:Ann/Ann.github.io.git", "https://ann.github.io/"),
        ("https://gitlab.com/ann/telco.git", None),
        ("https://example.org/github.com/ann/telco", None),
        ("", None),
    ],
)
def test_the_address_of_the_site_follows_from_the_origin(origin: str, address: str | None, root: Path) -> None:
    assert runpy.run_path(str(root / SCRIPT))["_pages_address"](origin) == address


def test_what_changed_is_told(renamed: tuple[Clone, str]) -> None:
    clone, told = renamed
    changed = clone.git("diff", "HEAD", "--name-only", "--no-renames", "--diff-filter=MD").split()
    assert len(changed) > 30
    assert [path for path in changed if f"{path}: " not in told and f"{path} -> " not in told] == []
    assert "??" not in clone.git("status", "--porcelain")  # `git commit --all` takes everything
    assert "churn_probability, churn_prediction and churned stay" in told


@pytest.mark.slow
def test_the_renamed_project_is_sound(root: Path, renamed: tuple[Clone, str]) -> None:
    clone, _ = renamed
    linted = clone.lint(root)
    assert linted.returncode == 0, linted.stdout + linted.stderr
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--basetemp=var/tests", *TESTS]
    tested = subprocess.run(command, cwd=clone.folder, capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stdout


def test_to_say_it_again_changes_nothing_and_another_name_is_refused(renamed: tuple[Clone, str]) -> None:
    clone, _ = renamed
    before = clone.git("diff", "HEAD")
    again = clone.make("rename", f"NAME={NAME}")
    other = clone.make("rename", "NAME=other")
    assert (again.returncode, again.stdout) == (0, f"This project is already called {NAME}-service.\n")
    assert other.returncode == 2
    assert f"This project was already renamed to '{NAME}'. Revert that commit" in other.stderr
    assert clone.git("diff", "HEAD") == before


@pytest.mark.parametrize("name", ["", "Acme", "acme_retention", "7-days", "acme--x", "-acme", "acme service", "a" * 31])
def test_what_is_no_name_is_refused(name: str, clone: Clone) -> None:
    done = clone.make("rename", f"NAME={name}")
    assert done.returncode == 2
    assert f"{name!r} is not a valid name. Give one of lower-case letters, digits and single hyphens" in done.stderr
    assert clone.git("status", "--porcelain") == ""


def test_changes_that_are_not_committed_are_not_mixed_with_it(clone: Clone) -> None:
    (clone.folder / "README.md").write_text("# Mine\n")
    done = clone.make("rename", f"NAME={NAME}")
    assert done.returncode == 2
    assert "These changes are not committed:\n M README.md\nCommit or stash them" in done.stderr
    assert clone.git("status", "--porcelain") == " M README.md\n"


def test_a_folder_without_git_is_not_renamed(root: Path, tmp_path: Path) -> None:
    checkout.copy(root, tmp_path)
    done = Clone(tmp_path).make("rename", f"NAME={NAME}")
    assert done.returncode == 2
    assert "not a git repository" in done.stderr
    assert (tmp_path / "README.md").read_bytes() == (root / "README.md").read_bytes()
