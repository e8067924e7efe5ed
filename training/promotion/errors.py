"""Errors of promotion, rollback and trials. After each of them, the champion stays.

TrainingError
└── PromotionError
    ├── NoSuchModel       there is no such challenger, or no earlier model
    ├── ChampionChanged   the champion changed during the comparison
    ├── TooFewUnseenRows  there are too few rows that neither model was trained on
    ├── RowsUnlikeTestSet the rows that neither model was trained on are not like the test set
    ├── TooFewOutcomes    a trial has too few outcomes
    ├── GuardrailsUnreadable  Prometheus does not say how the canary's requests fare
    ├── HistoryUnclear    the history of the pin does not say what has to be known
    └── TrialChanged      another process changed the trial meanwhile
"""

from pathlib import Path

from training.errors import TrainingError


class PromotionError(TrainingError):
    """Base of all errors of promotion, rollback and trials; the champion stays."""


class NoSuchModel(PromotionError):
    """There is no such challenger, or no earlier model."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{problem}. Name a version of models/store/ or of MLflow's registry, or fit a new model.")


class ChampionChanged(PromotionError):
    """The champion changed during the comparison."""

    def __init__(self, *, judged: str, serving: str) -> None:
        self.judged, self.serving = judged, serving
        super().__init__(
            f"the challenger was compared with {judged}, but meanwhile {serving} was pinned, and stays. Promote again."
        )


class TooFewUnseenRows(PromotionError):
    """There are too few rows that neither model was trained on."""

    def __init__(self, *, problem: str, remedy: str) -> None:
        self.problem = problem
        super().__init__(
            f"among the customers that neither model was trained on: {problem}. The champion stays. {remedy}."
        )


class RowsUnlikeTestSet(PromotionError):
    """The rows that neither model was trained on are not like the test set."""

    def __init__(self, *, version: str, rows: int, shares: tuple[float, float], remedy: str) -> None:
        """Take the shares of churners among these rows, and among all test rows of the challenger."""
        self.rows, self.shares = rows, shares
        super().__init__(
            f"of the {rows:,} test rows of {version} that neither model was trained on, {shares[0]:.1%} churned, and "
            f"of all its test rows {shares[1]:.1%}: they are not like the customers. The champion stays. {remedy}."
        )


class TooFewOutcomes(PromotionError):
    """A trial has too few outcomes."""

    def __init__(self, *, version: str, problem: str) -> None:
        self.version, self.problem = version, problem
        super().__init__(
            f"among the predictions of {version}: {problem}. Wait for outcomes, or read a longer period with --since."
        )


class GuardrailsUnreadable(PromotionError):
    """Prometheus does not say how the canary's requests fare."""

    def __init__(self, *, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(
            f"{url}: {problem}. The canary stays as it is. Name the Prometheus that scrapes the service with "
            "--prometheus-url and its labels with --prometheus-selector, and see in /health that the service has not "
            "refused the canary."
        )


class HistoryUnclear(PromotionError):
    """The history of the pin does not say what has to be known."""

    def __init__(self, *, path: Path, problem: str, remedy: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Restore the file from git or a backup{remedy}.")


class TrialChanged(PromotionError):
    """Another process changed the trial meanwhile."""

    def __init__(self, *, version: str) -> None:
        self.version = version
        super().__init__(f"the trial of {version} was changed by another process meanwhile. Run the command again.")
