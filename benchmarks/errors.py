"""Everything this package raises; each error ends its sentence with the remedy.

BenchmarkError
├── ToolMissing       a program that measures is not installed
├── InstallFailed     an environment could not be made
├── StartFailed       a server did not come up
├── NoAnswer          a server that was up does not answer
├── WrongAnswer       a server answers with another probability than the model's
├── LoadFailed        the load tool found nothing
├── ProfilerFailed    the profiler found nothing
└── JobFailed         the drift job came to no verdict
"""

from collections.abc import Sequence
from pathlib import Path


class BenchmarkError(Exception):
    """Base of all errors of this package."""


class ToolMissing(BenchmarkError):
    """A program that measures is not installed."""

    def __init__(self, *, tool: str) -> None:
        self.tool = tool
        super().__init__(f"{tool} is not on the PATH. Install it from the distribution: apt-get install {tool}.")


class InstallFailed(BenchmarkError):
    """An environment could not be made."""

    def __init__(self, *, requirements: Path, problem: str) -> None:
        self.requirements, self.problem = requirements, problem
        super().__init__(f"{requirements}: {problem}. Change its versions to some that this machine can install.")


class StartFailed(BenchmarkError):
    """A server did not come up in time, or ended."""

    def __init__(self, *, server: str, problem: str) -> None:
        self.server, self.problem = server, problem
        super().__init__(f"{server}: {problem}. Start it by hand to see more.")


class NoAnswer(BenchmarkError):
    """A server that was up does not answer."""

    def __init__(self, *, server: str, problem: str) -> None:
        self.server, self.problem = server, problem
        super().__init__(f"{server} does not answer: {problem}. Run it alone to see more.")


class WrongAnswer(BenchmarkError):
    """A server answers with another probability than the model's."""

    def __init__(self, *, server: str, answer: str, expected: float) -> None:
        self.server, self.answer, self.expected = server, answer, expected
        super().__init__(f"{server}: {answer!r} does not hold {expected:.4f}. Give it the pinned booster and its row.")


class LoadFailed(BenchmarkError):
    """The load tool found nothing."""

    def __init__(self, *, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(f"no load on {url}: {problem}. Run it by hand to see more.")


class ProfilerFailed(BenchmarkError):
    """The profiler found nothing."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(f"no profile: {problem}. It needs the right to look into another process; try it as root.")


class JobFailed(BenchmarkError):
    """The drift job came to no verdict."""

    def __init__(self, *, flags: Sequence[str], problem: str) -> None:
        self.flags, self.problem = flags, problem
        super().__init__(f"no verdict: {problem}. Run it by hand: python -m monitoring drift {' '.join(flags)}.")
