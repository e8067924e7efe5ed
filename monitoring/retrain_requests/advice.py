"""Decides whether a run that found something advises a retraining.

The monitor asks it, and `.github/scripts/request_retrain.py`, which runs without the project's libraries.
"""

from collections.abc import Mapping
from typing import Any

FOUND = 1
"""Exit code of a job that found drift or fallen quality."""


def is_advised(record: Mapping[str, Any]) -> bool:
    """Return whether a run found something that is not estimated to cost too little; without an estimate it may.

    >>> is_advised({"exit_code": 1, "loss": {"advised": False}}), is_advised({"exit_code": 1, "loss": None})
    (False, True)
    """
    loss = record.get("loss")
    return record.get("exit_code") == FOUND and not (isinstance(loss, Mapping) and loss.get("advised") is False)
