"""Figure of the profit curve: what the decisions save."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from models.bundles.risk import RiskPolicy
from models.customer.contract import Labels, Vector
from training.card.drawing import ACCENT, OTHER, QUIET, axes
from training.learning.cost_policy import saving_per_customer

_COLOURS = (ACCENT, OTHER)


def profit(churned: Labels, models: Mapping[str, tuple[Vector, RiskPolicy]], currency: str) -> Figure:
    """Draw the mean saving per customer over the fraction of customers contacted, highest probability first.

    The saving is relative to contacting nobody, the left end. A dot marks how many each policy contacts.
    """
    figure, plot = axes("Profit curve", "customers contacted (fraction)", f"mean saving per customer ({currency})")
    share = np.arange(len(churned) + 1) / len(churned)
    for colour, (name, (probability, policy)) in zip(_COLOURS, models.items(), strict=True):
        sums = np.cumsum(
            [0, *saving_per_customer(probability, churned, policy)[np.argsort(-probability, kind="stable")]]
        )
        chosen = int((probability >= policy.medium_from).sum())
        plot.plot(share, sums / len(churned), color=colour, label=name)
        plot.plot(share[chosen], sums[chosen] / len(churned), color=colour, marker="o", markersize=5)
    _, policy = next(iter(models.values()))
    everybody = saving_per_customer(np.full(len(churned), policy.medium_from), churned, policy).mean()
    plot.plot([0, 1], [0, everybody], color=QUIET, linestyle="--", label="at random, medium offer")
    figure.legend(loc="outside lower center", ncols=2)
    return figure
