"""Writes rows to the spool as pages of bounded size."""

import errno
import logging
from collections.abc import Sequence

from service.log.backlog import BacklogWatch
from service.log.spool import Spool

logger = logging.getLogger(__name__)
PAGE_ROWS = 2_000
"""Most rows in a page; half a megabyte. When the disk is almost full, pages are smaller, so that what fits is kept."""
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_HANGS = "the disk does not answer"


class PageWriter:
    """Writes to one spool; `problem` says why the last rows could not be written, or cannot."""

    def __init__(self, spool: Spool, backlog: BacklogWatch) -> None:
        self._spool, self._backlog = spool, backlog
        self.problem = _HANGS

    def write(self, table: str, lines: Sequence[str], *, since: int) -> int:
        """Write rows, and return how many are on disk, from the first; pages become smaller when space is short."""
        written, page_rows = 0, PAGE_ROWS
        while written < len(lines):
            page = lines[written : written + page_rows]
            try:
                self._backlog.add(self._spool.write(table, page, since=since))
            except OSError as error:
                self.problem = error.strerror or str(error)
                if error.errno not in _NO_SPACE or len(page) == 1:
                    break
                page_rows = len(page) // 2
            except Exception as error:  # the caller keeps the rows that are not written
                logger.exception("a page of the prediction log cannot be written")
                self.problem = str(error) or type(error).__name__
                break
            else:
                self.problem = _HANGS
                written += len(page)
        return written
