"""Clients that hold the memory for bodies by sending them just fast enough."""

import asyncio
from typing import Any

import pytest

from service.errors import Overloaded
from service.http.sharing import body_memory
from service.http.sharing.body_memory import BodyMemory, Reading

LARGEST_BYTES, BODIES, DRIPPED_BYTES = 4_000_000, 16, 80_000


class Attack:
    """Two clients with eight bodies each, which drip above the least pace until the memory is full."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.seconds = 0.0
        monkeypatch.setattr(body_memory, "monotonic", lambda: self.seconds)
        self.memory = BodyMemory(BODIES * LARGEST_BYTES)
        self.dripping: list[Reading] = []

    async def run(self) -> None:
        self.dripping = [await self.begin(client) for client in "ab" for _ in range(BODIES // 2)]
        for reading in self.dripping:
            self.memory.hold(reading, 3_300_000)
        while self.seconds < 8:
            self.seconds += 1
            for number, reading in enumerate(self.dripping):
                self.memory.hold(reading, DRIPPED_BYTES - 1_000 * (number == 5))

    async def begin(self, client: str) -> Reading:
        reading = Reading(client, asyncio.timeout(None), _since=self.seconds)
        await reading.deadline.__aenter__()
        return reading

    def send(self, reading: Reading) -> None:
        """Send a whole body."""
        for _ in range(LARGEST_BYTES // 50_000):
            self.memory.hold(reading, 50_000)
        reading.is_complete = True

    def ended(self) -> list[Reading]:
        return [reading for reading in self.dripping if reading.deadline.when() is not None]


@pytest.fixture
def attack(monkeypatch: pytest.MonkeyPatch) -> Attack:
    return Attack(monkeypatch)


def test_two_clients_that_drip_deny_nobody_else_a_large_body(attack: Attack) -> None:
    async def send_others() -> Any:
        await attack.run()
        for client in ("victim", "another victim"):
            attack.send(await attack.begin(client))
        return attack.dripping[5], attack.ended()

    slowest, ended = asyncio.run(send_others())
    assert slowest in ended
    assert len(ended) == 2
    assert {reading.client for reading in ended} == {"a", "b"}  # of the client that held most at that time


def test_a_complete_body_and_a_client_that_holds_no_more_make_no_room(attack: Attack) -> None:
    async def send_more() -> Any:
        await attack.run()
        with pytest.raises(Overloaded):
            attack.send(await attack.begin("a"))  # it holds as much as the other
        for reading in attack.dripping:
            reading.is_complete = True
        with pytest.raises(Overloaded):
            attack.send(await attack.begin("victim"))
        return attack.ended()

    assert asyncio.run(send_more()) == []
