"""What decisions save, as a picture."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Vector
from training.card.drawing import ACCENT, OTHER, QUIET, axes
from training.learning.cost_policy import saved

_COLOURS = (ACCENT, OTHER)


def profit(churned: Labels, models: Mapping[str, tuple[Vector, RiskPolicy]], currency: str) -> Figure:
    """Draw what a customer saves on average against contacting nobody, by how many are contacted, likeliest first.

    A dot is where the model's own policy stops; nobody is the left end, everybody the right end.
    """
    figure, plot = axes("Profit curve", "customers contacted (fraction)", f"saved a customer ({currency})")
    share = np.arange(len(churned) + 1) / len(churned)
    for colour, (name, (probability, policy)) in zip(_COLOURS, models.items(), strict=True):
        sums = np.cumsum([0, *saved(probability, churned, policy)[np.argsort(-probability, kind="stable")]])
        chosen = int((probability >= policy.medium_from).sum())
        plot.plot(share, sums / len(churned), color=colour, label=name)
        plot.plot(share[chosen], sums[chosen] / len(churned), color=colour, marker="o", markersize=5)
    _, policy = next(iter(models.values()))
    everybody = saved(np.full(len(churned), policy.medium_from), churned, policy).mean()
    plot.plot([0, 1], [0, everybody], color=QUIET, linestyle="--", label="at random, medium offer")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
