"""Errors of live rows: the prediction log gives no rows to train on. They extend the tree in `training.errors`.

DataError
├── NoOutcomes           no prediction has a known outcome
├── InputsNotKept        the log does not hold the inputs of the predictions
└── HistoryTooShort      a part of the split has too few outcomes
"""

from training.errors import DataError


class NoOutcomes(DataError):
    """No prediction has a known outcome."""

    def __init__(self, *, url: str, predictions: int, trusted: str | None = None) -> None:
        """Describe a period; `trusted` lists the reporters whose outcomes count, None for all."""
        self.url, self.predictions, self.trusted = url, predictions, trusted
        source = f" from {trusted}" if trusted else ""
        other = ", or name other reporters with --trusted-reporters" if trusted else ""
        super().__init__(
            f"{url}: none of {predictions:,} predictions in this period has a known outcome{source}. Report outcomes "
            "with POST /outcomes or `python -m monitoring import-outcomes FILE`, or read a longer period with --since"
            f"{other}."
        )


class InputsNotKept(DataError):
    """The log does not hold the inputs of the predictions."""

    def __init__(self, *, url: str, without_inputs: int, other_contract: int) -> None:
        self.url, self.without_inputs, self.other_contract = url, without_inputs, other_contract
        super().__init__(
            f"{url}: no prediction with an outcome has the inputs of this contract: {without_inputs:,} were logged "
            f"without inputs, {other_contract:,} with the inputs of another contract. Set SERVICE_LOG_INPUTS=plain for "
            "the service, and train when later predictions have outcomes."
        )


class HistoryTooShort(DataError):
    """A part of the split has too few outcomes."""

    def __init__(self, *, part: str, churned: int, stayed: int, needed_per_class: int) -> None:
        self.part, self.churned, self.stayed, self.needed_per_class = part, churned, stayed, needed_per_class
        super().__init__(
            f"live rows: {part} would have {churned:,} customers who churned and {stayed:,} who stayed; at least "
            f"{needed_per_class} of each are needed. Read a longer period with --since, wait for outcomes, or append "
            "live rows to other rows with --data FILE,live. If churners are known much earlier than stayers, set "
            "--mature-after. If outcomes were imported long after they were observed, set --outcomes-known observed."
        )
