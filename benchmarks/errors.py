"""The errors of the benchmarks; each message ends with the remedy.

BenchmarkError
├── ToolMissing       a measuring tool is not installed
├── InstallFailed     an environment could not be created
├── StartFailed       a server did not start
├── NoAnswer          a running server does not answer
├── WrongAnswer       a server answers with another probability than the model's
├── LoadFailed        the load tool failed
├── ProfilerFailed    the profiler failed
├── JobFailed         the drift job has no verdict
├── PartsFitFailed    a fit in parts failed
└── WideFailed        a program failed with the contract of many fields
"""

from collections.abc import Sequence
from pathlib import Path


class BenchmarkError(Exception):
    """Base of all errors of this package."""


class ToolMissing(BenchmarkError):
    """A measuring tool is not installed."""

    def __init__(self, *, tool: str) -> None:
        self.tool = tool
        super().__init__(f"{tool} is not on the PATH. Install it from the distribution: apt-get install {tool}.")


class InstallFailed(BenchmarkError):
    """An environment could not be created."""

    def __init__(self, *, requirements: Path, problem: str) -> None:
        self.requirements, self.problem = requirements, problem
        super().__init__(f"{requirements}: {problem}. Change its versions to ones that this machine can install.")


class StartFailed(BenchmarkError):
    """A server did not start in time, or ended."""

    def __init__(self, *, server: str, problem: str) -> None:
        self.server, self.problem = server, problem
        super().__init__(f"{server}: {problem}. Start it by hand to see its output.")


class NoAnswer(BenchmarkError):
    """A running server does not answer."""

    def __init__(self, *, server: str, problem: str) -> None:
        self.server, self.problem = server, problem
        super().__init__(f"{server} does not answer: {problem}. Run it alone to see its output.")


class WrongAnswer(BenchmarkError):
    """A server answers with another probability than the model's."""

    def __init__(self, *, server: str, answer: str, expected: float) -> None:
        self.server, self.answer, self.expected = server, answer, expected
        super().__init__(
            f"{server}: {answer!r} does not contain {expected:.4f}. Start it with the pinned booster and send it the "
            "encoded example."
        )


class LoadFailed(BenchmarkError):
    """The load tool failed."""

    def __init__(self, *, url: str, problem: str) -> None:
        self.url, self.problem = url, problem
        super().__init__(f"no load on {url}: {problem}. Run wrk by hand to see its output.")


class ProfilerFailed(BenchmarkError):
    """The profiler failed."""

    def __init__(self, *, problem: str) -> None:
        self.problem = problem
        super().__init__(f"no profile: {problem}. The profiler needs permission to read other processes; run as root.")


class JobFailed(BenchmarkError):
    """The drift job has no verdict."""

    def __init__(self, *, flags: Sequence[str], problem: str) -> None:
        self.flags, self.problem = flags, problem
        super().__init__(f"no verdict: {problem}. Run it by hand: python -m monitoring drift {' '.join(flags)}.")


class PartsFitFailed(BenchmarkError):
    """A fit in parts failed."""

    def __init__(self, *, kind: str, rows: int, problem: str) -> None:
        self.kind, self.rows, self.problem = kind, rows, problem
        super().__init__(f"no fit of {rows:,} rows, {kind}: {problem}. Give it smaller tables with --rows.")


class WideFailed(BenchmarkError):
    """A program failed with the contract of many fields."""

    def __init__(self, *, command: Sequence[str], problem: str) -> None:
        self.command, self.problem = command, problem
        super().__init__(f"python -m {' '.join(command)}: {problem}. Correct the program, and measure again.")
