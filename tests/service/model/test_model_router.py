"""The split of customers between champion and canary."""

import math
from pathlib import Path
from typing import Any

import pytest

from models.bundles import bundle
from models.bundles.pins import Challenger as BundleRef
from models.features import CONTRACT
from service.customers import Customer
from service.model import model_router, predictor
from service.model.model_router import Challenger, ModelRouter
from service.model.predictor import Predictor
from tests.service.stores import publish_another

NAMES = [f"C-{number}" for number in range(10_000)]
VERSION, ANOTHER = "20260301-1a2b3c4d", "20260302-5e6f7a8b"


def customer(name: str | None, **values: Any) -> Customer:
    return Customer(**CONTRACT.example | values, customer_id=name)


def canary(pinned: Predictor, share: float, version: str = VERSION) -> Challenger:
    return Challenger(BundleRef(version=version, digest="0" * 64, mode="canary", share=share), pinned)


def answers(challenger: Challenger, one: Customer) -> bool:
    return challenger.draw(one) < challenger.limit


def answered_by(challenger: Challenger) -> set[str]:
    return {name for name in NAMES if answers(challenger, customer(name))}


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.9])
def test_a_canary_answers_its_share(pinned: Predictor, share: float) -> None:
    expected, deviation = share * len(NAMES), math.sqrt(len(NAMES) * share * (1 - share))
    assert abs(len(answered_by(canary(pinned, share))) - expected) < 3 * deviation


def test_customers_are_its_own_whatever_else_is_known_of_them(pinned: Predictor) -> None:
    challenger = canary(pinned, 0.5)
    for name in NAMES[:100]:
        assert answers(challenger, customer(name)) == answers(challenger, customer(name, tenure_months=9))


def test_a_share_that_grows_takes_customers_from_the_champion_and_gives_none_back(pinned: Predictor) -> None:
    answered = [answered_by(canary(pinned, share)) for share in (0.05, 0.1, 0.3, 0.8)]
    assert answered[0] < answered[1] < answered[2] < answered[3]


def test_another_challenger_is_tried_on_other_customers(pinned: Predictor) -> None:
    first, second = answered_by(canary(pinned, 0.1)), answered_by(canary(pinned, 0.1, ANOTHER))
    assert len(first & second) < 150  # 100 are both's by chance


def test_places_are_spread_evenly() -> None:
    tenths = [sum(int(10 * model_router.place(name, VERSION)) == tenth for name in NAMES) for tenth in range(10)]
    assert sum((count - 1000) ** 2 / 1000 for count in tenths) < 21.7  # chi-squared, 9 degrees of freedom, 1 %


def test_customers_without_a_name_are_the_champions(pinned: Predictor) -> None:
    assert not answers(canary(pinned, 0.999), customer(None))


@pytest.mark.parametrize("explain", [False, True])
def test_each_customer_of_a_batch_goes_to_its_own_model(
    shelf: Path, tmp_path_factory: pytest.TempPathFactory, customers: list[dict[str, Any]], *, explain: bool
) -> None:
    another = publish_another(shelf, tmp_path_factory)
    champion = predictor.load(shelf)
    named = BundleRef(version=(version := another.manifest.version), digest="0" * 64, mode="canary", share=0.3)
    challenger = Challenger(named, predictor.load(shelf, bundle.name(another)))
    rows = [customer(name, **values) for name, values in zip(NAMES, customers, strict=False)]
    parts = ModelRouter(champion, challenger).predict(rows, explain=explain)

    assert [part.model_version for part in parts] == [champion.scorer.version, version]
    assert sorted(place for part in parts for place in part.places or ()) == list(range(len(rows)))
    for part, model in zip(parts, (champion, challenger.predictor), strict=True):
        own = [rows[at] for at in part.places or ()]
        assert {answers(challenger, row) for row in own} == {model is challenger.predictor}
        alone = model.predict(own, explain=explain)
        assert part.probabilities == alone.probabilities
        assert (part.contributions is None) == (not explain)
        if part.contributions and alone.contributions:
            assert part.contributions.raw_scores.tolist() == alone.contributions.raw_scores.tolist()


def test_a_shadow_answers_nobody(pinned: Predictor) -> None:
    named = BundleRef(version=VERSION, digest="0" * 64, mode="shadow", share=0.9)
    [part] = ModelRouter(pinned, Challenger(named, pinned)).predict([customer(name) for name in NAMES[:100]])
    assert len(part.ids) == 100
    assert part.model_version == pinned.scorer.version
