"""What git holds: nothing of one machine, nothing unpinned, and the one bundle that is served."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

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


def test_git_holds_the_pinned_bundle_and_no_other(root: Path) -> None:
    version = json.loads(in_index(root, "show", ":models/pinned.json"))["version"]
    folder = Path("models/store", version)
    listed = {Path(name) for name in in_index(root, "ls-files", "models/store").splitlines()}
    manifest = json.loads(in_index(root, "show", f":{folder.as_posix()}/manifest.json"))
    assert listed == {folder / name for name in ("manifest.json", *manifest["files"])}


def test_the_images_carry_the_version_of_the_project(root: Path) -> None:
    version = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    assert f'image.version="{version}"' in (root / "Dockerfile").read_text()
    tags = re.findall(r"image: churn-[\w-]+:(.+)", (root / "docker-compose.yml").read_text())
    assert tags == [f"${{CHURN_VERSION:-{version}}}"] * 6
