"""What offers did, as a table and a plot of the report: intervals by tier, of churn, money and success."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from models.bundles.quality import Figure
from monitoring.quality.performance_result import PerformanceResult
from monitoring.quality.treatment_effect import Effect

TITLE = "What offers did, with 95 % intervals"
Table = list[list[str]]
Plot = dict[str, Any]
"""Plotly's data and layout."""


class _Measure(NamedTuple):
    """A figure of an offer, as a column of the table and a part of the plot."""

    title: str
    figure: Callable[[Effect], Figure | None]
    scale: float = 1
    digits: int = 1
    has_assumed: bool = False

    def write(self, one: Effect) -> str:
        found = self.figure(one)
        if found is None:
            return "not known"
        value, low, high = (f"{self.scale * end:z,.{self.digits}f}" for end in (found.value, found.low, found.high))
        return f"{value} ({low} to {high})"


def table(found: PerformanceResult) -> Table:
    """Return what the offer of each tier did, below a row of headings; nothing where no offer was reported."""
    effects = _reported(found)
    if not effects:
        return []
    measures = _measures(found)
    rows = [
        [
            one.tier,
            *(f"{arm.rows:,}" for arm in (one.free, one.held_out)),
            *(f"{arm.offers / arm.rows:.1%}" if arm.rows else "" for arm in (one.free, one.held_out)),
            *(each.write(one) for each in measures),
            one.verdict,
        ]
        for one in effects
    ]
    groups = ("may get it", "held out", "of the first, offers reported", "of those held out")
    return [["offer", *groups, *(each.title for each in measures), "success rate is"], *rows]


def plots(found: PerformanceResult) -> dict[str, Plot]:
    """Return a plot of the intervals, one below the other, by its title; nothing where no figure is known."""
    effects = _reported(found)
    if not any(one.reduced_churn_by for one in effects):
        return {}
    measures = _measures(found)
    height = 1 / len(measures)
    layout: Plot = {"height": 150 * len(measures), "margin": {"t": 10, "b": 50}, "showlegend": False}
    tiers = {
        "categoryarray": [one.tier for one in effects],
        "categoryorder": "array",
        "range": [-0.5, len(effects) - 0.5],
    }
    data: list[Plot] = []
    for number, each in enumerate(measures, 1):
        top = 1 - height * (number - 1)
        title = f"{each.title} (red: assumed)" if each.has_assumed else each.title
        layout[f"xaxis{number}"] = {"title": {"text": title}, "anchor": f"y{number}", "rangemode": "tozero"}
        layout[f"yaxis{number}"] = {"domain": [top - height * 0.45, top]} | tiers
        data += (trace | {"xaxis": f"x{number}", "yaxis": f"y{number}"} for trace in _traces(each, effects))
    return {"The same as a picture": {"data": data, "layout": layout}}


def _reported(found: PerformanceResult) -> Sequence[Effect]:
    is_reported = any(arm.offers + arm.others for one in found.effects for arm in (one.free, one.held_out))
    return found.effects if is_reported else ()


def _measures(found: PerformanceResult) -> list[_Measure]:
    costs = found.policy.costs
    money = [_Measure(f"saved for each customer, {costs.currency}", lambda one: one.saved, 1, 2)] if costs else []
    return [
        _Measure("churn lower by, points", lambda one: one.reduced_churn_by, 100),
        *money,
        _Measure("success rate, %", lambda one: one.success_rate, 100, has_assumed=True),
    ]


def _traces(measure: _Measure, effects: Sequence[Effect]) -> Iterator[Plot]:
    known = [(one, figure) for one in effects if (figure := measure.figure(one))]
    yield {
        "type": "scatter",
        "mode": "markers",
        "x": [measure.scale * figure.value for _, figure in known],
        "y": [one.tier for one, _ in known],
        "error_x": {
            "type": "data",
            "symmetric": False,
            "array": [measure.scale * (figure.high - figure.value) for _, figure in known],
            "arrayminus": [measure.scale * (figure.value - figure.low) for _, figure in known],
        },
        "marker": {"color": "#0b5f66", "size": 9},
        "name": measure.title,
    }
    assumed = [(one.tier, one.assumed_success_rate) for one in effects if one.assumed_success_rate is not None]
    if measure.has_assumed:
        yield {
            "type": "scatter",
            "mode": "markers",
            "x": [measure.scale * rate for _, rate in assumed],
            "y": [tier for tier, _ in assumed],
            "marker": {"color": "#9a3412", "size": 11, "symbol": "line-ns-open"},
            "name": "assumed by the costs file",
        }
