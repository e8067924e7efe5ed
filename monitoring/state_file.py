"""A JSON file that outlasts a process: replaced atomically, and kept by one process at a time."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import BaseModel, ValidationError

from models import file_lock
from models.errors import first_problem

Content = TypeVar("Content", bound=BaseModel)


class Unusable(Protocol):
    """Makes the error of a file that cannot be used."""

    def __call__(self, *, path: Path, problem: str) -> Exception:
        """Return the error."""


@dataclass(frozen=True)
class StateFile(Generic[Content]):
    """One such file; its lock is the file `lock` beside it."""

    path: Path
    shape: type[Content]
    unusable: Unusable
    remedy: str
    """What to do about a file that holds something else."""
    busy: str
    """What it means that another process has the lock."""

    def read(self) -> Content | None:
        """Read the file; None if there is none yet.

        Raises:
            Exception: `unusable`, if it cannot be read.
        """
        try:
            return self.shape.model_validate_json(self.path.read_bytes())
        except FileNotFoundError:
            return None
        except OSError as error:
            raise self._unusable(self.path, error, "cannot be read") from error
        except ValidationError as error:
            raise self.unusable(path=self.path, problem=f"{first_problem(error)}; {self.remedy}") from error

    def write(self, content: Content) -> None:
        """Replace the file; it is on the disk when this returns.

        Raises:
            Exception: `unusable`, if it cannot be written.
        """
        unfinished = self.path.with_suffix(".unfinished")
        try:
            with unfinished.open("w", encoding="utf-8") as text:
                text.write(content.model_dump_json(indent=2) + "\n")
                text.flush()
                os.fsync(text.fileno())
            unfinished.replace(self.path)
        except OSError as error:
            raise self._unusable(self.path, error, "cannot be written") from error

    @contextmanager
    def locked(self, *, patience_seconds: float) -> Iterator[None]:
        """Keep other processes out while the context is open; the lock of a killed process is released.

        Raises:
            Exception: `unusable`, if another process keeps it for longer than `patience_seconds`, or on a fault.
        """
        lock = self.path.with_name("lock")
        with ExitStack() as stack:
            try:
                lock.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(file_lock.held(lock, patience_seconds=patience_seconds))
            except TimeoutError as error:
                raise self.unusable(path=lock, problem=self.busy) from error
            except OSError as error:
                raise self._unusable(lock, error, "cannot be written") from error
            yield

    def _unusable(self, path: Path, error: OSError, problem: str) -> Exception:
        return self.unusable(path=path, problem=error.strerror or problem)
