"""Does a plain fit lose to a baseline of its own table? The presets of parameters on tables of differing shapes."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits
from xgboost import XGBClassifier

from benchmarks.statistics.study import Study
from benchmarks.statistics.table_shapes import SHAPES
from models.bundles.quality import Figure
from training.data.hashing import hash_split, row_hash
from training.learning import evaluation, fold_comparison, model, presets
from training.learning.trial import Parameters

TABLES = 4
FRESH_ROWS = 4_000
_SEED = 7
_USUAL, _CHOSEN = "usual", "chosen"
_BASELINES = (model.HISTOGRAM, model.FOREST, model.LINEAR)


@dataclass(frozen=True)
class Found:
    """The result on one table."""

    shape: str
    table: int
    rows: int
    preset: str
    trees: int
    usual_behind: float
    """By how much the best baseline's mean ROC-AUC on the folds is higher than that of the usual parameters."""
    usual_behind_low: float
    usual_behind_high: float
    chosen_behind: float
    chosen_behind_low: float
    chosen_behind_high: float
    fresh_gain: float
    """ROC-AUC of the chosen parameters on fresh customers, less that of the usual ones."""
    optimism: float
    """ROC-AUC of the chosen parameters on the folds, less that on fresh customers."""
    usual_optimism: float


def make(shapes: Iterable[str] = SHAPES, tables: int = TABLES) -> Study:
    """Compare on a number of tables of each shape; a table takes about four seconds."""
    with threadpool_limits(1):
        found = [measure(shape, table) for shape in shapes for table in range(tables)]
    return Study(
        title="Parameters of a plain fit",
        about=(
            f"{tables} tables of each shape. A plain fit chooses among {len(presets.names())} presets on the folds. "
            "*Behind* is by how much the best baseline (histogram gradient boosting with its defaults, random forest "
            "or logistic regression) has a higher mean ROC-AUC on the same folds, on average; negative is ahead. "
            "*Surely* counts tables on which the 95 % interval of that difference is above 0. *Fresh gain* is the "
            f"ROC-AUC that the choice gains on {FRESH_ROWS:,} further customers. *Optimism* is the ROC-AUC on the "
            "folds less that on these customers; a model of the folds learns from four fifths of the rows, which makes "
            "it smaller."
        ),
        columns=(
            "shape",
            "rows",
            "presets chosen",
            "usual behind",
            "usual surely behind",
            "chosen behind",
            "chosen surely behind",
            "fresh gain",
            "optimism of usual",
            "optimism of chosen",
        ),
        rows=[_row([one for one in found if one.shape == shape]) for shape in dict.fromkeys(f.shape for f in found)],
        conclusion=_conclude(found),
        raw=[asdict(one) for one in found],
    )


def measure(shape: str, table: int) -> Found:
    """Fit on one table, and judge on its folds and on fresh customers."""
    rows, draw = SHAPES[shape]
    matrix, churned = draw(rows + FRESH_ROWS, table)
    known, fresh = slice(None, rows), slice(rows, None)
    split = hash_split.at_random(churned[known], row_hash.mixed(np.arange(rows, dtype=np.uint64)), seed=_SEED)
    own, outcomes, folds = matrix[split.training], churned[split.training], split.folds
    chosen = presets.choose(_served, own, outcomes, folds, seed=_SEED, threads=1, on_fit=lambda: None)
    usual: Parameters = dict(model.PARAMETERS)
    known_models = model.candidates(_served(usual), seed=_SEED, threads=1)
    candidates: dict[str, BaseEstimator] = {name: known_models[name] for name in _BASELINES}
    candidates |= {_USUAL: _served(usual), _CHOSEN: _served(chosen)}
    compared = evaluation.cross_validate(
        candidates, own, outcomes, folds, served=_CHOSEN, seed=_SEED, on_fit=lambda: None
    )
    score = {
        name: float(np.mean([fold["roc_auc"] for fold in one.measure(outcomes)])) for name, one in compared.items()
    }
    best = max(_BASELINES, key=lambda name: score[name])
    later = {
        name: float(roc_auc_score(churned[fresh], evaluation.predict(clone(one).fit(own, outcomes), matrix[fresh])))
        for name, one in candidates.items()
        if name in (_USUAL, _CHOSEN)
    }
    behind = {name: fold_comparison.lead(compared[best], compared[name], outcomes) for name in (_USUAL, _CHOSEN)}
    return Found(
        shape=shape,
        table=table,
        rows=rows,
        preset=presets.name_of(chosen) or "",
        trees=int(chosen["n_estimators"]),
        **_named("usual_behind", behind[_USUAL]),
        **_named("chosen_behind", behind[_CHOSEN]),
        fresh_gain=round(later[_CHOSEN] - later[_USUAL], 6),
        optimism=round(score[_CHOSEN] - later[_CHOSEN], 6),
        usual_optimism=round(score[_USUAL] - later[_USUAL], 6),
    )


def _served(parameters: Parameters) -> XGBClassifier:
    return model.served(parameters=parameters, constraints=None, seed=_SEED, threads=1)


def _named(name: str, figure: Figure) -> Mapping[str, float]:
    ends = {name: figure.value, f"{name}_low": figure.low, f"{name}_high": figure.high}
    return {end: round(value, 6) for end, value in ends.items()}


def _row(found: Sequence[Found]) -> tuple[str, ...]:
    counts = Counter(one.preset for one in found)
    sure = [sum(low > 0 for low in lows) for lows in _lows(found)]
    means = [
        f"{np.mean([getattr(one, name) for one in found]):+.4f}"
        for name in ("usual_behind", "chosen_behind", "fresh_gain", "usual_optimism", "optimism")
    ]
    return (
        found[0].shape,
        f"{found[0].rows:,}",
        ", ".join(f"{name} {count}" for name, count in counts.items()),
        means[0],
        f"{sure[0]} of {len(found)}",
        means[1],
        f"{sure[1]} of {len(found)}",
        *means[2:],
    )


def _lows(found: Sequence[Found]) -> tuple[list[float], list[float]]:
    return [one.usual_behind_low for one in found], [one.chosen_behind_low for one in found]


def _conclude(found: Sequence[Found]) -> str:
    usual, chosen = (sum(low > 0 for low in lows) for lows in _lows(found))
    gain, worst = np.mean([one.fresh_gain for one in found]), min(one.fresh_gain for one in found)
    return (
        f"A baseline is surely ahead of the usual parameters on {usual} of {len(found)} tables, and of the chosen "
        f"preset on {chosen}. The choice gains {gain:+.4f} ROC-AUC on fresh customers on average, and "
        f"{worst:+.4f} on the worst table."
    )
