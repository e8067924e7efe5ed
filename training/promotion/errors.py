"""Why nobody can tell who should serve. Whatever it is, the champion stays.

TrainingError
└── SuccessionError
    ├── NoSuchModel      there is no such challenger, or no earlier model
    ├── ChampionChanged  another took the champion's place while a challenger was judged
    ├── TooFewUntouched  too few rows that neither model learned from
    └── TooFewOutcomes   too few customers of whom a trial knows what they did
"""

from training.errors import TrainingError


class SuccessionError(TrainingError):
    """Base of all reasons why nobody can tell who should serve; the champion stays."""


class NoSuchModel(SuccessionError):
    """There is no such challenger, or no earlier model."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(f"{problem}. Name a version of models/store/ or of MLflow's registry, or fit a new model.")


class ChampionChanged(SuccessionError):
    """Another model took the champion's place while a challenger was judged."""

    def __init__(self, *, judged: str, serving: str) -> None:
        self.judged, self.serving = judged, serving
        super().__init__(
            f"the challenger was judged against {judged}, but meanwhile {serving} was pinned, and stays. Promote again."
        )


class TooFewUntouched(SuccessionError):
    """There are too few rows that neither model learned from."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"of customers that neither model learned from there are {problem}. The champion stays; "
            "fit the challenger on more or newer rows, or lower --min-rows."
        )


class TooFewOutcomes(SuccessionError):
    """A trial knows of too few customers what they did."""

    def __init__(self, *, version: str, problem: str) -> None:
        self.version, self.problem = version, problem
        super().__init__(
            f"of what {version} predicted there are {problem}. Wait for outcomes, or look further back with --since."
        )
