"""The folder for the results of a folder on disk: one run at a time writes to it, and clears what a killed run left.

An object store has no locks.
"""

import errno
import logging
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from models import file_lock
from models.customer.files import store_files
from models.customer.files.stores import Table
from training.scoring import scored_files
from training.scoring.errors import OutputRefused
from training.scoring.folder_plan import RECORDS, FilePlan

_LOCK = ".lock"
_PATIENCE_SECONDS = 1.0
_UNLOCKABLE = {errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP}
"""What file systems answer that have no locks."""

logger = logging.getLogger(__name__)


@contextmanager
def alone(output: Table, plans: Sequence[FilePlan]) -> Iterator[None]:
    """Write to a folder until the block ends, as the only run that does.

    Raises:
        OutputRefused: another run writes to it, or this process may not.
    """
    if not isinstance(output, Path):
        yield
        return
    with ExitStack() as stack:
        try:
            (output / RECORDS).mkdir(parents=True, exist_ok=True)
            stack.enter_context(file_lock.held(output / RECORDS / _LOCK, patience_seconds=_PATIENCE_SECONDS))
        except TimeoutError as error:
            remedy = "Wait until it has ended, or name another folder."
            raise OutputRefused(path=output, problem="another run writes to this folder", remedy=remedy) from error
        except OSError as error:
            if error.errno not in _UNLOCKABLE:
                raise OutputRefused.of(output, error) from error
            logger.warning("%s: its disk has no locks, so see to it that no other run writes there", output)
        _clear(plans)
        yield


def _clear(plans: Sequence[FilePlan]) -> None:
    """Remove the unfinished files of runs that were killed."""
    scratch = {(plan.scored.parent, scored_files.SCRATCH) for plan in plans}
    scratch |= {(plan.record.parent, store_files.SCRATCH) for plan in plans}
    for folder, prefix in scratch:
        if isinstance(folder, Path):
            for left in folder.glob(f"{prefix}*"):
                shutil.rmtree(left, ignore_errors=True)
