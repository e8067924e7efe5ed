"""Small line charts of a figure over the runs, as coordinates for an SVG picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

WIDTH, HEIGHT, MARGIN = 240.0, 56.0, 5.0


@dataclass(frozen=True)
class Point:
    """What one run measured."""

    value: float | None
    """None if the run did not measure it."""
    limit: float | None
    """The limit or the promise of that run; None without one."""


@dataclass(frozen=True)
class Line:
    """A figure over the runs, oldest first."""

    title: str
    points: Sequence[Point]
    limit_name: str = "limit"
    from_zero: bool = False

    @property
    def values(self) -> list[float]:
        """The measured values."""
        return [point.value for point in self.points if point.value is not None]

    @property
    def last(self) -> float | None:
        """The newest measured value."""
        return self.values[-1] if self.values else None

    @property
    def limit(self) -> float | None:
        """The newest limit."""
        return next((point.limit for point in reversed(self.points) if point.limit is not None), None)

    @property
    def description(self) -> str:
        """The chart in words."""
        if not self.values:
            return f"{self.title}: not measured"
        runs = f"{len(self.points)} run{'s' if len(self.points) != 1 else ''}"
        limit = "" if self.limit is None else f", {self.limit_name} {figure(self.limit)}"
        low, high, last = (figure(value) for value in (min(self.values), max(self.values), self.values[-1]))
        return f"{self.title}: {runs}, from {low} to {high}, last {last}{limit}"

    @property
    def paths(self) -> list[str]:
        """The measured values, as `points` of a polyline for each stretch without a gap."""
        return list(self._stretches([point.value for point in self.points]))

    @property
    def limit_paths(self) -> list[str]:
        """The limits, likewise."""
        return list(self._stretches([point.limit for point in self.points]))

    @property
    def dot(self) -> tuple[float, float] | None:
        """Where the newest measured value is."""
        places = [self._place(number, one.value) for number, one in enumerate(self.points) if one.value is not None]
        return places[-1] if places else None

    def _stretches(self, values: Sequence[float | None]) -> Iterator[str]:
        stretch: list[str] = []
        for number, value in enumerate([*values, None]):
            if value is not None:
                x, y = self._place(number, value)
                stretch.append(f"{x:.1f},{y:.1f}")
            elif stretch:
                yield " ".join(stretch if len(stretch) > 1 else stretch * 2)
                stretch = []

    def _place(self, number: int, value: float) -> tuple[float, float]:
        known = [*self.values, *(point.limit for point in self.points if point.limit is not None)]
        low, high = min(known), max(known)
        low = min(low, 0.0) if self.from_zero else low
        share = (value - low) / (high - low) if high > low else 0.5
        steps = max(len(self.points) - 1, 1)
        return (
            MARGIN + (WIDTH - 2 * MARGIN) * (number / steps if len(self.points) > 1 else 0.5),
            HEIGHT - MARGIN - (HEIGHT - 2 * MARGIN) * share,
        )


def figure(value: float) -> str:
    """Write a figure with three decimals, a large one with two, and a whole one without."""
    return (f"{value:z,.2f}" if abs(value) >= 10 else f"{value:z.3f}").removesuffix(".000").removesuffix(".00")
