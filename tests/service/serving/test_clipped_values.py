"""Values that were clipped in accepted requests are counted by field."""

import re
from collections.abc import Sequence
from typing import Annotated, Any, cast

from pydantic import Field

from models.customer.declaration import Clipped, Features, derive
from models.features import CONTRACT
from service.log.prediction_log import PredictionLog
from service.metrics.metrics import Metrics
from service.serving.inference import Inference
from service.serving.served_model import ServedModel


class _Customer(Features):
    fee: Annotated[float, Clipped()] = Field(ge=0, le=200, examples=[90.0])
    seats: Annotated[int, Clipped()] = Field(ge=1, le=9, examples=[3])
    plain: float = Field(ge=0, le=200, examples=[90.0])


class _Router:
    """A model that answers nothing, as the fields are not those of a model at hand."""

    shadow = None

    @property
    def champion(self) -> "_Router":
        return self

    def require(self) -> "_Router":
        return self

    def require_known(self, *_: Any, **__: Any) -> None:
        pass

    def predict(self, *_: Any, **__: Any) -> list[Any]:
        return []


class _Log:
    def put(self, parts: Sequence[Any], **how: Any) -> None:
        pass


def test_clipped_values_are_counted_by_field() -> None:
    metrics = Metrics()
    made = Inference(
        cast(ServedModel, _Router()), metrics, cast(PredictionLog, _Log()), clipped=derive(_Customer).clipped
    )
    sent = ['{"fee": 201, "seats": 3, "plain": 200}', '{"fee": -1, "seats": 99, "plain": 0}']
    made.predict(cast(Any, list(map(_Customer.model_validate_json, sent))))
    assert re.findall(r"^churn_clipped_values_total.*$", metrics.expose().decode(), re.MULTILINE) == [
        'churn_clipped_values_total{field="fee"} 2.0',
        'churn_clipped_values_total{field="seats"} 1.0',
    ]


def test_a_contract_that_clips_nothing_looks_at_no_customer() -> None:
    assert CONTRACT.clipped == ()
    made = Inference(cast(ServedModel, _Router()), Metrics(), cast(PredictionLog, _Log()))
    made.predict(cast(Any, [None]))  # which has no fields to look at
