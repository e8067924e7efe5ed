"""Shares the event loop between connections with much input, so that small requests are answered in between."""

import asyncio
from collections import deque
from time import perf_counter
from typing import Protocol

TURN_SECONDS = 0.005
"""Time for the input of all waiting connections in one turn of the event loop."""


class Reader(Protocol):
    """A connection with input that is not parsed yet."""

    def read_on(self) -> bool:
        """Parse a part of the input; return whether to go on in a later turn."""

    def fail(self, error: Exception) -> None:
        """End the connection, because `read_on` raised this."""


class Turns:
    """The waiting connections of one process, which take turns."""

    def __init__(self) -> None:
        self._waiting: deque[Reader] = deque()
        self._is_running = False

    def add(self, reader: Reader, loop: asyncio.AbstractEventLoop) -> None:
        """Let a connection wait for its turn; it must not be waiting already."""
        self._waiting.append(reader)
        if not self._is_running:
            self._is_running = True
            loop.call_soon(self._run, loop)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        ends = perf_counter() + TURN_SECONDS
        try:
            while self._waiting and perf_counter() < ends:
                reader = self._waiting.popleft()
                try:
                    if reader.read_on():
                        self._waiting.append(reader)
                except Exception as error:  # noqa: BLE001  # `fail` logs it
                    reader.fail(error)
        finally:  # an error of one must not stop the others
            self._is_running = bool(self._waiting)
            if self._waiting:
                loop.call_soon(self._run, loop)
