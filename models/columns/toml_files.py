"""Reads the small TOML files that people write: the columns file and the costs file."""

import re
import tomllib
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from models.bundles.format import plain_files

LARGEST_BYTES = plain_files.MEGABYTE
_STRING = re.compile(r"""#.*|"(?:[^"\\\n]|\\.)*"|'[^'\n]*'""")
"""A string of one line, or a comment, in which quotes begin no string."""


def read(path: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises:
        OSError: it does not exist, cannot be read, is too large or no plain file.
        ValueError: it is not TOML.
    """
    content = plain_files.read(path, largest_bytes=LARGEST_BYTES, follow_links=True)
    try:
        return tomllib.loads(content.decode())
    except RecursionError as error:
        raise ValueError("it has too many levels") from error


def line_of(path: Path, text: str, read_from: Callable[[dict[str, Any]], object]) -> int | None:
    """Return the number of the first line with a text as a string that `read_from` makes use of; None if there is none.

    `read_from` takes the content of the file, and raises a ValueError if that is not valid.
    """
    content = plain_files.read(path, largest_bytes=LARGEST_BYTES, follow_links=True).decode()
    found = read_from(tomllib.loads(content))
    for string in _STRING.finditer(content):
        before, after = content[: string.start()], content[string.end() :]
        with suppress(ValueError):  # a comment, or no TOML without this string
            is_text = tomllib.loads(f"text = {string[0]}")["text"] == text
            if is_text and read_from(tomllib.loads(f'{before}""{after}')) != found:
                return before.count("\n") + 1
    return None
