"""The audit log: lines of the logger `audit`, for changes of keys and of models, and for contradicted outcomes.

Each process of a service writes its own lines, because each follows the files itself.
"""

import logging
import os
from typing import Any

_logger = logging.getLogger("audit")


def record(event: str, **facts: Any) -> None:
    """Write one line; `facts` must not contain keys or customers' values."""
    _logger.info(event, extra={"facts": {"process": os.getpid(), **facts}})
