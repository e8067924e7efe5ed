"""Lock for work that is done one by one: clients get it in turns, however much each of them waits for."""

import asyncio
from collections import deque


class FairLock:
    """Held by one task at a time."""

    def __init__(self) -> None:
        self._is_held = False
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}
        """By client; the client whose turn is next comes first."""

    async def acquire(self, client: str) -> None:
        """Wait for the turn of a client."""
        if not self._is_held:
            self._is_held = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(client, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.release()  # its turn came at the same moment
            raise

    def release(self) -> None:
        """Let the next client go on."""
        while self._waiting:
            client, turns = next(iter(self._waiting.items()))
            del self._waiting[client]
            turn = turns.popleft()
            if turns:
                self._waiting[client] = turns
            if not turn.done():
                turn.set_result(None)
                return
        self._is_held = False
