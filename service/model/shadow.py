"""Scores answered customers with a shadow challenger, later, in the thread of the prediction log."""

from collections.abc import Iterator

import numpy as np

from models.customer.contract import Vector
from service.model.predictor import PredictionBatch, Predictor

_CHUNK_ROWS = 500
"""Rows that are scored at a time, so that the interpreter lock is held for less than a millisecond."""


class UnscoredBatch:
    """Rows that wait for one challenger, stored in few objects, so that the garbage collector has little to scan."""

    def __init__(self, challenger: Predictor) -> None:
        self.challenger = challenger
        self._ids: list[str] = []
        self._answered: list[float] = []
        self._encoded = bytearray()

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def version(self) -> str:
        """Version of the challenger."""
        return self.challenger.scorer.version

    def add(self, predicted: PredictionBatch) -> None:
        """Add the champion's predictions; the challenger uses their matrix if no levels are learned."""
        contract, matrix = self.challenger.contract, predicted.matrix
        if contract.open_categories:  # the two models have learned different codes
            matrix = contract.encode_rows(predicted.customers)
        self._ids += predicted.ids
        self._answered += predicted.probabilities
        self._encoded += matrix.tobytes()

    def score(self) -> tuple[list[str], Vector]:
        """Return a line for each row, and the absolute differences from the champion's probabilities."""
        matrix = np.frombuffer(self._encoded, dtype=np.float32).reshape(len(self), -1)
        chunks = [matrix[at : at + _CHUNK_ROWS] for at in range(0, len(self), _CHUNK_ROWS)]
        probabilities = np.concatenate([self.challenger.scorer.score(chunk) for chunk in chunks])
        return list(self._lines(probabilities.tolist())), np.abs(probabilities - np.array(self._answered))

    def _lines(self, probabilities: list[float]) -> Iterator[str]:
        version, policy = self.version, self.challenger.scorer.policy
        for identity, probability in zip(self._ids, probabilities, strict=True):
            decision, tier = policy.churns(probability), policy.tier(probability)
            yield f"{identity}\t{version}\t{probability!r}\t{decision:d}\t{tier}"
