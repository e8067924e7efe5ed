"""The reasons why a retraining was not requested. No message repeats the token.

CannotTell
├── RetrainUnusable        settings are not valid
├── RequestsUnusable       the file of the requests cannot be used, or another process uses it
├── TokenUnusable          the file of the token cannot be used
└── NotRequested           a request did not succeed
    ├── RequestRefused     GitHub refused it, or nobody listens there
    └── RequestUnanswered  it was sent, and nobody knows whether it arrived
"""

from collections.abc import Mapping
from pathlib import Path

from monitoring.errors import CannotTell


class RetrainUnusable(CannotTell):
    """Settings of the requests are not valid."""

    def __init__(self, *, problems: Mapping[str, str]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"MONITORING_{name.upper()}: {problem}" for name, problem in problems.items()))


class RequestsUnusable(CannotTell):
    """The file of the requests cannot be read or written, or another process uses it."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"{path}: {problem}. No retraining is requested. See that this process may write to the folder."
        )


class TokenUnusable(CannotTell):
    """The file of the token cannot be used."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(
            f"{path}: {problem}. No retraining is requested. Name a file that holds a token alone with "
            "MONITORING_RETRAIN_TOKEN_FILE."
        )


class NotRequested(CannotTell):
    """Base of all reasons why a request did not succeed."""


class RequestRefused(NotRequested):
    """The request was not accepted; it is repeated."""

    def __init__(self, *, repository: str, problem: str, remedy: str) -> None:
        self.repository, self.problem = repository, problem
        super().__init__(f"a retraining of {repository} is due, but the request failed: {problem}. {remedy}")


class RequestUnanswered(NotRequested):
    """Nobody knows whether the request arrived; it is not repeated."""

    def __init__(self, *, repository: str, problem: str) -> None:
        self.repository, self.problem = repository, problem
        super().__init__(
            f"a retraining of {repository} was requested, but {problem}. It is not requested again. If Actions shows "
            "no run of retrain, start it there by hand."
        )
