"""Uvicorn protocol of one connection: it has a place, a limit of time for everything that its client does, and TLS.

Uvicorn waits without a time limit for the rest of a request, so a few thousand clients that send a byte a minute would
hold all connections. It also sends the head and the body of a response in two packets, and wakes the client twice.
"""

import asyncio
import ssl
from typing import ClassVar, cast

from service.metrics.metrics import Metrics
from service.metrics.request_metrics import CutReason
from service.server import handshakes
from service.server.direct_answers import DirectAnswers
from service.server.faults import FaultLog
from service.server.packets import Packets
from service.server.places import Places
from service.server.tls import Config

PATIENCE_SECONDS = 10.0
"""Time to send a request, and time in which a client takes `LEAST_TAKEN_BYTES` of its answers, or all of them."""
LEAST_TAKEN_BYTES = 655_360
STALLED_SECONDS = 2.0
"""Age of a pause of the client from which on its place may go to another."""
LOOK_SECONDS = 1.0


class Connection(DirectAnswers):
    """Checks once a second what it is waiting for; a normal request has no further cost."""

    places: ClassVar[Places] = Places()
    """Shared by all connections of the process."""
    faults: ClassVar[FaultLog] = FaultLog()
    _packets: Packets | None = None
    """None until the first request may come."""
    _raw: asyncio.Transport | None = None
    _awaited: object = None
    _awaited_since = 0.0
    _taken_bytes, _taken_at = 0, 0.0
    _was_cut = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take a place, and start TLS if the service has a certificate; when it has begun, this is called again."""
        if self._raw is not None:
            self._begin(cast(asyncio.Transport, transport))
            return
        self._raw = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        if not self.places.take(self, peer[0] if isinstance(peer, tuple) else ""):
            self._cut("no_place")
        elif tls := self._find_tls():
            handshakes.begin(self.loop, self._raw, self, tls).add_done_callback(self._end_handshake)
        else:
            self._begin(self._raw)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self.places.give_back(self)
        self.drop_input()
        if self._packets is not None:
            super().connection_lost(exc)

    @property
    def may_leave(self) -> bool:
        """Whether no request is being processed; one that does not get on does not count."""
        if self._packets is None or self.cycle is None or self.cycle.response_complete:
            return True
        return self._awaited is not None and self.loop.time() - self._awaited_since >= STALLED_SECONDS

    def make_room(self) -> None:
        """Close the connection in favour of another."""
        self._cut("replaced")

    @property
    def has_input_left(self) -> bool:
        """Whether the client may still send what was refused, or a body that nobody reads."""
        return self._stopped or (self.cycle is not None and self.cycle.more_body)

    def fail(self, error: Exception) -> None:
        """Cut the connection off, and log the fault of ours that its input met."""
        self.faults.write(error)
        self.drop_input()
        self._cut("fault")

    def _find_tls(self) -> ssl.SSLContext | None:
        local = self._raw.get_extra_info("sockname") if self._raw else None
        return self.config.tls_at(local[1]) if isinstance(self.config, Config) and isinstance(local, tuple) else None

    def _end_handshake(self, handshake: asyncio.Future[None]) -> None:
        if handshake.exception() is not None or self._packets is None:
            self._cut("handshake")
            self.places.give_back(self)

    def _begin(self, transport: asyncio.Transport) -> None:
        self._packets = Packets(self, transport, self.loop)
        super().connection_made(cast(asyncio.Transport, self._packets))
        self._taken_at = self.loop.time()
        self.loop.call_later(LOOK_SECONDS, self._look, self._packets)

    def _look(self, packets: Packets) -> None:
        if self not in self.connections:
            return
        now, awaited = self.loop.time(), self._find_awaited(packets)
        if awaited != self._awaited:
            self._awaited, self._awaited_since = awaited, now
        if awaited is not None and now - self._awaited_since >= PATIENCE_SECONDS:
            self._cut("slow_reader" if packets.get_write_buffer_size() else "slow_request")
        elif self._takes_too_little(packets, now):
            self._cut("slow_reader")
        else:
            self.loop.call_later(LOOK_SECONDS, self._look, packets)

    def _find_awaited(self, packets: Packets) -> object:
        """Return what the client has to do next, None if nothing; the value is equal as long as it is the same task."""
        if left_bytes := packets.get_write_buffer_size():
            return "to be taken", packets.written_bytes - left_bytes
        if self.cycle is None:
            return "the first request"
        if not self.cycle.response_complete:
            return (self.cycle, "to be sent") if self.cycle.more_body else None
        # Idle connections have a time limit of their own, which ends at the first byte of the next request.
        return (self.cycle, "the next request") if self.idle_since is None else None

    def _takes_too_little(self, packets: Packets, now: float) -> bool:
        """Return whether answers waited all the time since the last mark, and the client took too little of them."""
        left_bytes = packets.get_write_buffer_size()
        taken_bytes = packets.written_bytes - left_bytes
        if left_bytes and now - self._taken_at < PATIENCE_SECONDS:
            return False
        is_slow = bool(left_bytes) and taken_bytes - self._taken_bytes < LEAST_TAKEN_BYTES
        self._taken_bytes, self._taken_at = taken_bytes, now
        return is_slow

    def _cut(self, reason: CutReason) -> None:
        if self._was_cut:  # a handshake that is cut off ends as one that failed
            return
        self._was_cut = True
        metrics: Metrics = self.app_state["inference"].metrics
        metrics.count_cut(reason)
        if self._raw is not None:
            self._raw.abort()
