"""`python -m service keys COMMAND`: adds, lists and revokes API keys. A running service follows within a second."""

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, CliPositionalArg, SettingsConfigDict

from models import command_line, durations
from models.durations import Duration
from models.keys import SCOPES, Key, Scope
from service.access import keys_file
from service.errors import KeyRejected, KeysUnreadable, KeyUnknown

PURPOSE = "Manage the API keys of the service."


def _check_scopes(text: str) -> str:
    if not text or set(text.split(",")) - set(SCOPES):
        raise PydanticCustomError(
            "scopes", "name one or more of predict, outcomes, read, trial and review, separated by commas"
        )
    return text


def _check_file(path: Path) -> Path:
    if not path.name:
        raise PydanticCustomError("file", "name the keys file")
    return path


class KeysSettings(BaseSettings):
    """Which keys file."""

    model_config = SettingsConfigDict(
        env_prefix="SERVICE_",
        frozen=True,
        cli_kebab_case=True,
        cli_hide_none_type=True,
        use_attribute_docstrings=True,
    )

    keys_file: Annotated[Path, AfterValidator(_check_file)] = Path("var/keys.toml")
    """The keys file; the service has the same setting."""


class AddSettings(KeysSettings):
    """Add a key and print it; it is shown only once."""

    name: CliPositionalArg[str]
    """Name of the client, such as crm; a name has at most two keys, so that a new one can replace an old one."""
    scopes: Annotated[str, AfterValidator(_check_scopes)] = "predict"
    """What the key is for: predict, outcomes, read, trial and review, separated by commas."""
    expires_in: Duration | None = None
    """When it expires, such as 90d; by default never."""


class ListSettings(KeysSettings):
    """List all keys, without their text."""


class RevokeSettings(KeysSettings):
    """Revoke the keys of a client."""

    name: CliPositionalArg[str]
    """Name of the client."""
    digest: str | None = Field(default=None, min_length=4)
    """First digits of the digest of the one key to revoke, as `list` shows them."""


COMMANDS: dict[str, type[KeysSettings]] = {"add": AddSettings, "list": ListSettings, "revoke": RevokeSettings}


def main(arguments: Sequence[str]) -> None:
    """Run the command that the first argument names; end with 2 if it cannot be done."""
    _, settings = command_line.read_command("python -m service keys", PURPOSE, COMMANDS, arguments)
    try:
        match settings:
            case AddSettings():
                _add(settings)
            case RevokeSettings():
                for key in keys_file.revoke(settings.keys_file, settings.name, settings.digest or ""):
                    sys.stdout.write(f"revoked {key.name} {key.short}\n")
            case ListSettings():
                sys.stdout.writelines(f"{line}\n" for line in _table(keys_file.read(settings.keys_file)))
    except (KeysUnreadable, KeyRejected, KeyUnknown) as error:
        sys.stderr.write(f"{error}\n")
        raise SystemExit(command_line.INVALID) from error


def _add(settings: AddSettings) -> None:
    scopes: list[Scope] = [scope for scope in SCOPES if scope in settings.scopes.split(",")]
    expires = datetime.now(UTC) + durations.parse(settings.expires_in) if settings.expires_in else None
    text = keys_file.add(settings.keys_file, settings.name, scopes, expires)
    sys.stderr.write(f"added a key of {settings.name} to {settings.keys_file}; it is shown only now:\n")
    sys.stdout.write(f"{text}\n")


def _table(keys: Sequence[Key]) -> list[str]:
    rows = [("name", "digest", "scopes", "expires"), *map(_row, keys)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _row(key: Key) -> tuple[str, str, str, str]:
    expires = f"{key.expires:%Y-%m-%d %H:%M %Z}" if key.expires else "never"
    if key.expires and key.expires <= datetime.now(UTC):
        expires += " (expired)"
    return key.name, key.short, ",".join(key.scopes), expires
