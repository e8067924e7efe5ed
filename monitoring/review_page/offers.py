"""What offers did, as rows of a table with a small picture of each 95 % interval."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitoring.runs import recorded_runs
from monitoring.runs.recorded_runs import RecordedRun

WIDTH, HEIGHT, MARGIN = 160.0, 22.0, 6.0
_TOO_FEW = "too few outcomes"


@dataclass(frozen=True)
class Interval:
    """A figure with its interval, on a scale that the offers share."""

    title: str
    value: str
    interval: str
    assumed: str
    """What is assumed, at the dashed line; empty if it stands at no effect."""
    places: tuple[float, float, float, float]
    """Where low end, value, high end and dashed line are, from the left of the picture."""

    @property
    def description(self) -> str:
        """The picture in words."""
        return f"{self.title}: {self.value}, {self.interval}; dashed at {self.assumed or 'no effect'}"


@dataclass(frozen=True)
class Offer:
    """The offer of a tier, and what it did."""

    tier: str
    customers: str
    verdict: str
    differs: bool
    """Whether the success rate is surely not the assumed one."""
    figures: Sequence[Interval | None]
    """Of churn, money and success, each None if it is not known."""


@dataclass(frozen=True)
class _Measure:
    """A figure of an offer: where the record has it, and how it is written."""

    name: str
    title: str

    def write(self, value: float, currency: str | None = None) -> str:
        """Write a value, a money with its currency."""
        if self.name == "saved":
            return f"{currency} {value:z,.2f}" if currency else f"{value:z,.2f}"
        return f"{100 * value:z.1f}" + ("%" if self.name == "success_rate" else "")


MEASURES = (
    _Measure("reduced_churn_by", "Churn lower by, points"),
    _Measure("saved", "Saved for each customer"),
    _Measure("success_rate", "Success rate"),
)


def rows(run: RecordedRun) -> list[Offer]:
    """Return the offers of a performance run; none where no offer was reported."""
    effects = recorded_runs.offers(run.facts)
    columns = [_intervals(measure, effects) for measure in MEASURES]
    return [_offer(one, figures) for one, *figures in zip(effects, *columns, strict=True)]


def _offer(one: Mapping[str, Any], figures: Sequence[Interval | None]) -> Offer:
    free, held_out = one["free"], one["held_out"]
    is_known = one.get("reduced_churn_by") is not None
    verdict = str(one.get("verdict") or "") if is_known else _TOO_FEW
    customers = f"{free['rows']:,} who may get it, {held_out['rows']:,} held out"
    return Offer(
        one["tier"], f"{customers}; {_reported(free, held_out)}", verdict, verdict.endswith(" than assumed"), figures
    )


def _reported(free: Mapping[str, int], held_out: Mapping[str, int]) -> str:
    """Say for how many customers offers are reported, and of other tiers and in the holdout only where some are."""
    told = f"offers reported for {_share(free, 'offers')}"
    if held_out["offers"]:
        told += f", and for {_share(held_out, 'offers')} of those held out"
    if free.get("others") or held_out.get("others"):
        told += f"; of other tiers for {_share(free, 'others')}, and for {_share(held_out, 'others')} of those held out"
    return told


def _share(arm: Mapping[str, int], name: str) -> str:
    return f"{arm.get(name, 0) / arm['rows']:.0%}" if arm["rows"] else "none"


def _intervals(measure: _Measure, effects: Sequence[Mapping[str, Any]]) -> list[Interval | None]:
    found = [one.get(measure.name) for one in effects]
    marks = [_mark(measure, one) for one in effects]
    ends = [end for each, mark in zip(found, marks, strict=True) if each for end in (each["low"], each["high"], mark)]
    return [
        None if each is None else _interval(measure, each, mark, one.get("currency"), (min(ends), max(ends)))
        for each, mark, one in zip(found, marks, effects, strict=True)
    ]


def _mark(measure: _Measure, one: Mapping[str, Any]) -> float:
    """Return where the dashed line is: at the assumed success rate, and else at no effect."""
    assumed = one.get("assumed_success_rate")
    return float(assumed) if measure.name == "success_rate" and assumed is not None else 0.0


def _interval(
    measure: _Measure, found: Mapping[str, float], mark: float, currency: str | None, ends: tuple[float, float]
) -> Interval:
    low, value, high = found["low"], found["value"], found["high"]
    return Interval(
        title=measure.title,
        value=measure.write(value, currency),
        interval=f"{measure.write(low)} to {measure.write(high)}",
        assumed=f"assumed {measure.write(mark)}" if mark else "",
        places=(_place(low, ends), _place(value, ends), _place(high, ends), _place(mark, ends)),
    )


def _place(value: float, ends: tuple[float, float]) -> float:
    low, high = ends
    share = (value - low) / (high - low) if high > low else 0.5
    return MARGIN + (WIDTH - 2 * MARGIN) * share
