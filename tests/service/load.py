"""Clients that send predictions without a pause, each over one connection, and record the results."""

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Self

from models.features import CONTRACT

JSON = {"Content-Type": "application/json"}


@dataclass
class Load:
    """What the clients saw."""

    answers: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    """Requests that were sent and not answered."""
    farewells: int = 0
    """Clients whom the service asked to go, by closing the connection after an answer."""
    stop: threading.Event = field(default_factory=threading.Event)
    customer: dict[str, Any] = field(default_factory=lambda: CONTRACT.example)
    """Of whom they ask."""
    pause_seconds: float = 0
    """Between an answer and the next request."""
    key: str = ""

    def ask_on(self, port: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.connect()
        while not self.stop.wait(self.pause_seconds):
            try:
                connection.request("POST", "/predict", json.dumps(self.customer), JSON | {"X-API-Key": self.key})
                answer = connection.getresponse()
                self.answers.append((answer.status, json.load(answer)))
            except (OSError, http.client.HTTPException) as error:
                self.lost.append(repr(error))
                break
            if answer.getheader("Connection") == "close":
                self.farewells += 1
                break
        connection.close()

    @classmethod
    @contextmanager
    def on(
        cls, port: int, clients: int = 8, pause_seconds: float = 0, key: str = "", **customer: Any
    ) -> Iterator[Self]:
        """Ask until the block ends, of the example with these values besides."""
        load = cls(customer=CONTRACT.example | customer, pause_seconds=pause_seconds, key=key)
        threads = [threading.Thread(target=load.ask_on, args=(port,)) for _ in range(clients)]
        for thread in threads:
            thread.start()
        try:
            yield load
        finally:
            load.stop.set()
            for thread in threads:
                thread.join(timeout=30)
