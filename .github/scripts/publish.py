#!/usr/bin/env python3
"""Build the service image, and push it to the repository's registry; later steps refer to it by digest.

GITHUB_REPOSITORY and GITHUB_SHA give its name and tag; without them, as on a laptop, the image is built and not pushed.
Docker must be logged in to the registry before.
"""

import os
import subprocess
import sys
from pathlib import Path

import actions

ROOT = Path(__file__).parents[2]
REGISTRY = "ghcr.io"


def docker(*words: str) -> str:
    """Run docker; return its output."""
    done = subprocess.run(["docker", *words], stdout=subprocess.PIPE, text=True, check=True)  # noqa: S607  # docker is on the PATH
    return done.stdout.strip()


def main() -> int:
    """Build and push the image, and print its name with the digest."""
    repository, commit = os.environ.get("GITHUB_REPOSITORY"), os.environ.get("GITHUB_SHA")
    if not repository or not commit:
        image = docker("build", "--quiet", "--target", "service", str(ROOT))
        sys.stdout.write(f"{image}\nnot pushed: GITHUB_REPOSITORY and GITHUB_SHA are not set\n")
        return 0
    name = f"{REGISTRY}/{repository.lower()}"
    label = f"org.opencontainers.image.source={os.environ.get('GITHUB_SERVER_URL', 'https://github.com')}/{repository}"
    docker("build", "--target", "service", "--label", label, "--tag", f"{name}:{commit}", str(ROOT))
    docker("push", "--quiet", f"{name}:{commit}")
    pushed = docker("image", "inspect", "--format", '{{join .RepoDigests "\\n"}}', f"{name}:{commit}").split("\n")
    [image] = [digest for digest in pushed if digest.startswith(f"{name}@sha256:")]
    actions.output(image=image, name=name, digest=image.partition("@")[2])
    sys.stdout.write(f"{image}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
