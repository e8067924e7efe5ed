"""Errors of a replay: it cannot be told whether the prediction is the same.

TrainingError
└── ReplayError
    ├── PredictionMissing    neither the log nor the exported weeks have the prediction
    ├── InputsMissing        the prediction was logged without its inputs
    ├── ModelMissing         its model is neither in the store nor in MLflow's registry
    ├── ArchiveUnreadable    the file of an exported week cannot be read
    └── AnswerUnreadable     the file is not an answer of the service for this prediction
"""

from pathlib import Path

from training.errors import TrainingError


class ReplayError(TrainingError):
    """Base of all errors of a replay."""


class PredictionMissing(ReplayError):
    """Neither the log nor the exported weeks have the prediction."""

    def __init__(self, *, prediction_id: str, place: str, why: str, remedy: str) -> None:
        self.prediction_id, self.place, self.why = prediction_id, place, why
        super().__init__(f"{place} has no prediction {prediction_id}: {why}. {remedy}.")


class InputsMissing(ReplayError):
    """The prediction was logged without its inputs, so nothing can be computed from them."""

    def __init__(self, *, prediction_id: str, are_hashed: bool) -> None:
        self.prediction_id, self.are_hashed = prediction_id, are_hashed
        kept = "only a keyed digest of its inputs" if are_hashed else "none of its inputs"
        setting = "hashed" if are_hashed else "none"
        super().__init__(
            f"the log has {kept} of prediction {prediction_id} (SERVICE_LOG_INPUTS={setting}), so it cannot be "
            "computed again. Only predictions that are logged with SERVICE_LOG_INPUTS=plain can be replayed."
        )


class ModelMissing(ReplayError):
    """The model is neither in the store nor in MLflow's registry."""

    def __init__(self, *, version: str, looked_in: str) -> None:
        self.version = version
        super().__init__(
            f"model {version} is neither in {looked_in}. Copy the folder models/store/{version} from an image that "
            "served it (`docker create`, `docker cp`) or from git's history, or name the MLflow that registered it "
            "with --tracking-uri."
        )


class ArchiveUnreadable(ReplayError):
    """The file of an exported week cannot be read."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Restore the file from a backup.")


class AnswerUnreadable(ReplayError):
    """The file is not an answer of the service for this prediction."""

    def __init__(self, *, path: Path, problem: str) -> None:
        self.path, self.problem = path, problem
        super().__init__(f"{path}: {problem}. Name a file with the JSON that the service answered for this prediction.")
