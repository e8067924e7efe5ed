"""How often `advance` withdraws a canary for errors or latency, when it looks every hour for a whole step.

Customers send log-normal numbers of requests, and chance assigns them to the models and to groups, as in the service.
The product judges the counts of a window; what is simulated is what Prometheus would have counted.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from benchmarks.reporting.findings import rate
from benchmarks.statistics.study import Fact, Study
from models import durations
from models.answer_counts import CUSTOMER_GROUPS
from training.promotion.live import guardrails
from training.promotion.live.guardrails import Requests
from training.promotion.live.settings import AdvanceSettings

STEPS_EQUAL, STEPS_OTHER = 600, 200
DAY, HOURS = 24, 7 * 24
UNLUCKY, SIGMA, LOG_MEDIAN = 0.02, 1.5, 0.5
LEAST_SECONDS, TAIL = 0.00045, 1.5
SHARES, SIZES = (0.05, 0.25, 0.5), (1_000, 10_000)
OF_CANARY = (50, 250, 500)
Arrival = Literal["every hour", "once"]
ARRIVALS: tuple[Arrival, ...] = ("every hour", "once")
_WAYS: dict[Arrival, str] = {"every hour": "the same ones all week", "once": "others each day"}
_DEFAULTS = {name: field.default for name, field in AdvanceSettings.model_fields.items()}
_ABOUT = (
    f"Steps of seven days with a look every hour, each at the last {_DEFAULTS['guardrails_since']} of the step, by the "
    "default limits. A customer sends a log-normal number of requests a day (mean 5, sigma 1.5). Either the same "
    "customers send them all week at even rates, or others each day, each all at once: the looks share less data then. "
    f"Where some customers fail, all requests of {UNLUCKY:.0%} of the customers do, with either model. The times of "
    f"both models have heavy tails in every step: a customer's are Pareto (exponent {TAIL}) above a least time that is "
    "log-normal (median 0.45 ms, sigma 1), so that about 3 % are slow. Each look judges errors and latency. A canary "
    "that differs fails more, or takes longer for every request, and answers 5 % of the customers. "
    f"{STEPS_EQUAL} steps for each way of sending with equal models, {STEPS_OTHER} with others, where the same "
    "customers send all week."
)
_COLUMNS = (
    *("canary", "customers a day", "share of the canary", "withdrawn at the look after a day"),
    *("withdrawn in seven days", "hours until then (median)"),
)
Table = NDArray[np.int64]
"""Requests by hour and group, added up over the hours."""
Counted = tuple[Table, Table, Table]
"""The requests of one model: failed, slow and others."""
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Kind:
    """A canary; the times of both models have heavy tails."""

    name: str
    some_fail: bool = False
    """Whether all requests of some customers fail, with either model."""
    fails: float = 0
    """Share of the requests that it fails beside those that both models fail."""
    of_customers: float = 1
    """For so many of its customers."""
    times: float = 1
    """How many times as long as the champion it takes."""


EQUAL = (Kind("equal, some customers fail", some_fail=True),)
OTHER = (
    Kind("fails 5 % of its requests", fails=0.05),
    Kind("fails half of its requests", fails=0.5),
    Kind("fails all requests", fails=1),
    Kind("fails all requests of 5 % of its customers", fails=1, of_customers=0.05),
    Kind("fails 5 % of its requests, and some customers fail", some_fail=True, fails=0.05),
    Kind("fails half of its requests, and some customers fail", some_fail=True, fails=0.5),
    Kind("takes twice as long", times=2),
    Kind("takes ten times as long", times=10),
)


@dataclass(frozen=True)
class Step:
    """What became of a canary at a step."""

    looks: int
    """Until it was withdrawn, or the step was over; those without any request of the canary do not count."""
    is_found_after_a_day: bool
    hours: int | None
    """Until it was withdrawn."""


@dataclass(frozen=True)
class Case:
    """A canary, and the customers who send requests."""

    kind: Kind
    arrival: Arrival
    customers: int
    """Of a day."""
    share: float


def make() -> Study:
    """Run all steps."""
    return summarize([(case, [*repeat(case, steps)]) for case, steps in cases()])


def cases() -> Iterator[tuple[Case, int]]:
    """Yield what is tried, and how many steps of it."""
    for kind in EQUAL:
        for customers in SIZES:
            for share in SHARES:
                yield from ((Case(kind, arrival, customers, share), STEPS_EQUAL) for arrival in ARRIVALS)
    for kind in OTHER:
        yield from ((Case(kind, "every hour", own * 20, 0.05), STEPS_OTHER) for own in OF_CANARY)


def repeat(case: Case, steps: int) -> Iterator[Step]:
    """Run so many steps."""
    own = [(*EQUAL, *OTHER).index(case.kind), ARRIVALS.index(case.arrival), case.customers, round(100 * case.share)]
    for seed in range(steps):
        yield _run(case, np.random.default_rng([seed, *own]))


def summarize(found: Sequence[tuple[Case, Sequence[Step]]]) -> Study:
    """Make the table; both ways of sending stand together."""
    by_row: dict[tuple[Kind, int, float], list[Step]] = {}
    for case, steps in found:
        by_row.setdefault((case.kind, case.customers, case.share), []).extend(steps)
    equal = [step for case, steps in found if case.kind in EQUAL for step in steps]
    looks = sum(step.looks for step in equal)
    worst, steps = max(
        ((case, steps) for case, steps in found if case.kind in EQUAL), key=lambda one: _withdrawn(one[1]) / len(one[1])
    )
    return Study(
        title="A canary beside the champion, by errors and latency",
        about=_ABOUT,
        columns=_COLUMNS,
        rows=[_row(kind, customers, share, steps) for (kind, customers, share), steps in by_row.items()],
        conclusion=(
            f"Of {len(equal):,} steps of a canary that equals the champion, with {looks:,} looks, "
            f"{_withdrawn(equal)} end with its withdrawal. In the worst case (a share of {worst.share:.0%}, "
            f"{worst.customers:,} customers a day, {_WAYS[worst.arrival]}), {_withdrawn(steps)} of {len(steps):,} do: "
            f"{rate(_withdrawn(steps), len(steps))}."
        ),
        raw=[_counts(case, steps) for case, steps in found],
    )


def _withdrawn(steps: Sequence[Step]) -> int:
    return sum(step.hours is not None for step in steps)


def _row(kind: Kind, customers: int, share: float, steps: Sequence[Step]) -> Sequence[str]:
    hours = [step.hours for step in steps if step.hours is not None]
    at_once = rate(sum(step.is_found_after_a_day for step in steps), len(steps))
    median = f"{np.median(hours):.0f}" if hours else "-"
    return kind.name, f"{customers:,}", f"{share:.0%}", at_once, rate(len(hours), len(steps)), median


def _counts(case: Case, steps: Sequence[Step]) -> dict[str, Fact]:
    ended = Counter(step.hours for step in steps if step.hours is not None)
    return {
        **asdict(case.kind),
        "arrival": case.arrival,
        "customers": case.customers,
        "share": case.share,
        "steps": len(steps),
        "looks": sum(step.looks for step in steps),
        "found_after_a_day": sum(step.is_found_after_a_day for step in steps),
        "withdrawn": ended.total(),
        "withdrawn_after_hours": " ".join(f"{hours}:{count}" for hours, count in sorted(ended.items())),
    }


def _run(case: Case, rng: np.random.Generator) -> Step:
    """Look every hour until the canary is withdrawn; the look after a day is taken in any case."""
    ours, theirs = draw(case, rng)
    looks, hours = 0, None
    for hour in range(1, HOURS + 1):
        if hours is None:
            looks += any(counted[hour].sum() for counted in ours)
            hours = hour if _is_withdrawn(ours, theirs, hour) else None
    return Step(looks, _is_withdrawn(ours, theirs, DAY), hours)


def _is_withdrawn(ours: Counted, theirs: Counted, hour: int) -> bool:
    window = durations.parse(_DEFAULTS["guardrails_since"]).total_seconds() / 3600
    first = max(0, hour - round(window))
    known = (_requests(*(counted[hour] - counted[first] for counted in side)) for side in (ours, theirs))
    found = guardrails.judge_requests(*known, max_error_share=_DEFAULTS["max_error_share"], slow="", last="")
    return found is not None and found.action == "withdraw"


def _requests(failed: Table, slow: Table, others: Table) -> Requests:
    return Requests(answered=(slow + others).astype(float), failed=failed.astype(float), slow=slow.astype(float))


def draw(case: Case, rng: np.random.Generator) -> tuple[Counted, Counted]:
    """Return the requests of the canary, and those of the champion."""
    people = case.customers * (HOURS // DAY if case.arrival == "once" else 1)
    a_day = rng.lognormal(LOG_MEDIAN, SIGMA, people)
    is_canary, groups = rng.random(people) < case.share, rng.integers(0, CUSTOMER_GROUPS, people)
    hours = rng.integers(0, HOURS, people)

    def count(own: NDArray[np.bool_], share: Floats) -> Table:
        some = (a_day * share)[own]
        if case.arrival == "once":
            return _at_once(rng.poisson(some), hours[own], groups[own])
        return _all_week(rng, some, groups[own])

    ours, theirs = (
        (count(own, fails), count(own, (1 - fails) * slow), count(own, (1 - fails) * (1 - slow)))
        for own, (fails, slow) in zip((is_canary, ~is_canary), _chances(case.kind, rng, people), strict=True)
    )
    return ours, theirs


def _at_once(counts: Table, hours: Table, groups: Table) -> Table:
    by_cell = np.bincount(hours * CUSTOMER_GROUPS + groups, counts, HOURS * CUSTOMER_GROUPS)
    return _added(by_cell.astype(np.int64).reshape(HOURS, CUSTOMER_GROUPS))


def _all_week(rng: np.random.Generator, a_day: Floats, groups: Table) -> Table:
    return _added(rng.poisson(np.bincount(groups, a_day / DAY, CUSTOMER_GROUPS), (HOURS, CUSTOMER_GROUPS)))


def _added(by_hour: Table) -> Table:
    return np.vstack([np.zeros(CUSTOMER_GROUPS, dtype=np.int64), by_hour.cumsum(axis=0)])


def _chances(kind: Kind, rng: np.random.Generator, people: int) -> Iterator[tuple[Floats, Floats]]:
    """Yield the chances that a request fails, and that an answer is slow, by customer: of the canary, the champion."""
    both = (rng.random(people) < UNLUCKY * kind.some_fail).astype(float)
    least = rng.lognormal(np.log(LEAST_SECONDS), 1, people) / _DEFAULTS["max_predict_seconds"]
    own = kind.fails * (rng.random(people) < kind.of_customers)
    yield np.maximum(both, own), np.minimum(1, (kind.times * least) ** TAIL)
    yield both, np.minimum(1, least**TAIL)
