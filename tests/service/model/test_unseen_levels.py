"""Levels that a model has never seen: counted, refused where declared, and encoded anew for a shadow."""

from collections.abc import Sequence
from typing import Annotated, Any, cast

import numpy as np
import pytest
from pydantic import Field

from models.bundles.manifest import Manifest
from models.bundles.risk import RiskPolicy
from models.bundles.scorer import Scorer
from models.customer import declaration
from models.customer.contract import Contract, Matrix, Vector
from models.features import CustomerFeatures
from service.errors import LISTED_PROBLEMS, RequestInvalid
from service.model.predictor import Predictor
from service.model.shadow import UnscoredBatch


class Visitor(declaration.Features):
    country: Annotated[str, declaration.Category(max=2)] = Field(examples=["DE"])
    shop: Annotated[str | None, declaration.Category(max=20, unseen="refused")] = Field(examples=["A"], default=None)


CONTRACT = declaration.derive(Visitor)
SHOPS = {f"shop {at}": 1 for at in range(30)}


class FakeScorer:
    """The first column of the matrix is the probability, in tenths."""

    version, policy = "20260301-1a2b3c4d5e6f708192a3b4c5d6e7f809", RiskPolicy()

    def score(self, matrix: Matrix) -> Vector:
        return np.asarray(np.nan_to_num(matrix[:, 0].astype(float), nan=9) / 10)


def predictor(contract: Contract) -> Predictor:
    nothing = cast(Any, None)
    return Predictor(cast(Scorer, FakeScorer()), nothing, cast(Manifest, nothing), contract, card="")


def visitors(*values: tuple[str, str | None]) -> Sequence[CustomerFeatures]:
    return cast(Sequence[CustomerFeatures], [Visitor(country=country, shop=shop) for country, shop in values])


LEARNED = CONTRACT.learned({"country": {"DE": 9, "FR": 8}, "shop": SHOPS})


def test_levels_never_seen_are_predicted_as_unknown_and_counted_by_field() -> None:
    predicted = predictor(LEARNED).predict(visitors(("DE", None), ("XX", "shop 1"), ("YY", None)))
    assert predicted.probabilities == [0.0, 0.9, 0.9]
    assert predicted.unseen == {"country": 2, "shop": 0}


def test_a_contract_without_open_categories_counts_nothing(pinned: Predictor) -> None:
    assert pinned.predict([CustomerFeatures.model_validate(pinned.contract.example)]).unseen is None
    assert pinned.refusing == {}


def test_a_level_to_be_refused_is_named_with_the_ten_nearest_ones() -> None:
    rows = visitors(("XX", "shop 1"), ("DE", None), ("DE", "shop 111"))
    with pytest.raises(RequestInvalid) as caught:
        predictor(LEARNED).require_known(rows, is_batch=True)
    [rule] = caught.value.rules
    assert (rule.path, rule.code, caught.value.found) == ("customers.2.shop", "literal_error", 1)
    assert rule.message.startswith("Input should be one of 30 values, such as 'shop 11', ")
    assert rule.message.count("'shop ") == 10
    with pytest.raises(RequestInvalid) as caught:
        predictor(LEARNED).require_known(rows[2:], is_batch=False)
    assert caught.value.rules[0].path == "shop"


def test_of_many_refused_customers_a_hundred_are_named() -> None:
    with pytest.raises(RequestInvalid) as caught:
        predictor(LEARNED).require_known(visitors(*[("DE", "none")] * 500), is_batch=True)
    assert (len(caught.value.rules), caught.value.found) == (LISTED_PROBLEMS, 500)


def test_a_model_without_levels_refuses_nobody() -> None:
    empty = predictor(CONTRACT.learned({"country": {}, "shop": {}}))
    empty.require_known(visitors(("DE", "shop 1")), is_batch=False)
    assert empty.predict(visitors(("DE", "shop 1"))).unseen == {"country": 1, "shop": 1}


def test_a_shadow_encodes_the_customers_by_its_own_levels() -> None:
    other = CONTRACT.learned({"country": {"FR": 9, "DE": 8}, "shop": {}})
    unscored = UnscoredBatch(predictor(other))
    unscored.add(predictor(LEARNED).predict(visitors(("DE", None), ("FR", None), ("XX", None))))
    lines, differences = unscored.score()
    assert [line.split("\t")[2] for line in lines] == ["0.1", "0.0", "0.9"]
    assert differences.tolist() == pytest.approx([0.1, 0.1, 0])
