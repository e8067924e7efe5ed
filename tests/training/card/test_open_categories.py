"""The card and the figures show the learned levels of open categories, the frequent ones first."""

from pathlib import Path
from typing import Annotated

import numpy as np
import pytest
from pydantic import Field

from models.bundles import segments
from models.customer import declaration
from models.customer.contract import Matrix, Vector
from models.customer.kinds.learned_levels import NEW, RARE
from tests.descriptions import describe
from training.card import drawing, effect_figures, table_rows
from training.learning import importance

COUNTS = {f"C{at:02d}": 100 - at for at in range(30)}


class Visitor(declaration.Features):
    country: Annotated[str, declaration.Category(max=20)] = Field(examples=["C01"])
    shop: Annotated[str | None, declaration.Category(max=5, unseen="refused")] = Field(examples=["A"])


CONTRACT = declaration.derive(Visitor).learned({"country": COUNTS, "shop": {"A": 3, "B": 1}})


def test_the_card_says_how_many_levels_are_kept_and_how_many_customers_have_a_rare_one() -> None:
    levels = {feature.name: feature.levels for feature in CONTRACT.open_categories}
    kept, rare = "20 levels of their own", sum(sorted(COUNTS.values())[:10]) / sum(COUNTS.values())
    assert [*table_rows.features(describe(CONTRACT, levels=levels))] == [
        (
            "country",
            "open category",
            "",
            f"any text: {kept}, and 10 rare ones together ({rare:.1%} of the training rows); others are unknown",
        ),
        ("shop", "open category", "", "2 levels of their own; others are refused or null"),
    ]


def test_the_effect_of_a_level_is_drawn_for_frequent_rare_and_new_ones() -> None:
    matrix: Matrix = np.array([[code, 0] for code in range(21)], dtype=np.float32)

    def predict(rows: Matrix) -> Vector:
        return np.asarray(np.nan_to_num(rows[:, 0].astype(float), nan=50) / 100)

    curves = importance.dependence(predict, matrix, CONTRACT, seed=1)
    shown, mean = curves["country"]
    assert [*shown] == [*[f"C{at:02d}" for at in range(8)], RARE, NEW]
    assert mean.tolist() == pytest.approx([*[at / 100 for at in range(8)], 0.2, 0.5])
    assert [*curves["shop"][0]] == ["A", "B", NEW]
    ticks = effect_figures.dependence(curves).axes[0].get_xticklabels()
    assert [tick.get_text() for tick in ticks][-2:] == [RARE, NEW]
    assert {tick.get_rotation() for tick in ticks} == {90}


def test_levels_with_dollar_signs_are_drawn_as_they_are(tmp_path: Path) -> None:
    with drawing.style():
        figure = effect_figures.dependence({"band": (["$0_$50", "$50_$100"], np.array([0.2, 0.4]))})
        drawing.save(figure, tmp_path / "effects.png")
    assert (tmp_path / "effects.png").stat().st_size > 1_000


def test_customers_are_grouped_by_the_most_frequent_levels() -> None:
    [country, _] = CONTRACT.open_categories
    values = country.encode(["C00", "C09", "C10", "C29", "XX", "C00"])
    groups = {name: mask.tolist() for name, mask in segments.split(country, values, values)}
    assert [*groups] == [*[f"C{at:02d}" for at in range(10)], "other levels", NEW]
    assert groups["C00"] == [True, False, False, False, False, True]
    assert groups["other levels"] == [False, False, True, True, False, False]
    assert groups[NEW] == [False, False, False, False, True, False]
