"""Settings of the notices."""

from collections.abc import Callable
from pathlib import Path

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from models.durations import Duration
from monitoring import webhook
from monitoring.settings import CommandSettings


def _checked(given: SecretStr, parse: Callable[[str], object]) -> SecretStr:
    try:
        parse(given.get_secret_value())
    except ValueError as error:
        raise PydanticCustomError("webhook", "{problem}", {"problem": str(error)}) from None
    return given


class WebhookSettings(CommandSettings):
    """Settings of the notices, which `watch`, `drift` and `performance` read from the environment."""

    webhook_url: SecretStr | None = None
    """Where notices are sent, as https://hooks.slack.com/services/...; by default nowhere. Only its host is shown."""
    webhook_secret: SecretStr | None = None
    """Key of the signature, as `echo whsec_$(openssl rand -base64 32)` makes it; by default notices are not signed."""
    webhook_allow_private: bool = Field(default=False, validate_default=True)
    """Allow http:// and hosts in private networks; by default only https:// to public addresses."""
    webhook_repeat: Duration = "24h"
    """Time after which drift and the like are told again while they last, as 90m, 24h or 7d."""
    models_dir: Path = Path("models")
    """Folder of pinned.json, history.jsonl and store/."""
    output_dir: Path = Path("var")
    """Folder of reports/, and for notices/, where notices wait."""

    @field_validator("webhook_url", "webhook_secret")
    @classmethod
    def _blank_is_none(cls, given: SecretStr | None) -> SecretStr | None:
        return SecretStr(given.get_secret_value().strip()) if given and given.get_secret_value().strip() else None

    @field_validator("webhook_url")
    @classmethod
    def _is_an_address(cls, given: SecretStr | None) -> SecretStr | None:
        return given and _checked(given, webhook.parse_endpoint)

    @field_validator("webhook_secret")
    @classmethod
    def _has_keys(cls, given: SecretStr | None) -> SecretStr | None:
        return given and _checked(given, webhook.parse_keys)

    @field_validator("webhook_allow_private")
    @classmethod
    def _is_needed_for_http(cls, allowed: bool, info: ValidationInfo) -> bool:  # noqa: FBT001  # pydantic calls it
        url = info.data.get("webhook_url")
        if url and not allowed and webhook.parse_endpoint(url.get_secret_value()).scheme == "http":
            raise PydanticCustomError("webhook", "an address with http:// needs this; better give one with https://")
        return allowed


class NotifySettings(WebhookSettings):
    """Send the notices that are due, or a test notice, to the webhook."""

    test: bool = False
    """Send one test notice instead, and show what came back."""
