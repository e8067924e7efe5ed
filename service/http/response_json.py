"""Writes predictions as JSON bytes, without pydantic models. A test keeps the shape equal to `service.http.schemas`.

Building a model for each prediction would take a batch as long as scoring it.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

from pydantic_core import to_json

from models.bundles.explainer import Contributions
from models.customer import reasons
from models.features import CONTRACT
from service.model.predictor import PredictionBatch

_BOOLEANS = {True: "true", False: "false"}
_ENDS = {True: ',"held_out":true}', False: ',"held_out":false}', None: "}"}


def each(parts: Sequence[PredictionBatch]) -> Iterable[str]:
    """Write each prediction, in the order of the customers, also if two models made them."""
    return _written(parts[0]) if len(parts) == 1 else _merged(parts)


def one(parts: Sequence[PredictionBatch]) -> bytes:
    """Write the prediction of a single customer."""
    return next(_written(parts[0])).encode()


def many(parts: Sequence[PredictionBatch]) -> bytes:
    """Write the predictions of a batch."""
    return f'{{"predictions":[{",".join(each(parts))}]}}'.encode()


def _merged(parts: Iterable[PredictionBatch]) -> list[str]:
    placed = [pair for part in parts for pair in zip(part.places or (), _written(part), strict=True)]
    return [text for _, text in sorted(placed)]


def _written(predicted: PredictionBatch) -> Iterator[str]:
    contributions = predicted.contributions
    return _plain(predicted) if contributions is None else _explained(predicted, contributions)


def _plain(predicted: PredictionBatch) -> Iterator[str]:
    # No text needs escaping: ids are hex digits, tiers a closed set, versions have a pattern.
    end = f'"model_version":"{predicted.model_version}","prediction_timestamp":"{predicted.made_at.text}Z"'
    held_out = repeat(None, len(predicted.ids)) if predicted.held_out is None else predicted.held_out
    rows = zip(predicted.ids, predicted.probabilities, predicted.decisions, predicted.tiers, held_out, strict=True)
    for identity, probability, decision, tier, draw in rows:
        yield (
            f'{{"prediction_id":"{identity}","churn_probability":{probability!r},'
            f'"churn_prediction":{_BOOLEANS[decision]},"risk_tier":"{tier}",{end}{_ENDS[draw]}'
        )


def _explained(predicted: PredictionBatch, found: Contributions) -> Iterator[str]:
    scores = found.scores.tolist(), found.raw_scores.tolist()
    rows = zip(_plain(predicted), predicted.customers, found.by_feature.tolist(), *scores, strict=True)
    # Fields that were added after the model's training contribute nothing.
    nothing = {} if predicted.contract is CONTRACT else dict.fromkeys(CONTRACT.names, 0.0)
    for plain, customer, contributions, score, raw_score in rows:
        explanation = {
            "base_value": found.base_value,
            "contributions": nothing | dict(zip(predicted.contract.names, contributions, strict=True)),
            "score": score,
            "raw_score": raw_score,
            "reasons": reasons.of(predicted.contract, vars(customer), contributions, score=score),
        }
        yield f'{plain[:-1]},"explanation":{to_json(explanation).decode()}}}'
