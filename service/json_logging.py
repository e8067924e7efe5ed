"""Logging of the service and Uvicorn to stdout: one JSON object per line.

Feature values are never logged.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from service import request_id


class JsonLines(logging.Formatter):
    """Formats a record as one line; `extra={"facts": {...}}` adds keys to it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line without a line end."""
        line: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if (identity := request_id.current.get()) is not None:
            line["request_id"] = identity
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def config() -> dict[str, Any]:
    """Return the configuration of the logging module for this process and every worker."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": {"()": JsonLines}},
        "handlers": {"stdout": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "lines"}},
        "root": {"handlers": ["stdout"], "level": "INFO"},
        "loggers": {"alembic": {"level": "WARNING"}},
    }
