"""The version of a bundle: the day of its training, and digits of the SHA-256 of its content."""

import hashlib
import json
import re
from collections.abc import Mapping

from models.bundles.manifest import Description

DIGITS = 32
"""Hex digits of the content in a version: 128 bits, so that nobody can make another content of that version."""


def identify(description: Description, digests: Mapping[str, str]) -> str:
    """Return the digits of a content: of the description and the SHA-256 of every file."""
    content = json.dumps([description.model_dump(mode="json"), dict(digests)], sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:DIGITS]


def is_identified(version: str) -> bool:
    """Return whether a version can be trusted without the digest of the manifest.

    >>> is_identified("20260301-1a2b3c4d5e6f708192a3b4c5d6e7f809"), is_identified("20260301-1a2b3c4d")
    (True, False)
    """
    return re.fullmatch(rf".*-[0-9a-f]{{{DIGITS}}}", version) is not None
