"""The keys file: TOML with one table for each key. Changes are atomic, and one process at a time makes them.

[[keys]]
name = "crm"
sha256 = "..."
scopes = ["predict", "outcomes"]
expires = 2027-01-01T00:00:00+00:00
"""

import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

from pydantic import ValidationError

from models import file_lock
from models.errors import first_problem
from models.keys import SCOPES, Key, KeyList, Scope, parse
from service.errors import KeyRejected, KeysUnreadable, KeyUnknown

FIRST = "first"
"""Name of the key that a service makes at its first start."""
_KEY_BYTES = 32


def read(path: Path) -> tuple[Key, ...]:
    """Return all keys of a file, expired ones too.

    Raises:
        KeysUnreadable: the file is missing, unreadable or invalid.
    """
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise KeysUnreadable(path=path, problem=error.strerror or "cannot be read") from error
    except (ValidationError, ValueError, RecursionError) as error:  # neither UTF-8 nor TOML, or nested too deeply
        raise KeysUnreadable(path=path, problem=first_problem(error)) from error


def add(path: Path, name: str, scopes: Sequence[Scope], expires: datetime | None) -> str:
    """Add a key and return its text, which is stored nowhere; a missing file is created.

    Raises:
        KeysUnreadable: the file cannot be read or written.
        KeyRejected: the name is invalid, or has two keys already.
    """
    text = secrets.token_urlsafe(_KEY_BYTES)
    with _changing(path):
        _add(path, text, name, scopes, expires)
    return text


def revoke(path: Path, name: str, short: str = "") -> list[Key]:
    """Remove the keys of a name, or only those whose digest begins with `short`, and return them.

    Raises:
        KeysUnreadable: the file cannot be read or written.
        KeyUnknown: there is no such key.
    """
    with _changing(path):
        keys = read(path)
        revoked = [key for key in keys if key.name == name and key.sha256.startswith(short)]
        if not revoked:
            raise KeyUnknown(name=name, short=short, path=path)
        _write(path, [key for key in keys if key not in revoked])
    return revoked


def create(path: Path) -> Path | None:
    """Create a missing file with one key of all scopes, whose text is beside it; return that path, None if it exists.

    Raises:
        KeysUnreadable: the file cannot be written.
    """
    if path.exists():
        return None
    with _changing(path):
        if path.exists():  # another service was faster
            return None
        text, beside = secrets.token_urlsafe(_KEY_BYTES), path.with_name(f"{FIRST}.key")
        _replace(beside, text)
        _add(path, text, FIRST, SCOPES, None)
    return beside


def _add(path: Path, text: str, name: str, scopes: Sequence[Scope], expires: datetime | None) -> None:
    before = read(path) if path.exists() else ()
    digest = sha256(text.encode()).hexdigest()
    try:
        added = Key(name=name, sha256=digest, scopes=tuple(scopes), expires=expires)
        keys = KeyList(keys=(*before, added)).keys
    except ValidationError as error:
        raise KeyRejected(path=path, problem=first_problem(error)) from error
    _write(path, keys)


@contextmanager
def _changing(path: Path) -> Iterator[None]:
    """Hold the right to change the file."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with file_lock.held(path.with_name(f"{path.name}.lock")):
            yield
    except TimeoutError as error:
        raise KeysUnreadable(path=path, problem=str(error)) from error
    except OSError as error:
        raise KeysUnreadable(path=path, problem=error.strerror or "cannot be written") from error


def _write(path: Path, keys: Sequence[Key]) -> None:
    _replace(path, "\n".join(map(_table, keys)))


def _table(key: Key) -> str:
    # All values have patterns without quotes, so nothing needs escaping.
    lines = ["[[keys]]", f'name = "{key.name}"', f'sha256 = "{key.sha256}"']
    lines.append("scopes = [" + ", ".join(f'"{scope}"' for scope in key.scopes) + "]")
    if key.expires:
        lines.append(f"expires = {key.expires.astimezone(UTC).isoformat(timespec='seconds')}")
    return "".join(f"{line}\n" for line in lines)


def _replace(path: Path, content: str) -> None:
    number, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # readable by its owner alone
    with os.fdopen(number, "w", encoding="utf-8") as file:
        file.write(content)
    Path(name).replace(path)
