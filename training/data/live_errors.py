"""Why the prediction log gives no rows to learn from; a branch of the tree in `training.errors`.

DataError
├── NoOutcomes           nobody told what became of the customers
├── InputsNotKept        the customers' values are not in the log
└── HistoryTooShort      too little was known before the time to be judged
"""

from training.errors import DataError


class NoOutcomes(DataError):
    """Nobody told what became of the customers."""

    def __init__(self, *, url: str, predictions: int) -> None:
        self.url, self.predictions = url, predictions
        super().__init__(
            f"{url}: none of {predictions:,} predictions of that time has an outcome. Report outcomes with "
            "POST /outcomes or `python -m monitoring import-outcomes FILE`, or look further back with --since."
        )


class InputsNotKept(DataError):
    """The customers' values are not in the log."""

    def __init__(self, *, url: str, without_inputs: int, other_contract: int) -> None:
        self.url, self.without_inputs, self.other_contract = url, without_inputs, other_contract
        super().__init__(
            f"{url}: no prediction with an outcome has the inputs of this contract: {without_inputs:,} were logged "
            f"without any, {other_contract:,} with those of another contract. Let the service keep them with "
            "SERVICE_LOG_INPUTS=plain, and train when outcomes of later predictions have come."
        )


class HistoryTooShort(DataError):
    """Too little was known before the time to be judged."""

    def __init__(self, *, part: str, churned: int, stayed: int, needed_per_class: int) -> None:
        self.part, self.churned, self.stayed, self.needed_per_class = part, churned, stayed, needed_per_class
        super().__init__(
            f"live rows: {part} would have {churned:,} customers who left and {stayed:,} who stayed, at least "
            f"{needed_per_class} of either are needed. Look further back with --since, wait for outcomes, or append "
            "them to other rows with --data FILE,live; where those who leave are known much earlier, set "
            "--mature-after, and where outcomes were imported long after, --outcomes-known observed."
        )
