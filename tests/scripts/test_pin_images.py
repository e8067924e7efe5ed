"""The digests of the images of others."""

import re
import shutil
from pathlib import Path

import pytest

from tests.scripts.calls import calls
from tests.scripts.conftest import Fake, Script

FILES = ("Dockerfile", "docker-compose.yml", "deploy/compose.yml")
DIGEST = f"sha256:{'1a' * 32}"
OF_OTHERS = re.compile(r"^(?:FROM |\s*image: )(?P<image>[a-z][^\s$]*:[^\s$]+)", re.MULTILINE)


@pytest.fixture
def checkout(root: Path, tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    for name in FILES:
        shutil.copy(root / name, tmp_path / name)
    return tmp_path


def texts(folder: Path) -> list[str]:
    return [(folder / name).read_text() for name in FILES]


def images(folder: Path) -> list[str]:
    return [found["image"] for text in texts(folder) for found in OF_OTHERS.finditer(text)]


def test_each_image_of_others_has_a_tag_of_a_version_and_at_most_one_digest(root: Path) -> None:
    found = set(images(root))
    assert len(found) >= 5
    assert [image for image in found if not re.fullmatch(r"[a-z/]+:v?\d[\w.-]*(@sha256:[0-9a-f]{64})?", image)] == []
    assert len(found) == len({image.partition("@")[0] for image in found})


def test_all_images_are_pinned_and_only_they_change(checkout: Path, script: Script, fake: Fake) -> None:
    before = texts(checkout)
    done = script("pin_images.py", **fake("docker", buildx_imagetools=DIGEST))
    assert done.returncode == 0, done.stderr
    assert images(checkout)
    assert all(image.endswith(f"@{DIGEST}") for image in images(checkout))
    assert [text.replace(f"@{DIGEST}", "") for text in texts(checkout)] == [
        re.sub("@sha256:[0-9a-f]{64}", "", text) for text in before
    ]
    asked = calls(checkout, "docker")
    assert len(asked) == len(set(asked))  # each is asked for once
    assert "buildx imagetools inspect --format {{.Manifest.Digest}} python:3.13-slim" in asked


def test_new_digests_replace_old_ones_and_tags_alone_come_back(checkout: Path, script: Script, fake: Fake) -> None:
    assert script("pin_images.py", "--tags").returncode == 0
    by_tag = texts(checkout)
    for digest in (DIGEST, f"sha256:{'2b' * 32}"):
        script("pin_images.py", **fake("docker", buildx_imagetools=digest))
    assert {image.partition("@")[2] for image in images(checkout)} == {f"sha256:{'2b' * 32}"}
    assert script("pin_images.py", "--tags").returncode == 0
    assert texts(checkout) == by_tag


@pytest.mark.parametrize("answer", ["", "sha256:12", "<html>"])
def test_an_image_whose_digest_nobody_knows_stays_as_it_is(
    answer: str, checkout: Path, script: Script, fake: Fake
) -> None:
    script("pin_images.py", **fake("docker", buildx_imagetools=DIGEST))
    before = texts(checkout)
    done = script("pin_images.py", **fake("docker", buildx_imagetools=answer))
    assert (done.returncode, texts(checkout)) == (2, before)
    assert "python:3.13-slim: not found; it stays as it is" in done.stdout
