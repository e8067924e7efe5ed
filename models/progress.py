"""Progress of a long run: a progress bar on a terminal, log lines elsewhere."""

import logging
import sys
import time
from types import TracebackType
from typing import Self

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

LINE_SECONDS = 10
"""Time between two progress lines in the log."""

logger = logging.getLogger(__name__)


class Lines:
    """Log lines of how far a long step has come, ten seconds apart."""

    def __init__(self) -> None:
        self._told_at = time.monotonic()

    def tell(self, text: str) -> None:
        """Log a line, if the last one was ten seconds ago."""
        if time.monotonic() - self._told_at >= LINE_SECONDS:
            self._told_at = time.monotonic()
            logger.info(text)


class Progress:
    """Counts the steps of a run, in named stages."""

    def __init__(self, steps: int | None = None) -> None:
        """Begin; without a number of `steps` the steps are counted, and no share is shown."""
        share = "{desc:<28}{bar}{percentage:4.0f} %" if steps else "{desc:<28}{n_fmt}"
        self._bar = tqdm(total=steps, disable=not sys.stderr.isatty(), bar_format=share)
        self._quiet_log = logging_redirect_tqdm()
        self._total, self._done = steps, 0.0
        self._name, self._lines = "", Lines()

    def __enter__(self) -> Self:
        self._quiet_log.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
        self._quiet_log.__exit__(kind, error, trace)

    def stage(self, name: str) -> None:
        """Begin a named stage."""
        self._name = name
        self._bar.set_description_str(name)
        if self._bar.disable:
            logger.info(name)

    def rename(self, name: str) -> None:
        """Change the name of the current stage, without a line in the log."""
        self._name = name
        self._bar.set_description_str(name)

    def step(self, steps: float = 1) -> None:
        """Count one step, several, or part of one."""
        self._done += steps
        self._bar.update(steps)
        if self._bar.disable:
            share = f"{100 * self._done / self._total:.0f} %" if self._total else f"{self._done:,.0f}"
            self._lines.tell(f"{self._name}: {share}")
