"""The pictures of the studies, drawn from their raw data: coverage, the gate's power, and the drifts of calm years.

Like the other figures, they are legible on light and on dark pages, and equal input gives equal bytes.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from benchmarks.reporting.figure import STYLE
from benchmarks.statistics import coverages, study
from benchmarks.statistics.coverages import Cases
from benchmarks.statistics.study import Fact

FOLDER = Path("docs")
_INK, _RULE, _QUIET = "#7b8794", "#9aa5b155", "#a9b4bf"
_BLUE, _ORANGE, _GREY = "#1098ad", "#e8890c", "#6c7a89"
_LEAST_SHARE = 0.80
_DAYS = 30
_RULES = {"single check": _ORANGE, "looks": _BLUE}
"""In the order in which they are drawn."""
_IN_WORDS = {"single check": "limits of a single check", "looks": "limits of hourly looks"}
Raw = Sequence[Mapping[str, Fact]]


def draw(folder: Path = FOLDER) -> list[Path]:
    """Draw each picture whose studies have been saved; return the files."""
    pictures: dict[str, tuple[tuple[str, ...], Callable[[], Figure]]] = {
        "coverage": (("intervals", "calibration"), _coverage),
        "power": (("gate_power",), _power),
        "false-alarms": (("drift_looks",), _false_alarms),
    }
    drawn = []
    for name, (needed, make) in pictures.items():
        if all(study.is_saved(one) for one in needed):
            with mpl.rc_context(STYLE | {"svg.hashsalt": name}):
                path = folder / f"{name}.svg"
                make().savefig(path, transparent=True, metadata={"Date": None})
                drawn.append(path)
    return drawn


def _coverage() -> Figure:
    found = coverages.find()
    figure = Figure(figsize=(9.6, 0.24 * len(found) + 1.0))
    axes = figure.subplots()
    for at, one in enumerate(found):
        _draw_cases(axes, at, one)
    axes.axvline(0.95, color=_INK, linewidth=1)
    axes.set_yticks(range(len(found)), [one.figure for one in found])
    axes.set_ylim(len(found) - 0.4, -0.6)
    axes.set_xlim(_LEAST_SHARE, 1.003)
    axes.set_xticks([0.8, 0.85, 0.9, 0.95, 1])
    axes.set_title("How often 95 % intervals hold the truth (grey: each kind of sample)")
    axes.xaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.tick_params(length=0)
    axes.grid(axis="x", color=_RULE, linewidth=0.7)
    axes.spines["bottom"].set_visible(False)
    _name_groups(axes, [one.group for one in found])
    return figure


def _draw_cases(axes: Axes, at: int, one: Cases) -> None:
    shares = np.clip(one.shares, _LEAST_SHARE, 1)
    axes.plot(shares, [at] * len(shares), "o", color=_QUIET, ms=4, alpha=0.55, mew=0)
    share, low, high = _wilson(*one.total)
    axes.plot([max(low, _LEAST_SHARE), high], [at, at], color=_BLUE, linewidth=2.2, solid_capstyle="round")
    axes.plot([max(share, _LEAST_SHARE)], [at], "o", color=_BLUE, ms=6)


def _name_groups(axes: Axes, groups: Sequence[str]) -> None:
    at = 0
    for name, members in groupby(groups):
        many = len(list(members))
        if at:
            axes.axhline(at - 0.5, color=_RULE, linewidth=0.7)
        place = (1.01, at + (many - 1) / 2)
        axes.annotate(name, place, xycoords=("axes fraction", "data"), va="center", color=_INK, fontweight="bold")
        at += many


def _power() -> Figure:
    raw = study.load("gate_power").raw
    figure = Figure(figsize=(7.2, 3.4))
    axes = figure.subplots()
    sizes = sorted({_number(one["rows"]) for one in raw})
    for size, colour in zip(sizes, (_ORANGE, _BLUE, _GREY), strict=True):
        own = [one for one in raw if one["rows"] == size]
        gaps = [_number(one["gap"]) for one in own]
        ends = np.array([_wilson(int(_number(one["promoted"])), int(_number(one["repetitions"]))) for one in own])
        axes.plot(gaps, ends[:, 0], color=colour, marker="o", ms=4.5, linewidth=1.8, label=f"{size:,.0f} test rows")
        axes.fill_between(gaps, ends[:, 1], ends[:, 2], color=colour, alpha=0.15, lw=0)
    axes.set_title("How often the gate promotes a better model")
    axes.set_xlabel("true improvement, ROC-AUC")
    axes.set_xticks(gaps, ["equal", *(f"{gap:g}" for gap in gaps[1:])])
    axes.set_ylim(0, 1.02)
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.tick_params(length=0)
    axes.grid(axis="y", color=_RULE, linewidth=0.7)
    axes.legend(frameon=False, loc="lower right", labelcolor=_INK)
    return figure


def _false_alarms() -> Figure:
    raw = study.load("drift_looks").raw
    sizes = sorted({_number(one["day_rows"]) for one in raw})
    figure = Figure(figsize=(10.4, 3.3))
    bars, *days = figure.subplots(1, 1 + len(sizes), width_ratios=[1.1, *([1.2] * len(sizes))])
    _draw_alarms(bars, [one for one in raw if "drifts" in one], sizes)
    columns = list(dict.fromkeys(str(one["column"]) for one in raw if str(one.get("column")).startswith("slow")))
    for axes, size in zip(days, sizes, strict=True):
        own = [one for one in raw if one["day_rows"] == size and one.get("column") in columns]
        _draw_days(axes, own, columns, has_names=size == sizes[0])
        axes.set_title(f"Days to find slow drift, {size:,.0f} a day")
    figure.legend(*bars.get_legend_handles_labels(), loc="outside upper left", ncols=2, frameon=False, labelcolor=_INK)
    return figure


def _draw_alarms(axes: Axes, years: Raw, sizes: Sequence[float]) -> None:
    for place, (rule, colour) in enumerate(_RULES.items()):
        for at, size in enumerate(sizes):
            own = [_number(one["drifts"]) for one in years if (one["day_rows"], one["rule"]) == (size, rule)]
            count, many = sum(own), len(own)
            low = stats.chi2.ppf(0.025, 2 * count) / 2 / many if count else 0.0
            high = stats.chi2.ppf(0.975, 2 * count + 2) / 2 / many
            x = at + 0.36 * (place - 0.5)
            axes.bar(x, count / many, width=0.3, color=colour, label=None if at else _IN_WORDS[rule])
            axes.plot([x, x], [low, high], color=_INK, linewidth=1.2)
            axes.annotate(f"{count / many:.2g}", (x, high), (0, 3), textcoords="offset points", ha="center")
    axes.set_xticks(range(len(sizes)), [f"{size:,.0f} a day" for size in sizes])
    axes.set_title("Drifts that begin in a calm year")
    axes.yaxis.set_visible(False)
    axes.spines["left"].set_visible(False)
    axes.margins(y=0.12)
    axes.tick_params(length=0)


def _draw_days(axes: Axes, found: Raw, columns: Sequence[str], *, has_names: bool) -> None:
    for at, column in enumerate(columns):
        days = {rule: _median([one["hours"] for one in found if _is(one, column, rule)]) for rule in _RULES}
        axes.plot(list(days.values()), [at, at], color=_RULE, linewidth=2)
        for place, (rule, colour) in enumerate(_RULES.items()):
            marker = ">" if days[rule] > _DAYS else "o"
            # Where both rules take as long, the first is a larger dot around the second.
            size = 9 if place == 0 and days["looks"] == days[rule] else 6
            axes.plot([days[rule]], [at], marker, color=colour, ms=size)
    axes.set_yticks(range(len(columns)), [one.removeprefix("slow, ") for one in columns] if has_names else [])
    axes.set_ylim(len(columns) - 0.5, -0.5)
    axes.set_xlim(0, _DAYS + 2)
    axes.set_xlabel(f"days (triangle: more than {_DAYS})")
    axes.tick_params(length=0)
    axes.grid(axis="x", color=_RULE, linewidth=0.7)


def _is(one: Mapping[str, Fact], column: str, rule: str) -> bool:
    return (one["column"], one["rule"]) == (column, rule)


def _median(hours: Iterable[Fact]) -> float:
    """Return the median in days; one that was not found took longer than all others."""
    days = float(np.median([np.inf if one is None else _number(one) / 24 for one in hours]))
    return min(days, _DAYS + 1.0)


def _wilson(hits: int, samples: int) -> tuple[float, float, float]:
    low, high = stats.binomtest(hits, samples).proportion_ci(method="wilson")
    return hits / samples, float(low), float(high)


def _number(fact: Fact) -> float:
    return float(fact or 0)
