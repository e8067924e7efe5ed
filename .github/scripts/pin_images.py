#!/usr/bin/env python3
"""`pin_images.py [--tags]`: write the digest of each image of others behind its tag; `--tags` removes the digests.

It changes Dockerfile, docker-compose.yml and deploy/compose.yml. Images that a variable names, such as those that are
built here, stay. `docker buildx imagetools inspect` asks the registry for the digest of all platforms. An image whose
digest cannot be found stays as it is, and the exit code is 2; otherwise it is 0.
"""

import re
import subprocess
import sys
from pathlib import Path

import terminal

FILES = ("Dockerfile", "docker-compose.yml", "deploy/compose.yml")
REFERENCE = re.compile(
    r"(?P<before>^(?:FROM |COPY --from=|\s*image: ))"
    r"(?P<name>[a-z0-9]+(?:[._/-][a-z0-9]+)*):(?P<tag>[\w][\w.-]*)(?P<digest>@sha256:[0-9a-f]{64})?(?=\s|$)",
    re.MULTILINE,
)
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
CANNOT_TELL = 2


def main(tags: bool) -> int:  # noqa: FBT001  # the only option
    """Pin all images, or remove all digests."""
    code, digests = 0, dict[str, str | None]()
    for path in map(Path, FILES):
        text = path.read_text(encoding="utf-8")
        if not tags:
            for image in sorted(images(text) - digests.keys()):
                digests[image] = digest_of(image)
                code = code if digests[image] else CANNOT_TELL
        path.write_text(without_digests(text) if tags else pinned(text, digests), encoding="utf-8")
    for image, digest in digests.items():
        terminal.write(f"{image}: {digest or 'not found; it stays as it is'}\n")
    return code


def images(text: str) -> set[str]:
    """Return the images of others that a file names by tag."""
    return {f"{found['name']}:{found['tag']}" for found in REFERENCE.finditer(text)}


def pinned(text: str, digests: dict[str, str | None]) -> str:
    """Return the text with the digests that were found."""

    def replace(found: re.Match[str]) -> str:
        image = f"{found['name']}:{found['tag']}"
        return f"{found['before']}{image}@{digest}" if (digest := digests.get(image)) else found[0]

    return REFERENCE.sub(replace, text)


def without_digests(text: str) -> str:
    """Return the text with tags alone."""
    return REFERENCE.sub(r"\g<before>\g<name>:\g<tag>", text)


def digest_of(image: str) -> str | None:
    """Ask the registry for the digest of an image; None if it does not answer."""
    command = ("docker", "buildx", "imagetools", "inspect", "--format", "{{.Manifest.Digest}}", image)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    digest = done.stdout.strip()
    if done.returncode or not DIGEST.fullmatch(digest):
        sys.stderr.write(f"{image}: {terminal.last_line(done.stderr)}. Check the tag, or try again.\n")
        return None
    return digest


if __name__ == "__main__":
    sys.exit(main(tags="--tags" in sys.argv[1:]))
