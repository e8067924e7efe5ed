"""Study: the expected loss of a drifted window against the true one, and the part that the right columns get."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from benchmarks.reporting import findings
from benchmarks.statistics.moved_rates import COSTS
from benchmarks.statistics.study import Study
from models.bundles import quality
from models.bundles.risk import RiskPolicy
from models.customer.contract import Vector
from models.features import CONTRACT
from monitoring.losses import drift_loss, reweighting
from monitoring.losses.drift_loss import DriftLoss, Reference
from training.data import synthetic
from training.learning import evaluation, model

TRAINED, TESTED, ROWS, REPETITIONS = 8_000, 5_000, 5_000, 50
POLICY = RiskPolicy(costs=COSTS).at_break_even
ABOUT = (
    "The model is trained on {trained:,} synthetic customers, and {tested:,} others are the test rows of its "
    "bundle. {repetitions} windows of {rows:,} customers are drawn of each kind, and all five columns of the "
    "contract are given to the estimate, as if all had drifted. **cost** and **ROC-AUC** are the mean true and "
    "estimated loss against the test rows: the truth has the true probabilities of test rows and window. **interval "
    "holds** is the share of windows whose 95 % interval of the cost has the true rise. **right columns** is the "
    "part of the estimated rise that the columns that moved get, and **rest** what no single column explains, both "
    "as shares of the sum of all absolute parts."
)
Shift = Callable[[pd.DataFrame, np.random.Generator], tuple[pd.DataFrame, float]]
"""Returns the changed customers, and what is added to their true log-odds."""


@dataclass(frozen=True)
class Window:
    """One window."""

    shift: str
    true_cost: float
    cost: float
    holds: bool
    true_roc_auc: float
    roc_auc: float
    right: float | None
    rest: float


def more_tickets(table: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, float]:
    """Let every customer write one ticket more, on average."""
    return table.assign(support_tickets=table["support_tickets"] + rng.poisson(1, len(table))), 0.0


def and_unbound(table: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, float]:
    """Let half of the customers have a contract by the month, too."""
    moved, _ = more_tickets(table, rng)
    return moved.assign(contract_type=np.where(rng.random(len(table)) < 0.5, 0, moved["contract_type"])), 0.0


def permuted(table: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, float]:
    """Let customers swap their contracts."""
    return table.assign(contract_type=rng.permutation(table["contract_type"].to_numpy())), 0.0


def leaving_more(table: pd.DataFrame, _: np.random.Generator) -> tuple[pd.DataFrame, float]:
    """Let the same customers churn more."""
    return table, 0.7


SHIFTS: Mapping[str, tuple[Shift, tuple[str, ...]]] = {
    "none": (lambda table, _: (table, 0.0), ()),
    "one column: tickets": (more_tickets, ("support_tickets",)),
    "two columns: tickets, contracts": (and_unbound, ("support_tickets", "contract_type")),
    "contracts permuted": (permuted, ()),
    "outcome given features": (leaving_more, ()),
}
"""Kind of window: the change, and the columns that moved."""


def make() -> Study:
    """Draw windows of every kind."""
    found = list(measure(TRAINED, TESTED, REPETITIONS))
    return Study(
        title="What a drift costs",
        about=ABOUT.format(trained=TRAINED, tested=TESTED, repetitions=REPETITIONS, rows=ROWS),
        columns=[
            "change",
            "cost: true",
            "estimated",
            "interval holds",
            "ROC-AUC: true",
            "estimated",
            "right columns",
            "rest",
        ],
        rows=list(rows(found)),
        conclusion=conclude(found),
        raw=[asdict(one) for one in found],
    )


def measure(trained: int, tested: int, repetitions: int) -> Iterator[Window]:
    """Train, and yield every window."""
    table, truth = synthetic.sample(trained + tested, seed=6)
    matrix = CONTRACT.to_matrix(table)
    served = model.served(parameters=dict(model.PARAMETERS), constraints=None, seed=6, threads=1)
    served.fit(matrix[:trained], table["churned"].to_numpy()[:trained])
    tests, probability = table[trained:], evaluation.predict(served, matrix[trained:])
    before, rng = happening(probability, truth[trained:]), np.random.default_rng(0)
    for name, (shift, moved) in SHIFTS.items():
        for number in range(repetitions):
            live, added = shift(synthetic.sample(ROWS, seed=100 + number)[0], rng)
            scores = evaluation.predict(served, CONTRACT.to_matrix(live))
            odds = synthetic.churn_probability(live)
            after = happening(scores, 1 / (1 + (1 / odds - 1) * np.exp(-added)))
            yield _window(name, moved, estimate(tests, probability, live, scores), before, after)


def happening(probability: Vector, truth: Vector) -> dict[str, float]:
    """Return the figures that are expected with the true probabilities."""
    groups = quality.group(probability, POLICY, most=len(probability))
    churned, stayed = (
        np.bincount(groups.of_row, weights=one, minlength=len(groups.rows)) for one in (truth, 1 - truth)
    )
    found = quality.measure(groups, stayed, churned)
    return {name: float(found[name]) for name in ("roc_auc", "cost")}


def estimate(tests: pd.DataFrame, probability: Vector, live: pd.DataFrame, scores: Vector) -> DriftLoss:
    """Estimate the loss as the drift job does."""
    columns = {
        one.name: reweighting.column(one, one.encode(tests[one.name]), one.encode(live[one.name]))
        for one in CONTRACT.features
    }
    found = drift_loss.estimate(Reference(probability, columns), scores, POLICY, min_loss_fraction=0.01)
    if found is None:
        raise ValueError("too few customers churn for an estimate")
    return found


def _window(
    name: str, moved: Sequence[str], found: DriftLoss, before: Mapping[str, float], after: Mapping[str, float]
) -> Window:
    rise = after["cost"] - before["cost"]
    parts = {column: abs(part[1]) for column, part in found.parts.items()}
    whole = sum(parts.values()) + abs(found.rest[1])
    return Window(
        shift=name,
        true_cost=rise,
        cost=found.cost.value,
        holds=bool(found.cost.low <= rise <= found.cost.high),
        true_roc_auc=before["roc_auc"] - after["roc_auc"],
        roc_auc=found.roc_auc.value,
        right=sum(parts[column] for column in moved) / whole if moved else None,
        rest=abs(found.rest[1]) / whole,
    )


def rows(found: Sequence[Window]) -> Iterator[list[str]]:
    """Yield a row for each kind of window."""
    for shift in dict.fromkeys(one.shift for one in found):
        own = [one for one in found if one.shift == shift]
        rights = [one.right for one in own if one.right is not None]
        yield [
            shift,
            f"{np.mean([one.true_cost for one in own]):.2f}",
            f"{np.mean([one.cost for one in own]):.2f}",
            findings.rate(sum(one.holds for one in own), len(own)),
            f"{np.mean([one.true_roc_auc for one in own]):.4f}",
            f"{np.mean([one.roc_auc for one in own]):.4f}",
            f"{np.mean(rights):.0%}" if rights else "",
            f"{np.mean([one.rest for one in own]):.0%}",
        ]


def conclude(found: Sequence[Window]) -> str:
    """Say what the estimate sees, and what it does not."""

    def mean(shift: str, field: str) -> float:
        return float(np.mean([getattr(one, field) for one in found if one.shift == shift]))

    one, two = (mean(name, "right") for name in list(SHIFTS)[1:3])
    last = list(SHIFTS)[4]
    return (
        f"The columns that moved get {one:.0%} of the loss if one moved, and {two:.0%} if two did. A change of the "
        f"outcome given the features is not seen: it costs {mean(last, 'true_cost'):.2f} USD a customer, and the "
        f"estimate is {mean(last, 'cost'):.2f}. Only outcomes show it."
    )
