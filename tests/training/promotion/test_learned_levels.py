"""Two models that learned other levels are compared: each scores rows that its own contract encodes."""

from collections.abc import Mapping
from typing import Annotated, Any, cast

import numpy as np
import pandas as pd
from pydantic import Field

from models.bundles.risk import RiskPolicy
from models.bundles.scorer import Scorer
from models.customer import declaration
from models.customer.contract import Contract, Matrix, Vector
from training.data.holdout import Holdout
from training.promotion import gate
from training.promotion.gate import Side
from training.settings import PromoteSettings


class Visitor(declaration.Features):
    country: Annotated[str, declaration.Category(max=2)] = Field(examples=["DE"])


CONTRACT = declaration.derive(Visitor)
OURS = CONTRACT.learned({"country": {"DE": 9, "FR": 8, "PE": 1}})
THEIRS = CONTRACT.learned({"country": {"FR": 9, "DE": 8}})


class FakeScorer:
    """Gives each level the probability that its model has learned, by the level's code."""

    policy = RiskPolicy()

    def __init__(self, version: str, contract: Contract, probabilities: Mapping[str, float], new: float) -> None:
        self.version, self._new = version, new
        codes = contract.features[0].level_codes
        self._known = {codes[level]: probability for level, probability in probabilities.items()}

    def score(self, matrix: Matrix) -> Vector:
        return np.array([self._known.get(code, self._new) for code in matrix[:, 0].tolist()])


def promote(challenger: Any, champion: Any, rows: Holdout) -> dict[str, Any]:
    settings = PromoteSettings(max_latency_ratio=1_000)
    sides = Side(cast(Scorer, challenger), OURS), challenger.score, Side(cast(Scorer, champion), THEIRS)
    found = gate.check(*sides, rows, live=None, contract=OURS, settings=settings)
    return {"roc_auc": found.gains["roc_auc"], "groups": {check.name: check for check in found.checks}}


def test_each_model_scores_through_its_own_levels() -> None:
    draw = np.random.default_rng(0)
    levels = draw.choice(["DE", "FR", "PE"], 3_000)
    truth = pd.Series(levels).map({"DE": 0.9, "FR": 0.1, "PE": 0.5}).to_numpy()
    churned = (draw.random(3_000) < truth).astype(int)
    rows = Holdout(pd.DataFrame({"country": levels}), churned, np.full(3_000, 0.5))
    same = {"DE": 0.9, "FR": 0.1}
    ours = FakeScorer("ours", OURS, same | {"PE": 0.5}, new=0.5)
    theirs = FakeScorer("theirs", THEIRS, same, new=0.5)  # it never saw PE
    found = promote(ours, theirs, rows)
    assert found["roc_auc"].challenger == found["roc_auc"].champion > 0.8
    assert found["groups"]["graph matches trees"].passed
