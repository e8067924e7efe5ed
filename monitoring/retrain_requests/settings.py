"""Settings of the requests for a retraining."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from models.durations import Duration
from monitoring.settings import CommandSettings

DEFAULT_API = "https://api.github.com"
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


def _is_a_repository(text: str) -> str:
    if text and not re.fullmatch(r"[A-Za-z0-9][\w-]*/(?!\.{1,2}$)[\w.-]+", text, re.ASCII):
        raise PydanticCustomError("repository", "name a repository as owner/name, without an address")
    return text


def _is_an_api(text: str) -> str:
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if (
        not host
        or parts.scheme not in ("https", "http")
        or not text.isprintable()
        or " " in text
        or "@" in parts.netloc
    ):
        raise PydanticCustomError("api", "give an address as {usual}, without a user", {"usual": DEFAULT_API})
    if parts.scheme == "http" and host not in _LOOPBACK:
        raise PydanticCustomError("api", "the token would be readable on its way; give an address with https://")
    return text.rstrip("/")


class RetrainSettings(CommandSettings):
    """Ask GitHub for the retraining that is due, once for each drift."""

    retrain_repository: Annotated[str, AfterValidator(_is_a_repository)] = ""
    """Repository whose retrain.yml is started, as owner/name; by default nobody is asked."""
    retrain_token_file: Path | None = Field(default=None, validate_default=True)
    """File with a token of this repository that may write its contents; it is read for each look."""
    retrain_on: Literal["finding", "decision"] = "finding"
    """What asks: a `finding` of the jobs as well as a reviewer's decision `retrain`, or only the `decision`."""
    retrain_pause: Duration = "24h"
    """Shortest time from one request to the next because of a finding, as 90m, 24h or 7d; decisions do not wait."""
    retrain_api_url: Annotated[str, AfterValidator(_is_an_api)] = DEFAULT_API
    """Address of GitHub's API; that of GitHub Enterprise Server is https://HOST/api/v3."""
    output_dir: Path = Path("var")
    """Folder of reports/, and for retraining/, where requests are remembered."""

    @model_validator(mode="before")
    @classmethod
    def _blank_is_the_default(cls, given: Any) -> Any:
        """Take an empty variable for none: a container gets each variable, also those without a value."""
        if not isinstance(given, dict):
            return given
        return {name: value for name, value in given.items() if not isinstance(value, str) or value.strip()}

    @field_validator("retrain_repository", mode="before")
    @classmethod
    def _without_blanks(cls, given: object) -> object:
        return given.strip() if isinstance(given, str) else given

    @field_validator("retrain_token_file")
    @classmethod
    def _is_needed(cls, given: Path | None, info: ValidationInfo) -> Path | None:
        if given is None and info.data.get("retrain_repository"):
            raise PydanticCustomError("token", "name a file with a token for this repository")
        return given
