"""The lock of the pin: one process at a time changes pinned.json and history.jsonl."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from models import file_lock
from models.errors import PinLocked, StoreUnwritable

LOCK = "pinned.lock"


@contextmanager
def alone(models_dir: Path, *, patience_seconds: float = file_lock.PATIENCE_SECONDS) -> Iterator[None]:
    """Hold the lock until the block ends.

    Raises:
        PinLocked: another process held it all the time.
        StoreUnwritable: the lock file cannot be made.
    """
    path = models_dir / LOCK
    with ExitStack() as stack:
        try:
            models_dir.mkdir(parents=True, exist_ok=True)
            stack.enter_context(file_lock.held(path, patience_seconds=patience_seconds))
        except TimeoutError as error:
            raise PinLocked(path=path, seconds=patience_seconds) from error
        except OSError as error:
            raise StoreUnwritable(path=path, problem=error.strerror or "cannot be opened") from error
        yield
