#!/usr/bin/env python3
"""Build the images of service and jobs, and push them to the repository's registry; later steps name them by digest.

Both are of one commit, so monitor and service have one model. GITHUB_REPOSITORY and GITHUB_SHA give names and tag;
without them, as on a laptop, the images are built and not pushed. REGISTRY names another registry than ghcr.io.
Docker must be logged in to the registry before.
"""

import os
import subprocess
import sys
from pathlib import Path

import actions

ROOT = Path(__file__).parents[2]
REGISTRY = os.environ.get("REGISTRY") or "ghcr.io"
LABELS = "org.opencontainers.image"
TARGETS = {"service": "", "jobs": "-jobs"}
"""Targets of the Dockerfile, and what the names of their images have behind the repository's name."""


def docker(*words: str) -> str:
    """Run docker; return its output."""
    done = subprocess.run(["docker", *words], stdout=subprocess.PIPE, text=True, check=True)  # noqa: S607  # docker is on the PATH
    return done.stdout.strip()


def push(name: str, commit: str) -> str:
    """Push an image; return its name with the digest."""
    docker("push", "--quiet", f"{name}:{commit}")
    pushed = docker("image", "inspect", "--format", '{{join .RepoDigests "\\n"}}', f"{name}:{commit}").split("\n")
    [image] = [digest for digest in pushed if digest.startswith(f"{name}@sha256:")]
    return image


def main() -> int:
    """Build and push both images, and print their names with the digests."""
    repository, commit = os.environ.get("GITHUB_REPOSITORY"), os.environ.get("GITHUB_SHA")
    if not repository or not commit:
        images = [docker("build", "--quiet", "--target", target, str(ROOT)) for target in TARGETS]
        sys.stdout.write("\n".join([*images, "not pushed: GITHUB_REPOSITORY and GITHUB_SHA are not set\n"]))
        return 0
    names = {target: f"{REGISTRY}/{repository.lower()}{suffix}" for target, suffix in TARGETS.items()}
    source = f"{os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}"
    labels = ("--label", f"{LABELS}.source={source}", "--label", f"{LABELS}.revision={commit}")
    for target, name in names.items():
        docker("build", "--target", target, *labels, "--tag", f"{name}:{commit}", str(ROOT))
    for target, name in names.items():  # only when both could be built
        image, prefix = push(name, commit), "" if target == "service" else f"{target}_"
        found = {"image": image, "name": name, "digest": image.partition("@")[2]}
        actions.output(**{f"{prefix}{key}": value for key, value in found.items()})
        sys.stdout.write(f"{image}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
