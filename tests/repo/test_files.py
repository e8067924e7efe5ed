"""Git has no paths of one machine, no unpinned images, and only the pinned bundles."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

from models.bundles.pins import Pin

MACHINE_PATH = re.compile(r"(?<![\w.~-])/(?:home|root|work|Users)/[\w.-]")
UNPINNED = re.compile(r"[\w}]:(?:latest)\b")


def matching(pattern: re.Pattern[str], root: Path, files: list[Path]) -> list[str]:
    texts = {path: (root / path).read_bytes().decode(errors="ignore") for path in files}
    return [f"{path}: {match[0]}" for path, text in texts.items() for match in pattern.finditer(text)]


def in_index(root: Path, *command: str) -> str:
    done = subprocess.run(["git", *command], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_no_file_names_a_path_of_one_machine(root: Path, files: list[Path]) -> None:
    assert matching(MACHINE_PATH, root, files) == []


def test_no_file_names_an_unpinned_image(root: Path, files: list[Path]) -> None:
    assert matching(UNPINNED, root, files) == []


def held_of(root: Path, version: str) -> set[Path]:
    """All files of a bundle, as its manifest in git says."""
    folder = Path("models/store", version)
    manifest = json.loads(in_index(root, "show", f":{folder.as_posix()}/manifest.json"))
    return {folder / name for name in ("manifest.json", *manifest["files"])}


def test_git_holds_the_pinned_bundles_and_no_other(root: Path) -> None:
    pin = Pin.model_validate_json(in_index(root, "show", ":models/pinned.json"))
    challengers = held_of(root, pin.challenger.version) if pin.challenger else set()
    listed = {Path(name) for name in in_index(root, "ls-files", "models/store").splitlines()}
    assert listed == held_of(root, pin.version) | challengers


def test_the_images_carry_the_version_of_the_project(root: Path) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    assert f'image.version="{version}"' in (root / "Dockerfile").read_text()
    tags = re.findall(r"image: churn-[\w-]+:(.+)", (root / "docker-compose.yml").read_text())
    assert tags == [f"${{CHURN_VERSION:-{version}}}"] * 7
