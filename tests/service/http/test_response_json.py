from typing import Any

from models.features import CustomerFeatures
from service.http import response_json
from service.http.schemas import ExplainedPrediction, ExplainedPredictions, Prediction, Predictions
from service.model.predictor import Predictor


def test_what_is_written_is_what_the_schemas_would_write(pinned: Predictor, customers: list[dict[str, Any]]) -> None:
    predicted = pinned.predict([CustomerFeatures.model_validate(customer) for customer in customers])
    one, many = response_json.one([predicted]), response_json.many([predicted])

    assert Prediction.model_validate_json(one, strict=True).model_dump_json().encode() == one
    assert Predictions.model_validate_json(many, strict=True).model_dump_json().encode() == many
    assert len(Predictions.model_validate_json(many).predictions) == len(customers)
    assert len({prediction.risk_tier for prediction in Predictions.model_validate_json(many).predictions}) == 3


def test_so_are_explanations(pinned: Predictor, customers: list[dict[str, Any]]) -> None:
    rows = [CustomerFeatures.model_validate(customer) for customer in customers]
    predicted = pinned.predict(rows, explain=True)
    one, many = response_json.one([predicted]), response_json.many([predicted])

    assert ExplainedPrediction.model_validate_json(one, strict=True).model_dump_json().encode() == one
    assert ExplainedPredictions.model_validate_json(many, strict=True).model_dump_json().encode() == many
    assert len(ExplainedPredictions.model_validate_json(many).predictions) == len(customers)
