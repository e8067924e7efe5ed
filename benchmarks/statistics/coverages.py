"""How often each printed interval held its truth, counted from the raw data of the studies."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from benchmarks.statistics import study
from benchmarks.statistics.study import Fact

Raw = Sequence[Mapping[str, Fact]]


@dataclass(frozen=True)
class Cases:
    """A printed interval, and how often it held in each kind of sample that was tried."""

    group: str
    """What prints it, or what it belongs to."""
    figure: str
    counts: Sequence[tuple[int, int]]
    """Intervals that held, and samples, of each kind."""

    @property
    def total(self) -> tuple[int, int]:
        """Of all kinds together."""
        return sum(held for held, _ in self.counts), sum(samples for _, samples in self.counts)

    @property
    def shares(self) -> list[float]:
        """Share that held, of each kind."""
        return [held / samples for held, samples in self.counts]


_CALIBRATION = {
    "calibration_error": "calibration error",
    "calibration_slope": "calibration slope",
    "calibration_intercept": "calibration intercept",
    "churned_at_medium_bound": "churned at the medium bound",
    "churned_at_high_bound": "churned at the high bound",
}
LEAST_PROPOSED = 20
"""Fewest maps that are proposed at a churn rate, to count as a share; one of one is none."""
_OFFERS = {"difference": "difference in churn", "saved": "money saved", "success": "success rate"}


def find() -> list[Cases]:
    """Return all intervals whose study has been saved, in the order of the picture."""
    readers: dict[str, Callable[[Raw], Iterator[Cases]]] = {
        "intervals": _intervals,
        "calibration": _calibration,
        "decisions": _decisions,
        "treatment_effect": _offers,
        "recalibration": _recalibration,
        "drift_costs": _drift_costs,
    }
    return [one for name, read in readers.items() if study.is_saved(name) for one in read(study.load(name).raw)]


def of(group: str) -> list[Cases]:
    """Return the intervals of a group."""
    return [one for one in find() if one.group == group]


def _intervals(raw: Raw) -> Iterator[Cases]:
    for group, held, ending, samples in (("metrics", "covered", "", 1), ("falls", "fall_covered", ", fall", 2)):
        for figure in dict.fromkeys(str(one["figure"]) for one in raw):
            own = [one for one in raw if one["figure"] == figure and one[held] is not None]
            if own:
                counts = [_pair(one[held], int(one["samples"] or 0) // samples) for one in own]
                yield Cases(group, f"{figure}{ending}", counts)


def _calibration(raw: Raw) -> Iterator[Cases]:
    for name, title in _CALIBRATION.items():
        yield Cases("calibration", title, [_pair(one[f"{name}_covered"], one["samples"]) for one in raw])


def _decisions(raw: Raw) -> Iterator[Cases]:
    intervals = [one for one in raw if one["kind"] == "interval"]
    for title in dict.fromkeys(str(one["what"]) for one in intervals):
        counts = [_pair(one["hits"], one["samples"]) for one in intervals if one["what"] == title]
        yield Cases("folds" if title.startswith("fit: ") else "comparisons", title.removeprefix("fit: "), counts)


def _offers(raw: Raw) -> Iterator[Cases]:
    for name, title in _OFFERS.items():
        yield Cases("offers", title, [_pair(one[f"{name}_covered"], one["told"]) for one in raw])


def _recalibration(raw: Raw) -> Iterator[Cases]:
    told = {"outcomes": "from outcomes", "scores": "from scores alone"}
    by_teacher = {end: [one for one in raw if str(one["taught_by"]).endswith(end)] for end in told}
    for end, own in by_teacher.items():
        yield Cases("new map", f"saving, {told[end]}", _counts(own, "rate", "holds"))
    yield Cases("new map", "churn rate, from scores alone", _counts(by_teacher["scores"], "rate", "rate_holds"))
    for end, own in by_teacher.items():
        proposed = _counts([one for one in own if one["proposed"]], "rate", "holds")
        enough = [one for one in proposed if one[1] >= LEAST_PROPOSED]
        yield Cases("new map", f"proposed saving, {told[end]}", enough)


def _drift_costs(raw: Raw) -> Iterator[Cases]:
    """Yield the intervals where the assumption of the estimate holds."""
    own = [one for one in raw if one["shift"] != "outcome given features"]
    yield Cases("drift", "cost of a drift", _counts(own, "shift", "holds"))


def _counts(raw: Iterable[Mapping[str, Fact]], kind: str, held: str) -> list[tuple[int, int]]:
    found: dict[Fact, list[bool]] = {}
    for one in raw:
        found.setdefault(one[kind], []).append(bool(one[held]))
    return [(sum(some), len(some)) for some in found.values()]


def _pair(held: Fact, samples: Fact) -> tuple[int, int]:
    return int(held or 0), int(samples or 0)
