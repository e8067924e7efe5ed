"""One part of a prediction, as it was recorded and as it was computed again."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Check:
    """The comparison of one part."""

    part: str
    recorded: Any
    computed: Any
    is_equal: bool
    note: str = ""
