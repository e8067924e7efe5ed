"""Sends notices to the webhook: by a command, and after a run of a job."""

import logging
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models import durations
from models.features import CONTRACT
from monitoring import webhook
from monitoring.errors import CANNOT_TELL, CannotTell, WebhookUnset, WebhookUnusable
from monitoring.notices import background
from monitoring.notices.delivery import Webhook
from monitoring.notices.sender import Sender
from monitoring.notices.settings import NotifySettings, WebhookSettings
from monitoring.settings import JobSettings

logger = logging.getLogger(__name__)

AFTER_RUN_SECONDS = 15.0
"""Time that a single run of a job has for its notices; what waits then is sent after the next run."""
PATIENCE_SECONDS = 30.0
"""Time to wait for another process that sends notices."""
SILENT: Mapping[str, str] = {"MONITORING_WEBHOOK_URL": "", "MONITORING_WEBHOOK_SECRET": ""}
"""Variables with which a run sends no notices."""


def run_notify(settings: NotifySettings) -> int:
    """Send what is due, or a test notice, and print what came of it; return 0, or 2 if a notice was not delivered."""
    try:
        sender = _sender(settings)
        if sender is None:
            raise WebhookUnset
        if settings.test:
            sys.stdout.write(f"{sender.test()}\n")
            return 0
        left = sender.run(patience_seconds=PATIENCE_SECONDS)
    except CannotTell as error:
        logger.error("%s", error)  # noqa: TRY400  # the sentence names the remedy
        return CANNOT_TELL
    at = f"; the next attempt is due at {left.next_attempt_at:%H:%M:%S} UTC" if left.next_attempt_at else ""
    sys.stdout.write(f"{len(left.waiting)} notices wait{at}\n")
    return CANNOT_TELL if left.waiting else 0


def after_run(settings: JobSettings) -> None:
    """Send the notices that follow from a single run; errors are logged, so that they do not change its exit code."""
    try:
        sender = find_sender(settings.output_dir, settings.models_dir)
    except CannotTell as error:
        logger.error("%s", error)  # noqa: TRY400  # as above
        return
    if sender:
        background.send_for(sender, AFTER_RUN_SECONDS)


def find_sender(output_dir: Path, models_dir: Path | None = None) -> Sender | None:
    """Return the sender that the environment sets up; None without MONITORING_WEBHOOK_URL.

    Raises:
        WebhookUnusable: settings are not valid.
    """
    folders: dict[str, Any] = {"output_dir": output_dir} | ({"models_dir": models_dir} if models_dir else {})
    try:
        return _sender(WebhookSettings(**folders))
    except ValidationError as error:
        problems = {str(problem["loc"][0]): problem["msg"] for problem in error.errors(include_url=False)}
        raise WebhookUnusable(problems=problems) from None


def _sender(settings: WebhookSettings) -> Sender | None:
    if settings.webhook_url is None:
        return None
    secret = settings.webhook_secret
    receiver = Webhook(
        endpoint=webhook.parse_endpoint(settings.webhook_url.get_secret_value()),
        keys=webhook.parse_keys(secret.get_secret_value()) if secret else (),
        allow_private=settings.webhook_allow_private,
    )
    repeat = durations.parse(settings.webhook_repeat)
    return Sender(receiver, settings.output_dir, settings.models_dir, CONTRACT, repeat)
