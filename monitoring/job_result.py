"""The result of a run: one shape for the drift job, the performance job and a run that could not tell."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring.errors import CANNOT_TELL


class JobResult(ABC):
    """What a run found. A dataclass of each job adds what that job measures."""

    model_version: str | None
    """The pinned model; None if no pin can be read."""
    reason: str | None
    """Why there is no verdict, or what the verdict could not take into account."""

    @property
    @abstractmethod
    def verdict(self) -> str:
        """The verdict in a few words."""

    @property
    @abstractmethod
    def exit_code(self) -> int:
        """0 all is well, 1 drift or fallen quality, 2 cannot tell."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """The verdict, and what it rests on, in one line."""

    @property
    def remarks(self) -> Sequence[str]:
        """What else a person should know, a line each."""
        return ()

    @property
    def details(self) -> Mapping[str, Any]:
        """What only this job measures, as JSON values."""
        return {}

    @property
    def record(self) -> dict[str, Any]:
        """Everything, as JSON values."""
        return {
            "verdict": self.verdict,
            "exit_code": self.exit_code,
            "reason": self.reason,
            "summary": self.summary,
            "model_version": self.model_version,
            **self.details,
        }


@dataclass(frozen=True)
class NoVerdict(JobResult):
    """The run could not tell."""

    reason: str
    model_version: str | None = None

    @property
    def verdict(self) -> str:
        """Always the same."""
        return "cannot tell"

    @property
    def exit_code(self) -> int:
        """Always 2."""
        return CANNOT_TELL

    @property
    def summary(self) -> str:
        """The reason."""
        return f"{self.verdict}: {self.reason}"
