"""The common interface of all job results: drift, performance, and a run without a verdict."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring.errors import CANNOT_TELL


class JobResult(ABC):
    """The result of a run. Each job has a subclass with its own measurements."""

    model_version: str | None
    """The pinned model; None if no pin can be read."""
    reason: str | None
    """Why there is no verdict, or what makes it uncertain; None if there is nothing to add."""

    @property
    @abstractmethod
    def verdict(self) -> str:
        """The verdict in a few words."""

    @property
    @abstractmethod
    def exit_code(self) -> int:
        """0 no drift or no quality drop, 1 drift or quality drop, 2 cannot tell."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """The verdict and its main figures, in one line."""

    @property
    def remarks(self) -> Sequence[str]:
        """Further information for people, a line each."""
        return ()

    @property
    def details(self) -> Mapping[str, Any]:
        """The measurements of this job, as JSON values."""
        return {}

    @property
    def record(self) -> dict[str, Any]:
        """The complete result, as JSON values."""
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
    """The result of a run without a verdict."""

    reason: str
    model_version: str | None = None

    @property
    def verdict(self) -> str:
        """Always "cannot tell"."""
        return "cannot tell"

    @property
    def exit_code(self) -> int:
        """Always 2."""
        return CANNOT_TELL

    @property
    def summary(self) -> str:
        """The reason."""
        return f"{self.verdict}: {self.reason}"
